//! The event log of a machine: what its controller noticed.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Health;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The controller's id of it, unique until the log is cleared.
    pub id: String,
    /// When, by the controller's own clock; `None` where that was not set yet.
    pub at: Option<Timestamp>,
    /// How bad it is.
    pub severity: Option<Health>,
    /// What it is about: a sensor, a part.
    pub subject: Option<String>,
    /// What happened.
    pub message: String,
}

/// The event log (IPMI 2.0, section 31; Redfish `LogService`).
///
/// # Contract
/// * Entries are told oldest first. A log that grows while it is read is told as far as it was at the start.
/// * `clear` of an empty log is `Ok(())`. Some controllers write an entry about the clearing.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait EventLog: Send + Sync {
    /// All entries.
    async fn entries(&self) -> Result<Vec<LogEntry>, ProviderError>;

    /// Removes all entries.
    async fn clear(&self) -> Result<(), ProviderError>;
}
