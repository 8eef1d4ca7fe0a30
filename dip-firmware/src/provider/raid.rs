//! Volumes that a storage controller makes of disks.

use std::fmt;

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

use super::{Accepted, Disk};

/// How a volume is spread over its disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RaidLevel {
    /// Striped.
    Raid0,
    /// Mirrored.
    Raid1,
    /// Striped, one parity.
    Raid5,
    /// Striped, two parities.
    Raid6,
    /// Striped over mirrors.
    Raid10,
}

impl RaidLevel {
    /// The fewest disks that it needs.
    #[must_use]
    pub const fn fewest_disks(self) -> usize {
        match self {
            Self::Raid0 => 1,
            Self::Raid1 => 2,
            Self::Raid5 => 3,
            Self::Raid6 | Self::Raid10 => 4,
        }
    }
}

impl fmt::Display for RaidLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Raid0 => "RAID0",
            Self::Raid1 => "RAID1",
            Self::Raid5 => "RAID5",
            Self::Raid6 => "RAID6",
            Self::Raid10 => "RAID10",
        })
    }
}

/// A volume that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// The controller's id of it.
    pub id: String,
    /// The name that it was given.
    pub name: Option<String>,
    /// How it is spread; `None` where it is a way that dip has no word for.
    pub level: Option<RaidLevel>,
    /// The slots of its disks.
    pub disks: Vec<String>,
    /// Its size in bytes.
    pub bytes: Option<u64>,
}

/// A volume that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedVolume {
    /// Its name, 1 to 15 characters, as the narrowest of the controllers known takes.
    pub name: String,
    /// How it is spread.
    pub level: RaidLevel,
    /// The slots of its disks, all of one controller.
    pub disks: Vec<String>,
}

/// A storage controller with what hangs on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageController {
    /// The management controller's id of it.
    pub id: String,
    /// The model.
    pub model: Option<String>,
    /// The ways of spreading that it offers; `None` where it does not say.
    pub levels: Option<Vec<RaidLevel>>,
    /// Its disks.
    pub disks: Vec<Disk>,
    /// Its volumes.
    pub volumes: Vec<Volume>,
}

/// The storage controllers of one machine.
///
/// # Contract
/// * `create` of a volume that is there with this name, level and these disks is [`Accepted::Done`].
/// * A disk that another volume has is [`ErrorKind::Conflict`](dip_core::provider::ErrorKind::Conflict): nothing is erased to make room.
/// * `delete` erases; of a volume that is not there it is [`Accepted::Done`].
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Raid: Send + Sync {
    /// All controllers.
    async fn controllers(&self) -> Result<Vec<StorageController>, ProviderError>;

    /// Makes a volume on a controller.
    async fn create(&self, controller: &str, wanted: &WantedVolume) -> Result<Accepted, ProviderError>;

    /// Takes a volume away, with its data.
    async fn delete(&self, controller: &str, volume: &str) -> Result<Accepted, ProviderError>;
}
