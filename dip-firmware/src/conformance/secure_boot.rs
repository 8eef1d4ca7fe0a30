//! Trials of Secure Boot.

use std::sync::Arc;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::PowerState::{Off, On};
use dip_core::provider::ErrorKind;

use super::harness::{BmcHarness, expect, trial};
use crate::provider::SecureBoot;

/// The trials of Secure Boot.
#[must_use]
pub fn secure_boot(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    vec![trial(
        harness,
        "secure_boot_is_turned_on_and_off_for_the_next_boot_and_twice_is_once",
        move |harness| async move {
            let Some(secure_boot) = facet(&*harness).await? else {
                return Ok(Verdict::Ignored("this BMC does not tell Secure Boot".to_owned()));
            };
            for wanted in [true, false] {
                for _ in 0..2 {
                    match wanted {
                        true => secure_boot.enable().await?,
                        false => secure_boot.disable().await?,
                    }
                    let seen = secure_boot.state().await?;
                    expect(seen.enabled == wanted, &format!("it will be {wanted} for the next boot"), seen)?;
                }
                harness.bring(Off).await?;
                harness.bring(On).await?;
                let seen = secure_boot.state().await?;
                expect(
                    seen.enforced == wanted && seen.enabled == wanted,
                    &format!("it is {wanted} after a reset"),
                    seen,
                )?;
            }
            Ok(Verdict::Passed)
        },
    )]
}

async fn facet(harness: &dyn BmcHarness) -> Result<Option<Arc<dyn SecureBoot>>, Failure> {
    let Some(secure_boot) = harness.bmc().secure_boot() else { return Ok(None) };
    match secure_boot.state().await {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
        state => state.map(|_| Some(secure_boot)).map_err(Into::into),
    }
}
