//! A datacenter in the sandbox, all layers, and runs on it.

use std::sync::Arc;

use dip_apps::AppsLayer;
use dip_cluster::ClusterLayer;
use dip_core::engine::{Engine, Planner, Prepared, Stop};
use dip_core::id::NodeName;
use dip_core::journal::MemoryJournal;
use dip_core::layer::Layers;
use dip_core::observed::Observed;
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

pub(crate) fn site(nodes: usize, racks: usize) -> Arc<Site> {
    parsed(datacenter(nodes, racks))
}

pub(crate) fn parsed(text: String) -> Arc<Site> {
    let source = Source::new("site.yaml", Format::Yaml, text);
    match Site::parse(&[source], &layers().settings(), &Lock::default()) {
        Ok(resolved) => Arc::new(resolved.site),
        Err(faults) => panic!("the generated site file has faults:\n{faults}"),
    }
}

pub(crate) async fn plan(site: &Arc<Site>, sandbox: &Sandbox) -> Prepared {
    let (layers, providers, clock) = (layers(), sandbox.providers(), sandbox.clock());
    let prepared =
        Planner::new(&layers, &providers).clock(&clock).prepare(Arc::clone(site), &mut Observed::new()).await;
    prepared.unwrap_or_else(|error| panic!("there is no plan: {error}"))
}

pub(crate) async fn apply(site: &Arc<Site>, sandbox: &Sandbox) -> Report {
    apply_until(site, sandbox, &Arc::new(MemoryJournal::new()), &Stop::new()).await
}

pub(crate) async fn apply_until(
    site: &Arc<Site>,
    sandbox: &Sandbox,
    journal: &Arc<MemoryJournal>,
    stop: &Stop,
) -> Report {
    let prepared = plan(site, sandbox).await;
    let engine = engine(sandbox);
    let journal = Arc::clone(journal);
    engine.run("test", prepared.plan, journal, stop).await.expect("memory takes every record")
}

pub(crate) fn engine(sandbox: &Sandbox) -> Engine {
    Engine::new(layers().operations(), sandbox.providers()).clock(Arc::new(sandbox.clock()))
}

/// It came to ready state.
pub(crate) fn ready(report: &Report) {
    let failures: Vec<_> = report.failures().map(|step| format!("{step:?}")).collect();
    assert_eq!(report.outcome, Outcome::Ready, "{}", failures.join("\n"));
}

pub(crate) fn node(name: &str) -> NodeName {
    NodeName::new(name).expect("a name")
}
