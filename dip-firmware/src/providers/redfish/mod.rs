//! A BMC by Redfish (DMTF DSP0266), read tolerantly: services leave out what the schemas require and add what they like.
//!
//! From the bottom up: `tls` (whom to trust), `client` (requests, login, errors), `resource` (the JSON), `discovery` (which of
//! the service's systems is the node), and `machine` (identity, power, boot device).

mod client;
mod discovery;
mod error;
mod login;
mod machine;
mod resource;
mod tls;

pub use error::RedfishError;
pub use machine::Redfish;
pub use tls::FingerprintError;
