//! Hand-off: lists of machines at ready state for the installers that go on from there. Pure; no list ever holds a secret.

mod ansible;
mod cephadm;
mod clusters;
mod error;
mod format;
mod kubespray;
mod list;
mod packstack;
mod yaml;

pub use ansible::ansible_group;
pub use error::HandOffError;
pub use format::{HandOffFormat, UnknownFormat};
pub use list::{HandOff, Login};
