//! The provider traits of layer 1: switches, DHCP servers and power distribution units.

mod dhcp;
mod pdu;
mod port;
mod switch;

pub use dhcp::{Dhcp, Held, Reservation};
pub use pdu::Pdu;
pub use port::{PortChange, PortMode, PortState, Tagged};
pub use switch::{
    Abilities, Absent, ConfirmedChange, Facet, LearnedMac, Lldp, MacTable, Neighbour, Startup, Switch, Unconfirmed,
};

#[cfg(feature = "mocks")]
pub use dhcp::MockDhcp;
#[cfg(feature = "mocks")]
pub use pdu::MockPdu;
#[cfg(feature = "mocks")]
pub use switch::MockSwitch;
