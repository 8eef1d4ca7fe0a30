//! Some nodes of one rack, what is wanted of their firmware, and those who bring it about.

use std::collections::BTreeMap;
use std::sync::Arc;

use dip_apps::AppsLayer;
use dip_cluster::ClusterLayer;
use dip_core::actor::Actor;
use dip_core::engine::{Clock as _, Engine, EngineError, Planner, Prepared, Stop};
use dip_core::guard::{Consent, Guard};
use dip_core::id::NodeName;
use dip_core::journal::MemoryJournal;
use dip_core::layer::Layers;
use dip_core::observed::Observed;
use dip_core::plan::{Goal, Plan, PlanError, render};
use dip_core::report::{Outcome, Report};
use dip_core::site::{Format, Lock, Site, Source};
use dip_core::step::Hazard;
use dip_firmware::FirmwareLayer;
use dip_firmware::provider::{BiosValue, RaidLevel};
use dip_network::NetworkLayer;
use dip_opsclients::OpsClientsLayer;
use dip_opsmgmt::OpsMgmtLayer;
use dip_os::OsLayer;
use dip_sandbox::{NodeSnapshot, Sandbox, datacenter};
use jiff::SignedDuration;

/// What the page shows, and a bit of all.
pub(super) const ALL: &str = "
profiles:
  base:
    firmware:
      bios: {ProcVirtualization: Enabled, SriovGlobal: Enabled, FanOffset: 20}
      secure_boot: enabled
      volumes:
        - {name: system, level: raid1, role: system, disks: {kind: ssd, pick: smallest, count: 2}}
        - {name: data, level: jbod, disks: {pick: rest}}
      updates:
        BMC: {version: 1.6.0, image: \"http://images.demo.example/BMC-1.6.0.bin\", takes_effect: at_once}
        BIOS: {version: 2.10.0, image: \"http://images.demo.example/BIOS-2.10.0.bin\", after: {BMC: 1.5.0}}
";

/// Three attributes, Secure Boot and a volume for data.
pub(super) const AT_ONE_BOOT: &str = "
profiles:
  base:
    firmware:
      bios: {ProcVirtualization: Enabled, SriovGlobal: Enabled, FanOffset: 20}
      secure_boot: enabled
      volumes:
        - {name: data, level: raid1, disks: {kind: hdd, count: 2}}
";

pub(super) fn layers() -> Layers {
    Layers::new()
        .with(NetworkLayer)
        .with(FirmwareLayer)
        .with(OsLayer)
        .with(OpsClientsLayer)
        .with(AppsLayer)
        .with(OpsMgmtLayer)
        .with(ClusterLayer)
}

/// Some nodes of one rack, and what is wanted of their firmware.
pub(super) struct Scene {
    pub(super) site: Arc<Site>,
    pub(super) sandbox: Sandbox,
}

impl Scene {
    pub(super) fn new(nodes: usize, firmware: &str) -> Self {
        let site = site(nodes, firmware);
        Self { sandbox: Sandbox::new(&site, 3), site }
    }

    /// The same machines, of which something else is wanted.
    pub(super) fn wants(&self, firmware: &str) -> Self {
        Self { site: site(self.site.nodes.len(), firmware), sandbox: self.sandbox.clone() }
    }

    pub(super) async fn prepare(&self) -> Prepared {
        let prepared = self.try_prepare(&mut Observed::new()).await;
        prepared.unwrap_or_else(|error| panic!("there is no plan: {error}"))
    }

    pub(super) async fn try_prepare(&self, seen: &mut Observed) -> Result<Prepared, PlanError> {
        let (layers, providers, clock) = (layers(), self.sandbox.providers(), self.sandbox.clock());
        Planner::new(&layers, &providers).goal(Goal::Ready).clock(&clock).prepare(Arc::clone(&self.site), seen).await
    }

    pub(super) fn engine(&self) -> Engine {
        Engine::new(layers().operations(), self.sandbox.providers()).clock(Arc::new(self.sandbox.clock()))
    }

    pub(super) async fn run(&self, guard: Guard) -> Result<Report, EngineError> {
        let plan = self.prepare().await.plan;
        self.engine().guard(guard).run("r1", plan, Arc::new(MemoryJournal::new()), &Stop::new()).await
    }

    /// Whoever has looked at the plan says yes to all that it erases.
    pub(super) fn consent_to(&self, plan: &Plan) -> Guard {
        let given = self.sandbox.clock().now();
        let mut serials: BTreeMap<NodeName, Vec<String>> = BTreeMap::new();
        for planned in plan.steps().iter().filter(|planned| planned.step.hazard == Hazard::Erases) {
            let node = NodeName::new(planned.step.subject.name()).expect("what is erased is of a node");
            serials.entry(node).or_default().extend(planned.step.erases.iter().map(|serial| serial.to_string()));
        }
        let consents = serials.into_iter().map(|(node, serials)| Consent {
            site: self.site.name.clone(),
            node,
            serials: serials.into_iter().collect(),
            plan: None,
            by: Actor::of_this_process(),
            reason: "the machines are new".to_owned(),
            given,
            expires: given + SignedDuration::from_hours(8),
        });
        Guard { consents: consents.collect(), ..Guard::default() }
    }

    pub(super) async fn run_with_consent(&self) -> Report {
        let guard = self.consent_to(&self.prepare().await.plan);
        self.run(guard).await.expect("memory takes every record")
    }

    pub(super) fn machine(&self, name: &str) -> NodeSnapshot {
        self.sandbox.snapshot().nodes[&node(name)].clone()
    }

    pub(super) fn count(&self, action: &str) -> u64 {
        self.sandbox.mutations().iter().filter(|(mutation, _)| mutation.action == action).map(|(_, count)| count).sum()
    }
}

fn site(nodes: usize, firmware: &str) -> Arc<Site> {
    let sources = [
        Source::new("site.yaml", Format::Yaml, datacenter(nodes, 1)),
        Source::new("firmware.yaml", Format::Yaml, firmware.to_owned()),
    ];
    match Site::parse(&sources, &layers().settings(), &Lock::default()) {
        Ok(resolved) => Arc::new(resolved.site),
        Err(faults) => panic!("the site file has faults:\n{faults}"),
    }
}

pub(super) fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a name")
}

#[track_caller]
pub(super) fn ready(report: &Report) {
    let failures: Vec<_> = report.failures().map(|step| format!("{step:?}")).collect();
    assert_eq!(report.outcome, Outcome::Ready, "{}", failures.join("\n"));
}

pub(super) fn failures(report: &Report) -> String {
    report.failures().map(|step| format!("{step:?}")).collect::<Vec<_>>().join("\n")
}

/// A plan as people read it, in one line.
pub(super) fn words(plan: &Plan) -> String {
    render::text(plan).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The boots of a plan: `r1-n1 off→firmware`.
pub(super) fn boots(plan: &Plan) -> Vec<String> {
    let word = |environment: Option<_>| {
        environment.map_or_else(|| "?".to_owned(), |from: dip_core::step::Environment| from.to_string())
    };
    plan.boots()
        .iter()
        .map(|planned| format!("{} {}→{}", planned.boot.node, word(planned.boot.from), planned.boot.to))
        .collect()
}

#[track_caller]
pub(super) fn is_as_wanted(machine: &NodeSnapshot) {
    assert_eq!(machine.bios["ProcVirtualization"], BiosValue::Text("Enabled".to_owned()));
    assert_eq!(machine.bios["FanOffset"], BiosValue::Number(20));
    assert!(machine.secure_boot.enforced);
    let volumes: Vec<_> =
        machine.volumes.iter().map(|volume| (volume.name.as_deref(), volume.level, volume.disks.clone())).collect();
    assert_eq!(volumes, [(Some("system"), Some(RaidLevel::Raid1), vec!["1".to_owned(), "3".to_owned()])]);
    assert_eq!((&*machine.firmware["BMC"], &*machine.firmware["BIOS"]), ("1.6.0", "2.10.0"));
    assert!(machine.answers);
}
