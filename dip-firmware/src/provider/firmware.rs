//! The versions of firmware in a machine.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

use super::Accepted;

/// Firmware that is installed somewhere in the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// The controller's id of it: `BIOS`, `BMC`, `Installed-25227-6.4__NIC.Slot.1`.
    pub id: String,
    /// Its name for people.
    pub name: Option<String>,
    /// The version that runs, in the vendor's own writing.
    pub version: Option<String>,
    /// Whether it can be updated; `None` where the controller does not say.
    pub updateable: Option<bool>,
}

/// The firmware of one machine (Redfish `UpdateService`).
///
/// # Contract
/// * `install` never starts what the controller says is running already; that is [`ErrorKind::Busy`](dip_core::provider::ErrorKind::Busy).
/// * It may restart the controller: calls fail as `Unreachable` meanwhile, and the task may be gone afterwards.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Firmware: Send + Sync {
    /// What is installed.
    async fn components(&self) -> Result<Vec<Component>, ProviderError>;

    /// Lets the controller fetch an image from a URL and install it, on these components, or on whatever it is for. An image by a
    /// `file:` URL lies on this host and is sent to the controller.
    async fn install(&self, url: &str, components: &[String]) -> Result<Accepted, ProviderError>;
}
