//! A simulated datacenter that implements every provider trait of dip in memory, on virtual time, repeatable by seed, with
//! faults that strike on purpose.
//!
//! It keeps to physical truth: a node without power answers nothing, a node whose switch port is in the wrong VLAN or for
//! which no DHCP server keeps an address cannot be reached, a member of a cluster is ready only when it sees a leader. What is
//! true of real servers and of these is one list of trials, which both must pass.
//!
//! ```
//! use dip_core::{id::SiteName, site::Site};
//! use dip_sandbox::Sandbox;
//!
//! let site = Site::new(SiteName::new("lab")?);
//! let sandbox = Sandbox::new(&site, 7);
//! let providers = sandbox.providers();
//! sandbox.block_on(async { tokio::time::sleep(std::time::Duration::from_secs(3600)).await });
//! assert!(providers.is_empty() && sandbox.log().is_empty());
//! # Ok::<(), dip_core::id::NameError>(())
//! ```

mod datacenter;
mod draw;
mod fault;
mod hands;
mod journal;
mod ledger;
mod line;
mod linux;
mod log;
#[cfg(feature = "models")]
mod modelled;
mod providers;
mod runtime;
mod sandbox;
mod servers;
mod snapshot;
mod time;
mod world;

pub use datacenter::datacenter;
pub use fault::{Fault, Faults};
pub use hands::Hands;
pub use ledger::Mutation;
pub use line::Access;
pub use log::{Incident, Phase};
pub use runtime::run;
pub use sandbox::{Sandbox, SandboxClock};
pub use snapshot::{NodeSnapshot, Snapshot};
pub use time::Pace;
