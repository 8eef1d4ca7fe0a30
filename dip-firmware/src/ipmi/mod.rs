//! IPMI 2.0 over LAN and in-band: an asynchronous RMCP+ session layer and the typed commands that dip needs.
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
//! * `opening` and `link` over a place (`port`) on a UDP socket that many BMCs share ([`Sockets`]): retransmission,
//!   deadlines, lost sessions; above them
//! * [`IpmiClient`]: one session;
//! * a `transport` to one BMC: sessions that are opened as needed (`kept`, `slot`), or the `device` of its own machine; and
//! * [`IpmiBmc`]: the handy face for one BMC, with all commands.

mod auth;
mod bmc;
mod boot;
mod channel;
mod chassis;
mod client;
mod commands;
mod completion;
mod console;
mod console_pump;
mod conversion;
mod credentials;
#[cfg(all(feature = "in-band", target_os = "linux"))]
mod device;
mod error;
mod event_log;
mod fru;
mod fru_reader;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod handshake;
mod identity;
mod kept;
mod link;
mod offers;
mod opcode;
mod opening;
mod options;
mod outside;
mod place;
mod port;
mod rakp;
mod random;
#[cfg(any(test, feature = "responder"))]
pub mod responder;
mod rmcp;
mod sdr;
mod sdr_reader;
mod seal;
mod sel;
mod sensors;
mod session;
mod slot;
mod sockets;
mod sol;
mod suite;
mod text;
mod transport;
mod users;
mod wire;

pub use bmc::{IpmiBmc, PowerOutcome};
pub use boot::{
    AcknowledgeBootInfo, BootDevice, BootMode, BootOverride, BootPersistence, BootState, GetBootOverride,
    KeepBootFlags, SetBootOverride,
};
pub use channel::{BadPasswords, Entrances, OfferedSuite};
pub use chassis::{
    ChassisControl, ChassisIdentify, ChassisStatus, GetChassisStatus, Identify, LastPowerEvent, PowerAction, PowerState,
};
pub use client::IpmiClient;
pub use commands::{CloseSession, Malformed, SetSessionPrivilege};
pub use completion::CompletionCode;
pub use console::SolConsole;
pub use conversion::Conversion;
pub use credentials::Credentials;
pub use error::{ErrorClass, IpmiError};
pub use event_log::SelFill;
pub use fru::{BoardArea, ChassisArea, FruArea, FruInventory, ProductArea};
// The core crate's words in our own functions' arguments.
pub use identity::{Firmware, GetSystemGuid, GuidOrder, Identity, SystemGuid};
pub use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn};
pub use offers::GetCipherSuites;
pub use opcode::Opcode;
pub use options::{Options, Privilege, Resend};
pub use place::Place;
pub use rakp::{RakpStatus, RakpStep};
pub use sdr::{Entity, FruLocator, Scale, SdrRecord, Sensor};
pub use sel::{Direction, Event, SelEntry, SelRecord};
pub use sensors::{Level, Reading, Thresholds};
pub use slot::Hold;
pub use sockets::Sockets;
pub use suite::{CipherSuite, Suites};
pub use users::{User, UserAccess, UserLimit};
