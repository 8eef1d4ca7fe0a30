//! Carries out a plan, with events, and Ctrl-C as Python knows it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dip::Stop;
use dip::core::engine::EngineError;
use dip::core::journal::{FileJournal, Journal, MemoryJournal};
use pyo3::prelude::*;

use crate::attend::{Listener, Teller, attend};
use crate::plan::Plan;
use crate::report::Report;
use crate::sandbox::Sandbox;
use crate::world::{World, dns_services};
use crate::{error, event};

/// Carries out a plan, through those who were asked for it or through others.
#[pyfunction]
#[pyo3(signature = (plan, *, sandbox = None, dns = None, on_event = None, journal = None))]
pub(crate) fn apply(
    py: Python<'_>,
    plan: &Plan,
    sandbox: Option<&Sandbox>,
    dns: Option<BTreeMap<String, Py<PyAny>>>,
    on_event: Option<Py<PyAny>>,
    journal: Option<PathBuf>,
) -> PyResult<Report> {
    let world = match (sandbox, dns) {
        (None, None) => Arc::clone(&plan.world),
        (sandbox, dns) => Arc::new(other_world(py, &plan.world, sandbox, dns)?),
    };
    let run = run_name(journal.as_deref());
    let journal: Arc<dyn Journal> = match journal {
        Some(path) => Arc::new(FileJournal::create(&path).map_err(|wrong| error::run(&wrong))?),
        None => Arc::new(MemoryJournal::new()),
    };
    if world.simulation.is_none() {
        world.wanted.keep_addresses().map_err(|wrong| error::run(&wrong))?;
    }
    let stop = Stop::new();
    let listener = Listener { on_event: on_event.as_ref(), is_awaited: world.simulation.is_some() };
    let (ended, raised) = attend(py, &listener, &stop, |teller| {
        world.block_on(carry_out(&world, &plan.plan, &run, journal, &stop, on_event.is_some().then_some(teller)))
    });
    let report = ended?.map(|report| Report { report }).map_err(|wrong| error::run(&wrong));
    let Some(raised) = raised else { return report };
    // Who catches it may want to know how far the run came.
    if let Ok(report) = report {
        raised.value(py).setattr("report", report)?;
    }
    Err(raised)
}

/// The world of a plan with another sandbox or other DNS services. A simulated world never becomes a real one.
fn other_world(
    py: Python<'_>,
    planned: &World,
    sandbox: Option<&Sandbox>,
    dns: Option<BTreeMap<String, Py<PyAny>>>,
) -> PyResult<World> {
    let simulation = sandbox.map(|sandbox| Arc::clone(&sandbox.simulation)).or_else(|| planned.simulation.clone());
    let dns = match dns {
        Some(given) => dns_services(py, &planned.wanted.site, Some(given))?,
        None => planned.dns.clone(),
    };
    World::new(Arc::clone(&planned.wanted), simulation, dns)
}

/// A run is called like its journal.
fn run_name(journal: Option<&Path>) -> String {
    let stem = journal.and_then(Path::file_stem);
    stem.map_or_else(|| "python".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

async fn carry_out(
    world: &World,
    plan: &Arc<dip::Plan>,
    run: &str,
    journal: Arc<dyn Journal>,
    stop: &Stop,
    teller: Option<&Teller>,
) -> Result<dip::Report, EngineError> {
    let mut engine = world.engine();
    let Some(teller) = teller else { return engine.run(run, Arc::clone(plan), journal, stop).await };
    let mut records = engine.events();
    let work = engine.run(run, Arc::clone(plan), journal, stop);
    tokio::pin!(work);
    let ended = loop {
        tokio::select! {
            biased;
            Some(record) = records.recv() => teller.tell(event::flat(plan, &record)),
            ended = &mut work => break ended,
        }
    };
    while let Ok(record) = records.try_recv() {
        teller.tell(event::flat(plan, &record));
    }
    ended
}
