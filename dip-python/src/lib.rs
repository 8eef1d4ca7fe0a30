//! dip for Python: load a site, plan, apply in a simulated datacenter or for real, with a DNS service written in Python.
//!
//! This crate is the compiled part of the Python package `dip`, and thin: it turns values of the facade into Python's and
//! back. What Python programs see of it is told in `python/dip/_native.pyi`.

mod apply;
mod attend;
mod dns;
mod error;
mod event;
mod fault;
mod json;
mod plan;
mod report;
mod sandbox;
mod site;
mod world;

/// The module `dip._native`; the package's `__init__.py` passes on what it holds.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use super::apply::apply;
    #[pymodule_export]
    use super::fault::SiteFault;
    #[pymodule_export]
    use super::plan::{Explanation, Plan, plan};
    #[pymodule_export]
    use super::report::{Failure, Report};
    #[pymodule_export]
    use super::sandbox::{Sandbox, datacenter};
    #[pymodule_export]
    use super::site::Site;
}
