//! Runs of the engine with a real Alertmanager: whoever is disrupted is silent for as long, an alert that fires holds the next one back,
//! and an Alertmanager that is slow or down is told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::expect::us;
use dip_core::conformance::{Failure, Trial};
use dip_core::engine::{Engine, Planner, Stop};
use dip_core::fact::{FactRegistry, Facts};
use dip_core::id::{LayerId, NodeName};
use dip_core::journal::{Event, Health, MemoryJournal};
use dip_core::layer::{ConnectError, Layer, Layers, Note};
use dip_core::observed::Observed;
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Operations, Patience};
use dip_core::provider::Providers;
use dip_core::report::{Outcome, Report};
use dip_core::secret::{LocalSecrets, Secrets};
use dip_core::site::{Format, Lock, SettingsSchema, Site, Source};
use dip_core::step::{Boot, Hazard, Step};
use dip_core::subject::Subject;
use dip_lab::Requirement;
use dip_opsmgmt::OpsMgmtLayer;
use dip_opsmgmt::conformance::AlertsHarness as _;
use serde::{Deserialize, Serialize};

use crate::alertmanager::Rig;
use crate::slow_way::{Late, SlowWay};
use crate::{is, tried};

pub(crate) fn trials() -> Vec<Trial> {
    let silent = || tried(Requirement::Alertmanager, a_node_is_silent_while_it_is_disrupted());
    let held = || tried(Requirement::Alertmanager, an_alert_holds_the_next_one_back());
    let down = || tried(Requirement::Alertmanager, nobody_is_disrupted_while_alertmanager_is_down());
    let slow =
        || tried(Requirement::Alertmanager, a_slow_alertmanager_is_waited_for_and_one_that_is_too_slow_is_told());
    let trials = vec![
        Trial::new("a_run_silences_a_node_while_it_disrupts_it_and_lets_it_be_heard_again", silent),
        Trial::new("a_run_waits_with_the_next_node_until_an_alert_is_over", held),
        Trial::new("a_run_disrupts_nobody_while_it_is_down_and_says_so", down),
        Trial::new("a_run_waits_for_slow_answers_and_says_when_they_are_too_late", slow),
    ];
    trials.into_iter().map(|trial| trial.on("alertmanager")).collect()
}

/// What happens to the nodes, and what is heard of them meanwhile.
struct Floor {
    rig: Arc<Rig>,
    /// The nodes whose work is done, each with how many silences it and the others had during it.
    done: Mutex<BTreeMap<NodeName, (usize, usize)>>,
    nodes: Vec<NodeName>,
    /// Who raises an alert while the first node is away.
    breaks: Option<NodeName>,
}

impl Floor {
    fn done(&self) -> BTreeMap<NodeName, (usize, usize)> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn floor() -> Subject {
    Subject::new(dip_core::id::Symbol::of("thing"), "floor")
}

/// Takes a node away for a second.
#[derive(Debug, Serialize, Deserialize)]
struct Disrupt {
    node: NodeName,
}

#[async_trait]
impl Operation for Disrupt {
    const NAME: &'static str = "trial.disrupt";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let done = cx.provider::<Floor>(&floor())?.done().contains_key(&self.node);
        Ok(if done { Check::Holds(Facts::new()) } else { Check::Differs(Diff::missing("work", &self.node)) })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let floor = cx.provider::<Floor>(&floor())?;
        // The silence of whoever was away before ends beside this.
        tokio::time::sleep(Duration::from_millis(700)).await;
        let (mut own, mut others) = (0, 0);
        for node in &floor.nodes {
            let silences = floor.rig.ends(node).await.expect("the server answers").len();
            if *node == self.node { own += silences } else { others += silences }
        }
        if let Some(node) = floor.breaks.as_ref().filter(|_| floor.done().is_empty()) {
            floor.rig.fire("Broken", node, &BTreeMap::new()).await.expect("the server takes alerts");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        floor.done.lock().unwrap_or_else(PoisonError::into_inner).insert(self.node.clone(), (own, others));
        Ok(Applied::Done)
    }
}

/// Proposes to disrupt all nodes.
#[derive(Debug)]
struct Work(Patience);

impl Layer for Work {
    fn id(&self) -> LayerId {
        LayerId::Os
    }

    fn facts(&self, _: &mut FactRegistry) {}

    fn operations(&self, known: &mut Operations) {
        known.register::<Disrupt>();
    }

    fn settings(&self) -> SettingsSchema {
        SettingsSchema::default()
    }

    fn connect(&self, _: &Site, _: &dyn Secrets, _: &mut Providers) -> Result<(), Vec<ConnectError>> {
        Ok(())
    }

    fn propose(&self, site: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let step = |node: &NodeName| {
            let step = Step::new(LayerId::Os, Subject::node(node), &Disrupt { node: node.clone() });
            step.hazard(Hazard::Disrupts).patience(self.0)
        };
        Ok(site.nodes.keys().map(step).collect())
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

/// A minute, which is more than anything here takes.
const MINUTE: Patience = Patience { attempt: Duration::from_secs(60), deadline: Duration::from_secs(60) };

/// A run of a site of three nodes of which one may be away at once.
struct Run {
    floor: Arc<Floor>,
    journal: Arc<MemoryJournal>,
    layers: Layers,
    providers: Providers,
    site: Arc<Site>,
}

impl Run {
    fn new(rig: &Arc<Rig>, at: SocketAddr, patience: Patience, breaks: Option<&str>) -> Result<Self, Failure> {
        let text = format!(
            "version: 1\nsite: {}\nnodes:\n  n{{n:1..3}}: {{}}\nservices:\n  alerts: {{kind: alertmanager, url: \"http://{at}\"}}\n\
             conduct:\n  rollouts:\n    web: {{nodes: [\"n{{1..3}}\"], max_unavailable: 1}}\n",
            us()
        );
        let layers = Layers::new().with(Work(patience)).with(OpsMgmtLayer);
        let source = Source::new("site.yaml", Format::Yaml, text);
        let site =
            Site::parse(&[source], &layers.settings(), &Lock::default()).map_err(|faults| faults.to_string())?.site;
        let mut providers = Providers::new();
        if OpsMgmtLayer.connect(&site, &LocalSecrets::new("/".as_ref()), &mut providers).is_err() {
            return Err("the services of the site cannot be used".into());
        }
        let breaks = breaks.map(NodeName::new).transpose()?;
        let nodes = site.nodes.keys().cloned().collect();
        let floor = Arc::new(Floor { rig: Arc::clone(rig), done: Mutex::default(), nodes, breaks });
        providers.insert::<Floor>(&self::floor(), Arc::clone(&floor));
        Ok(Self { floor, journal: Arc::new(MemoryJournal::new()), layers, providers, site: Arc::new(site) })
    }

    async fn run(&self) -> Result<Report, Failure> {
        let planner = Planner::new(&self.layers, &self.providers);
        let plan = planner.prepare(Arc::clone(&self.site), &mut Observed::new()).await?.plan;
        let engine = Engine::new(self.layers.operations(), self.providers.clone());
        let journal = Arc::clone(&self.journal);
        Ok(engine.run("trial", plan, journal, &Stop::new()).await?)
    }

    /// What the looks at the gate said that found it closed, each once.
    fn held_by(&self) -> BTreeSet<String> {
        let poor = |event: Event| match event {
            Event::Looked { health: Health::Poor(why), .. } => Some(why),
            _ => None,
        };
        self.journal.records().into_iter().filter_map(|record| poor(record.event)).collect()
    }

    /// All were worked on, each was silent then and nobody else, and nobody is any more.
    async fn all_are_done_and_heard(&self) -> Result<(), Failure> {
        let wanted: BTreeMap<NodeName, (usize, usize)> =
            self.floor.nodes.iter().map(|node| (node.clone(), (1, 0))).collect();
        is("who was silent", &format!("{:?}", self.floor.done()), &format!("{wanted:?}"))?;
        for node in &self.floor.nodes {
            is(&format!("how many silences {node} has"), &self.floor.rig.ends(node).await?.len().to_string(), "0")?;
        }
        Ok(())
    }
}

fn ended(report: &Report, wanted: Outcome) -> Result<(), Failure> {
    is("how the run ended", &format!("{:?}, {}", report.outcome, failures(report)), &format!("{wanted:?}, "))
}

fn failures(report: &Report) -> String {
    report.failures().map(|step| step.status.to_string()).collect::<Vec<_>>().join("; ")
}

async fn a_node_is_silent_while_it_is_disrupted() -> Result<(), Failure> {
    let rig = Arc::new(Rig::start().await?);
    let run = Run::new(&rig, rig.addr(), MINUTE, None)?;
    let foreign = rig.seed_foreign(&NodeName::new("elsewhere")?).await?.ok_or("it makes silences")?;
    ended(&run.run().await?, Outcome::Ready)?;
    run.all_are_done_and_heard().await?;
    is("whether the silence of somebody else is as it was", &rig.is_untouched(&foreign).await?.to_string(), "true")
}

async fn an_alert_holds_the_next_one_back() -> Result<(), Failure> {
    let rig = Arc::new(Rig::start().await?);
    let run = Arc::new(Run::new(&rig, rig.addr(), MINUTE, Some("n3"))?);
    let running = tokio::spawn({
        let run = Arc::clone(&run);
        async move { run.run().await.map_err(|error| error.to_string()) }
    });
    for _ in 0..300 {
        if !run.held_by().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    is("how many were worked on while it fires", &run.floor.done().len().to_string(), "1")?;
    let held: Vec<String> = run.held_by().into_iter().collect();
    match &held[..] {
        [why]
            if why.contains("alert Broken of n3 fires since")
                && why.contains("(a trial) → over: mend it, or silence it") => {}
        other => return Err(format!("the run says that it waits for {other:?}").into()),
    }
    rig.resolve("Broken", &NodeName::new("n3")?).await?;
    let report = running.await??;
    ended(&report, Outcome::Ready)?;
    run.all_are_done_and_heard().await
}

async fn nobody_is_disrupted_while_alertmanager_is_down() -> Result<(), Failure> {
    let rig = Arc::new(Rig::start().await?);
    // Nobody listens on port 1.
    let patience = Patience { attempt: Duration::from_secs(3), deadline: Duration::from_secs(3) };
    let run = Run::new(&rig, SocketAddr::from(([127, 0, 0, 1], 1)), patience, None)?;
    let running = run.run();
    let report = match tokio::time::timeout(Duration::from_secs(15), running).await {
        Ok(report) => failures(&report?),
        // The gate may be closed for ten minutes before it is given up.
        Err(_) => String::new(),
    };
    is("how many were worked on", &run.floor.done().len().to_string(), "0")?;
    let told = run.held_by().into_iter().collect::<Vec<_>>().join("\n") + &report;
    if told.contains("is Alertmanager at http://127.0.0.1:1?") {
        return Ok(());
    }
    Err(format!("it does not say what is down: {told}").into())
}

async fn a_slow_alertmanager_is_waited_for_and_one_that_is_too_slow_is_told() -> Result<(), Failure> {
    let rig = Arc::new(Rig::start().await?);
    let way = SlowWay::to(rig.addr()).await?;
    let run = Run::new(&rig, way.addr, MINUTE, None)?;
    way.late_by(Late::All, Duration::from_millis(500));
    ended(&run.run().await?, Outcome::Ready)?;
    run.all_are_done_and_heard().await?;
    way.late_by(Late::All, Duration::from_secs(20));
    let late = Run::new(&rig, way.addr, MINUTE, None)?;
    let _ = tokio::time::timeout(Duration::from_secs(18), late.run()).await;
    is("how many were worked on", &late.floor.done().len().to_string(), "0")?;
    let told = late.held_by().into_iter().collect::<Vec<_>>().join("\n");
    if told.contains(&format!("Alertmanager at http://{} did not answer within 15s", way.addr)) {
        return Ok(());
    }
    Err(format!("it does not say who is slow: {told}").into())
}
