//! Draft → survey → plan in one call, for programs that want all three.

use std::sync::Arc;

use super::{Clock, Limits, spans, survey};
use crate::id::StepId;
use crate::layer::Layers;
use crate::observed::{Observed, Survey};
use crate::operation::{Check, Diff, Gap};
use crate::plan::{Draft, Goal, Plan, PlanError, is_left_out, only_tells};
use crate::provider::Providers;
use crate::site::Site;
use crate::step::Step;

/// A draft, what was seen of it, and the plan that follows.
#[derive(Debug)]
pub struct Prepared {
    /// All that would bring the site to what is wanted.
    pub draft: Draft,
    /// What is the case now.
    pub survey: Survey,
    /// What has to be done.
    pub plan: Arc<Plan>,
}

/// Looks at a site and plans what has to be done. Reads only.
///
/// # Errors
/// Where there is no plan; all the reasons at once. A server that cannot be asked is none: its steps are unknown.
pub async fn prepare(
    site: Arc<Site>,
    layers: &Layers,
    providers: &Providers,
    goal: Goal,
    limits: &Limits,
    clock: &dyn Clock,
) -> Result<Prepared, PlanError> {
    let name = site.name.clone();
    let draft = spans::draft(&name).in_scope(|| Draft::new(site, &Observed::new(), layers, goal))?;
    let survey = survey(&draft, &layers.operations(), providers, limits, clock).await;
    let span = spans::plan(&name, draft.steps().len());
    let plan = Arc::new(span.in_scope(|| Plan::new(&draft, &survey, layers))?);
    span.record("plan", plan.id().short());
    Ok(Prepared { draft, survey, plan })
}

impl Prepared {
    /// What is not as wanted.
    pub fn differing(&self) -> impl Iterator<Item = (&Step, &Diff)> {
        self.readings().filter_map(|(step, check)| match check {
            Check::Differs(diff) => Some((step, diff)),
            Check::Holds(_) | Check::Unknown(_) => None,
        })
    }

    /// What could not be seen, with the reason.
    pub fn unknown(&self) -> impl Iterator<Item = (&Step, &Gap)> {
        self.readings().filter_map(|(step, check)| match check {
            Check::Unknown(gap) if is_left_out(step, check).is_none() => Some((step, gap)),
            Check::Unknown(_) | Check::Holds(_) | Check::Differs(_) => None,
        })
    }

    /// What cannot be taken away, because it is on a machine that is off or that nobody can ask, with the reason. It holds up
    /// nothing of what can.
    pub fn left_out(&self) -> impl Iterator<Item = (&Step, &Gap)> {
        self.readings().filter_map(|(step, check)| Some((step, is_left_out(step, check)?)))
    }

    fn readings(&self) -> impl Iterator<Item = (&Step, &Check)> {
        let all = self.draft.steps().iter().enumerate();
        let read = all.map(|(index, step)| (step, self.survey.check(StepId::at(index))));
        read.filter(|(step, _)| !only_tells(self.draft.site(), step))
    }
}
