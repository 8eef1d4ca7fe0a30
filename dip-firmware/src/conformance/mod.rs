//! The trials that every [`Bmc`](crate::provider::Bmc) must pass, as a list of data.

mod bios;
mod boot;
mod firmware;
mod harness;
mod identity;
mod power;
mod raid;
mod secure_boot;
mod virtual_media;

use std::sync::Arc;

use dip_core::conformance::Trial;

pub use bios::{BiosSample, bios};
pub use firmware::{FirmwareSample, firmware};
pub use harness::BmcHarness;
pub use raid::{RaidSample, raid};
pub use secure_boot::secure_boot;
pub use virtual_media::virtual_media;

/// The trials of a BMC: who answers and who is told the truth, identity, power, boot device. They run one after the other.
#[must_use]
pub fn bmc(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    [identity::trials(harness), power::trials(harness), boot::trials(harness)].into_iter().flatten().collect()
}
