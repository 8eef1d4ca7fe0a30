//! Draft → survey → plan in one call, for programs that want all three.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Clock, Limits, SystemClock, spans, survey};
use crate::id::StepId;
use crate::layer::Layers;
use crate::observed::{Observed, Survey};
use crate::operation::{Check, Diff, Gap};
use crate::plan::{Draft, Goal, Plan, PlanError, is_left_out, only_tells};
use crate::provider::Providers;
use crate::site::Site;
use crate::step::Step;

/// Looks at sites and plans what has to be done, through these layers and providers.
#[derive(Debug, Clone)]
pub struct Planner<'a> {
    layers: &'a Layers,
    providers: &'a Providers,
    goal: Goal,
    limits: Limits,
    clock: &'a dyn Clock,
}

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

impl<'a> Planner<'a> {
    /// A planner that goes all the way, with the usual limits and the machine's clock.
    #[must_use]
    pub fn new(layers: &'a Layers, providers: &'a Providers) -> Self {
        Self { layers, providers, goal: Goal::Everything, limits: Limits::default(), clock: &SystemClock }
    }

    /// Sets how far plans go.
    #[must_use]
    pub const fn goal(mut self, goal: Goal) -> Self {
        self.goal = goal;
        self
    }

    /// Sets how much may be looked at at once.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the clock.
    #[must_use]
    pub const fn clock(mut self, clock: &'a dyn Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Looks at a site and plans what has to be done. Reads only.
    ///
    /// `seen` is what was seen of the site before, nothing for a first look. It takes in what is seen now. Where that makes
    /// known what a part of the draft was deferred for, the site is drafted and looked at again, with that part in it.
    ///
    /// # Errors
    /// Where there is no plan; all the reasons at once. A server that cannot be asked is none: its steps are unknown.
    ///
    /// # Cancel safety
    /// It only reads, so that it can be left at any moment; `seen` may have taken in a part of it.
    pub async fn prepare(&self, site: Arc<Site>, seen: &mut Observed) -> Result<Prepared, PlanError> {
        let mut looks = 1;
        loop {
            let prepared = self.look(&site, seen).await?;
            take_in(seen, &prepared);
            if looks == MOST_LOOKS || !prepared.draft.deferred().iter().any(|deferred| deferred.is_known(seen)) {
                return Ok(prepared);
            }
            looks += 1;
        }
    }

    async fn look(&self, site: &Arc<Site>, seen: &Observed) -> Result<Prepared, PlanError> {
        let Self { layers, goal, .. } = *self;
        let draft = spans::draft(&site.name).in_scope(|| Draft::new(Arc::clone(site), seen, layers, goal))?;
        let survey = survey(&draft, &layers.operations(), self.providers, &self.limits, self.clock).await;
        let span = spans::plan(&site.name, draft.steps().len());
        let plan = Arc::new(span.in_scope(|| Plan::new(&draft, &survey, layers))?);
        span.record("plan", plan.id().short());
        Ok(Prepared { draft, survey, plan })
    }
}

/// Each further look has something in it that the one before made known; a chain of so many is a layer that never ends.
const MOST_LOOKS: u8 = 8;

/// What was seen now is the last that is known; what differs is not so any more.
fn take_in(seen: &mut Observed, prepared: &Prepared) {
    // What was not looked at keeps the time when it was.
    let recalled: BTreeSet<StepId> = prepared.survey.recalled().collect();
    for (index, step) in prepared.draft.steps().iter().enumerate() {
        let id = StepId::at(index);
        match prepared.survey.check(id) {
            Check::Holds(facts) if !recalled.contains(&id) => {
                seen.record_by(&step.call, facts.clone(), prepared.survey.at());
            }
            Check::Differs(_) => seen.forget(&step.gives),
            Check::Holds(_) | Check::Unknown(_) => {}
        }
    }
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
