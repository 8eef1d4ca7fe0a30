//! Drift: what differs by itself, and what only follows.

use dip_core::step::{Environment, Need};

use crate::toy::{Stage, is_set, node, set};

fn names(deviations: &[dip_core::engine::Deviation<'_>]) -> Vec<String> {
    deviations.iter().flat_map(|one| &one.steps).map(|(step, _)| step.subject.name().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_builds_on_a_difference_is_told_as_following_from_it() {
    let stage = Stage::new(vec![
        set("record", &[]),
        set("resolver", &[]).need(Need::IfGiven(is_set("record"))),
        set("package", &["resolver"]),
        set("clock", &["package"]),
    ]);
    // The package holds, so a clock that differs differs by itself, whatever is wrong further up.
    stage.change(|world| world.things.insert("package".to_owned()));
    let seen = stage.prepare().await.expect("a plan");
    let drift = seen.drift();
    assert_eq!(names(&drift.causes), ["record", "clock"]);
    assert_eq!(names(&drift.following), ["resolver"]);
    assert!(drift.unobserved.is_empty() && drift.hidden == 0);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_off_is_one_thing_and_hides_what_is_on_it() {
    let n1 = node("n1");
    let stage = Stage::new(vec![
        set("file", &[]).in_environment(&n1, Environment::Installed),
        set("user", &[]).in_environment(&n1, Environment::Installed),
        set("metrics", &["file"]),
    ]);
    let seen = stage.prepare().await.expect("a plan");
    let drift = seen.drift();
    assert_eq!(drift.causes.len(), 1);
    assert_eq!(drift.causes[0].boot.map(|boot| boot.node.clone()), Some(n1));
    assert_eq!(names(&drift.following), ["metrics"]);
    assert_eq!(drift.hidden, 2);
}

#[tokio::test(start_paused = true)]
async fn a_site_at_ready_state_has_no_drift() {
    let stage = Stage::new(vec![set("record", &[])]);
    stage.change(|world| world.things.insert("record".to_owned()));
    assert!(stage.prepare().await.expect("a plan").drift().is_none());
}
