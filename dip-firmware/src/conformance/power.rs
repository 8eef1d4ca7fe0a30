//! Trials of power.

use std::sync::Arc;
use std::time::Duration;

use dip_core::conformance::{Trial, Verdict};
use dip_core::hardware::PowerState::{Off, On};
use dip_core::provider::PowerAction;

use super::harness::{BmcHarness, expect, offered, power, settle, trial};

pub(super) fn trials(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    vec![
        trial(harness, "power_is_told_as_it_is", |harness| async move {
            let power = offered!(power(&*harness));
            for state in [On, Off] {
                harness.bring(state).await?;
                settle(&*power, state).await?;
            }
            Ok(Verdict::Passed)
        }),
        trial(harness, "on_twice_is_once", |harness| async move {
            let power = offered!(power(&*harness));
            harness.bring(Off).await?;
            let before = harness.starts().await;
            power.request(PowerAction::On).await?;
            settle(&*power, On).await?;
            power.request(PowerAction::On).await?;
            settle(&*power, On).await?;
            let after = harness.starts().await;
            expect(after == before.map(|starts| starts + 1), "the machine was started once", (before, after))?;
            Ok(Verdict::Passed)
        }),
        trial(harness, "off_twice_is_once", |harness| async move {
            let power = offered!(power(&*harness));
            harness.bring(On).await?;
            power.request(PowerAction::Off).await?;
            settle(&*power, Off).await?;
            power.request(PowerAction::Off).await?;
            settle(&*power, Off).await?;
            Ok(Verdict::Passed)
        }),
        trial(
            harness,
            "a_running_system_can_be_asked_to_shut_down_and_one_that_is_off_stays_off",
            |harness| async move {
                let power = offered!(power(&*harness));
                harness.bring(On).await?;
                power.request(PowerAction::Shutdown).await?;
                settle(&*power, Off).await?;
                let before = harness.starts().await;
                power.request(PowerAction::Shutdown).await?;
                settle(&*power, Off).await?;
                expect(harness.starts().await == before, "nobody started it", before)?;
                Ok(Verdict::Passed)
            },
        ),
        trial(harness, "a_cycle_starts_the_machine_once_whether_it_was_on_or_off", |harness| async move {
            let power = offered!(power(&*harness));
            for state in [On, Off] {
                harness.bring(state).await?;
                let before = harness.starts().await;
                power.request(PowerAction::Cycle).await?;
                // A BMC may switch it on some seconds after it switched it off.
                for _ in 0..50 {
                    if harness.starts().await != before || before.is_none() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                settle(&*power, On).await?;
                let after = harness.starts().await;
                let once = before.map(|starts| starts + 1);
                expect(after == once, &format!("a machine that was {state} is started once"), (before, after))?;
            }
            Ok(Verdict::Passed)
        }),
        trial(harness, "a_cancelled_request_leaves_a_state_that_can_be_read_and_changed", |harness| async move {
            let power = offered!(power(&*harness));
            harness.bring(Off).await?;
            for patience in [0, 1, 5, 20] {
                // Wherever it was interrupted.
                let _ = tokio::time::timeout(Duration::from_millis(patience), power.request(PowerAction::On)).await;
                power.state().await?;
            }
            power.request(PowerAction::On).await?;
            settle(&*power, On).await?;
            power.request(PowerAction::Off).await?;
            settle(&*power, Off).await?;
            Ok(Verdict::Passed)
        }),
    ]
}
