//! Whom a plan acts through: the site's own services or a simulation of them, and DNS services written in Python.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dip::core::engine::{Clock, SystemClock};
use dip::core::id::ServiceName;
use dip::core::provider::Providers;
use dip::core::secret::LocalSecrets;
use dip::core::subject::Subject;
use dip::opsmgmt::provider::Dns;
use dip::{Engine, Layers};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::dns::PythonDns;
use crate::error::{self, RunError};
use crate::sandbox::{InUse, Simulation};
use crate::site::Wanted;

/// DNS services by the names that the site gives them.
pub(crate) type DnsServices = BTreeMap<ServiceName, Arc<PythonDns>>;

/// A site with those who act for it.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) wanted: Arc<Wanted>,
    pub(crate) layers: Layers,
    pub(crate) providers: Providers,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) simulation: Option<Arc<Simulation>>,
    pub(crate) dns: DnsServices,
}

impl World {
    pub(crate) fn new(wanted: Arc<Wanted>, simulation: Option<Arc<Simulation>>, dns: DnsServices) -> PyResult<Self> {
        if let Some(node) = simulation.as_ref().and_then(|simulation| simulation.missing_node(&wanted.site)) {
            let text = format!(
                "the sandbox has no node `{node}`; it was made for another site: make one with dip.Sandbox(site)"
            );
            return Err(PyValueError::new_err(text));
        }
        let layers = dip::layers();
        let (mut providers, clock): (_, Arc<dyn Clock>) = match &simulation {
            Some(simulation) => (simulation.sandbox.providers(), Arc::new(simulation.sandbox.clock())),
            None => {
                let secrets = LocalSecrets::new(Path::new("."));
                let providers = layers.connect(&wanted.site, &secrets).map_err(|errors| error::connect(&errors))?;
                (providers, Arc::new(SystemClock))
            }
        };
        for (name, service) in &dns {
            providers.insert::<dyn Dns>(&Subject::service(name), Arc::clone(service) as Arc<dyn Dns>);
        }
        Ok(Self { wanted, layers, providers, clock, simulation, dns })
    }

    /// Runs a future: on virtual time in a simulation, on the machine's own otherwise.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> PyResult<F::Output> {
        match &self.simulation {
            Some(simulation) => simulation.run(future).map_err(|InUse| {
                RunError::new_err(("the sandbox is in use by another plan or run; its time goes on for one at a time",))
            }),
            None => {
                let runtime = tokio::runtime::Runtime::new().map_err(|failed| error::run(&failed))?;
                Ok(runtime.block_on(future))
            }
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        Engine::new(self.layers.operations(), self.providers.clone()).clock(Arc::clone(&self.clock))
    }
}

/// Objects as DNS services of a site.
pub(crate) fn dns_services(
    py: Python<'_>,
    site: &dip::Site,
    given: Option<BTreeMap<String, Py<PyAny>>>,
) -> PyResult<DnsServices> {
    let mut services = DnsServices::new();
    for (name, object) in given.into_iter().flatten() {
        let Some(known) = site.services.keys().find(|known| known.as_str() == name) else {
            let known: Vec<String> = site.services.keys().map(|known| format!("`{known}`")).collect();
            let text = format!("site `{}` has no service `{name}`; it has {}", site.name, known.join(", "));
            return Err(PyValueError::new_err(text));
        };
        services.insert(known.clone(), Arc::new(PythonDns::new(object.bind(py))?));
    }
    Ok(services)
}
