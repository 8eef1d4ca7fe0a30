//! Trials of the light.

use std::sync::Arc;

use dip_core::conformance::{Trial, Verdict};

use super::harness::{BmcHarness, expect, facet, offered, trial};
use crate::provider::Light;

/// The trials of [`IdentifyLight`](crate::provider::IdentifyLight).
#[must_use]
pub fn trials(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    vec![trial(harness, "the_light_is_seen_as_it_was_switched_and_twice_is_once", |harness| async move {
        let light = offered!(facet(harness.bmc().identify_light(), "a light"));
        for wanted in [Light::On, Light::Off] {
            for _ in 0..2 {
                light.set(wanted).await?;
                let seen = light.state().await?;
                expect(seen.is_none_or(|seen| seen == wanted), &format!("it is {wanted:?}, or not told"), seen)?;
            }
        }
        Ok(Verdict::Passed)
    })]
}
