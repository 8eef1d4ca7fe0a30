//! The simulated servers, each as the provider trait of its layer.

mod absence;
mod alerts;
mod bmc;
mod bmc_firmware;
mod cmdb;
mod dhcp;
mod dns;
mod host;
mod keeper;
mod membership;
#[cfg(feature = "models")]
mod modelled;
mod monitor;
mod pdu;
mod pool;
mod rules;
mod switch;

pub(crate) use alerts::SandboxAlerts;
pub(crate) use bmc::SandboxBmc;
pub(crate) use cmdb::SandboxCmdb;
pub(crate) use dhcp::SandboxDhcp;
pub(crate) use dns::SandboxDns;
pub(crate) use host::SandboxHost;
pub(crate) use membership::SandboxMembership;
#[cfg(feature = "models")]
pub(crate) use modelled::{ModelledBmc, REQUEST};
pub(crate) use monitor::SandboxMonitor;
pub(crate) use pdu::SandboxPdu;
pub(crate) use pool::SandboxPool;
pub(crate) use switch::SandboxSwitch;
