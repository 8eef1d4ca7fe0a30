//! The traits that servers of this layer fulfil, each with its contract.

mod config_agent;
mod log_receiver;
mod ssh_authority;

pub use config_agent::{ConfigAgent, Failed, Managed, Recap};
pub use log_receiver::LogReceiver;
pub use ssh_authority::{SshAuthority, SshHolder, SshWish};
