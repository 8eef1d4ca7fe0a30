//! The simulated datacenter as Python holds it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dip::core::id::{NodeName, ServiceName};
use dip::sandbox::Fault;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt};
use serde_json::{Map, Value, json};
use tokio::runtime::Handle;

use crate::json;
use crate::site::Site;

/// A simulated datacenter in which a site is brought up on virtual time.
#[pyclass(frozen, module = "dip")]
#[derive(Debug)]
pub(crate) struct Sandbox {
    pub(crate) simulation: Arc<Simulation>,
}

/// A simulated datacenter and the runtime that goes on with its time, while one does.
#[derive(Debug)]
pub(crate) struct Simulation {
    pub(crate) sandbox: dip::sandbox::Sandbox,
    site: Arc<dip::Site>,
    running: Mutex<Option<Handle>>,
}

/// Two runs would each have a time of its own.
#[derive(Debug)]
pub(crate) struct InUse;

impl Simulation {
    /// Runs a future on the simulation's time.
    pub(crate) fn run<F: Future>(&self, future: F) -> Result<F::Output, InUse> {
        self.sandbox.block_on(async {
            let _turn = self.take_turn()?;
            Ok(future.await)
        })
    }

    /// A node of a site that the datacenter does not have. A site may change and its machines stay the same.
    pub(crate) fn missing_node<'a>(&self, site: &'a dip::Site) -> Option<&'a NodeName> {
        site.nodes.keys().find(|node| !self.site.nodes.contains_key(*node))
    }

    /// Looks at the sandbox or acts on it, by the clock of the run that goes on: time is read by every thread alike.
    fn with<T>(&self, act: impl FnOnce(&dip::sandbox::Sandbox) -> T) -> T {
        let running = self.running();
        let _entered = running.as_ref().map(Handle::enter);
        act(&self.sandbox)
    }

    fn take_turn(&self) -> Result<Turn<'_>, InUse> {
        let mut running = self.running();
        if running.is_some() {
            return Err(InUse);
        }
        *running = Some(Handle::current());
        Ok(Turn(self))
    }

    fn running(&self) -> MutexGuard<'_, Option<Handle>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the turn back, also after a panic.
struct Turn<'a>(&'a Simulation);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.running() = None;
    }
}

#[pymethods]
impl Sandbox {
    #[new]
    #[pyo3(signature = (site, *, seed = 1))]
    fn new(site: &Site, seed: u64) -> Self {
        let site = Arc::clone(&site.wanted.site);
        let sandbox = dip::sandbox::Sandbox::new(&site, seed);
        Self { simulation: Arc::new(Simulation { sandbox, site, running: Mutex::default() }) }
    }

    #[pyo3(signature = (fault, *, at = None, **fields))]
    fn inject(&self, fault: &str, at: Option<f64>, fields: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        let fault = self.read_fault(fault, fields)?;
        match at {
            Some(at) => {
                let at = seconds(at)?;
                self.simulation.with(|sandbox| sandbox.inject_at(at, fault));
            }
            None => self.simulation.with(|sandbox| sandbox.inject(fault)),
        }
        Ok(())
    }

    fn log(&self) -> Vec<String> {
        self.simulation.sandbox.log().iter().map(|incident| incident.to_string().trim_start().to_owned()).collect()
    }

    #[getter]
    fn elapsed(&self) -> f64 {
        self.simulation.with(|sandbox| sandbox.elapsed().as_secs_f64())
    }

    fn boots(&self, node: &str) -> PyResult<u64> {
        let node = NodeName::new(node).map_err(|error| PyValueError::new_err(error.to_string()))?;
        if !self.simulation.site.nodes.contains_key(&node) {
            return Err(self.unknown("node", node.as_str()));
        }
        Ok(self.simulation.with(|sandbox| sandbox.boots(&node)))
    }

    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::to_python(py, &self.simulation.with(dip::sandbox::Sandbox::snapshot))
    }

    fn __repr__(&self) -> String {
        format!("<dip.Sandbox of {} after {:.0} s>", self.simulation.site.name, self.elapsed())
    }
}

impl Sandbox {
    /// A fault by its name and fields, where times are seconds.
    fn read_fault(&self, fault: &str, fields: Option<&Bound<'_, PyDict>>) -> PyResult<Fault> {
        let mut object = Map::from_iter([("fault".to_owned(), Value::from(fault))]);
        for (name, value) in fields.into_iter().flatten() {
            let name: String = name.extract()?;
            let value = match name.as_str() {
                "lasting" | "by" => duration(seconds(value.extract()?)?),
                _ if value.is_instance_of::<PyInt>() => Value::from(value.extract::<i64>()?),
                _ if value.is_instance_of::<PyFloat>() => Value::from(value.extract::<f64>()?),
                _ => Value::from(value.str()?.to_string()),
            };
            object.insert(name, value);
        }
        let fault: Fault = serde_json::from_value(Value::Object(object))
            .map_err(|error| PyValueError::new_err(format!("`{fault}` with these fields is no fault: {error}")))?;
        // A fault of a machine that is not there would never strike, and nobody would know.
        let (subject, site) = (fault.subject(), &self.simulation.site);
        let known = match subject.kind() {
            "node" => NodeName::new(subject.name()).is_ok_and(|name| site.nodes.contains_key(&name)),
            _ => ServiceName::new(subject.name()).is_ok_and(|name| site.services.contains_key(&name)),
        };
        if known { Ok(fault) } else { Err(self.unknown(subject.kind(), subject.name())) }
    }

    fn unknown(&self, what: &str, name: &str) -> PyErr {
        PyValueError::new_err(format!("site `{}` has no {what} `{name}`", self.simulation.site.name))
    }
}

fn duration(duration: Duration) -> Value {
    json!({"secs": duration.as_secs(), "nanos": duration.subsec_nanos()})
}

pub(crate) fn seconds(number: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(number)
        .map_err(|_| PyValueError::new_err(format!("{number} is not a number of seconds; it must be 0 or more")))
}

/// The text of a site file for a simulated datacenter.
#[pyfunction]
#[pyo3(signature = (nodes = 8, racks = 2))]
pub(crate) fn datacenter(nodes: usize, racks: usize) -> PyResult<String> {
    if !(1..=250).contains(&racks) {
        return Err(PyValueError::new_err(format!("a datacenter has 1 to 250 racks, not {racks}")));
    }
    let fullest = nodes.div_ceil(racks);
    if fullest > 200 {
        return Err(PyValueError::new_err(format!("a rack holds up to 200 nodes, not {fullest}")));
    }
    Ok(dip::sandbox::datacenter(nodes, racks))
}
