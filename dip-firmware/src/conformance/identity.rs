//! Trials of who answers: identity, credentials, dead BMCs, many callers.

use std::sync::Arc;

use dip_core::conformance::{Trial, Verdict};
use dip_core::provider::{ErrorKind, Retry};

use super::harness::{BmcHarness, expect, expect_error, trial};

pub(super) fn trials(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    vec![
        trial(harness, "the_machine_tells_who_it_is_and_the_same_each_time", |harness| async move {
            let bmc = harness.bmc();
            let (first, second, truth) = (bmc.identity().await?, bmc.identity().await?, harness.identity());
            expect(first == truth, &format!("the machine is {truth:?}"), &first)?;
            expect(first == second, "it tells the same twice", &second)?;
            Ok(Verdict::Passed)
        }),
        trial(harness, "a_wrong_password_is_denied_and_not_tried_again", |harness| async move {
            let Some(bmc) = harness.with_wrong_password() else {
                return Ok(Verdict::Ignored("this BMC asks for no password".to_owned()));
            };
            expect_error(bmc.identity().await, ErrorKind::Denied, Retry::Never)?;
            if let Some(power) = bmc.power() {
                expect_error(power.state().await, ErrorKind::Denied, Retry::Never)?;
            }
            Ok(Verdict::Passed)
        }),
        trial(harness, "a_dead_bmc_is_unreachable_and_tried_again_later", |harness| async move {
            let Some(bmc) = harness.of_nobody() else {
                return Ok(Verdict::Ignored("this BMC cannot be dead".to_owned()));
            };
            expect_error(bmc.identity().await, ErrorKind::Unreachable, Retry::Backoff)?;
            Ok(Verdict::Passed)
        }),
        trial(harness, "many_callers_of_one_client_are_all_answered", |harness| async move {
            let bmc = harness.bmc();
            let callers: Vec<_> = (0..8)
                .map(|_| {
                    tokio::spawn({
                        let bmc = Arc::clone(&bmc);
                        async move { bmc.identity().await }
                    })
                })
                .collect();
            for caller in callers {
                expect(caller.await?? == harness.identity(), "each is told who the machine is", "another answer")?;
            }
            Ok(Verdict::Passed)
        }),
    ]
}
