//! Trials of BIOS settings.

use std::sync::Arc;
use std::time::Duration;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::PowerState::{Off, On};
use dip_core::provider::{ErrorKind, Retry};

use super::harness::{BmcHarness, expect, expect_error, trial};
use crate::provider::{Accepted, Bios, BiosAttributes, BiosState, BiosValue};

/// Settings of the machine under trial.
#[derive(Debug, Clone)]
pub struct BiosSample {
    /// Two settings, each with two values that it may have.
    pub settings: [(&'static str, [BiosValue; 2]); 2],
    /// Values that are refused: of a setting that does not exist, can only be read, or may not be so.
    pub refused: Vec<(&'static str, BiosValue)>,
}

/// The trials of BIOS settings.
#[must_use]
pub fn bios(harness: &Arc<dyn BmcHarness>, sample: BiosSample) -> Vec<Trial> {
    let (first, second, third) = (sample.clone(), sample.clone(), sample);
    vec![
        trial(
            harness,
            "a_bios_setting_is_in_force_after_the_next_reset_and_twice_is_once",
            move |harness| async move {
                let Some(bios) = facet(&*harness, &first).await? else { return Ok(not_offered()) };
                let (name, values) = &first.settings[0];
                let before = harness.starts().await;
                let wanted: BiosAttributes = [((*name).to_owned(), values[1].clone())].into();
                let accepted = bios.set(&wanted).await?;
                let seen = bios.state().await?;
                let is_told = seen.pending.get(*name).or_else(|| seen.current.get(*name)) == Some(&values[1]);
                expect(is_told, &format!("{name} is, or will be, {}", values[1]), (&accepted, will_be(&seen, name)))?;
                expect(harness.starts().await == before, "nobody started the machine", before)?;
                bios.set(&wanted).await?;
                reset(&*harness, &*bios, &wanted).await?;
                expect(bios.set(&wanted).await? == Accepted::Done, "what is in force is done", name)?;
                Ok(Verdict::Passed)
            },
        ),
        trial(harness, "a_change_leaves_other_changes_that_wait", move |harness| async move {
            let Some(bios) = facet(&*harness, &second).await? else { return Ok(not_offered()) };
            let each = second.settings.iter().map(|(name, values)| ((*name).to_owned(), values[1].clone()));
            let wanted: BiosAttributes = each.collect();
            for (name, value) in &wanted {
                bios.set(&[(name.clone(), value.clone())].into()).await?;
            }
            reset(&*harness, &*bios, &wanted).await?;
            Ok(Verdict::Passed)
        }),
        trial(harness, "a_setting_that_cannot_be_so_is_refused_and_nothing_changes", move |harness| async move {
            let Some(bios) = facet(&*harness, &third).await? else { return Ok(not_offered()) };
            let before = bios.state().await?;
            for (name, value) in &third.refused {
                // All or none: the good one beside it is not set either.
                let (good, values) =
                    third.settings.iter().find(|(good, _)| good != name).ok_or("there are two settings")?;
                let wanted = [((*name).to_owned(), value.clone()), ((*good).to_owned(), values[1].clone())].into();
                expect_error(bios.set(&wanted).await, ErrorKind::Invalid, Retry::Never)?;
            }
            let after = bios.state().await?;
            expect(before == after, "nothing has changed", (before.pending, after.pending))?;
            Ok(Verdict::Passed)
        }),
    ]
}

/// The settings of a machine that has the first values in force.
async fn facet(harness: &dyn BmcHarness, sample: &BiosSample) -> Result<Option<Arc<dyn Bios>>, Failure> {
    let Some(bios) = harness.bmc().bios() else { return Ok(None) };
    match bios.state().await {
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(None),
        state => state?,
    };
    let each = sample.settings.iter().map(|(name, values)| ((*name).to_owned(), values[0].clone()));
    let wanted: BiosAttributes = each.collect();
    if bios.set(&wanted).await? != Accepted::Done {
        reset(harness, &*bios, &wanted).await?;
    }
    Ok(Some(bios))
}

/// Resets the machine and waits until the settings are in force.
async fn reset(harness: &dyn BmcHarness, bios: &dyn Bios, wanted: &BiosAttributes) -> Result<(), Failure> {
    harness.bring(Off).await?;
    harness.bring(On).await?;
    let mut seen = bios.state().await?;
    for _ in 0..100 {
        let is_so = wanted.iter().all(|(name, value)| seen.current.get(name) == Some(value));
        if is_so && wanted.keys().all(|name| !seen.pending.contains_key(name)) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        seen = bios.state().await?;
    }
    let now: Vec<_> = wanted.keys().map(|name| will_be(&seen, name)).collect();
    Err(format!("{wanted:?} is not in force after a reset; seen: {now:?}").into())
}

/// A setting now, and after the next reset.
fn will_be(state: &BiosState, name: &str) -> (Option<BiosValue>, Option<BiosValue>) {
    (state.current.get(name).cloned(), state.pending.get(name).cloned())
}

fn not_offered() -> Verdict {
    Verdict::Ignored("this BMC does not tell BIOS settings".to_owned())
}
