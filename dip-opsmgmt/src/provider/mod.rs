//! The provider traits of layer 6: DNS, CMDB and monitoring. Their arguments are plain data, so that a provider for a
//! service that dip has never heard of is short to write, in Rust or in another language.

mod alerts;
mod cmdb;
mod dns;
mod monitor;
mod rules;

pub use alerts::{Alert, Alerts, AlertsOf};
pub use cmdb::{Cmdb, HeldRecord, NicRecord, NodeRecord};
pub use dns::{Dns, Entry, EntryData, HeldEntries, HeldName, HostName};
pub use monitor::{Health, HeldTarget, Monitor, Target};
pub use rules::{Condition, Rule, RuleHealth, Rules, RulesHealth};

#[cfg(feature = "mocks")]
pub use cmdb::MockCmdb;
#[cfg(feature = "mocks")]
pub use dns::MockDns;
#[cfg(feature = "mocks")]
pub use monitor::MockMonitor;
