//! The exceptions of the package, with the sentences of the errors that they stand for.

use std::error::Error;

use dip::core::layer::ConnectError as Unusable;
use dip::core::plan::NoSuchStep as NoStep;
use dip::core::provider::sentence;
use dip::core::site::Faults;
use pyo3::PyErr;

use crate::fault::SiteFault;

// They are written in Python, where a class can be both an exception and have fields, in every version of Python.
pyo3::import_exception!(dip.errors, SiteError);
pyo3::import_exception!(dip.errors, PlanError);
pyo3::import_exception!(dip.errors, ConnectError);
pyo3::import_exception!(dip.errors, NoSuchStep);
pyo3::import_exception!(dip.errors, RunError);
pyo3::import_exception!(dip.errors, ProviderError);

/// The site files are wrong.
pub(crate) fn site(faults: Faults) -> PyErr {
    let text = faults.to_string();
    SiteError::new_err((text, faults.0.into_iter().map(SiteFault::from).collect::<Vec<_>>()))
}

/// There is no plan.
pub(crate) fn plan(error: &dip::core::plan::PlanError) -> PyErr {
    let reasons: Vec<String> = error.faults().iter().map(ToString::to_string).collect();
    PlanError::new_err((error.to_string(), reasons))
}

/// Providers cannot be made.
pub(crate) fn connect(errors: &[Unusable]) -> PyErr {
    let reasons: Vec<String> = errors.iter().map(|error| sentence(error)).collect();
    ConnectError::new_err((reasons.join("\n"), reasons))
}

/// No step fits a question.
pub(crate) fn no_such_step(error: &NoStep) -> PyErr {
    NoSuchStep::new_err((error.to_string(),))
}

/// A run could not go on.
pub(crate) fn run(error: &(dyn Error + 'static)) -> PyErr {
    RunError::new_err((sentence(error),))
}
