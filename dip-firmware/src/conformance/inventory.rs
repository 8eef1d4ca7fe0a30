//! Trials of the inventory.

use std::fmt::Debug;
use std::sync::Arc;

use dip_core::conformance::{Failure, Trial, Verdict};

use super::harness::{BmcHarness, expect, facet, offered, trial};

/// The trials of [`Inventory`](crate::provider::Inventory).
#[must_use]
pub fn trials(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    vec![trial(harness, "parts_are_told_as_they_are_and_the_same_each_time", |harness| async move {
        let inventory = offered!(facet(harness.bmc().inventory(), "an inventory"));
        let (seen, again, truth) = (inventory.hardware().await?, inventory.hardware().await?, harness.hardware());
        expect(seen == again, "it tells the same twice", &again)?;
        same(truth.processors.as_ref(), seen.processors.as_ref())?;
        same(truth.memory.as_ref(), seen.memory.as_ref())?;
        same(truth.nics.as_ref(), seen.nics.as_ref())?;
        same(truth.disks.as_ref(), seen.disks.as_ref())?;
        same(truth.power_supplies.as_ref(), seen.power_supplies.as_ref())?;
        Ok(Verdict::Passed)
    })]
}

/// Passes where a kind of which the truth is known is told so.
fn same<T: PartialEq + Debug>(truth: Option<&Vec<T>>, seen: Option<&Vec<T>>) -> Result<(), Failure> {
    expect(truth.is_none() || truth == seen, &format!("they are {truth:?}"), seen)
}
