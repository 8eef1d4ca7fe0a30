//! The trials that every [`Bmc`](crate::provider::Bmc) must pass, as a list of data.

mod accounts;
mod bios;
mod boot;
mod console;
mod controller;
mod event_log;
mod firmware;
mod harness;
mod identify_light;
mod identity;
mod inventory;
mod power;
mod raid;
mod secure_boot;
mod sensors;
mod virtual_media;

use std::sync::Arc;

use dip_core::conformance::Trial;

pub use accounts::trials as accounts;
pub use bios::{BiosSample, bios};
pub use console::trials as console;
pub use controller::trials as controller;
pub use event_log::trials as event_log;
pub use firmware::{FirmwareSample, firmware};
pub use harness::BmcHarness;
pub use identify_light::trials as identify_light;
pub use inventory::trials as inventory;
pub use raid::{RaidSample, raid};
pub use secure_boot::secure_boot;
pub use sensors::trials as sensors;
pub use virtual_media::virtual_media;

/// The trials of a BMC: who answers and who is told the truth, identity, power, boot device. They run one after the other.
#[must_use]
pub fn bmc(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    [identity::trials(harness), power::trials(harness), boot::trials(harness)].into_iter().flatten().collect()
}
