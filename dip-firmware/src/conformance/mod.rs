//! The trials that every [`Bmc`](crate::provider::Bmc) must pass, as a list of data.

mod boot;
mod harness;
mod identity;
mod power;

use std::sync::Arc;

use dip_core::conformance::Trial;

pub use harness::BmcHarness;

/// The trials of a BMC: who answers and who is told the truth, identity, power, boot device. They run one after the other.
#[must_use]
pub fn bmc(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    [identity::trials(harness), power::trials(harness), boot::trials(harness)].into_iter().flatten().collect()
}
