//! Plans that were made before: whether they are still what would be planned now, and what has moved.

use std::sync::Arc;

use dip_core::fact::FactKey;
use dip_core::plan::Plan;
use dip_core::site::Rack;
use dip_core::step::StepName;

use crate::toy::{Stage, is_set, set};

async fn plan(stage: &Stage) -> Arc<Plan> {
    stage.prepare().await.expect("a plan").plan
}

fn names(steps: &[StepName]) -> Vec<&str> {
    steps.iter().map(StepName::as_str).collect()
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_current_as_long_as_nothing_has_moved() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"])]);
    let then = plan(&stage).await;
    tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
    assert_eq!(then.is_current(&*plan(&stage).await), Ok(()), "time alone changes nothing");
    stage.run().await;
    assert_eq!(then.is_current(&*plan(&stage).await), Ok(()), "nothing is left to do");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_did_meanwhile_makes_a_plan_stale() {
    let stage = Stage::new(["a", "b", "c", "d", "e"].map(|name| set(name, &[])).to_vec());
    let then = plan(&stage).await;
    stage.change(|world| world.things.extend(["a", "b", "c", "d"].map(str::to_owned)));
    let stale = then.is_current(&*plan(&stage).await).expect_err("four steps are done");
    assert_eq!(names(&stale.vanished).len(), 4);
    assert!(stale.appeared.is_empty() && stale.changed.is_empty());
    let told = stale.to_string();
    assert!(told.contains("is stale: something has changed since it was made"), "{told}");
    assert!(
        told.contains("to do then and not now: `toy.set thing/a`, `toy.set thing/b`, `toy.set thing/c` and 1 more"),
        "{told}"
    );
    assert!(told.ends_with("plan again, look, and apply that"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn what_appears_and_what_is_to_be_done_otherwise_is_named() {
    let then = plan(&Stage::new(vec![set("a", &[]), set("b", &[])])).await;
    let now = plan(&Stage::new(vec![set("a", &["new"]), set("b", &[]), set("new", &[])])).await;
    let stale = then.is_current(&now).expect_err("it has changed");
    assert_eq!((names(&stale.appeared), names(&stale.changed)), (vec!["toy.set thing/new"], vec!["toy.set thing/a"]));
    let told = stale.to_string();
    assert!(
        told.contains("to do now and not then: `toy.set thing/new`\n  to do otherwise: `toy.set thing/a`"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_site_or_a_reading_that_moved_is_told_where_the_steps_are_the_same() {
    let mut stage = Stage::new(vec![set("a", &[]), set("b", &[])]);
    stage.change(|world| world.things.insert("b".to_owned()));
    let then = plan(&stage).await;
    let rack: Rack =
        serde_json::from_value(serde_json::json!({"name": "r1", "row": null, "origin": null})).expect("a rack");
    Arc::make_mut(&mut stage.site).racks.insert(rack.name.clone(), rack);
    let stale = then.is_current(&*plan(&stage).await).expect_err("a rack was added");
    assert!(stale.to_string().contains("its steps are the same: what the site says"), "{stale}");

    let steps =
        |also: &[&str]| also.iter().fold(vec![set("a", &[])], |steps, name| [steps, vec![set(name, &[])]].concat());
    let (some, more) = (Stage::new(steps(&["b"])), Stage::new(steps(&["b", "c"])));
    for stage in [&some, &more] {
        stage.change(|world| world.things.extend(["b", "c"].map(str::to_owned)));
    }
    let stale = plan(&some).await.is_current(&*plan(&more).await).expect_err("more is known");
    let known: Vec<FactKey> = vec![is_set("c")];
    assert_eq!(stale.facts, known);
    assert!(stale.to_string().contains("read otherwise: `toy.set@thing/c`"), "{stale}");
}
