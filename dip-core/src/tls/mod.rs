//! TLS servers that are known by more than the roots of this system: by their fingerprint, or as a layer decides.

mod fingerprint;
#[cfg(feature = "tls")]
mod verifier;

pub use fingerprint::{Fingerprint, FingerprintError};
#[cfg(feature = "tls")]
pub use verifier::{Judge, Shown, client_config};
