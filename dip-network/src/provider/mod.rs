//! The provider traits of layer 1: switches, DHCP servers, power distribution units. Who keeps addresses is asked by `Ipam` of dip-core,
//! which other layers fulfil too.

mod architecture;
mod boot;
mod boot_client;
mod boot_url;
mod dhcp;
mod metering;
mod pdu;
mod port;
mod switch;

pub use crate::mlag::MlagPair;
pub use architecture::ClientArchitecture;
pub use boot::{BootFiles, BootFilesError, BootServers};
pub use boot_client::BootClient;
pub use dhcp::{Dhcp, Held, Reservation};
pub use metering::{Load, Metering, Milliamperes, Millivolts, Milliwatts};
pub use pdu::Pdu;
pub use port::{PortChange, PortMode, PortState, Tagged};
pub use switch::{
    Abilities, Absent, ConfirmedChange, Facet, LearnedMac, Lldp, MacTable, Neighbour, Startup, Switch, Unconfirmed,
};

#[cfg(feature = "mocks")]
pub use dhcp::MockDhcp;
#[cfg(feature = "mocks")]
pub use metering::MockMetering;
#[cfg(feature = "mocks")]
pub use pdu::MockPdu;
#[cfg(feature = "mocks")]
pub use switch::MockSwitch;
