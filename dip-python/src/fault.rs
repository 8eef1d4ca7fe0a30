//! What is wrong in a site file, as Python holds it.

use dip::core::site::Fault;
use pyo3::prelude::*;

/// Something wrong in a site file.
#[pyclass(frozen, get_all, module = "dip")]
#[derive(Debug)]
pub(crate) struct SiteFault {
    message: String,
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
    label: Option<String>,
    advice: Option<String>,
    text: String,
}

impl From<Fault> for SiteFault {
    fn from(fault: Fault) -> Self {
        let text = fault.to_string();
        let Fault { message, origin, label, advice, .. } = fault;
        let (file, line, column) = match origin {
            Some(origin) => (Some(origin.file.to_string()), Some(origin.line), Some(origin.column)),
            None => (None, None, None),
        };
        Self { message, file, line, column, label, advice, text }
    }
}

#[pymethods]
impl SiteFault {
    fn __str__(&self) -> &str {
        &self.text
    }

    fn __repr__(&self) -> String {
        format!("<dip.SiteFault {:?}>", self.message)
    }
}
