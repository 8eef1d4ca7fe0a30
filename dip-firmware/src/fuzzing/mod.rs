//! What fuzzers feed: readers of bytes that come from others, each as `fn(&[u8])`. None may panic or loop, whatever the bytes are.
//!
//! Only with the feature `fuzzing`, and no part of the interface that programs may rely on.

#[cfg(feature = "ipmi")]
pub use crate::ipmi::fuzzing::*;

#[cfg(feature = "redfish")]
pub mod redfish;
