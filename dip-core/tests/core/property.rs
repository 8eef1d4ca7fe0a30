//! Random graphs, random luck: a checker that knows nothing of the schedule reads the journal and judges the run.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dip_core::engine::{Limits, RunView, Schedule, Status, Stop};
use dip_core::fact::FactKey;
use dip_core::id::StepId;
use dip_core::journal::{Event, Journal, JournalReader, MemoryJournal, Record};
use dip_core::plan::{Plan, PlanFault, render};
use dip_core::provider::ErrorKind;
use dip_core::report::Report;
use dip_core::step::{Environment, Hazard, Lock, Need, Step};
use petgraph::graph::DiGraph;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::guards::consent;
use crate::judge::Judge;
use crate::mortal::Mortal;
use crate::toy::{Stage, is_set, node, on_paused_time, set, set_two, two_of};

/// How a thing behaves when it is set.
#[derive(Debug, Clone, Copy)]
enum Luck {
    Fine,
    Refused,
    Foreign,
    Busy(usize),
    Lost,
    NeverTrue,
    Slow(u64),
    SlowAndSilent(u64, usize),
}

/// A need, by numbers of steps.
#[derive(Debug, Clone)]
enum Wish {
    All(Vec<usize>),
    AtLeast(usize, Vec<usize>),
    IfGiven(usize),
    AllIfGiven(Vec<usize>),
}

#[derive(Debug, Clone)]
struct Thing {
    wishes: Vec<Wish>,
    locks: Vec<u8>,
    luck: Luck,
    hazard: bool,
    is_there: bool,
    gives_two: bool,
    /// On which of two nodes it must be done, if on any, and whether while that is off.
    place: Option<(u8, bool)>,
}

#[derive(Debug, Clone)]
struct Case {
    things: Vec<Thing>,
    order: Vec<usize>,
    workers: usize,
    takes: u64,
    runs: [Option<bool>; 2],
}

fn wish() -> impl Strategy<Value = Wish> {
    let some = || vec(any::<usize>(), 1..5);
    prop_oneof![
        3 => some().prop_map(Wish::All),
        2 => (any::<usize>(), some()).prop_map(|(count, of)| Wish::AtLeast(count, of)),
        1 => any::<usize>().prop_map(Wish::IfGiven),
        1 => some().prop_map(Wish::AllIfGiven),
    ]
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        6 => Just(Luck::Fine),
        1 => Just(Luck::Refused),
        1 => Just(Luck::Foreign),
        1 => (1usize..3).prop_map(Luck::Busy),
        1 => Just(Luck::Lost),
        1 => Just(Luck::NeverTrue),
        1 => (1u64..20).prop_map(Luck::Slow),
        1 => (1u64..20, 1usize..3).prop_map(|(seconds, looks)| Luck::SlowAndSilent(seconds, looks)),
    ]
}

fn one(with_places: bool) -> impl Strategy<Value = Thing> {
    let place = if with_places {
        prop_oneof![2 => Just(None), 1 => (0u8..2, any::<bool>()).prop_map(Some)].boxed()
    } else {
        Just(None).boxed()
    };
    let wishes = vec(wish(), 0..3);
    let flags = (prop::bool::weighted(0.2), prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    (wishes, vec(0u8..3, 0..3), luck(), flags, place).prop_map(|(wishes, locks, luck, flags, place)| {
        let (hazard, is_there, gives_two) = flags;
        Thing { wishes, locks, luck, hazard, is_there, gives_two, place }
    })
}

fn case(with_places: bool) -> impl Strategy<Value = Case> {
    (vec(one(with_places), 1..11), 1usize..4, 0u64..3, any::<[Option<bool>; 2]>()).prop_flat_map(
        |(things, workers, takes, runs)| {
            let order: Vec<usize> = (0..things.len()).collect();
            Just(order).prop_shuffle().prop_map(move |order| Case {
                things: things.clone(),
                order,
                workers,
                takes,
                runs,
            })
        },
    )
}

fn name(index: usize) -> String {
    format!("t{index}")
}

impl Case {
    /// The fact that a number stands for: of one of the things before, or sometimes one that nobody gives.
    fn fact(&self, before: usize, number: usize, may_miss: bool) -> FactKey {
        let places = before + usize::from(may_miss);
        match number % places.max(1) {
            index if index >= before => is_set("nobody"),
            index if self.things[index].gives_two && number % 7 > 3 => is_set(&format!("{}-too", name(index))),
            index => is_set(&name(index)),
        }
    }

    fn need(&self, before: usize, wish: &Wish) -> Option<Need> {
        let facts =
            |numbers: &[usize], may_miss| numbers.iter().map(|&n| self.fact(before, n, may_miss)).collect::<Vec<_>>();
        match wish {
            Wish::IfGiven(number) => Some(Need::IfGiven(self.fact(before, *number, true))),
            Wish::AllIfGiven(numbers) => Some(Need::AllIfGiven(facts(numbers, true))),
            _ if before == 0 => None,
            Wish::All(numbers) => Some(Need::All(facts(numbers, false))),
            Wish::AtLeast(count, numbers) => {
                let facts: Vec<FactKey> =
                    facts(numbers, false).into_iter().collect::<BTreeSet<_>>().into_iter().collect();
                Some(Need::AtLeast { count: count % (facts.len() + 1), facts })
            }
        }
    }

    fn step(&self, index: usize) -> Step {
        let thing = &self.things[index];
        let own = name(index);
        let mut step = if thing.gives_two { set_two(&own, &format!("{own}-too")) } else { set(&own, &[]) };
        for wish in &thing.wishes {
            if let Some(need) = self.need(index, wish) {
                step = step.need(need);
            }
        }
        for lock in &thing.locks {
            step = step.lock(lock_of(*lock).weighing(1 + u32::from(index % 2 == 1)));
        }
        if thing.hazard {
            step = step.hazard(Hazard::Disrupts);
        }
        match thing.place {
            None => step,
            Some((at, is_off)) => {
                let environment = if is_off { Environment::Off } else { Environment::Installed };
                step.in_environment(&node(&format!("n{at}")), environment)
            }
        }
    }

    fn stage(&self) -> Stage {
        let stage = Stage::new(self.order.iter().map(|&index| self.step(index)).collect());
        stage.change(|world| {
            world.takes = Duration::from_secs(self.takes);
            for (index, runs) in self.runs.iter().enumerate() {
                if let Some(runs) = runs {
                    let environment = if *runs { Environment::Installed } else { Environment::Off };
                    world.nodes.insert(node(&format!("n{index}")), environment);
                }
            }
            for (index, thing) in self.things.iter().enumerate() {
                let name = name(index);
                if thing.is_there {
                    world.things.insert(name.clone());
                }
                match thing.luck {
                    Luck::Fine => {}
                    Luck::Refused => drop(world.fails.insert(name, (usize::MAX, ErrorKind::Denied))),
                    Luck::Foreign => drop(world.fails.insert(name, (usize::MAX, ErrorKind::Conflict))),
                    Luck::Busy(times) => drop(world.fails.insert(name, (times, ErrorKind::Busy))),
                    Luck::Lost => drop(world.loses.insert(name, 1)),
                    Luck::NeverTrue => drop(world.loses.insert(name, usize::MAX)),
                    Luck::Slow(seconds) => drop(world.slow.insert(name, Duration::from_secs(seconds))),
                    Luck::SlowAndSilent(seconds, looks) => {
                        world.silent.insert(name.clone(), looks);
                        world.slow.insert(name, Duration::from_secs(seconds));
                    }
                }
            }
        });
        stage
    }

    fn limits(&self) -> Limits {
        Limits { workers: self.workers, ..Limits::default() }.with(two_of(&lock_of(2)))
    }
}

fn lock_of(index: u8) -> Lock {
    Lock::new(format!("lock{index}"))
}

/// Whether the steps of a report ended alike; counts of attempts and words may differ.
fn ends(report: &Report) -> Vec<(&str, u8)> {
    let end = |status: &Status| match status {
        Status::Settled(_) => 0,
        Status::Failed { .. } => 1,
        Status::Blocked { .. } => 2,
        Status::Waiting(_) | Status::Running { .. } => 3,
        Status::Skipped { .. } => 4,
    };
    report.steps.iter().map(|step| (step.name.as_str(), end(&step.status))).collect()
}

/// The plan of a case; none where two nodes' boots wait for each other, which is told and not run.
async fn plan_of(stage: &Stage) -> Option<Arc<Plan>> {
    match stage.prepare().await {
        Ok(prepared) => Some(prepared.plan),
        Err(error) => {
            assert!(error.faults().iter().all(|fault| matches!(fault, PlanFault::Circle(_))), "{error}");
            None
        }
    }
}

async fn run_whole(case: &Case) -> Option<(Report, Vec<Record>, Stage)> {
    let stage = case.stage();
    let plan = plan_of(&stage).await?;
    let journal = Arc::new(MemoryJournal::new());
    let engine = stage.engine().limits(case.limits());
    let (kept, stop) = (Arc::clone(&journal) as Arc<dyn Journal>, Stop::new());
    let run = engine.run("r1", plan, kept, &stop);
    let report = tokio::time::timeout(Duration::from_secs(100_000), run).await.expect("no run waits for ever");
    Some((report.expect("the journal is sound"), journal.records(), stage))
}

fn plan_in(records: &[Record]) -> Arc<Plan> {
    let Event::Began { plan, .. } = &records[0].event else { panic!("a journal begins with its plan") };
    Arc::clone(plan)
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn every_run_keeps_its_order_limits_and_locks_and_leaves_nothing_waiting(case in case(true)) {
        on_paused_time(async {
            let Some((report, records, stage)) = run_whole(&case).await else { return Ok(()) };
            let plan = plan_in(&records);
            Judge::new(&plan, case.limits()).judge(&records, &report).map_err(TestCaseError::fail)?;
            prop_assert!(stage.change(|world| world.most_running) <= case.workers);
            let view = RunView::of(&records).expect("a run");
            for (index, step) in report.steps.iter().enumerate() {
                prop_assert_eq!(&view.schedule.status(StepId::at(index)), &step.status);
            }
            let text = [render::text(&plan), render::dot(&plan), render::mermaid(&plan), report.to_string()].concat();
            prop_assert!(!text.is_empty());
            for index in 0..plan.steps().len() {
                prop_assert!(!plan.explain(StepId::at(index)).to_string().is_empty());
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_process_that_dies_at_any_record_leaves_a_run_that_ends_in_the_same_world(case in case(false), cuts in vec(any::<usize>(), 1..3)) {
        on_paused_time(async {
            let Some((whole, whole_records, whole_stage)) = run_whole(&case).await else { return Ok(()) };
            let stage = case.stage();
            let plan = plan_of(&stage).await.expect("it is the same plan");
            let engine = stage.engine().limits(case.limits());
            let stop = Stop::new();
            let life = cuts[0] % whole_records.len() + 1;
            let journal = Arc::new(Mortal::after(life));
            let first = engine.run("r1", Arc::clone(&plan), Arc::clone(&journal) as Arc<dyn Journal>, &stop).await;
            let mut records = journal.records();
            prop_assert_eq!(first.is_ok(), life >= whole_records.len(), "it dies when its journal does");
            // It may die again while it goes on.
            for cut in &cuts[1..] {
                let journal = Arc::new(Mortal::after(cut % 20));
                let _ = engine.resume(&records, Arc::clone(&journal) as Arc<dyn Journal>, &stop).await;
                records.extend(journal.records());
            }
            let settled: BTreeSet<String> = records.iter().filter_map(|record| match &record.event {
                Event::Settled { step, .. } => Some(plan.step(*step).step.subject.name().to_owned()),
                _ => None,
            }).collect();
            let before = stage.applied().len();
            let journal = Arc::new(MemoryJournal::new());
            let report = engine.resume(&records, Arc::clone(&journal) as Arc<dyn Journal>, &stop).await.expect("a run");
            records.extend(journal.records());
            prop_assert!(stage.applied()[before..].iter().all(|name| !settled.contains(name)), "settled and done again");
            prop_assert_eq!(ends(&report), ends(&whole));
            let things = |stage: &Stage| stage.change(|world| world.things.clone());
            prop_assert_eq!(things(&stage), things(&whole_stage));
            Judge::new(&plan, case.limits()).judge(&records, &report).map_err(TestCaseError::fail)
        })?;
    }

    #[test]
    fn a_plan_does_not_depend_on_the_order_of_proposals(case in case(true)) {
        on_paused_time(async {
            let mut other = case.clone();
            other.order.sort_unstable();
            let (first, second) = (plan_of(&case.stage()).await, plan_of(&other.stage()).await);
            prop_assert_eq!(first.as_ref().map(|plan| plan.id()), second.as_ref().map(|plan| plan.id()));
            if let Some(plan) = first {
                let read: Plan = serde_json::from_str(&serde_json::to_string(&*plan).expect("JSON")).expect("the same plan");
                prop_assert_eq!(read.id(), plan.id());
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_circle_is_found_where_there_is_one_and_nowhere_else(needs in vec(vec(0usize..12, 0..3), 1..12)) {
        let count = needs.len();
        let mut oracle = DiGraph::<(), ()>::new();
        let vertices: Vec<_> = (0..count).map(|_| oracle.add_node(())).collect();
        for (index, of) in needs.iter().enumerate() {
            for before in of {
                oracle.add_edge(vertices[before % count], vertices[index], ());
            }
        }
        // A knot is a strongly connected part of more than one, or one that waits for itself.
        let knots = petgraph::algo::kosaraju_scc(&oracle);
        let knots = knots.iter().filter(|knot| knot.len() > 1 || oracle.contains_edge(knot[0], knot[0])).count();
        prop_assert_eq!(knots > 0, petgraph::algo::is_cyclic_directed(&oracle));
        let steps = needs.iter().enumerate().map(|(index, of)| {
            let names: Vec<String> = of.iter().map(|before| name(before % count)).collect();
            set(&name(index), &names.iter().map(String::as_str).collect::<Vec<_>>())
        });
        let stage = on_paused_time(async { Stage::new(steps.collect()).prepare().await });
        let told = stage.err().map_or(0, |error| error.faults().iter().filter(|fault| matches!(fault, PlanFault::Circle(_))).count());
        prop_assert_eq!(told, knots);
    }

    #[test]
    fn any_names_can_be_drawn(names in vec((".{0,12}", ".{0,12}"), 1..5), wanted in ".{0,8}") {
        let steps = names.iter().enumerate().map(|(index, (subject, qualifier))| {
            set(&format!("{index}{subject}"), &[]).called(qualifier)
        });
        let prepared = on_paused_time(async { Stage::new(steps.collect()).prepare().await.expect("a plan") });
        let plan = &prepared.plan;
        let drawn = [render::text(plan), render::dot(plan), render::mermaid(plan)].concat();
        prop_assert!(!drawn.is_empty());
        let _ = plan.why(&wanted).map(|stories| stories.len());
    }
}

/// What may happen to a text on a disk.
#[derive(Debug, Clone)]
enum Harm {
    Flip(usize, u8),
    Cut(usize),
    Number(usize, u64),
    Repeat(usize, usize),
    Lose(usize, usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = any::<usize>;
    let number = prop_oneof![0u64..20, Just(u64::MAX), Just(u64::from(u32::MAX)), any::<u64>()];
    prop_oneof![
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Harm::Flip(at, byte)),
        1 => at().prop_map(Harm::Cut),
        6 => (at(), number).prop_map(|(at, number)| Harm::Number(at, number)),
        2 => (at(), 1usize..200).prop_map(|(at, length)| Harm::Repeat(at, length)),
        2 => (at(), 1usize..200).prop_map(|(at, length)| Harm::Lose(at, length)),
    ]
}

fn mangle(mut bytes: Vec<u8>, harm: &Harm) -> Vec<u8> {
    if bytes.is_empty() {
        return bytes;
    }
    let size = bytes.len();
    let range = |at: usize, length: usize| at % size..(at % size + length).min(size);
    match harm {
        Harm::Flip(at, byte) => bytes[at % size] ^= byte,
        Harm::Cut(at) => bytes.truncate(at % size),
        Harm::Repeat(at, length) => {
            let part = bytes[range(*at, *length)].to_vec();
            bytes.splice(at % size..at % size, part);
        }
        Harm::Lose(at, length) => drop(bytes.drain(range(*at, *length))),
        Harm::Number(at, number) => {
            let starts: Vec<usize> = (1..size)
                .filter(|&i| bytes[i].is_ascii_digit() && matches!(bytes[i - 1], b':' | b'[' | b','))
                .collect();
            if !starts.is_empty() {
                let start = starts[at % starts.len()];
                let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                bytes.splice(start..start + length, number.to_string().into_bytes());
            }
        }
    }
    bytes
}

/// Does with a plan what a program does that has read it.
fn use_plan(plan: Plan) {
    let _ = (render::text(&plan), render::dot(&plan), render::mermaid(&plan));
    let mut schedule = Schedule::replay(Arc::new(plan), Limits::default(), &[]);
    let _ = schedule.poll("2026-01-01T00:00:00Z".parse().expect("a time"));
}

/// A run with everything in it: boots, sets, failures, waits.
fn sample() -> Vec<Record> {
    on_paused_time(async {
        let n1 = node("n1");
        let quorum = Need::AtLeast { count: 1, facts: vec![is_set("a"), is_set("b")] };
        let mut stage = Stage::new(vec![
            set("a", &[]),
            set("b", &["a"]).lock(lock_of(1)),
            set("c", &[]).need(quorum).in_environment(&n1, Environment::Off),
            set("d", &["c"]).in_environment(&n1, Environment::Installed).erasing(["S1"]),
            set("e", &[]).need(Need::AllIfGiven(vec![is_set("a"), is_set("d")])),
        ]);
        stage.guard.consents.push(consent("n1", &["S1"]));
        stage.change(|world| {
            world.nodes.insert(n1.clone(), Environment::Installed);
            world.fails.insert("b".to_owned(), (1, ErrorKind::Busy));
            world.fails.insert("e".to_owned(), (1, ErrorKind::Denied));
            world.slow.insert("a".to_owned(), Duration::from_secs(5));
        });
        stage.run().await.1
    })
}

fn frame(json: &[u8]) -> Vec<u8> {
    let mut line = format!("{:08x} {:08x} ", json.len(), crc32c::crc32c(json)).into_bytes();
    line.extend_from_slice(json);
    line.push(b'\n');
    line
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn no_mangled_plan_brings_the_reader_down(harms in vec(harm(), 1..4)) {
        use std::sync::LazyLock;
        static TEXT: LazyLock<Vec<u8>> = LazyLock::new(|| serde_json::to_vec(&*plan_in(&sample())).expect("JSON"));
        let bytes = harms.iter().fold(TEXT.clone(), mangle);
        if let Ok(plan) = serde_json::from_slice::<Plan>(&bytes) {
            use_plan(plan);
        }
    }

    #[test]
    fn no_mangled_journal_brings_the_reader_down(harms in vec((any::<usize>(), harm()), 1..6), last in harm(), torn: bool) {
        use std::sync::LazyLock;
        static LINES: LazyLock<Vec<Vec<u8>>> =
            LazyLock::new(|| sample().iter().map(|record| serde_json::to_vec(record).expect("JSON")).collect());
        let mut lines = LINES.clone();
        for (line, harm) in &harms {
            // The first line holds the plan, which has a test of its own.
            let line = 1 + line % (lines.len() - 1);
            lines[line] = mangle(std::mem::take(&mut lines[line]), harm);
        }
        let mut bytes: Vec<u8> = lines.iter().filter(|line| serde_json::from_slice::<Record>(line).is_ok()).flat_map(|line| frame(line)).collect();
        if torn {
            bytes = mangle(bytes, &last);
        }
        let path = std::env::temp_dir().join(format!("dip-core-mangled-{}.journal", std::process::id()));
        std::fs::write(&path, bytes).expect("a file");
        let records = JournalReader::open(&path).and_then(|mut reader| reader.read());
        let _ = std::fs::remove_file(&path);
        if let Ok(records) = records
            && let Some(view) = RunView::of(&records)
        {
            let plan = Arc::clone(view.plan());
            for index in 0..plan.steps().len() {
                let _ = view.schedule.status(StepId::at(index)).to_string();
            }
            let mut schedule = Schedule::replay(plan, Limits::default(), &records);
            let _ = (schedule.poll(jiff::Timestamp::MAX), schedule.poll(jiff::Timestamp::MIN));
        }
    }
}
