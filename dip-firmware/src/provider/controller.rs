//! The controller itself: its version, clock, log receiver, services and certificate.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

/// What a controller tells about itself. What it does not tell is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControllerState {
    /// The vendor's model of the controller: `iDRAC9`, `iLO 6`.
    pub model: Option<String>,
    /// The version of its firmware, in the vendor's own writing.
    pub firmware: Option<String>,
    /// The time servers that it follows.
    pub ntp: Option<Vec<String>>,
    /// Where it sends its log.
    pub syslog: Option<Vec<String>>,
    /// The weak ways in that are open, in words: `IPMI cipher suite 0`, `telnet`, `anonymous user`.
    pub weaknesses: Vec<String>,
    /// SHA-256 of the certificate that it shows (DER), in lower-case hex.
    pub certificate: Option<String>,
}

/// The controller itself.
///
/// # Contract
/// * Each setter twice is once, and `state` right after sees it.
/// * `restart` returns when it was accepted; calls fail as `Unreachable` until the controller is back. The machine runs on.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Controller: Send + Sync {
    /// What it tells about itself.
    async fn state(&self) -> Result<ControllerState, ProviderError>;

    /// Lets it follow these time servers, and no others.
    async fn set_ntp(&self, servers: &[String]) -> Result<(), ProviderError>;

    /// Lets it send its log there, and nowhere else.
    async fn set_syslog(&self, receivers: &[String]) -> Result<(), ProviderError>;

    /// Closes the weak ways in that [`ControllerState::weaknesses`] lists and that can be closed; tells those that stay.
    async fn close_weaknesses(&self) -> Result<Vec<String>, ProviderError>;

    /// The certificate that it shows to whoever connects anew (DER); `None` where it is asked in the clear.
    async fn certificate(&self) -> Result<Option<Vec<u8>>, ProviderError>;

    /// Asks it for a request for a certificate for this name, in PEM, with a key that never leaves it.
    async fn certificate_request(&self, name: &str) -> Result<String, ProviderError>;

    /// Gives it the certificate, in PEM.
    async fn set_certificate(&self, pem: &str) -> Result<(), ProviderError>;

    /// Restarts the controller.
    async fn restart(&self) -> Result<(), ProviderError>;
}
