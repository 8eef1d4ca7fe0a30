//! Why a step is in a plan, and why there is no plan.

use std::sync::Arc;

use dip_core::layer::Deferred;
use dip_core::plan::render;
use dip_core::site::Origin;
use dip_core::step::{Environment, Need};

use super::golden;
use crate::converge::Later;
use crate::effort::Effort;
use crate::toy::{Stage, is_set, node, set};

async fn no_plan(steps: Vec<dip_core::step::Step>) -> String {
    Stage::new(steps).prepare().await.expect_err("there is no plan").to_string() + "\n"
}

#[tokio::test(start_paused = true)]
async fn why_a_step_is_there_what_waits_for_it_and_what_it_makes_others_do() {
    let n1 = node("n1");
    let members: Vec<_> = (1..=5).map(|n| is_set(&format!("member-{n}"))).collect();
    let mut steps = vec![set("record", &[]), set("file", &["record"]).in_environment(&n1, Environment::Installed)];
    steps.extend((1..=5).map(|n| set(&format!("member-{n}"), &["file"])));
    steps.push(set("quorum", &[]).need(Need::AtLeast { count: 3, facts: members }));
    steps.push(set("monitor", &[]).read(is_set("record")));
    steps.push(set("alarm", &[]).read(is_set("monitor")));
    let plan = Stage::new(steps).prepare().await.expect("a plan").plan;
    let told = ["record", "file", "quorum"]
        .map(|name| plan.why(&format!("thing/{name}")).expect("it is there")[0].to_string());
    golden("why.txt", &told.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_value_that_changes_reruns_those_who_read_it_and_an_order_reruns_nobody() {
    let steps =
        vec![set("a", &[]), set("ordered", &["a"]), set("reads", &[]).read(is_set("a")), set("further", &["reads"])];
    let plan = Stage::new(steps).prepare().await.expect("a plan").plan;
    let story = plan.why("thing/a").expect("it is there").remove(0);
    let (behind, reruns) = (story.behind.expect("one step"), story.reruns.expect("one step"));
    assert_eq!((behind.steps, reruns.steps), (3, 1));
    assert_eq!(reruns.by_operation["toy.set"], ["reads"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_behind_a_step_of_a_long_chain_is_counted_in_no_time() {
    let mut steps = vec![set("0", &[])];
    steps.extend((1..30_000).map(|index| set(&index.to_string(), &[&(index - 1).to_string()])));
    let plan = Stage::new(steps).prepare().await.expect("a plan").plan;
    let effort = Effort::begin();
    assert_eq!(
        plan.why("toy.set thing/0").expect("it is there")[0].behind.as_ref().map(|behind| behind.steps),
        Some(29_999)
    );
    // A question that all steps fit is answered without following each of them.
    let all = plan.why("toy.set").expect("they are there");
    assert!(all.len() == 30_000 && all.iter().all(|story| story.behind.is_none()));
    assert!(effort.so_far() < std::time::Duration::from_secs(20), "{:?}", effort.so_far());
}

#[tokio::test(start_paused = true)]
async fn a_circle_is_told_link_by_link() {
    let steps = vec![set("rack", &["host"]), set("host", &["gate"]), set("gate", &["rack"]), set("free", &[])];
    golden("circle.txt", &no_plan(steps).await);
}

#[tokio::test(start_paused = true)]
async fn an_unmet_need_names_what_is_near_to_it() {
    let quorum = Need::AtLeast { count: 2, facts: vec![is_set("n1"), is_set("n7"), is_set("n8")] };
    let steps = vec![set("n1", &[]), set("storage", &[]), set("pool", &["stroage"]), set("quorum", &[]).need(quorum)];
    golden("unmet.txt", &no_plan(steps).await);
}

#[tokio::test(start_paused = true)]
async fn a_contested_fact_names_all_who_give_it() {
    golden("contested.txt", &no_plan(vec![set("a", &[]), set("b", &[]).give(is_set("a"))]).await);
}

/// The OSDs of a node, whose disks nobody has seen.
fn osds(node: &str, line: u32) -> (Deferred, Vec<dip_core::step::Step>) {
    let disks = format!("disks-{node}");
    let origin = Origin { file: Arc::from("site.yaml"), line, column: 3, profile: None };
    let until = vec![is_set(&disks)];
    let deferred = Deferred { what: format!("the OSDs on {disks}"), until, origin: Some(origin) };
    (deferred, vec![set(&format!("osd-{node}"), &[&disks])])
}

fn with_osds(nodes: &[&str]) -> Stage {
    let mut stage = Stage::new(Vec::new());
    let now = nodes.iter().map(|node| set(&format!("disks-{node}"), &[])).collect();
    let then = (12..).zip(nodes).map(|(line, node)| osds(node, line)).collect();
    stage.layers = stage.layers.with(Later { now, then });
    stage
}

#[tokio::test(start_paused = true)]
async fn what_is_deferred_says_until_what_is_known_and_who_asks_for_it() {
    let one = with_osds(&["n3"]).prepare().await.expect("a plan").plan;
    let many = with_osds(&["n1", "n2", "n3"]).prepare().await.expect("a plan").plan;
    let told = [&one, &many].map(|plan| render::text(plan));
    golden("deferred.txt", &format!("{}\n{}\n{}", told[0], told[1], one.diff(&many)));
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_defers_something_is_another_plan_and_reads_back() {
    let plan = with_osds(&["n3"]).prepare().await.expect("a plan").plan;
    let text = serde_json::to_string(&*plan).expect("JSON");
    let read: dip_core::plan::Plan = serde_json::from_str(&text).expect("it reads back");
    assert_eq!((read.id(), read.deferred()), (plan.id(), plan.deferred()));
    let other = text.replace("the OSDs on", "the pools on");
    let error = serde_json::from_str::<dip_core::plan::Plan>(&other).expect_err("what is deferred counts");
    assert!(error.to_string().contains("it was changed after it was made"), "{error}");
    // A plan that defers nothing says nothing of it, as before.
    let bare = Stage::new(vec![set("disks-n3", &[])]).prepare().await.expect("a plan").plan;
    assert!(!serde_json::to_string(&*bare).expect("JSON").contains("deferred"));
    assert_ne!(bare.id(), plan.id());
    assert!(bare.diff(&plan).deferred_only_before.is_empty() && !bare.diff(&plan).is_empty());
}
