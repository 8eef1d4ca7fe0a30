//! IPMI 2.0 over LAN: an asynchronous RMCP+ session layer and the typed commands that dip needs.
//!
//! This module depends on no other part of dip, so that it can become a crate of its own. Section numbers in
//! the documentation refer to the *Intelligent Platform Management Interface Specification, second generation,
//! v2.0 rev. 1.1*.
//!
//! From the bottom up:
//!
//! * pure and total: RMCP packets (`rmcp`), LAN messages (`wire`), RAKP messages and keys (`rakp`, `auth`), ciphers
//!   (`suite`, `seal`), and the readers of replies; no datagram makes them panic;
//! * an opening and a session as state machines without input or output (`handshake`, `session`), driven by
//! * `opening` and `link` over a UDP socket (`port`): retransmission, deadlines, lost sessions; above them
//! * [`IpmiClient`]: one session, and
//! * [`IpmiBmc`]: the handy face for one BMC, which opens sessions as needed.

mod auth;
mod bmc;
mod boot;
mod chassis;
mod client;
mod commands;
mod completion;
mod credentials;
mod error;
mod fru;
mod fru_reader;
mod handshake;
mod identity;
mod kept;
mod link;
mod opcode;
mod opening;
mod options;
mod port;
mod rakp;
mod random;
#[cfg(test)]
mod responder;
mod rmcp;
mod seal;
mod session;
mod suite;
mod wire;

pub use bmc::{IpmiBmc, PowerOutcome};
pub use boot::{
    AcknowledgeBootInfo, BootDevice, BootMode, BootOverride, BootPersistence, BootState, GetBootOverride,
    KeepBootFlags, SetBootOverride,
};
pub use chassis::{
    ChassisControl, ChassisIdentify, ChassisStatus, GetChassisStatus, Identify, LastPowerEvent, PowerAction, PowerState,
};
pub use client::IpmiClient;
pub use commands::{CloseSession, Malformed, SetSessionPrivilege};
pub use completion::CompletionCode;
pub use credentials::Credentials;
pub use error::{ErrorClass, IpmiError};
pub use fru::{BoardArea, ChassisArea, FruArea, FruInventory, ProductArea};
// The core crate's words in our own functions' arguments.
pub use identity::{Firmware, GetSystemGuid, GuidOrder, Identity, SystemGuid};
pub use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};
pub use opcode::Opcode;
pub use options::{Options, Privilege, Resend};
pub use rakp::{RakpStatus, RakpStep};
pub use suite::CipherSuite;
