//! Silences: who is kept quiet while a run disrupts it, and for how long.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::engine::{Clock, Stop};
use dip_core::id::{NodeName, SiteName};
use dip_core::journal::{Journal, MemoryJournal};
use dip_core::operation::Patience;
use dip_core::provider::{ErrorKind, ProviderError, Silence, Silences};
use dip_core::report::Outcome;
use dip_core::site::{Format, Lock as LockFile, SettingsSchema, Site, Source};
use dip_core::step::{Hazard, Step};
use dip_core::subject::Subject;

use crate::run::status;
use crate::toy::{Stage, World, node, set};

/// Who is silenced, and what was asked for, each with what was applied by then.
struct Ears {
    world: Arc<Mutex<World>>,
    clock: Arc<dyn Clock>,
    dead: Mutex<bool>,
    /// How long it takes to silence a node that has no silence yet.
    slow: Mutex<BTreeMap<NodeName, Duration>>,
    now: Mutex<BTreeMap<NodeName, Silence>>,
    told: Mutex<Vec<String>>,
}

impl Ears {
    fn tell(&self, what: String) {
        let applied = self.world.lock().expect("no test panics with it locked").applied.join(" ");
        self.told.lock().expect("no test panics with it locked").push(format!("[{applied}] {what}"));
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().expect("no test panics with it locked").clone()
    }

    fn is_dead(&self, action: &str) -> Result<(), ProviderError> {
        let is_dead = *self.dead.lock().expect("no test panics with it locked");
        if is_dead { Err(ProviderError::new(ErrorKind::Unreachable, "ears", action)) } else { Ok(()) }
    }
}

#[async_trait]
impl Silences for Ears {
    async fn silence(&self, wanted: &Silence) -> Result<(), ProviderError> {
        self.is_dead(&format!("silence {}", wanted.node))?;
        let minutes = wanted.until.duration_since(self.clock.now()).as_mins();
        assert_eq!((wanted.site.as_str(), minutes), ("toy", 15), "a silence is a lease");
        let slow = self.slow.lock().expect("no test panics").remove(&wanted.node);
        tokio::time::sleep(slow.unwrap_or_default()).await;
        let former = self.now.lock().expect("no test panics").insert(wanted.node.clone(), wanted.clone());
        let again = if former.is_some() { "prolong" } else { "silence" };
        self.tell(format!("{again} {} for {} in {}", wanted.node, wanted.why, wanted.run));
        Ok(())
    }

    async fn end(&self, _: &SiteName, run: &str, node: Option<NodeName>) -> Result<(), ProviderError> {
        self.is_dead("end")?;
        let mut now = self.now.lock().expect("no test panics");
        let before = now.len();
        now.retain(|name, silence| silence.run != run || node.as_ref().is_some_and(|node| node != name));
        if now.len() < before {
            self.tell(node.map_or_else(|| "end all".to_owned(), |node| format!("end {node}")));
        }
        Ok(())
    }
}

fn site() -> Site {
    let text = "version: 1\nsite: toy\nnodes:\n  n{n:1..2}: {}\n";
    let sources = [Source::new("site.yaml", Format::Yaml, text)];
    Site::parse(&sources, &SettingsSchema::default(), &LockFile::default()).expect("a sound site").site
}

/// A server may take its time to come back.
const LONG: Patience = Patience { attempt: Duration::from_secs(7200), deadline: Duration::from_secs(7200) };

fn disrupt(name: &str, on: &str) -> Step {
    set(name, &[]).about(Subject::node(&node(on))).hazard(Hazard::Disrupts).patience(LONG)
}

fn stage(steps: Vec<Step>) -> (Stage, Arc<Ears>) {
    let mut stage = Stage::new(steps).at(site());
    let ears = Arc::new(Ears {
        world: Arc::clone(&stage.world),
        clock: Arc::clone(&stage.clock),
        dead: Mutex::default(),
        slow: Mutex::default(),
        now: Mutex::default(),
        told: Mutex::default(),
    });
    let subject = Subject::alerts(&stage.site.name);
    stage.providers.insert::<dyn Silences>(&subject, Arc::clone(&ears) as Arc<dyn Silences>);
    (stage, ears)
}

#[tokio::test(start_paused = true)]
async fn a_node_is_silent_from_before_it_is_disrupted_until_it_is_back() {
    let calm = set("calm", &[]).about(Subject::node(&node("n2")));
    let late = set("late", &["a"]).patience(LONG);
    let (stage, ears) = stage(vec![disrupt("a", "n1"), late, calm]);
    stage.change(|world| world.slow.insert("late".into(), Duration::from_secs(3600)));
    let (report, _) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Ready);
    let told = ears.told();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0] == "[] silence n1 for toy.set thing/a in test", "{told:?}");
    assert!(told[1].ends_with("end n1"), "not only at the end of the run: {told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silence_is_prolonged_as_long_as_the_node_is_away() {
    let (stage, ears) = stage(vec![disrupt("a", "n1")]);
    stage.change(|world| world.slow.insert("a".into(), Duration::from_secs(17 * 60)));
    let (report, _) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Ready);
    let told = ears.told();
    let prolonged = told.iter().filter(|told| told.contains("prolong")).count();
    assert_eq!((prolonged, told.len()), (3, 5), "every five minutes: {told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_slow_to_silence_one_node_lets_no_silence_of_another_end() {
    let (stage, ears) = stage(vec![disrupt("a", "n1"), disrupt("b", "n2")]);
    ears.slow.lock().expect("no test panics").insert(node("n1"), Duration::from_secs(20 * 60));
    stage.change(|world| world.slow.insert("b".into(), Duration::from_secs(17 * 60)));
    let (report, _) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Ready);
    let told = ears.told();
    let prolonged = told.iter().filter(|told| told.contains("prolong n2")).count();
    assert_eq!(prolonged, 3, "every five minutes: {told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_step_failed_is_heard_again_while_others_are_worked_on() {
    let (stage, ears) = stage(vec![disrupt("a", "n1"), disrupt("b", "n2")]);
    stage.change(|world| {
        world.fails.insert("a".into(), (1, ErrorKind::Invalid));
        world.slow.insert("b".into(), Duration::from_secs(60));
    });
    let (report, _) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Failed);
    let ended: Vec<_> = ears.told().into_iter().filter(|told| told.contains("end ")).collect();
    assert!(ended[0].ends_with("end n1") && ended[1].ends_with("end all"), "{ended:?}");
    assert!(ears.now.lock().expect("no test panics").is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_disrupted_whose_alerts_cannot_be_silenced() {
    let (stage, ears) = stage(vec![disrupt("a", "n1"), set("b", &[])]);
    *ears.dead.lock().expect("no test panics") = true;
    let (report, _) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(stage.applied(), ["b"]);
    let told = status(&report, "n1").to_string();
    assert!(told.contains("silence n1"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_killed_finds_its_silences_again() {
    let (stage, ears) = stage(vec![disrupt("a", "n1")]);
    stage.change(|world| world.slow.insert("a".into(), Duration::from_secs(600)));
    let plan = stage.prepare().await.expect("a plan").plan;
    let journal = Arc::new(MemoryJournal::new());
    let (engine, kept) = (stage.engine(), Arc::clone(&journal) as Arc<dyn Journal>);
    let killed = tokio::spawn(async move { engine.run("test", plan, kept, &Stop::new()).await });
    tokio::time::sleep(Duration::from_secs(60)).await;
    killed.abort();
    let records = journal.records();
    let report = stage.engine().resume(&records, Arc::new(MemoryJournal::new()), &Stop::new()).await.expect("a run");
    assert_eq!(report.outcome, Outcome::Ready);
    let told = ears.told();
    let words: Vec<_> = told.iter().map(|told| told.split_once("] ").expect("it has two parts").1).collect();
    let (silence, prolong) = ("silence n1 for toy.set thing/a in test", "prolong n1 for toy.set thing/a in test");
    assert_eq!(words, [silence, prolong, prolong, "end all"]);
}
