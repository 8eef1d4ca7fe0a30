//! Crashes: a process of its own works on a plan whose effects are files, and is killed with SIGKILL at a hundred points of its
//! journal; whoever resumes must come to the same end as a run that nobody killed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::engine::{Engine, Planner, Stop};
use dip_core::fact::{Fact, FactRegistry, Facts};
use dip_core::id::{LayerId, SiteName, Symbol};
use dip_core::journal::{Event, FileJournal, Journal, JournalError, JournalReader, Record};
use dip_core::layer::{ConnectError, Layer, Layers, Note};
use dip_core::observed::Observed;
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Operations};
use dip_core::plan::Goal;
use dip_core::provider::Providers;
use dip_core::report::Outcome;
use dip_core::secret::Secrets;
use dip_core::site::{SettingsSchema, Site};
use dip_core::step::{Boot, Hazard, Lock, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

const MADE: Fact<u64> = Fact::new("disk.made");

/// How many steps the plan has.
const STEPS: u32 = 32;

fn file(name: &str) -> Subject {
    Subject::new(Symbol::of("file"), name)
}

/// Makes a file, and writes down each time that it was asked to.
#[derive(Debug, Serialize, Deserialize)]
struct Make {
    path: PathBuf,
    slow: bool,
}

impl Make {
    fn name(&self) -> String {
        self.path.file_name().expect("a name").to_string_lossy().into_owned()
    }
}

#[async_trait]
impl Operation for Make {
    const NAME: &'static str = "disk.make";

    async fn check(&self, _: &Context<'_>) -> Result<Check, OperationError> {
        // A slow one comes about some time after it was asked for.
        let asked = self.path.with_extension("asked");
        let is_due = |at: std::time::SystemTime| at.elapsed().is_ok_and(|age| age > Duration::from_millis(120));
        if self.slow && std::fs::metadata(&asked).and_then(|meta| meta.modified()).is_ok_and(is_due) {
            std::fs::write(&self.path, "made").expect("the directory is there");
        }
        Ok(match std::fs::metadata(&self.path) {
            Ok(meta) => Check::Holds(Facts::new().with(&MADE, &file(&self.name()), &meta.len())),
            Err(_) => Check::Differs(Diff::missing("file", self.name())),
        })
    }

    async fn apply(&self, _: &Context<'_>) -> Result<Applied, OperationError> {
        use std::io::Write as _;
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path.with_file_name("applies.log"));
        log.and_then(|mut log| writeln!(log, "{}", self.name())).expect("the directory is there");
        if self.slow {
            std::fs::write(self.path.with_extension("asked"), "").expect("the directory is there");
            return Ok(Applied::wait("the file to be there", Duration::from_millis(100)));
        }
        std::fs::write(&self.path, "made").expect("the directory is there");
        Ok(Applied::Done)
    }
}

/// A layer that wants files: chains, a barrier, a lock, slow ones, one that disrupts.
#[derive(Debug)]
struct Disk(PathBuf);

impl Layer for Disk {
    fn id(&self) -> LayerId {
        LayerId::Os
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&MADE, "The file is there; its length.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<Make>();
    }

    fn settings(&self) -> SettingsSchema {
        SettingsSchema::default()
    }

    fn connect(&self, _: &Site, _: &dyn Secrets, _: &mut Providers) -> Result<(), Vec<ConnectError>> {
        Ok(())
    }

    fn propose(&self, _: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let step = |n: u32| {
            let name = format!("f{n}");
            let make = Make { path: self.0.join(&name), slow: n % 5 == 3 };
            let mut step = Step::new(LayerId::Os, file(&name), &make).give(MADE.of(&file(&name)));
            if n >= 3 {
                step = step.need_facts([MADE.of(&file(&format!("f{}", n - 3)))]);
            }
            if n == STEPS - 1 {
                let all = (0..STEPS - 1).map(|n| MADE.of(&file(&format!("f{n}")))).collect();
                step = step.need(dip_core::step::Need::All(all)).hazard(Hazard::Disrupts);
            }
            if n.is_multiple_of(4) { step.lock(Lock::new("disk")) } else { step }
        };
        Ok((0..STEPS).map(step).collect())
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

/// Where in its life a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// When a record is about to be appended.
    Append,
    /// When records are in memory and about to be synced.
    BeforeSync,
    /// When they are on disk.
    AfterSync,
}

/// A journal that kills its own process.
#[derive(Debug)]
struct Deadly {
    inner: FileJournal,
    appended: AtomicU64,
    at: u64,
    moment: Moment,
}

impl Deadly {
    fn die(&self, moment: Moment) {
        if self.moment == moment && self.appended.load(Ordering::SeqCst) >= self.at {
            let _ = Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
            std::thread::sleep(Duration::from_secs(60));
        }
    }
}

#[async_trait]
impl Journal for Deadly {
    fn append(&self, record: &Record) -> Result<(), JournalError> {
        self.die(Moment::Append);
        self.appended.fetch_add(1, Ordering::SeqCst);
        self.inner.append(record)
    }

    async fn sync(&self) -> Result<(), JournalError> {
        self.die(Moment::BeforeSync);
        self.inner.sync().await?;
        self.die(Moment::AfterSync);
        Ok(())
    }
}

/// Works on the plan of a directory: begins it, or goes on with it.
async fn work(directory: &Path, at: u64, moment: Moment) -> Result<Outcome, String> {
    let layers = Layers::new().with(Disk(directory.to_owned()));
    let engine = Engine::new(layers.operations(), Providers::new());
    let path = directory.join("run.journal");
    let deadly = |inner| Arc::new(Deadly { inner, appended: AtomicU64::new(0), at, moment });
    let words = |error: &dyn std::error::Error| format!("{error}: {:?}", error.source().map(ToString::to_string));
    let report = if path.exists() {
        let (journal, records, _) = FileJournal::resume(&path).map_err(|error| words(&error))?;
        if records.is_empty() {
            // Nothing was acknowledged, so there is nothing to go on with.
            return Ok(Outcome::Interrupted);
        }
        engine.resume(&records, deadly(journal), &Stop::new()).await.map_err(|error| words(&error))?
    } else {
        let site = Arc::new(Site::new(SiteName::new("disk").expect("a name")));
        let goal = Goal::Everything;
        let providers = Providers::new();
        let plan = Planner::new(&layers, &providers)
            .goal(goal)
            .prepare(site, &mut Observed::new())
            .await
            .expect("a plan")
            .plan;
        let journal = deadly(FileJournal::create(&path).map_err(|error| words(&error))?);
        engine.run("disk", plan, journal, &Stop::new()).await.map_err(|error| words(&error))?
    };
    Ok(report.outcome)
}

/// The process that is killed: this test program again, told by its environment what to do.
#[tokio::test]
#[ignore = "it is the process that the tests of crashes start and kill"]
async fn the_one_that_is_killed() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by who starts this"));
    let moment = match &variable("DIP_DIE_WHEN")[..] {
        "append" => Moment::Append,
        "before" => Moment::BeforeSync,
        _ => Moment::AfterSync,
    };
    let at = variable("DIP_DIE_AT").parse().expect("a number");
    match work(Path::new(&variable("DIP_DIE_IN")), at, moment).await {
        Ok(outcome) => assert_eq!(outcome, Outcome::Ready),
        Err(error) => panic!("{error}"),
    }
}

/// Starts that process; `limit` is the size in blocks of 512 bytes that its files may have.
fn start(directory: &Path, at: u64, when: &str, limit: Option<u32>) -> (ExitStatus, String) {
    let program = std::env::current_exe().expect("this program");
    // A process that may write no further is told so, and not killed, where it ignores the signal.
    let limit = limit.map_or(String::new(), |blocks| format!("trap '' XFSZ; ulimit -f {blocks}; "));
    let line = format!("{limit}exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &line]).arg(program).args([
        "--exact",
        "crash::the_one_that_is_killed",
        "--ignored",
        "--nocapture",
    ]);
    command.env("DIP_DIE_IN", directory).env("DIP_DIE_AT", at.to_string()).env("DIP_DIE_WHEN", when);
    let done = command.env("RUST_BACKTRACE", "0").stdin(Stdio::null()).output().expect("the program starts");
    (done.status, String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr))
}

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dip-crash-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn made(&self) -> BTreeSet<String> {
        let entries =
            std::fs::read_dir(&self.0).expect("a directory").map(|entry| entry.expect("an entry").file_name());
        let names = entries.map(|name| name.to_string_lossy().into_owned());
        names.filter(|name| name.starts_with('f') && !name.contains('.')).collect()
    }

    fn applies(&self) -> BTreeMap<String, usize> {
        let log = std::fs::read_to_string(self.0.join("applies.log")).unwrap_or_default();
        log.lines().fold(BTreeMap::new(), |mut counts, line| {
            *counts.entry(line.to_owned()).or_default() += 1;
            counts
        })
    }

    fn records(&self) -> Vec<Record> {
        let reader = JournalReader::open(&self.0.join("run.journal"));
        reader.and_then(|mut reader| reader.read()).unwrap_or_default()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_run_that_is_killed_at_a_hundred_points_of_its_journal_comes_to_the_same_end() {
    let whole = Scratch::new("whole");
    let (status, said) = start(&whole.0, u64::MAX, "append", None);
    assert!(status.success(), "{said}");
    let points = whole.records().len() as u64;
    assert!(points >= 100, "{points} records are a run worth killing");
    let mut killed = 0;
    for n in 0..100_u64 {
        let scratch = Scratch::new(&format!("kill{n}"));
        let when = ["append", "before", "after"][n as usize % 3];
        let at = n * points / 100;
        let (status, said) = start(&scratch.0, at, when, None);
        if status.success() {
            // The last sync of a run comes after its last append; killed later, it has ended.
            assert!(at > points * 9 / 10, "not killed at {at} of {points} ({when}): {said}");
            continue;
        }
        killed += 1;
        // Nothing was done that the journal on disk does not tell of.
        let intents = scratch.records().into_iter().filter_map(|record| match record.event {
            Event::Applying { step, .. } => Some(step),
            _ => None,
        });
        let intents: BTreeSet<String> = intents.map(|step| format!("f{}", step.0)).collect();
        let done: BTreeSet<String> = scratch.applies().into_keys().collect();
        assert!(done.is_subset(&intents), "{done:?} without intent on disk, killed at {at} ({when})");
        if scratch.records().is_empty() {
            assert!(done.is_empty());
            continue;
        }
        let before: BTreeSet<String> = settled(&scratch);
        let (status, said) = start(&scratch.0, u64::MAX, "append", None);
        assert!(status.success(), "killed at {at} ({when}): {said}");
        assert_eq!(scratch.made(), whole.made(), "killed at {at} ({when})");
        let applies = scratch.applies();
        for (name, count) in &applies {
            // What was under way may be asked for once more; what was settled is not.
            let most = if before.contains(name) { 1 } else { 2 };
            assert!(*count <= most, "{name} was made {count} times, killed at {at} ({when})");
        }
        assert_eq!(applies.len(), STEPS as usize);
    }
    assert!(killed >= 95, "{killed} were killed");
}

fn settled(scratch: &Scratch) -> BTreeSet<String> {
    let settled = scratch.records().into_iter().filter_map(|record| match record.event {
        Event::Settled { step, .. } => Some(format!("f{}", step.0)),
        _ => None,
    });
    settled.collect()
}

#[test]
fn a_disk_without_room_stops_the_run_cleanly_and_it_can_go_on_later() {
    let scratch = Scratch::new("full");
    // The plan alone takes a good part of it.
    let plan = {
        let whole = Scratch::new("size");
        assert!(start(&whole.0, u64::MAX, "append", None).0.success());
        std::fs::metadata(whole.0.join("run.journal")).expect("a journal").len()
    };
    let blocks = u32::try_from(plan * 7 / 10 / 512).expect("small");
    let (status, said) = start(&scratch.0, u64::MAX, "append", Some(blocks));
    assert!(!status.success());
    assert!(said.contains("the run was stopped, because what it does cannot be written down"), "{said}");
    assert!(said.contains("cannot be written") && said.contains("run.journal"), "{said}");
    let intents = scratch.records().iter().filter(|record| matches!(record.event, Event::Applying { .. })).count();
    assert!(scratch.applies().values().sum::<usize>() <= intents, "nothing was done without its intent on disk");
    let (status, said) = start(&scratch.0, u64::MAX, "append", None);
    assert!(status.success(), "{said}");
    assert_eq!(scratch.made().len(), STEPS as usize);
}

#[test]
fn of_two_processes_on_one_journal_the_second_is_told_who_holds_it() {
    let scratch = Scratch::new("two");
    let path = scratch.0.join("run.journal");
    assert!(start(&scratch.0, 40, "after", None).1.contains("running 1 test"));
    let (first, records, _) = FileJournal::resume(&path).expect("nobody holds it");
    assert!(!records.is_empty());
    let (status, said) = start(&scratch.0, u64::MAX, "append", None);
    assert!(!status.success());
    assert!(said.contains("is held by process") && said.contains("wait for it, or stop it"), "{said}");
    drop(first);
    assert!(start(&scratch.0, u64::MAX, "append", None).0.success());
}
