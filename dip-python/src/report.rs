//! Reports: how a run ended.

use dip::core::engine::Status;
use dip::core::journal::FailureKind;
use dip::core::report::StepReport;
use pyo3::prelude::*;

use crate::json;

/// How a run ended.
#[pyclass(frozen, module = "dip")]
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) report: dip::Report,
}

#[pymethods]
impl Report {
    #[getter]
    fn run(&self) -> &str {
        &self.report.run
    }

    #[getter]
    fn plan(&self) -> &str {
        self.report.plan.as_str()
    }

    #[getter]
    fn outcome(&self) -> String {
        self.report.outcome.to_string()
    }

    #[getter]
    fn changes(&self) -> usize {
        self.report.changes()
    }

    #[getter]
    fn took(&self) -> f64 {
        self.report.took.as_secs_f64()
    }

    #[getter]
    fn failures(&self) -> Vec<Failure> {
        self.report.failures().filter_map(Failure::of).collect()
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::to_python(py, &self.report)
    }

    fn to_json(&self) -> PyResult<String> {
        json::text(&self.report)
    }

    fn __str__(&self) -> String {
        self.report.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<dip.Report of run {}: {}>", self.report.run, self.report.outcome)
    }
}

/// A step that failed.
#[pyclass(frozen, get_all, module = "dip")]
#[derive(Debug)]
pub(crate) struct Failure {
    step: String,
    layer: &'static str,
    subject: String,
    error: String,
    kind: &'static str,
}

impl Failure {
    fn of(step: &StepReport) -> Option<Self> {
        let Status::Failed { error, kind } = &step.status else { return None };
        Some(Self {
            step: step.name.to_string(),
            layer: step.layer.as_str(),
            subject: step.subject.to_string(),
            error: error.clone(),
            kind: match kind {
                FailureKind::Error => "error",
                FailureKind::Conflict => "conflict",
                FailureKind::Unsettled => "unsettled",
                FailureKind::Refused => "refused",
            },
        })
    }
}

#[pymethods]
impl Failure {
    fn __str__(&self) -> String {
        format!("{} — {}", self.step, self.error)
    }

    fn __repr__(&self) -> String {
        format!("<dip.Failure of {:?}: {}>", self.step, self.kind)
    }
}
