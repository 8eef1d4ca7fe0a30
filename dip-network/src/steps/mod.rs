//! The operations of layer 1.

mod give_address_back;
mod release_address;
mod release_port;
mod reserve_address;
mod save_switch;
mod set_port;
mod take_address;
mod trace_cable;

pub use give_address_back::GiveAddressBack;
pub use release_address::ReleaseAddress;
pub use release_port::ReleasePort;
pub use reserve_address::ReserveAddress;
pub use save_switch::SaveSwitch;
pub(crate) use set_port::PORT;
pub use set_port::SetPort;
pub use take_address::TakeAddress;
pub use trace_cable::{TraceCable, Witness};
