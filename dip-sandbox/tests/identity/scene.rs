//! A small datacenter, all layers, and runs on it.

use std::sync::Arc;

use dip_apps::AppsLayer;
use dip_cluster::ClusterLayer;
use dip_core::engine::{Engine, Planner, Prepared, Stop};
use dip_core::id::NodeName;
use dip_core::journal::MemoryJournal;
use dip_core::layer::Layers;
use dip_core::observed::Observed;
use dip_core::provider::Providers;
use dip_core::report::{Outcome, Report};
use dip_core::site::{Format, Lock, Site, Source};
use dip_firmware::FirmwareLayer;
use dip_network::NetworkLayer;
use dip_opsclients::OpsClientsLayer;
use dip_opsmgmt::OpsMgmtLayer;
use dip_os::OsLayer;
use dip_sandbox::{Sandbox, datacenter};

pub(crate) fn layers() -> Layers {
    Layers::new()
        .with(NetworkLayer)
        .with(FirmwareLayer)
        .with(OsLayer)
        .with(OpsClientsLayer)
        .with(AppsLayer)
        .with(OpsMgmtLayer)
        .with(ClusterLayer)
}

/// The generated datacenter with some of its text in place of other text.
pub(crate) fn text(nodes: usize, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(datacenter(nodes, 1), |text, (from, to)| {
        assert!(text.contains(from), "`{from}` is not in the generated site file");
        text.replace(from, to)
    })
}

pub(crate) fn site_of(text: &str, lock: &Lock) -> Arc<Site> {
    match Site::parse(&[Source::new("site.yaml", Format::Yaml, text)], &layers().settings(), lock) {
        Ok(resolved) => Arc::new(resolved.site),
        Err(faults) => panic!("the site file has faults:\n{faults}"),
    }
}

pub(crate) async fn prepare(site: &Arc<Site>, sandbox: &Sandbox, providers: &Providers) -> Prepared {
    let (layers, clock) = (layers(), sandbox.clock());
    let planner = Planner::new(&layers, providers).clock(&clock);
    let prepared = planner.prepare(Arc::clone(site), &mut Observed::new()).await;
    prepared.unwrap_or_else(|error| panic!("there is no plan: {error}"))
}

pub(crate) fn engine(sandbox: &Sandbox, providers: &Providers) -> Engine {
    Engine::new(layers().operations(), providers.clone()).clock(Arc::new(sandbox.clock()))
}

/// The steps of the plan that a site would need now.
pub(crate) async fn planned(site: &Arc<Site>, sandbox: &Sandbox) -> Vec<String> {
    let plan = prepare(site, sandbox, &sandbox.providers()).await.plan;
    plan.steps().iter().map(|planned| planned.step.name.to_string()).collect()
}

pub(crate) async fn apply(site: &Arc<Site>, sandbox: &Sandbox) -> Report {
    let providers = sandbox.providers();
    let plan = prepare(site, sandbox, &providers).await.plan;
    let journal = Arc::new(MemoryJournal::new());
    engine(sandbox, &providers).run("test", plan, journal, &Stop::new()).await.expect("memory takes every record")
}

/// It came to ready state.
pub(crate) fn ready(report: &Report) {
    let failures: Vec<_> = report.failures().map(|step| format!("{step:?}")).collect();
    assert_eq!(report.outcome, Outcome::Ready, "{}", failures.join("\n"));
}

pub(crate) fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a name")
}
