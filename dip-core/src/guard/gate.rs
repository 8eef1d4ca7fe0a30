//! The gate of one run: what the engine asks before a run begins, and before each apply.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::belonging::Belonging;
use super::{Act, AllowAll, Approval, Authority, Consent, Denial, Erasure, Guard, NoConsent, Refusals};
use crate::actor::Actor;
use crate::fact::Facts;
use crate::id::StepId;
use crate::journal::{Event, Order, Record};
use crate::plan::Plan;
use crate::step::Hazard;

/// A guard with the one who acts and the one who decides.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) guard: Guard,
    pub(crate) authority: Arc<dyn Authority>,
    pub(crate) actor: Actor,
}

/// A run may not begin or go on.
#[derive(Debug)]
pub(crate) enum Refused {
    Guards(Refusals),
    Denied(Denial),
}

impl Default for Gate {
    fn default() -> Self {
        Self { guard: Guard::default(), authority: Arc::new(AllowAll), actor: Actor::of_this_process() }
    }
}

impl Gate {
    /// Before anything of a new run; gives the records that tell who has said yes.
    pub(crate) async fn begin(&self, plan: &Plan, now: Timestamp) -> Result<Vec<Event>, Refused> {
        self.guard.review(plan, now).map_err(Refused::Guards)?;
        self.allowed(Act::Run(plan)).await.map_err(Refused::Denied)?;
        Ok(self.papers(plan))
    }

    /// Before a run goes on. What was consented to and approved before stands in its journal; gives the gate that knows it,
    /// and the records of what is new.
    pub(crate) async fn go_on(
        &self,
        plan: &Plan,
        now: Timestamp,
        records: &[Record],
        is_done: &(dyn Fn(StepId) -> bool + Sync),
    ) -> Result<(Self, Vec<Event>), Refused> {
        let (mut consents, mut approvals): (Vec<Consent>, Vec<Approval>) = Default::default();
        for record in records {
            match &record.event {
                Event::Consented { consent } => consents.push(consent.clone()),
                Event::Approved { approval } => approvals.push(approval.clone()),
                _ => {}
            }
        }
        let mut fresh = self.clone();
        fresh.guard.consents.retain(|consent| !consents.contains(consent));
        fresh.guard.approvals.retain(|approval| !approvals.contains(approval));
        let events = fresh.papers(plan);
        let mut all = fresh;
        all.guard.consents.extend(consents);
        all.guard.approvals.extend(approvals);
        all.guard.review_rest(plan, now, is_done).map_err(Refused::Guards)?;
        all.allowed(Act::Run(plan)).await.map_err(Refused::Denied)?;
        Ok((all, events))
    }

    /// Before an apply, with the facts that the step is given: consents expire, disks are swapped, rights are taken away
    /// while a run goes on.
    ///
    /// # Errors
    /// Why not, as a sentence.
    pub(crate) async fn apply(&self, plan: &Plan, step: StepId, facts: &Facts, now: Timestamp) -> Result<(), String> {
        let planned = plan.step(step);
        if planned.step.hazard == Hazard::Erases {
            self.consented(plan, step, facts, now).map_err(|lack| {
                format!("nothing was erased: {lack}; look at the machine, and go on with a consent for what is there")
            })?;
        }
        self.allowed(Act::Apply(planned)).await.map_err(|denial| denial.to_string())
    }

    /// Before a command is obeyed; it is whoever gave it who must be allowed to.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn order(&self, order: &Order) -> Result<(), Denial> {
        let act = Act::Order(&order.command);
        let who = Actor::new(&order.by).map_err(|error| Denial::new(error.to_string()))?;
        self.authority.may(&who, act).await.map_err(|denial| denial.of(&who, act))
    }

    fn consented(&self, plan: &Plan, step: StepId, facts: &Facts, now: Timestamp) -> Result<(), NoConsent> {
        let belonging = Belonging::new(plan.site());
        match Erasure::of(&plan.step(step).step, &belonging) {
            Some(erasure) => self.guard.consent(&erasure, plan, facts, now),
            None => Ok(()),
        }
    }

    async fn allowed(&self, act: Act<'_>) -> Result<(), Denial> {
        self.authority.may(&self.actor, act).await.map_err(|denial| denial.of(&self.actor, act))
    }

    /// The records of what people said that is for this plan.
    fn papers(&self, plan: &Plan) -> Vec<Event> {
        let nodes: BTreeSet<_> = Erasure::all(plan).into_iter().filter_map(|erasure| erasure.node).collect();
        let consents = self.guard.consents.iter().filter(|consent| nodes.contains(&consent.node));
        let approvals = self.guard.approvals.iter().cloned().map(|approval| Event::Approved { approval });
        approvals.chain(consents.cloned().map(|consent| Event::Consented { consent })).collect()
    }
}
