//! Changed values: what works with a value is looked at again where the value changes, and nothing else is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use dip_core::engine::{Clock, Engine, Limits, Planner, Stop, TokioClock};
use dip_core::fact::{Fact, FactKey, FactRegistry, Facts};
use dip_core::id::{LayerId, SiteName, Symbol};
use dip_core::journal::MemoryJournal;
use dip_core::layer::{ConnectError, Layer, Layers, Note};
use dip_core::observed::Observed;
use dip_core::operation::{Applied, Check, Context, Diff, Gap, Operation, OperationError, Operations};
use dip_core::plan::{Follows, Plan, Reading};
use dip_core::provider::Providers;
use dip_core::report::{Outcome, Report};
use dip_core::secret::Secrets;
use dip_core::site::{SettingsSchema, Site};
use dip_core::step::{Boot, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::toy::{Stage, is_set, set};

/// The value of a cell.
const VALUE: Fact<i64> = Fact::new("sheet.value");

fn cell(name: &str) -> Subject {
    Subject::new(Symbol::of("cell"), name)
}

fn value(name: &str) -> FactKey {
    VALUE.of(&cell(name))
}

/// A sheet of cells, and which were looked at and written.
#[derive(Debug, Default)]
struct Sheet {
    cells: BTreeMap<String, i64>,
    looked: Vec<String>,
    written: Vec<String>,
}

trait Desk: Send + Sync {
    fn sheet(&self) -> std::sync::MutexGuard<'_, Sheet>;
}

impl Desk for Mutex<Sheet> {
    fn sheet(&self) -> std::sync::MutexGuard<'_, Sheet> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A cell holds a number, plus what other cells hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Fill {
    name: String,
    number: i64,
    plus: Vec<FactKey>,
}

impl Fill {
    fn wanted(&self, cx: &Context<'_>) -> Result<i64, OperationError> {
        let read = |key: &FactKey| cx.fact(&VALUE, key.subject());
        Ok(self.number + self.plus.iter().map(read).sum::<Result<i64, _>>()?)
    }
}

#[async_trait]
impl Operation for Fill {
    const NAME: &'static str = "sheet.fill";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let wanted = self.wanted(cx)?;
        let desk = cx.provider::<dyn Desk>(&cell("sheet"))?;
        let mut sheet = desk.sheet();
        sheet.looked.push(self.name.clone());
        let now = sheet.cells.get(&self.name).copied();
        Ok(if now == Some(wanted) {
            Check::Holds(Facts::new().with(&VALUE, &cell(&self.name), &wanted))
        } else {
            Check::Differs(Diff::of("value", now, Some(wanted)))
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let wanted = self.wanted(cx)?;
        let desk = cx.provider::<dyn Desk>(&cell("sheet"))?;
        let mut sheet = desk.sheet();
        sheet.written.push(self.name.clone());
        sheet.cells.insert(self.name.clone(), wanted);
        Ok(Applied::Done)
    }
}

#[derive(Debug)]
struct Sheets(Vec<Step>);

impl Layer for Sheets {
    fn id(&self) -> LayerId {
        LayerId::Cluster
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&VALUE, "The value of a cell.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<Fill>();
    }

    fn settings(&self) -> SettingsSchema {
        SettingsSchema::default()
    }

    fn connect(&self, _: &Site, _: &dyn Secrets, _: &mut Providers) -> Result<(), Vec<ConnectError>> {
        Ok(())
    }

    fn propose(&self, _: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        Ok(self.0.clone())
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

/// A cell of a number and of what it reads.
fn fill(name: &str, number: i64, plus: &[&str]) -> Step {
    let plus: Vec<FactKey> = plus.iter().map(|other| value(other)).collect();
    let fill = Fill { name: name.to_owned(), number, plus: plus.clone() };
    plus.into_iter().fold(Step::new(LayerId::Cluster, cell(name), &fill).give(value(name)), Step::read)
}

struct Office {
    sheet: Arc<Mutex<Sheet>>,
    providers: Providers,
    clock: Arc<dyn Clock>,
}

impl Office {
    fn new() -> Self {
        let sheet = Arc::new(Mutex::new(Sheet::default()));
        let mut providers = Providers::new();
        providers.insert::<dyn Desk>(&cell("sheet"), Arc::clone(&sheet) as Arc<dyn Desk>);
        let clock = Arc::new(TokioClock::starting_at("2026-01-01T00:00:00Z".parse().expect("a time")));
        Self { sheet, providers, clock }
    }

    async fn plan(&self, steps: Vec<Step>) -> Arc<Plan> {
        let layers = Layers::new().with(Sheets(steps));
        let site = Arc::new(Site::new(SiteName::new("office").expect("a name")));
        let limits = Limits::default();
        let prepared = Planner::new(&layers, &self.providers)
            .limits(limits.clone())
            .clock(&*self.clock)
            .prepare(site, &mut Observed::new())
            .await;
        prepared.expect("a plan").plan
    }

    /// Carries out what the steps want; what was looked at and what was written while it did.
    async fn carry_out(&self, steps: Vec<Step>) -> (Report, Vec<String>, Vec<String>) {
        let plan = self.plan(steps).await;
        {
            let mut sheet = self.sheet.sheet();
            sheet.looked.clear();
            sheet.written.clear();
        }
        let mut known = Operations::default();
        known.register::<Fill>();
        let engine = Engine::new(known, self.providers.clone()).clock(Arc::clone(&self.clock));
        let report = engine.run("office", plan, Arc::new(MemoryJournal::new()), &Stop::new()).await.expect("a run");
        let sheet = self.sheet.sheet();
        (report, sheet.looked.clone(), sheet.written.clone())
    }
}

/// Three members, the list that is computed from them, the configuration that works with the list, and a step that is only
/// ordered behind it.
fn cluster(m1: i64, m2: i64, m3: i64) -> Vec<Step> {
    let ordered = fill("service", 7, &[]).need_facts([value("configuration")]);
    vec![
        fill("m1", m1, &[]),
        fill("m2", m2, &[]),
        fill("m3", m3, &[]),
        fill("list", 0, &["m1", "m2", "m3"]),
        fill("configuration", 100, &["list"]),
        ordered,
    ]
}

#[tokio::test(start_paused = true)]
async fn a_changed_value_reruns_what_works_with_it_and_nothing_else() {
    let office = Office::new();
    let (report, ..) = office.carry_out(cluster(1, 2, 3)).await;
    assert_eq!((report.outcome, report.changes()), (Outcome::Ready, 6));
    assert!(office.plan(cluster(1, 2, 3)).await.is_empty());
    let (report, looked, written) = office.carry_out(cluster(5, 2, 3)).await;
    assert_eq!(report.outcome, Outcome::Ready);
    assert_eq!(written, ["m1", "list", "configuration"]);
    // Each that is written is looked at before and after; the service is only ordered behind the configuration.
    assert_eq!(looked, ["m1", "m1", "list", "list", "configuration", "configuration"]);
}

#[tokio::test(start_paused = true)]
async fn where_a_value_comes_out_as_it_was_nothing_behind_it_is_done_again() {
    let office = Office::new();
    office.carry_out(cluster(1, 2, 3)).await;
    let (report, looked, written) = office.carry_out(cluster(2, 1, 3)).await;
    assert_eq!(report.outcome, Outcome::Ready);
    assert_eq!(written, ["m1", "m2"]);
    assert!(looked.contains(&"list".to_owned()), "its members changed: {looked:?}");
    assert!(!looked.contains(&"service".to_owned()), "it works with nothing that changed: {looked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_value_computed_from_membership_is_tracked() {
    let office = Office::new();
    office.carry_out(cluster(1, 2, 3)).await;
    let mut grown = cluster(1, 2, 3);
    grown[3] = fill("list", 0, &["m1", "m2", "m3", "m4"]);
    grown.push(fill("m4", 4, &[]));
    let plan = office.plan(grown.clone()).await;
    let why = |name: &str| {
        plan.steps().iter().find(|planned| planned.step.subject == cell(name)).map(|planned| &planned.reading)
    };
    assert_eq!(why("configuration"), Some(&Reading::Unknown(Gap::Fact(value("list")))));
    assert!(why("service").is_none() && why("m1").is_none(), "they work with nothing that changes");
    let (report, _, written) = office.carry_out(grown).await;
    assert_eq!(report.outcome, Outcome::Ready);
    assert_eq!(written, ["m4", "list", "configuration"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_as_wanted_and_works_with_a_value_that_changes_is_looked_at_again_unless_it_comes_out_as_it_was() {
    let stage = Stage::new(vec![
        set("a", &[]),
        set("b", &[]).read(is_set("a")),
        set("c", &[]).read(is_set("b")),
        set("d", &["c"]),
    ]);
    stage.change(|world| world.things.extend(["b", "c", "d"].map(str::to_owned)));
    let plan = stage.prepare().await.expect("a plan").plan;
    assert_eq!(plan.steps().len(), 3, "the last one is only ordered behind the others");
    let told = &plan.why("thing/b").expect("it is in the plan")[0];
    assert_eq!(
        told.reason,
        "it is as wanted, and is looked at again where a value that it works with changes: toy.set@thing/a"
    );
    assert!(matches!(plan.steps()[2].reading, Reading::Follows(Follows::Values(_))));
    stage.change(|world| world.looked.clear());
    let (report, _) = stage.run().await;
    assert_eq!((report.outcome, report.changes()), (Outcome::Ready, 1));
    let looked = stage.change(|world| world.looked.clone());
    // The plan is made anew by the run: each is looked at once by its survey.
    assert_eq!(looked[..4], ["a", "b", "c", "d"].map(str::to_owned), "{looked:?}");
    assert_eq!(
        looked[4..],
        ["a", "a", "b"].map(str::to_owned),
        "what `b` gives came out as it was, so `c` is not looked at"
    );
}
