//! What a machine consists of, as its controller tells it without an operating system.

use async_trait::async_trait;
use dip_core::provider::ProviderError;

pub use dip_core::hardware::{Disk, DiskKind, Hardware, Health, MemoryModule, NicPort, Part, Processor};

/// The parts of one machine.
///
/// # Contract
/// It reads only. A part that the controller lists and tells nothing else of is listed with its slot alone.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Inventory: Send + Sync {
    /// All parts that the controller tells of.
    async fn hardware(&self) -> Result<Hardware, ProviderError>;
}
