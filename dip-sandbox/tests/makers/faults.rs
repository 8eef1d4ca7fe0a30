//! What goes wrong at BMCs, on each maker's.

use std::time::Duration;

use dip_core::guard::Guard;
use dip_core::report::Outcome;
use dip_firmware::models::Maker;
use dip_sandbox::{Fault, Phase};

use super::scene::{Scene, failures, node, ready};
use super::whole::{is_as_wanted, scene};

/// Runs to ready on the BMC of each maker with faults in the way, and sees that they were.
fn survives(name: &str, faults: &[(Duration, Fault)]) {
    for maker in Maker::ALL {
        let scene = scene(maker);
        scene.sandbox.clone().block_on(async {
            // The plan is made first: what strikes in a survey leaves a part of the plan for later, and is another story.
            let plan = scene.prepare().await.plan;
            let guard: Guard = scene.consent_to(&plan);
            let now = scene.sandbox.elapsed();
            for (after, fault) in faults {
                scene.sandbox.inject_at(now + *after, fault.clone());
            }
            let report = scene.run(guard).await.expect("memory takes every record");
            assert_eq!(report.outcome, Outcome::Ready, "{name} on {}: {}", maker.name(), failures(&report));
            is_as_wanted(&scene.machine("r1-n1"));
            assert!(struck(&scene), "{name} on {}: nothing was in the way", maker.name());
            assert_eq!((scene.count("make volume"), scene.count("flash BIOS")), (1, 1), "{name} on {}", maker.name());
        });
    }
}

fn struck(scene: &Scene) -> bool {
    scene.sandbox.log().iter().any(|incident| incident.phase == Phase::Bit)
}

fn n1() -> dip_core::id::NodeName {
    node("r1-n1")
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_slow_bmc_is_waited_for() {
    survives("slow", &[(seconds(0), Fault::BmcSlow { node: n1(), by: seconds(5), lasting: seconds(300) })]);
}

#[test]
fn a_bmc_that_is_too_busy_is_asked_again_when_it_says() {
    let busy = |after, times| Fault::BmcBusy { node: n1(), after, times };
    survives("503", &[(seconds(0), busy(seconds(2), 3)), (seconds(30), busy(seconds(45), 4))]);
}

#[test]
fn a_task_that_is_told_as_it_was_holds_nobody_up_for_long() {
    survives("stale task", &[(seconds(0), Fault::TaskStale { node: n1(), times: 8 })]);
}

#[test]
fn a_session_that_is_dropped_is_opened_again() {
    let dropped = |after| (seconds(after), Fault::SessionDropped { node: n1(), times: 3 });
    survives("dropped session", &[dropped(0), dropped(60), dropped(200)]);
}

#[test]
fn a_bmc_that_restarts_in_the_middle_of_a_change_has_done_it_once() {
    let restarts = |after| (seconds(after), Fault::BmcRestarts { node: n1(), times: 1 });
    survives("restart", &[restarts(0), restarts(60), restarts(240)]);
}

#[test]
fn a_bmc_that_shows_another_certificate_is_not_spoken_to_and_a_sentence_says_so() {
    for maker in Maker::ALL {
        let scene = scene(maker);
        scene.sandbox.clone().block_on(async {
            let plan = scene.prepare().await.plan;
            let guard = scene.consent_to(&plan);
            let before = scene.machine("r1-n1");
            scene.sandbox.inject(Fault::OtherCertificate { node: n1(), lasting: seconds(36_000) });
            let report = scene.run(guard).await.expect("memory takes every record");
            let told = failures(&report);
            assert_eq!(report.outcome, Outcome::Failed, "{}: {told}", maker.name());
            assert!(
                told.contains("the BMC shows another certificate, with the fingerprint 0f0f")
                    && told.contains("find out why it changed before you pin the new one"),
                "{}: {told}",
                maker.name()
            );
            let after = scene.machine("r1-n1");
            assert_eq!((before.power, before.bios, before.firmware), (after.power, after.bios, after.firmware));
        });
    }
}

#[test]
fn once_it_shows_the_right_certificate_again_the_next_run_comes_to_ready() {
    let scene = scene(Maker::Hpe);
    scene.sandbox.clone().block_on(async {
        let plan = scene.prepare().await.plan;
        let guard = scene.consent_to(&plan);
        scene.sandbox.inject(Fault::OtherCertificate { node: n1(), lasting: seconds(60) });
        let report = scene.run(guard).await.expect("memory takes every record");
        assert_eq!(report.outcome, Outcome::Failed);
        tokio::time::sleep(seconds(60)).await;
        ready(&scene.run_with_consent().await);
        is_as_wanted(&scene.machine("r1-n1"));
    });
}
