//! A plan without some of its steps: what depends on them goes too, and what is left is a sound plan.

use std::collections::BTreeSet;

use dip_core::plan::{Plan, Vertex, VertexId};
use dip_core::step::{Environment, Hazard, Need, Step};
use proptest::prelude::*;

use crate::toy::{Stage, is_set, node, set};

async fn plan(steps: Vec<Step>) -> Plan {
    Plan::clone(&Stage::new(steps).prepare().await.expect("a plan").plan)
}

fn names(plan: &Plan) -> BTreeSet<&str> {
    plan.steps().iter().map(|planned| planned.step.name.as_str()).collect()
}

fn things(plan: &Plan) -> Vec<&str> {
    let mut names: Vec<&str> = plan.steps().iter().map(|planned| planned.step.subject.name()).collect();
    names.sort_unstable();
    names
}

#[tokio::test(start_paused = true)]
async fn what_depends_on_a_hazard_is_left_out_with_it() {
    let steps = vec![
        set("port", &[]).hazard(Hazard::Disrupts),
        set("host", &["port"]),
        set("metrics", &["host", "record"]),
        set("record", &[]),
        set("resolver", &["record"]),
        // After the port if that is done, and so not before it.
        set("alarm", &[]).need(Need::IfGiven(is_set("port"))),
        set("wipe", &["record"]).hazard(Hazard::Erases),
    ];
    let whole = plan(steps).await;
    let safe = whole.without_hazards().expect("a plan");
    assert_eq!(things(&safe), ["record", "resolver"]);
    assert_ne!(safe.id(), whole.id());
    let text = serde_json::to_string(&safe).expect("JSON");
    assert_eq!(serde_json::from_str::<Plan>(&text).expect("it is sound").id(), safe.id());
    assert_eq!(safe.without_hazards().expect("a plan").id(), safe.id(), "there is nothing more to leave out");
}

#[tokio::test(start_paused = true)]
async fn a_quorum_that_is_still_enough_stays() {
    let members = vec![is_set("m1"), is_set("m2"), is_set("m3")];
    let quorum = |count| set("pool", &[]).need(Need::AtLeast { count, facts: members.clone() });
    let steps = |count| vec![set("m1", &[]).hazard(Hazard::Disrupts), set("m2", &[]), set("m3", &[]), quorum(count)];
    assert_eq!(things(&plan(steps(2)).await.without_hazards().expect("a plan")), ["m2", "m3", "pool"]);
    assert_eq!(things(&plan(steps(3)).await.without_hazards().expect("a plan")), ["m2", "m3"]);
}

#[tokio::test(start_paused = true)]
async fn a_node_makes_all_of_its_boots_or_none() {
    let (n1, n2) = (node("n1"), node("n2"));
    let steps = vec![
        set("disks", &[]).in_environment(&n1, Environment::Discovery).hazard(Hazard::Disrupts),
        set("bios", &[]).in_environment(&n1, Environment::Firmware),
        set("file", &[]).in_environment(&n1, Environment::Installed),
        set("other", &[]).in_environment(&n2, Environment::Installed),
        set("record", &[]),
    ];
    let safe = plan(steps).await.without_hazards().expect("a plan");
    assert_eq!(things(&safe), ["n2", "other", "record"]);
    assert_eq!(safe.boots().len(), 1);
    assert_eq!(safe.boots()[0].boot.node, n2);
    let named: Vec<_> =
        safe.boots()[0].parts.iter().map(|part| safe.step(*part).step.subject.name().to_owned()).collect();
    assert_eq!(named, ["n2"]);
    assert_eq!(safe.step(safe.boots()[0].work[0]).step.subject.name(), "other");
}

/// What a step is: those of lower numbers that it needs, how many of them, where it is done.
type Drawn = (Vec<prop::sample::Index>, u8, u8, bool);

fn step(index: usize, (needs, how, place, is_out): &Drawn) -> (Step, bool) {
    let name = |index: usize| format!("t{index}");
    let facts: Vec<_> = match index {
        0 => Vec::new(),
        _ => needs.iter().map(|need| is_set(&name(need.index(index)))).collect::<BTreeSet<_>>().into_iter().collect(),
    };
    let step = set(&name(index), &[]);
    let step = match (facts.is_empty(), how % 4) {
        (true, _) => step,
        (_, 0) => step.need(Need::AtLeast { count: facts.len().div_ceil(2), facts }),
        (_, 1) => step.need(Need::AllIfGiven(facts)),
        _ => step.need(Need::All(facts)),
    };
    let step = match place % 6 {
        0 => step.in_environment(&node("n1"), Environment::Installed),
        1 => step.in_environment(&node("n2"), Environment::Installed),
        2 => step.in_environment(&node("n1"), Environment::Discovery),
        _ => step,
    };
    (step, *is_out)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_left_is_a_sound_plan_whose_steps_wait_only_for_each_other(
        drawn in prop::collection::vec((prop::collection::vec(any::<prop::sample::Index>(), 0..3), any::<u8>(), any::<u8>(), prop::bool::weighted(0.2)), 1..14)
    ) {
        let (steps, out): (Vec<Step>, Vec<bool>) = drawn.iter().enumerate().map(|(index, one)| step(index, one)).unzip();
        let out: BTreeSet<_> = steps.iter().zip(out).filter(|(_, out)| *out).map(|(step, _)| step.name.clone()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        // Boots across nodes may have no order; that is another test's.
        let Ok(prepared) = runtime.block_on(Stage::new(steps).prepare()) else { return Ok(()) };
        let whole = prepared.plan;
        let rest = whole.without(|planned| out.contains(&planned.step.name)).expect("what is left is a plan");
        let kept = names(&rest);
        prop_assert!(out.iter().all(|name| !kept.contains(name.as_str())));
        // By the graph of the whole plan: nothing that is kept waits for anything that is not, but for quorums.
        let is_kept = |vertex: VertexId| match whole.graph().vertices()[vertex.index()] {
            Vertex::Step(step) => Some(kept.contains(whole.step(step).step.name.as_str())),
            _ => None,
        };
        for (index, vertex) in whole.graph().vertices().iter().enumerate() {
            let id = VertexId(index as u32);
            let Vertex::Step(step) = vertex else { continue };
            if kept.contains(whole.step(*step).step.name.as_str()) {
                for (before, _) in whole.graph().predecessors(id) {
                    prop_assert_ne!(is_kept(before), Some(false), "{} waits for what was left out", whole.step(*step).step.name);
                }
            }
        }
        // A node makes all of its boots or none.
        for name in ["n1", "n2"] {
            let of = |plan: &Plan| plan.boots().iter().filter(|boot| boot.boot.node == node(name)).count();
            prop_assert!(of(&rest) == 0 || of(&rest) == of(&whole));
        }
        // What does not depend on what was left out is still there: nothing was left out in vain.
        if out.is_empty() {
            prop_assert_eq!(rest.id(), whole.id());
        }
    }
}
