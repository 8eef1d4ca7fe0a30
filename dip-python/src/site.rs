//! The site as Python holds it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dip::core::site::{Fault, Format, Loaded, Lock, LockError, Resolved, Source};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::{error, json};

/// What is wanted of one site.
#[pyclass(frozen, module = "dip")]
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) wanted: Arc<Wanted>,
}

/// A site with the addresses that were chosen for it.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) site: Arc<dip::Site>,
    lock: Option<ChosenAddresses>,
    warnings: Vec<String>,
}

/// Addresses that were chosen and are not in the lock file yet.
#[derive(Debug)]
struct ChosenAddresses {
    lock: Lock,
    path: PathBuf,
}

impl Wanted {
    /// Keeps the chosen addresses in the lock file: who changes the world by them does this first.
    pub(crate) fn keep_addresses(&self) -> Result<(), LockError> {
        self.lock.as_ref().map_or(Ok(()), |chosen| chosen.lock.write(&chosen.path))
    }
}

#[pymethods]
impl Site {
    #[staticmethod]
    #[pyo3(signature = (path, overlays = Vec::new()))]
    fn load(py: Python<'_>, path: PathBuf, overlays: Vec<PathBuf>) -> PyResult<Self> {
        let files: Vec<PathBuf> = std::iter::once(path).chain(overlays).collect();
        let loaded = py.detach(|| dip::Site::load(&files, &dip::layers().settings())).map_err(error::site)?;
        // No server is asked while a file is read: who else holds a chosen address is told by the plan, as a conflict.
        let Loaded { site, lock, chosen_before: _, lock_changed, lock_path, claims_path: _, warnings, deliveries: _ } =
            loaded;
        let lock = lock_changed.then_some(ChosenAddresses { lock, path: lock_path });
        Ok(Self::new(site, lock, &warnings))
    }

    #[staticmethod]
    #[pyo3(signature = (text, *, name = "site.yaml", overlays = Vec::new()))]
    fn parse(py: Python<'_>, text: String, name: &str, overlays: Vec<String>) -> PyResult<Self> {
        let Some(format) = Format::of(Path::new(name)) else {
            return Err(PyValueError::new_err(format!(
                "the name `{name}` does not tell how the text is written; let it end in `.yaml`, `.toml` or `.json`"
            )));
        };
        let base = Source::new(name, format, text);
        let overlays = overlays.into_iter().zip(1..);
        let overlays =
            overlays.map(|(text, number)| Source::new(&format!("overlay {number} of {name}"), format, text).at(""));
        let sources: Vec<Source> = std::iter::once(base).chain(overlays).collect();
        let parsed = py.detach(|| dip::Site::parse(&sources, &dip::layers().settings(), &Lock::default()));
        let Resolved { site, warnings, .. } = parsed.map_err(error::site)?;
        Ok(Self::new(site, None, &warnings))
    }

    #[getter]
    fn name(&self) -> &str {
        self.wanted.site.name.as_str()
    }

    #[getter]
    fn nodes(&self) -> Vec<&str> {
        self.wanted.site.nodes.keys().map(|name| name.as_str()).collect()
    }

    #[getter]
    fn services(&self) -> Vec<&str> {
        self.wanted.site.services.keys().map(|name| name.as_str()).collect()
    }

    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.wanted.warnings.clone()
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::to_python(py, &*self.wanted.site)
    }

    fn to_json(&self) -> PyResult<String> {
        json::text(&*self.wanted.site)
    }

    fn __repr__(&self) -> String {
        format!("<dip.Site {} with {} nodes>", self.wanted.site.name, self.wanted.site.nodes.len())
    }
}

impl Site {
    fn new(site: dip::Site, lock: Option<ChosenAddresses>, warnings: &[Fault]) -> Self {
        let warnings = warnings.iter().map(ToString::to_string).collect();
        Self { wanted: Arc::new(Wanted { site: Arc::new(site), lock, warnings }) }
    }
}
