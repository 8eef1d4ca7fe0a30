//! Facts: what can become known about a subject. Layers depend on each other's facts and never on each other.

mod key;
mod registry;
mod values;

pub mod apps;
pub mod cluster;
pub mod firmware;
pub mod network;
pub mod opsclients;
pub mod opsmgmt;
pub mod os;

pub(crate) use key::FactRef;
pub use key::{Fact, FactKey, FactKeyError, Polarity};
pub use registry::{FactClash, FactRegistry};
pub use values::{FactTypeError, Facts};
