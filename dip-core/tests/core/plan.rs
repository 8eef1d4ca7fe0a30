//! What plans look like, and why there is none.

use crate::effort::Effort;
use std::sync::Arc;

use dip_core::id::SiteName;
use dip_core::layer::Layers;
use dip_core::observed::{Observed, Survey};
use dip_core::plan::{Because, Draft, Goal, Plan, PlanFault, Reading, Vertex, render};
use dip_core::site::Site;
use dip_core::step::{Environment, Need, Step};

use crate::toy::{Stage, Toy, is_set, node, set};

fn names(plan: &Plan) -> Vec<&str> {
    plan.steps().iter().map(|planned| planned.step.name.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_holds_is_left_out_and_what_differs_is_kept_with_its_reason() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"]), set("c", &["b"])]);
    stage.change(|world| world.things.insert("a".to_owned()));
    let plan = stage.prepare().await.expect("a plan").plan;
    assert_eq!(names(&plan), ["toy.set thing/b", "toy.set thing/c"]);
    assert!(plan.steps().iter().all(|planned| matches!(planned.reading, Reading::Differs(_))));
    let edges: Vec<_> = plan.graph().predecessors(dip_core::id::StepId(1).into()).collect();
    assert!(matches!(edges[..], [(before, Because::Fact(fact))] if before.0 == 0 && *fact == is_set("b")));
}

#[tokio::test(start_paused = true)]
async fn the_same_site_and_readings_give_the_same_id_and_others_another() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"])]);
    let first = stage.prepare().await.expect("a plan").plan;
    tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
    let second = stage.prepare().await.expect("a plan").plan;
    assert_eq!(first.id(), second.id(), "an hour later nothing has changed but the time");
    stage.change(|world| world.things.insert("a".to_owned()));
    let third = stage.prepare().await.expect("a plan").plan;
    assert_ne!(first.id(), third.id());
}

#[tokio::test(start_paused = true)]
async fn a_circle_is_told_and_not_run() {
    let stage = Stage::new(vec![set("a", &["c"]), set("b", &["a"]), set("c", &["b"]), set("d", &[])]);
    let error = stage.prepare().await.expect_err("there is no order");
    let expected = "\
these wait for each other, so none can ever start:
  `toy.set thing/a` waits for `toy.set thing/c`: it needs toy.set@thing/c
  `toy.set thing/c` waits for `toy.set thing/b`: it needs toy.set@thing/b
  `toy.set thing/b` waits for `toy.set thing/a`: it needs toy.set@thing/a
  one of these needs must go";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_rack_that_waits_for_its_host_while_the_host_waits_for_the_rack_is_a_circle_too() {
    let n1 = node("n1");
    let host = set("host", &[]).in_environment(&n1, Environment::Installed);
    let mut stage = Stage::new(vec![host]);
    // The boot itself needs what can only be done once it is over.
    stage.layers =
        dip_core::layer::Layers::new().with(Gated(set("host", &[]).in_environment(&n1, Environment::Installed)));
    let error = stage.prepare().await.expect_err("there is no order").to_string();
    assert!(error.contains("boot 1 of n1 (installed)"), "{error}");
    assert!(error.contains("one of these needs must go"), "{error}");
}

/// A toy whose boots need what is done after them.
#[derive(Debug)]
struct Gated(dip_core::step::Step);

impl dip_core::layer::Layer for Gated {
    fn id(&self) -> dip_core::id::LayerId {
        dip_core::id::LayerId::Os
    }
    fn facts(&self, _: &mut dip_core::fact::FactRegistry) {}
    fn operations(&self, _: &mut dip_core::operation::Operations) {}
    fn settings(&self) -> dip_core::site::SettingsSchema {
        dip_core::site::SettingsSchema::default()
    }
    fn connect(
        &self,
        _: &dip_core::site::Site,
        _: &dyn dip_core::secret::Secrets,
        _: &mut dip_core::provider::Providers,
    ) -> Result<(), Vec<dip_core::layer::ConnectError>> {
        Ok(())
    }
    fn propose(
        &self,
        _: &dip_core::site::Site,
        _: &dip_core::observed::Observed,
    ) -> Result<Vec<dip_core::step::Step>, Vec<dip_core::layer::Note>> {
        Ok(vec![self.0.clone()])
    }
    fn enter(&self, site: &dip_core::site::Site, boot: &dip_core::step::Boot) -> Vec<dip_core::step::Step> {
        let parts = crate::toy::Toy(Vec::new()).enter(site, boot);
        parts.into_iter().map(|part| part.need_facts([is_set("host")])).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn two_givers_of_one_fact_are_both_named() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &[]).give(is_set("a"))]);
    let error = stage.prepare().await.expect_err("it is not known which one is right");
    let expected = "\
toy.set@thing/a is given by 2 steps, and only one may give it:
  `toy.set thing/a`
  `toy.set thing/b`
  remove one of them from the site file, or let one of the two layers use a fact of its own";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test(start_paused = true)]
async fn an_unmet_need_names_the_nearest_givers_and_all_are_told_at_once() {
    let stage = Stage::new(vec![set("volume", &[]), set("a", &["volumes"]), set("b", &["pool"])]);
    let error = stage.prepare().await.expect_err("nobody gives it");
    assert_eq!(error.faults().len(), 2, "{error}");
    let text = error.to_string();
    assert!(text.contains("step `toy.set thing/a` needs toy.set@thing/volumes, which no step gives"), "{text}");
    assert!(text.contains("near to it: `toy.set thing/volume` gives toy.set@thing/volume"), "{text}");
    assert!(text.contains("step `toy.set thing/b` needs toy.set@thing/pool"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn many_that_wait_for_many_share_one_barrier() {
    // 400 storage nodes gave 164,400 edges in a predecessor; a vertex between them needs 800.
    let all: Vec<_> = (0..400).map(|index| is_set(&format!("member{index}"))).collect();
    let mut steps: Vec<_> = (0..400).map(|index| set(&format!("member{index}"), &[])).collect();
    steps.extend((0..400).map(|index| set(&format!("user{index}"), &[]).need(Need::All(all.clone()))));
    let plan = Stage::new(steps).prepare().await.expect("a plan").plan;
    let barriers = plan.graph().vertices().iter().filter(|vertex| matches!(vertex, Vertex::Barrier { .. })).count();
    assert_eq!((barriers, plan.graph().edge_count()), (1, 800));
}

#[test]
fn a_chain_of_200_000_steps_is_planned_and_a_circle_of_them_is_told() {
    const LONG: usize = 200_000;
    let step = |index: usize, before: Option<usize>| {
        let needs: Vec<String> = before.iter().map(ToString::to_string).collect();
        set(&index.to_string(), &needs.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let steps: Vec<_> = (0..LONG).map(|index| step(index, index.checked_sub(1))).collect();
    let draft = |steps: Vec<Step>| {
        let site = Arc::new(Site::new(SiteName::new("toy").expect("a name")));
        let layers = Layers::new().with(Toy(steps));
        Draft::new(site, &Observed::new(), &layers, Goal::Everything).map(|draft| (draft, layers))
    };
    let (drafted, layers) = draft(steps.clone()).expect("a draft");
    let survey = Survey::blind(LONG, "2026-01-01T00:00:00Z".parse().expect("a time"));
    let plan = Plan::new(&drafted, &survey, &layers).expect("a plan");
    // One vertex a step and one edge a need: nothing grows by the square, and nothing is told by calling itself.
    assert_eq!((plan.graph().vertices().len(), plan.graph().edge_count()), (LONG, LONG - 1));
    assert_eq!(plan.graph().heights()[0], u32::try_from(LONG).expect("small"));

    let mut circle = steps;
    circle[0] = step(0, Some(LONG - 1));
    let error = draft(circle).expect_err("it waits for itself");
    let [PlanFault::Circle(links)] = error.faults() else {
        panic!("one circle, and not {} faults", error.faults().len())
    };
    assert_eq!(links.len(), LONG);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_off_is_booted_once_and_its_work_waits_for_that() {
    let n1 = node("n1");
    let stage = Stage::new(vec![
        set("record", &[]),
        set("file", &["record"]).in_environment(&n1, Environment::Installed),
        set("user", &[]).in_environment(&n1, Environment::Installed),
    ]);
    let plan = stage.prepare().await.expect("a plan").plan;
    assert_eq!(plan.boots().len(), 1);
    let file = plan.why("thing/file").expect("it is in the plan").remove(0);
    assert_eq!(file.reason, "unknown until n1 runs its installed system");
    assert!(
        file.after.iter().any(|after| after == "boot 1 of n1 into installed, because it can run only there"),
        "{file}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_that_runs_is_not_booted() {
    let n1 = node("n1");
    let stage = Stage::new(vec![set("file", &[]).in_environment(&n1, Environment::Installed)]);
    stage.change(|world| world.nodes.insert(n1, Environment::Installed));
    let plan = stage.prepare().await.expect("a plan").plan;
    assert_eq!((plan.boots().len(), names(&plan)), (0, vec!["toy.set thing/file"]));
}

#[tokio::test(start_paused = true)]
async fn work_that_needs_a_node_off_is_grouped_before_it_runs_again() {
    let n1 = node("n1");
    let stage = Stage::new(vec![
        set("dimm", &[]).in_environment(&n1, Environment::Off),
        set("cable", &[]).in_environment(&n1, Environment::Off),
        set("file", &["dimm"]).in_environment(&n1, Environment::Installed),
        set("log", &[]).in_environment(&n1, Environment::Installed),
    ]);
    stage.change(|world| world.nodes.insert(n1, Environment::Installed));
    let plan = stage.prepare().await.expect("a plan").plan;
    let boots: Vec<_> = plan.boots().iter().map(|boot| (boot.boot.ordinal, boot.boot.to)).collect();
    assert_eq!(boots, [(1, Environment::Off), (2, Environment::Installed)]);
    // What can be done before the node goes down is done before.
    assert_eq!(plan.boots()[0].leaves.len(), 1);
    assert_eq!((plan.boots()[0].work.len(), plan.boots()[1].work.len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_plan_read_from_disk_is_the_same_plan() {
    let n1 = node("n1");
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"]).in_environment(&n1, Environment::Installed)]);
    let plan = stage.prepare().await.expect("a plan").plan;
    let text = serde_json::to_string(&*plan).expect("JSON");
    let read: Plan = serde_json::from_str(&text).expect("the same plan");
    assert_eq!(read.id(), plan.id());
    assert_eq!(names(&read), names(&plan));
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_was_changed_on_disk_is_refused() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"])]);
    let plan = stage.prepare().await.expect("a plan").plan;
    let text = serde_json::to_string(&*plan).expect("JSON");
    let changed = text.replace(r#""needs":[{"all":["toy.set@thing/a"]}]"#, r#""needs":[]"#);
    assert_ne!(changed, text, "the need is in the text");
    let error = serde_json::from_str::<Plan>(&changed).expect_err("it was changed").to_string();
    assert!(error.contains("it was changed after it was made"), "{error}");
    let circle = text.replace(r#""needs":[]"#, r#""needs":[{"all":["toy.set@thing/b"]}]"#);
    let error = serde_json::from_str::<Plan>(&circle).expect_err("a circle").to_string();
    assert!(error.contains("wait for each other"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_question_about_a_step_that_is_not_there_names_the_nearest() {
    let plan = Stage::new(vec![set("storage", &[])]).prepare().await.expect("a plan").plan;
    let error = plan.why("thing/stroage").expect_err("a typo");
    assert_eq!(error.to_string(), "no step fits `thing/stroage`; did you mean `thing/storage`?");
}

#[tokio::test(start_paused = true)]
async fn a_quorum_of_nothing_is_told_and_no_panic() {
    let empty = Need::AtLeast { count: 1, facts: Vec::new() };
    let error =
        Stage::new(vec![set("a", &[]).need(empty)]).prepare().await.expect_err("nobody can meet it").to_string();
    assert!(error.contains("step `toy.set thing/a` needs 1 fact out of none"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn more_facts_than_there_are_is_not_mistaken_for_those_that_are_given() {
    let facts = vec![is_set("a"), is_set("b")];
    let steps = vec![
        set("a", &[]),
        set("b", &[]),
        set("given", &[]).need(Need::AllIfGiven(facts.clone())),
        set("more", &[]).need(Need::AtLeast { count: usize::MAX, facts }),
    ];
    assert!(Stage::new(steps).prepare().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_step_that_gives_two_facts_of_a_quorum_counts_twice() {
    let facts = vec![is_set("s"), is_set("s2"), is_set("t")];
    let steps =
        vec![set("s", &[]).give(is_set("s2")), set("t", &[]), set("q", &[]).need(Need::AtLeast { count: 2, facts })];
    let plan = Stage::new(steps).prepare().await.expect("a plan").plan;
    let barrier = plan.graph().vertices().iter().position(|vertex| matches!(vertex, Vertex::Barrier { .. }));
    let barrier = dip_core::plan::VertexId(barrier.expect("a barrier") as u32);
    assert_eq!((plan.graph().predecessors(barrier).len(), plan.graph().threshold(barrier)), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_names_a_fact_twice_does_not_contest_itself() {
    let stage = Stage::new(vec![set("a", &[]).give(is_set("a"))]);
    assert!(stage.prepare().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_order_of_proposals_does_not_change_the_id() {
    let n1 = node("n1");
    let steps = || {
        vec![
            set("a", &[]),
            set("b", &["a"]).in_environment(&n1, Environment::Installed),
            set("c", &["a"]).in_environment(&n1, Environment::Installed),
            set("d", &["b", "c"]).in_environment(&n1, Environment::Off),
        ]
    };
    let first = Stage::new(steps()).prepare().await.expect("a plan").plan;
    let second = Stage::new(steps().into_iter().rev().collect()).prepare().await.expect("a plan").plan;
    assert_eq!(first.id(), second.id());
}

#[tokio::test(start_paused = true)]
async fn no_part_of_a_step_can_be_changed_on_disk_unseen() {
    let stage = Stage::new(vec![set("a", &[])]);
    let plan = stage.prepare().await.expect("a plan").plan;
    let text = serde_json::to_string(&*plan).expect("JSON");
    for (from, to) in [
        (r#""deadline":{"secs":120"#, r#""deadline":{"secs":7200"#),
        (r#""sight":"anytime""#, r#""sight":"after_needs""#),
        (r#""layer":"os""#, r#""layer":"apps""#),
        (r#""subject":"thing/a""#, r#""subject":"thing/b""#),
        (r#""hazard":"none""#, r#""hazard":"erases""#),
        (r#""domain":null"#, r#""domain":"elsewhere.example""#),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text, "{from} is in the text");
        let error = serde_json::from_str::<Plan>(&changed).expect_err(to).to_string();
        assert!(error.contains("it was changed after it was made"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_unmet_needs_are_told_in_no_time() {
    let steps = (0..10_000).map(|index| set(&format!("n{index}"), &[&format!("dns{index}")])).collect();
    let effort = Effort::begin();
    let error = Stage::new(steps).prepare().await.expect_err("nobody gives them");
    assert_eq!(error.faults().len(), 10_000);
    // Linear, it takes a second in a build for tests; with a search through all givers for each it took minutes.
    assert!(effort.so_far() < std::time::Duration::from_secs(30), "{:?}", effort.so_far());
}

#[tokio::test(start_paused = true)]
async fn thousands_of_nodes_that_go_off_and_on_again_are_planned_in_no_time() {
    let steps = (0..3_000).flat_map(|index| {
        let (at, dimm) = (node(&format!("n{index}")), format!("dimm{index}"));
        [
            set(&dimm, &[]).in_environment(&at, Environment::Off),
            set(&format!("file{index}"), &[&dimm]).in_environment(&at, Environment::Installed),
        ]
    });
    let stage = Stage::new(steps.collect());
    let effort = Effort::begin();
    let plan = stage.prepare().await.expect("a plan").plan;
    // All are off: what needs that is done first, and each is booted once.
    assert_eq!((plan.boots().len(), plan.boots()[0].boot.ordinal), (3_000, 1));
    // Linear, it takes a second in a build for tests; with a walk through the whole plan for each node the time grows by the square.
    assert!(effort.so_far() < std::time::Duration::from_secs(10), "{:?}", effort.so_far());
}

#[tokio::test(start_paused = true)]
async fn going_back_is_a_plan_to_the_former_site_and_what_cannot_be_undone_is_marked() {
    let stage =
        Stage::new(vec![set("flash", &[]).irreversible("this firmware refuses older versions"), set("tune", &[])]);
    let text = render::text(&stage.prepare().await.expect("a plan").plan);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("+ thing flash; CANNOT BE UNDONE: this firmware refuses older versions"), "{text}");
    assert_eq!(words.matches("CANNOT BE UNDONE").count(), 1, "{text}");
}
