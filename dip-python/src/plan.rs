//! Plans: made, read and explained.

use dip::core::plan::{self as core, render};
use dip::{Goal, Observed, Planner, Stop};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::attend::{Listener, attend};
use crate::sandbox::Sandbox;
use crate::site::Site;
use crate::world::{World, dns_services};
use crate::{error, json};

/// What will be done, in which order and why.
#[pyclass(frozen, module = "dip")]
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) plan: Arc<dip::Plan>,
    /// Those who were asked for it, and through whom it is carried out.
    pub(crate) world: Arc<World>,
}

/// Looks at a site and plans what has to be done.
#[pyfunction]
#[pyo3(signature = (site, *, sandbox = None, dns = None, through = "everything"))]
pub(crate) fn plan(
    py: Python<'_>,
    site: &Site,
    sandbox: Option<&Sandbox>,
    dns: Option<BTreeMap<String, Py<PyAny>>>,
    through: &str,
) -> PyResult<Plan> {
    let goal = match through {
        "everything" => Goal::Everything,
        "ready" => Goal::Ready,
        other => {
            return Err(PyValueError::new_err(format!(
                "a plan goes through \"ready\" or \"everything\", not {other:?}"
            )));
        }
    };
    let dns = dns_services(py, &site.wanted.site, dns)?;
    let simulation = sandbox.map(|sandbox| Arc::clone(&sandbox.simulation));
    let world = World::new(Arc::clone(&site.wanted), simulation, dns)?;
    let stop = Stop::new();
    let listener = Listener { on_event: None, is_awaited: false };
    let (prepared, raised) = attend(py, &listener, &stop, |_| {
        world.block_on(async {
            let site = Arc::clone(&world.wanted.site);
            let planner = Planner::new(&world.layers, &world.providers).goal(goal).clock(&*world.clock);
            let mut seen = Observed::new();
            tokio::select! {
                biased;
                prepared = planner.prepare(site, &mut seen) => Some(prepared),
                // A plan only reads, so it can be left at any moment.
                () = stop.draining().cancelled() => None,
            }
        })
    });
    if let Some(raised) = raised {
        return Err(raised);
    }
    match prepared? {
        Some(Ok(prepared)) => Ok(Plan { plan: prepared.plan, world: Arc::new(world) }),
        Some(Err(wrong)) => Err(error::plan(&wrong)),
        None => Err(error::RunError::new_err(("the plan was stopped before its end",))),
    }
}

#[pymethods]
impl Plan {
    #[getter]
    fn id(&self) -> &str {
        self.plan.id().as_str()
    }

    #[getter]
    fn site(&self) -> &str {
        self.plan.site().name.as_str()
    }

    #[getter]
    fn is_empty(&self) -> bool {
        self.plan.is_empty()
    }

    #[getter]
    fn steps(&self) -> Vec<&str> {
        self.plan.steps().iter().map(|planned| planned.step.name.as_str()).collect()
    }

    fn why(&self, wanted: &str) -> PyResult<Vec<Explanation>> {
        let stories = self.plan.why(wanted).map_err(|none| error::no_such_step(&none))?;
        Ok(stories.into_iter().map(Explanation::from).collect())
    }

    fn to_json(&self) -> PyResult<String> {
        json::text(&*self.plan)
    }

    fn to_dot(&self) -> String {
        render::dot(&self.plan)
    }

    fn to_mermaid(&self) -> String {
        render::mermaid(&self.plan)
    }

    fn __len__(&self) -> usize {
        self.plan.steps().len()
    }

    // Else Python would take an empty plan for false, like an empty list, and `if plan:` would read as "if there is one".
    fn __bool__(&self) -> bool {
        true
    }

    fn __str__(&self) -> String {
        render::text(&self.plan)
    }

    fn __repr__(&self) -> String {
        format!("<dip.Plan {} of {} steps>", self.plan.id().short(), self.plan.steps().len())
    }
}

/// The story of one step.
#[pyclass(frozen, get_all, module = "dip")]
#[derive(Debug)]
pub(crate) struct Explanation {
    step: String,
    reason: String,
    origin: Option<String>,
    after: Vec<String>,
    before: Vec<String>,
    behind: Option<usize>,
    reruns: Option<usize>,
    text: String,
}

impl From<core::Explanation> for Explanation {
    fn from(story: core::Explanation) -> Self {
        let text = story.to_string();
        let core::Explanation { step, reason, origin, after, before, behind, reruns } = story;
        let count = |dependants: Option<core::Dependants>| dependants.map(|dependants| dependants.steps);
        Self { step, reason, origin, after, before, behind: count(behind), reruns: count(reruns), text }
    }
}

#[pymethods]
impl Explanation {
    fn __str__(&self) -> &str {
        &self.text
    }

    fn __repr__(&self) -> String {
        format!("<dip.Explanation of {:?}>", self.step)
    }
}
