//! Images that a controller presents to its machine as a drive.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

/// What a slot presents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// An optical drive.
    Cd,
    /// A disk on USB.
    UsbStick,
    /// A floppy drive.
    Floppy,
}

/// A slot for an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaSlot {
    /// The controller's id of it.
    pub id: String,
    /// What it can present.
    pub kinds: Vec<MediaKind>,
    /// The URL of the image in it; `None` where it is empty.
    pub image: Option<String>,
}

/// The virtual drives of one machine (Redfish `VirtualMedia`).
///
/// # Contract
/// * `insert` of the image that is in the slot is `Ok(())`; of another one it replaces it, ejecting first where the controller wants that.
/// * `eject` of an empty slot is `Ok(())`.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait VirtualMedia: Send + Sync {
    /// All slots.
    async fn slots(&self) -> Result<Vec<MediaSlot>, ProviderError>;

    /// Puts the image at a URL that the controller can reach into a slot, read-only.
    async fn insert(&self, slot: &str, url: &str) -> Result<(), ProviderError>;

    /// Empties a slot.
    async fn eject(&self, slot: &str) -> Result<(), ProviderError>;
}
