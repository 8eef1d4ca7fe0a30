//! Trials of the controller itself. They close weak ways in and restart it: they come last.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::PowerState;
use dip_core::provider::ErrorKind;

use super::harness::{BmcHarness, expect, facet, offered, trial};
use crate::provider::Controller;

/// How long a controller may take until it is back; real ones take minutes.
const RESTART: Duration = Duration::from_secs(600);

/// The trials of [`Controller`].
#[must_use]
pub fn trials(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    vec![
        trial(harness, "the_controller_tells_its_version_and_the_same_each_time", |harness| async move {
            let controller = offered!(facet(harness.bmc().controller(), "a word about itself"));
            let (first, second) = (controller.state().await?, controller.state().await?);
            expect(first == second && first.firmware.is_some(), &format!("it is {first:?}"), &second)?;
            Ok(Verdict::Passed)
        }),
        trial(harness, "what_stays_weak_is_told_and_the_rest_is_closed_and_twice_is_once", |harness| async move {
            let controller = offered!(facet(harness.bmc().controller(), "a word about itself"));
            let before = controller.state().await?.weaknesses;
            let mut stays = Vec::new();
            for _ in 0..2 {
                stays = match controller.close_weaknesses().await {
                    Err(error) if error.kind() == ErrorKind::Unsupported => {
                        return Ok(Verdict::Ignored("this BMC does not tell its weak ways in".to_owned()));
                    }
                    closed => closed?,
                };
                let after = controller.state().await?.weaknesses;
                expect(after == stays, &format!("those that stay are {stays:?}"), &after)?;
            }
            expect(stays.iter().all(|weak| before.contains(weak)), &format!("none has come to {before:?}"), &stays)?;
            Ok(Verdict::Passed)
        }),
        trial(harness, "a_controller_that_restarts_is_back_and_the_machine_has_run_on", |harness| async move {
            let controller = offered!(facet(harness.bmc().controller(), "a word about itself"));
            harness.bring(PowerState::On).await?;
            let (firmware, starts) = (controller.state().await?.firmware, harness.starts().await);
            match controller.restart().await {
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    return Ok(Verdict::Ignored("this BMC does not restart when it is asked to".to_owned()));
                }
                restarted => restarted?,
            }
            let back = wait_until_back(&*controller).await?;
            expect(back == firmware, &format!("it is the same, {firmware:?}"), back)?;
            expect(harness.starts().await == starts, "the machine was not started again", starts)?;
            Ok(Verdict::Passed)
        }),
    ]
}

async fn wait_until_back(controller: &dyn Controller) -> Result<Option<String>, Failure> {
    let started = Instant::now();
    loop {
        match controller.state().await {
            Ok(state) => return Ok(state.firmware),
            Err(error) if error.kind() != ErrorKind::Unreachable => return Err(error.into()),
            Err(error) => expect(started.elapsed() < RESTART, "it is back", error)?,
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
