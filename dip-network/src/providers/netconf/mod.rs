//! Switches over NETCONF (RFC 6241, over SSH as RFC 6242 has it) with the models of OpenConfig.
//!
//! A change is made in the candidate configuration and committed as one where the switch has a candidate, else in the running one;
//! both are locked meanwhile. A site's mark stands at the end of a port's description: `to n1 [dip-site=lab]`.

mod abilities;
mod change;
mod edit;
mod frame;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod openconfig;
mod rpc;
mod session;
mod ssh;
mod switch;
mod xml;

pub use ssh::{NetconfLogin, NetconfTarget, PinnedKey};
pub use switch::Netconf;
