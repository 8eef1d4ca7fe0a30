//! The review of a plan before anything of it is done: what guards refuse, all at once. Pure.

use jiff::Timestamp;

use super::belonging::Belonging;
use super::ceiling::Tally;
use super::{Approval, Ceiling, Consent, Erasure, NoConsent, Refusal, Refusals};
use crate::actor::Actor;
use crate::fact::Facts;
use crate::id::StepId;
use crate::plan::Plan;
use crate::site::Ceilings;

/// What a run is begun with: ceilings that its caller sets, consents, approvals. With nothing in it, as by default, the
/// ceilings of the site and the engine hold, nothing may be erased, and nothing runs where the site wants approvals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    /// Ceilings that the caller sets; what it does not say, the site or the engine does.
    pub ceilings: Ceilings,
    /// What people have consented to.
    pub consents: Vec<Consent>,
    /// Who has approved the plan.
    pub approvals: Vec<Approval>,
}

impl Guard {
    /// Looks at a plan that is to be run.
    ///
    /// # Errors
    /// All that is refused.
    pub fn review(&self, plan: &Plan, now: Timestamp) -> Result<(), Refusals> {
        let belonging = Belonging::new(plan.site());
        let mut refusals = Vec::new();
        for ceiling in Ceiling::all(plan, &self.ceilings) {
            let Tally { count, which } = Tally::of(ceiling.measure, plan, &belonging);
            if count > ceiling.most as usize {
                refusals.push(Refusal::Ceiling { ceiling, count, which });
            }
        }
        self.papers(plan, &belonging, now, &|_| false, &mut refusals);
        told(plan, refusals)
    }

    /// Looks at a plan of which a part is done. Its ceilings were looked at when the run began, and a plan does not grow; but
    /// consents may have expired since.
    pub(super) fn review_rest(
        &self,
        plan: &Plan,
        now: Timestamp,
        is_done: &(dyn Fn(StepId) -> bool + Sync),
    ) -> Result<(), Refusals> {
        let mut refusals = Vec::new();
        self.papers(plan, &Belonging::new(plan.site()), now, is_done, &mut refusals);
        told(plan, refusals)
    }

    /// Whether an erasure has a consent, and what is known of the disks of its node does not speak against it.
    pub(super) fn consent(
        &self,
        erasure: &Erasure,
        plan: &Plan,
        facts: &Facts,
        now: Timestamp,
    ) -> Result<(), NoConsent> {
        Consent::any_for(&self.consents, erasure, plan, now)?;
        match erasure.unseen(facts) {
            Some((missing, seen)) => Err(NoConsent::Unseen { missing, seen }),
            None => Ok(()),
        }
    }

    fn papers(
        &self,
        plan: &Plan,
        belonging: &Belonging<'_>,
        now: Timestamp,
        is_done: &(dyn Fn(StepId) -> bool + Sync),
        refusals: &mut Vec<Refusal>,
    ) {
        let mut known = Facts::new();
        for fact in plan.known() {
            known.insert(fact.key.clone(), fact.value.clone());
        }
        let open = plan.steps().iter().enumerate().filter(|(index, _)| !is_done(StepId::at(*index)));
        let erasures = open.filter_map(|(_, planned)| Erasure::of(&planned.step, belonging));
        let lacking: Vec<(Erasure, NoConsent)> = erasures
            .filter_map(|erasure| {
                let lack = self.consent(&erasure, plan, &known, now).err()?;
                Some((erasure, lack))
            })
            .collect();
        if !lacking.is_empty() {
            refusals.push(Refusal::Erasures(lacking));
        }
        self.approved(plan, refusals);
    }

    fn approved(&self, plan: &Plan, refusals: &mut Vec<Refusal>) {
        let policy = &plan.site().conduct.approvals;
        let mut by: Vec<Actor> = Vec::new();
        for approval in &self.approvals {
            if approval.plan != *plan.id() {
                let (by, plan, this) = (approval.by.clone(), approval.plan.clone(), plan.id().clone());
                refusals.push(Refusal::OtherPlan { by, plan, this });
            } else if policy.separate && plan.planner().is_some_and(|planner| planner.is(&approval.by)) {
                refusals.push(Refusal::Own { by: approval.by.clone() });
            } else if !by.iter().any(|known| known.is(&approval.by)) {
                by.push(approval.by.clone());
            }
        }
        if policy.required > 0 && policy.separate && plan.planner().is_none() {
            refusals.push(Refusal::UnknownPlanner);
        } else if by.len() < policy.required as usize {
            refusals.push(Refusal::Approvals { wanted: policy.required, by });
        }
    }
}

fn told(plan: &Plan, refusals: Vec<Refusal>) -> Result<(), Refusals> {
    if refusals.is_empty() {
        return Ok(());
    }
    Err(Refusals { plan: plan.id().clone(), site: plan.site().name.clone(), refusals })
}
