//! Converge: what one round makes known the next one plans with; rounds are bounded, and nothing is repeated for ever.

use std::sync::Arc;
use std::time::Duration;

use dip_core::engine::{
    Control, Converge, ConvergeEnd, Converged, Engine, EngineError, Planner, Repair, Round, Stop, WhyLeft,
};
use dip_core::fact::FactRegistry;
use dip_core::id::LayerId;
use dip_core::journal::{Command, MemoryJournal, Order};
use dip_core::layer::{ConnectError, Deferred, Layer, Note};
use dip_core::observed::Observed;
use dip_core::operation::Operations;
use dip_core::plan::{Plan, PlanError, render};
use dip_core::provider::{ErrorKind, Providers};
use dip_core::secret::Secrets;
use dip_core::site::{SettingsSchema, Site};
use dip_core::step::{Boot, Environment, Hazard, Step};

use crate::toy::{Stage, is_set, node, set};

/// A layer some of whose steps wait for a fact.
#[derive(Debug)]
pub(crate) struct Later {
    pub(crate) now: Vec<Step>,
    /// What is deferred, and the steps that come then.
    pub(crate) then: Vec<(Deferred, Vec<Step>)>,
}

impl Layer for Later {
    fn id(&self) -> LayerId {
        LayerId::Apps
    }

    fn facts(&self, _: &mut FactRegistry) {}

    fn operations(&self, _: &mut Operations) {}

    fn settings(&self) -> SettingsSchema {
        SettingsSchema::default()
    }

    fn connect(&self, _: &Site, _: &dyn Secrets, _: &mut Providers) -> Result<(), Vec<ConnectError>> {
        Ok(())
    }

    fn propose(&self, _: &Site, seen: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let then = self.then.iter().filter(|(deferred, _)| deferred.is_known(seen));
        Ok(self.now.iter().chain(then.flat_map(|(_, steps)| steps)).cloned().collect())
    }

    // It names all; core leaves out what is known.
    fn deferred(&self, _: &Site, _: &Observed) -> Vec<Deferred> {
        self.then.iter().map(|(deferred, _)| deferred.clone()).collect()
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A world with steps now, and others that come once a thing is set.
fn later(now: Vec<Step>, then: Vec<(&str, &str, Vec<Step>)>) -> Stage {
    let deferred = |what: &str, thing| Deferred { what: what.to_owned(), until: vec![is_set(thing)], origin: None };
    let then = then.into_iter().map(|(what, thing, steps)| (deferred(what, thing), steps)).collect();
    let mut stage = Stage::new(Vec::new());
    stage.layers = stage.layers.with(Later { now, then });
    stage
}

fn planner(stage: &Stage) -> Planner<'_> {
    Planner::new(&stage.layers, &stage.providers).clock(&*stage.clock)
}

fn converge(stage: &Stage) -> Converge<'_> {
    Converge::new(planner(stage), Arc::clone(&stage.site))
}

/// Carries out rounds; the plans of all of them.
async fn run(stage: &Stage, converge: &mut Converge<'_>, stop: &Stop) -> (Converged, Vec<Arc<Plan>>) {
    let engine = Engine::new(stage.layers.operations(), stage.providers.clone()).clock(Arc::clone(&stage.clock));
    let mut plans = Vec::new();
    let converged = converge.run(stop, async |round: Round<'_>| {
        plans.push(Arc::clone(&round.plan));
        let journal = round.journal(Arc::new(MemoryJournal::new()));
        Ok::<_, Wrong>(Some(engine.run(&format!("r{}", round.number), round.plan, journal, stop).await?))
    });
    let converged = converged.await.expect("plans can be made and carried out");
    (converged, plans)
}

fn names(plan: &Plan) -> Vec<&str> {
    let mut names: Vec<&str> = plan.steps().iter().map(|planned| planned.step.subject.name()).collect();
    names.sort_unstable();
    names
}

fn left(converged: &Converged) -> Vec<(&str, &WhyLeft)> {
    converged.left.iter().map(|left| (left.step.as_str(), &left.why)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_one_round_makes_known_the_next_one_plans_with() {
    let osd = set("osd", &["disks"]);
    let stage = later(
        vec![set("disks", &[])],
        vec![("the OSDs of n1", "disks", vec![osd]), ("the pool", "osd", vec![set("pool", &["osd"])])],
    );
    let (converged, plans) = run(&stage, &mut converge(&stage), &Stop::new()).await;
    assert_eq!((converged.end, converged.rounds), (ConvergeEnd::Ready, 3), "{converged}");
    assert_eq!(plans.iter().map(|plan| names(plan)).collect::<Vec<_>>(), [["disks"], ["osd"], ["pool"]]);
    // Each round says what it leaves for later, by what it knows.
    let deferred = |plan: &Arc<Plan>| plan.deferred().iter().map(|one| one.what.clone()).collect::<Vec<_>>();
    assert_eq!(deferred(&plans[0]), ["the OSDs of n1", "the pool"]);
    assert_eq!(deferred(&plans[1]), ["the pool"]);
    assert!(deferred(&plans[2]).is_empty());
    stage.change(|world| assert_eq!(world.applied, ["disks", "osd", "pool"]));
}

#[tokio::test(start_paused = true)]
async fn what_a_look_makes_known_is_planned_with_at_once() {
    let stage = later(vec![set("disks", &[])], vec![("the OSDs of n1", "disks", vec![set("osd", &["disks"])])]);
    stage.change(|world| world.things.insert("disks".to_owned()));
    let plan = stage.prepare().await.expect("a plan").plan;
    assert_eq!((names(&plan), plan.deferred().len()), (vec!["osd"], 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_seen_only_on_the_way_is_seen_once_and_remembered() {
    let n1 = node("n1");
    let disks = set("disks", &[]).in_environment(&n1, Environment::Discovery);
    let host = set("host", &[]).in_environment(&n1, Environment::Installed);
    let osd = set("osd", &["disks"]).in_environment(&n1, Environment::Installed);
    let stage = later(vec![disks, host], vec![("the OSDs of n1", "disks", vec![osd])]);
    let mut first = converge(&stage);
    let (converged, plans) = run(&stage, &mut first, &Stop::new()).await;
    assert_eq!((converged.end, converged.rounds), (ConvergeEnd::Ready, 2), "{converged}");
    assert!(names(&plans[1]).contains(&"osd"));
    // Nobody boots a node to learn that it needs no boot: one boot each, and none for the second round.
    stage.change(|world| assert_eq!(world.applied, ["n1 discovery", "disks", "n1 installed", "host", "osd"]));
    let last = converged.last.expect("a look").plan;
    assert!(render::text(&last).contains("1 check could not be made where its node is now"), "{}", render::text(&last));
    assert!(last.held().iter().any(|held| held.read.is_some() && held.subject.name() == "disks"));
    // Whoever never saw it, or only long ago, has to look.
    let mut seen = first.seen().clone();
    let again = planner(&stage).prepare(Arc::clone(&stage.site), &mut seen.clone()).await.expect("a plan").plan;
    assert!(again.is_empty());
    seen.forget_before(stage.clock.now());
    let again = planner(&stage).prepare(Arc::clone(&stage.site), &mut seen).await.expect("a plan").plan;
    assert!(names(&again).contains(&"disks"));
}

#[tokio::test(start_paused = true)]
async fn what_feeds_a_step_that_erases_is_not_believed_from_memory() {
    let n1 = node("n1");
    let disks = set("disks", &[]).in_environment(&n1, Environment::Discovery);
    let osd = set("osd", &["disks"]).hazard(Hazard::Disrupts).in_environment(&n1, Environment::Installed);
    let stage = later(vec![disks], vec![("the OSDs of n1", "disks", vec![osd])]);
    let (converged, plans) = run(&stage, &mut converge(&stage), &Stop::new()).await;
    assert_eq!((converged.end, converged.rounds), (ConvergeEnd::Ready, 2), "{converged}");
    let second = names(&plans[1]);
    assert!(second.contains(&"disks") && second.contains(&"osd"), "{second:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_read_under_another_wish_says_nothing_of_this_one() {
    let n1 = node("n1");
    let raid = set("raid", &[]).in_environment(&n1, Environment::Discovery);
    let stage = Stage::new(vec![raid.clone()]);
    stage.change(|world| world.things.insert("raid".to_owned()));
    let facts = || dip_core::fact::Facts::new().with_key(is_set("raid"), &true);
    let mut seen = Observed::new();
    seen.record_by(&raid.call, facts(), stage.clock.now());
    let other = set("another", &[]);
    let plan = planner(&stage).prepare(Arc::clone(&stage.site), &mut seen).await.expect("a plan").plan;
    assert!(!names(&plan).contains(&"raid"));
    let mut seen = Observed::new();
    seen.record_by(&other.call, facts(), stage.clock.now());
    let plan = planner(&stage).prepare(Arc::clone(&stage.site), &mut seen).await.expect("a plan").plan;
    assert!(names(&plan).contains(&"raid"));
}

#[tokio::test(start_paused = true)]
async fn what_differs_again_by_the_same_is_named_and_not_repeated_for_ever() {
    // Whoever sets `c` takes `a` away again.
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"]), set("c", &["a", "b"])]);
    stage.change(|world| world.flaps.insert("c".to_owned(), "a".to_owned()));
    let mut rounds = converge(&stage);
    let (converged, plans) = run(&stage, &mut rounds, &Stop::new()).await;
    assert_eq!((converged.end, converged.rounds), (ConvergeEnd::Unsettled, 1), "{converged}");
    assert!(matches!(left(&converged)[..], [("toy.set thing/a", WhyLeft::Flaps(_))]), "{converged}");
    assert_eq!(plans.len(), 1);
    assert_eq!(
        converged.to_string(),
        "Converge ended after 1 round, not ready: something does not settle, and all that does not depend on it is done.\n  \
         does not settle: toy.set thing/a — it was made so, and differs again: + thing a; find out what sets it back\n"
    );
    // An hour later it is still not set again, and once somebody has set it, it is forgotten.
    let (converged, _) = run(&stage, &mut rounds, &Stop::new()).await;
    assert_eq!((converged.end, converged.rounds), (ConvergeEnd::Unsettled, 0));
    stage.change(|world| world.things.insert("a".to_owned()));
    assert_eq!(run(&stage, &mut rounds, &Stop::new()).await.0.end, ConvergeEnd::Ready);
    stage.change(|world| {
        world.flaps.clear();
        world.things.remove("a")
    });
    let (converged, _) = run(&stage, &mut rounds, &Stop::new()).await;
    assert_eq!((converged.end, converged.rounds), (ConvergeEnd::Ready, 1), "it differs for the first time since");
}

#[tokio::test(start_paused = true)]
async fn what_is_set_back_between_all_looks_is_named_at_the_fourth() {
    let stage = Stage::new(vec![set("a", &[]), set("once", &[])]);
    let mut looks = converge(&stage);
    for _ in 0..3 {
        let (converged, _) = run(&stage, &mut looks, &Stop::new()).await;
        assert_eq!((converged.end, converged.rounds), (ConvergeEnd::Ready, 1), "{converged}");
        stage.change(|world| world.things.remove("a"));
    }
    // What differs for the first time in a while is put right all the same.
    stage.change(|world| world.things.remove("once"));
    let (converged, plans) = run(&stage, &mut looks, &Stop::new()).await;
    assert_eq!((converged.end, names(&plans[0])), (ConvergeEnd::Unsettled, vec!["once"]), "{converged}");
    assert!(matches!(left(&converged)[..], [("toy.set thing/a", WhyLeft::Flaps(_))]));
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_one_round_holds_up_only_what_depends_on_it() {
    let steps = vec![set("disks", &[]), set("bad", &[]), set("behind", &["bad"])];
    let stage = later(steps, vec![("the OSDs of n1", "disks", vec![set("osd", &["disks"])])]);
    stage.change(|world| world.fails.insert("bad".to_owned(), (usize::MAX, ErrorKind::Denied)));
    let (converged, plans) = run(&stage, &mut converge(&stage), &Stop::new()).await;
    assert_eq!((converged.end, converged.rounds), (ConvergeEnd::Failed, 2), "{converged}");
    assert_eq!(names(&plans[1]), ["osd"], "what failed is not tried in each round");
    assert!(matches!(left(&converged)[..], [("toy.set thing/bad", WhyLeft::Failed(_))]));
    assert_eq!(converged.waiting, 1, "{converged}");
    stage.change(|world| assert_eq!(world.applied.iter().filter(|name| *name == "bad").count(), 1));
}

#[tokio::test(start_paused = true)]
async fn rounds_are_bounded() {
    let then = vec![
        ("the second", "0", vec![set("1", &["0"])]),
        ("the third", "1", vec![set("2", &["1"])]),
        ("the fourth", "2", vec![set("3", &["2"])]),
    ];
    let stage = later(vec![set("0", &[])], then);
    let (converged, plans) = run(&stage, &mut converge(&stage).rounds(2), &Stop::new()).await;
    assert_eq!((converged.end, converged.rounds, plans.len()), (ConvergeEnd::RoundsOver, 2, 2), "{converged}");
    assert_eq!((converged.waiting, converged.deferred.len()), (1, 1), "{converged}");
}

#[tokio::test(start_paused = true)]
async fn what_never_becomes_known_is_told_as_deferred() {
    let stage = later(vec![set("a", &[])], vec![("the OSDs of n1", "disks", vec![])]);
    let (converged, _) = run(&stage, &mut converge(&stage), &Stop::new()).await;
    assert_eq!((converged.end, converged.rounds), (ConvergeEnd::Deferred, 1));
    assert!(
        converged.to_string().ends_with("  deferred until toy.set of disks is known: the OSDs of n1\n"),
        "{converged}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_interruption_ends_the_round_and_the_rounds() {
    let stage = later(vec![set("0", &[])], vec![("more", "0", vec![set("1", &["0"])])]);
    stage.change(|world| world.takes = Duration::from_secs(10));
    let stop = Stop::new();
    let ask = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        stop.ask();
    };
    let mut rounds = converge(&stage);
    let ((converged, plans), ()) = tokio::join!(run(&stage, &mut rounds, &stop), ask);
    assert_eq!((converged.end, plans.len()), (ConvergeEnd::Interrupted, 1));
    stage.change(|world| assert_eq!(world.applied, ["0"], "what ran has ended"));
    // Whoever stops before the first look has done nothing.
    let (converged, plans) = run(&stage, &mut converge(&stage), &stop).await;
    assert!(converged.end == ConvergeEnd::Interrupted && plans.is_empty() && converged.last.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_round_can_be_declined_and_commanded() {
    let stage = later(vec![set("0", &[]), set("bad", &[])], vec![("more", "0", vec![set("1", &["0"])])]);
    stage.change(|world| world.fails.insert("bad".to_owned(), (usize::MAX, ErrorKind::Unreachable)));
    let control = Control::new();
    let engine = Engine::new(stage.layers.operations(), stage.providers.clone()).clock(Arc::clone(&stage.clock));
    let engine = engine.control(&control);
    let (stop, mut rounds) = (Stop::new(), converge(&stage));
    let work = rounds.run(&stop, async |round: Round<'_>| {
        if round.number == 2 {
            return Ok(None);
        }
        let journal = round.journal(Arc::new(MemoryJournal::new()));
        Ok::<_, Wrong>(Some(engine.run("r", round.plan, journal, &stop).await?))
    });
    let order = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let command = Command::Skip { step: "toy.set thing/bad".into(), reason: "nobody needs it".to_owned() };
        control.give(Order::new("ann", command)).await.expect("it is obeyed");
    };
    let (converged, ()) = tokio::join!(work, order);
    let converged = converged.expect("a plan");
    assert_eq!((converged.end, converged.rounds), (ConvergeEnd::Declined, 1), "{converged}");
    assert!(matches!(left(&converged)[..], [("toy.set thing/bad", WhyLeft::Skipped(_))]), "{converged}");
}

#[tokio::test(start_paused = true)]
async fn only_what_disrupts_nothing_is_put_right_where_that_was_asked_for() {
    let steps = vec![set("port", &[]).hazard(Hazard::Disrupts), set("host", &["port"]), set("record", &[])];
    let stage = Stage::new(steps);
    let (converged, plans) = run(&stage, &mut converge(&stage).repair(Repair::Safe), &Stop::new()).await;
    assert_eq!((converged.end, names(&plans[0])), (ConvergeEnd::Withheld, vec!["record"]), "{converged}");
    assert!(matches!(left(&converged)[..], [("toy.set thing/port", WhyLeft::Withheld)]));
    assert_eq!(converged.waiting, 1);
    let (converged, plans) = run(&stage, &mut converge(&stage).repair(Repair::Report), &Stop::new()).await;
    assert_eq!((converged.end, plans.len(), converged.left.len()), (ConvergeEnd::Withheld, 0, 2));
    stage.change(|world| assert_eq!(world.applied, ["record"]));
}
