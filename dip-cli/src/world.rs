//! What a command works with: a site, the layers, and either the site's real services or a simulated datacenter.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dip::core::engine::{Clock, SystemClock, held_by_others};
use dip::core::operation::OperationError;
use dip::core::orphan::{HeldRecord, Leftovers};
use dip::core::provider::{Inventory, Providers, StockItem};
use dip::core::secret::LocalSecrets;
use dip::core::site::{Definition, Loaded, Site};
use dip::core::step::Step;
use dip::core::subject::Subject;
use dip::sandbox::Sandbox;
use dip::{Engine, Goal, Layers, Limits, Observed, Planner, Prepared};

use crate::args::{Over, Simulation, SiteFiles};
use crate::error::CliError;
use crate::out::Out;
use crate::present::spinner::Spinner;

/// Reads a site file with all that is laid over it.
pub(crate) fn load(files: &SiteFiles, layers: &Layers, out: &Out) -> Result<Loaded, CliError> {
    load_passing_over(files, layers, &BTreeMap::new(), out)
}

fn load_passing_over(
    files: &SiteFiles,
    layers: &Layers,
    held: &BTreeMap<IpAddr, String>,
    out: &Out,
) -> Result<Loaded, CliError> {
    let mut definition = definition(files);
    definition.stock = stock(files, layers)?.map(|(_, items)| items);
    let loaded = definition
        .load_passing_over(&layers.settings(), held)
        .map_err(|faults| CliError::Site { file: files.site.clone(), faults })?;
    for warning in &loaded.warnings {
        out.note(warning);
    }
    Ok(loaded)
}

fn definition(files: &SiteFiles) -> Definition {
    let Over { overlay, values, set } = files.over.clone();
    let paths: Vec<PathBuf> = std::iter::once(files.site.clone()).chain(overlay).collect();
    Definition { files: paths, values, given: set, stock: None }
}

/// What the CMDB gives that a site takes its nodes from, and what is known of the site before; `None` where it takes them from nobody.
pub(crate) fn stock(files: &SiteFiles, layers: &Layers) -> Result<Option<(Site, Vec<StockItem>)>, CliError> {
    let failed = |faults| CliError::Site { file: files.site.clone(), faults };
    let Some(site) = definition(files).inventory(&layers.settings()).map_err(failed)? else { return Ok(None) };
    let providers = layers.connect(&site, &LocalSecrets::new(Path::new("."))).map_err(CliError::Connect)?;
    let Some(service) = site.services.keys().next() else { return Ok(None) };
    let Ok(inventory) = providers.find::<dyn Inventory>(&Subject::service(service)) else {
        let text = format!(
            "the service `{service}` is no CMDB that nodes can be taken from; name one of kind `nautobot`, `netbox` or `csv`"
        );
        return Err(CliError::Usage(text));
    };
    let runtime = tokio::runtime::Runtime::new().map_err(CliError::Runtime)?;
    let items = runtime.block_on(inventory.stock()).map_err(CliError::Inventory)?;
    Ok(Some((site, items)))
}

/// Makes a world of a site that was read. Where somebody else holds an address that was chosen only now, the site is read again with
/// the next free one.
pub(crate) fn settle(
    files: &SiteFiles,
    mut loaded: Loaded,
    layers: Layers,
    simulation: &Simulation,
    out: &Out,
) -> Result<(Loaded, World), CliError> {
    let mut held = BTreeMap::new();
    loop {
        let site = Arc::new(loaded.site.clone());
        if simulation.sandbox || !loaded.lock_changed {
            // Nobody else is in a simulation, and only addresses that are chosen anew are asked about.
            return Ok((loaded, World::new(site, layers, simulation)?));
        }
        // Asked through providers of their own: connections that are kept do not outlive the runtime that they were made on.
        let asking = World::new(Arc::clone(&site), layers.clone(), simulation)?;
        let more = asking.block_on(held_by_others(&site, &loaded.chosen_before, &asking.providers))?;
        // Who cannot be asked is told by the steps that ask the same server.
        let more = more.unwrap_or_default();
        if more.is_empty() {
            return Ok((loaded, World::new(site, layers, simulation)?));
        }
        for (address, who) in &more {
            out.note(format!("{address} is passed over: it is held by {who}"));
        }
        // Each round passes over addresses that none before did, so the ranges bound it.
        held.extend(more);
        loaded = load_passing_over(files, &layers, &held, out)?;
    }
}

/// A site with those who act for it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) site: Arc<Site>,
    pub(crate) layers: Layers,
    pub(crate) providers: Providers,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sandbox: Option<Sandbox>,
}

impl World {
    /// The real services of a site, or a simulation of them.
    pub(crate) fn new(site: Arc<Site>, layers: Layers, simulation: &Simulation) -> Result<Self, CliError> {
        if simulation.sandbox { Ok(Self::simulated(site, layers, simulation.seed)) } else { Self::real(site, layers) }
    }

    pub(crate) fn real(site: Arc<Site>, layers: Layers) -> Result<Self, CliError> {
        let providers = layers.connect(&site, &LocalSecrets::new(Path::new("."))).map_err(CliError::Connect)?;
        Ok(Self { site, layers, providers, clock: Arc::new(SystemClock), sandbox: None })
    }

    pub(crate) fn simulated(site: Arc<Site>, layers: Layers, seed: u64) -> Self {
        let sandbox = Sandbox::new(&site, seed);
        Self { providers: sandbox.providers(), clock: Arc::new(sandbox.clock()), site, layers, sandbox: Some(sandbox) }
    }

    /// Runs a future: on virtual time in a simulation, on the machine's own otherwise.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> Result<F::Output, CliError> {
        match &self.sandbox {
            Some(sandbox) => Ok(sandbox.block_on(future)),
            None => {
                let runtime = tokio::runtime::Runtime::new().map_err(CliError::Runtime)?;
                Ok(runtime.block_on(future))
            }
        }
    }

    /// Looks at the site and plans. A server that does not answer takes its time: a person at a terminal sees that we wait.
    pub(crate) async fn prepare(&self, goal: Goal) -> Result<Prepared, CliError> {
        self.prepare_having_seen(goal, Observed::new()).await
    }

    /// The same with what was seen before.
    pub(crate) async fn prepare_having_seen(&self, goal: Goal, mut seen: Observed) -> Result<Prepared, CliError> {
        let _spinner = self.sandbox.is_none().then(|| Spinner::start(&format!("looking at {}", self.site.name)));
        let site = Arc::clone(&self.site);
        self.planner(goal).prepare(site, &mut seen).await.map_err(CliError::Plan)
    }

    pub(crate) fn planner(&self, goal: Goal) -> Planner<'_> {
        Planner::new(&self.layers, &self.providers).goal(goal).limits(self.limits()).clock(&*self.clock)
    }

    /// What the site left in servers for nodes that its file no longer names.
    pub(crate) async fn leftovers(&self) -> Leftovers {
        self.layers.leftovers(&self.site, &self.providers).await
    }

    /// The record that a step would write, as it is now.
    pub(crate) async fn held(&self, step: &Step) -> Result<Option<HeldRecord>, OperationError> {
        for layer in self.layers.iter() {
            if let Some(held) = layer.held(step, &self.providers).await? {
                return Ok(Some(held));
            }
        }
        Ok(None)
    }

    /// Takes the site's mark off the record that a step writes.
    pub(crate) async fn disown(&self, step: &Step) -> Result<(), OperationError> {
        for layer in self.layers.iter() {
            layer.disown(step, &self.providers).await?;
        }
        Ok(())
    }

    pub(crate) fn engine(&self) -> Engine {
        let engine = Engine::new(self.layers.operations(), self.providers.clone());
        engine.clock(Arc::clone(&self.clock)).limits(self.limits())
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits::of(&self.site, &self.layers)
    }
}
