//! Who is away, by the records alone, and whether one more may be taken away.

use std::collections::BTreeSet;

use dip_core::id::{NodeName, StepId};
use dip_core::journal::Health;
use dip_core::plan::Presence;

use super::rules::{Judge, Seat};

/// What the records have told so far of those whom budgets protect.
#[derive(Debug, Default)]
pub(super) struct Away {
    /// Away because of the plan, or since before it.
    seats: BTreeSet<Seat>,
    /// Away because somebody said so.
    reported: BTreeSet<NodeName>,
    /// The budgets whose members were well since somebody was last taken away.
    well: BTreeSet<usize>,
}

impl Away {
    /// A process takes the run over: away are those who do not serve, and those whom something that was begun keeps away.
    pub(super) fn open(&mut self, judge: &Judge<'_>, begun: &BTreeSet<StepId>, done: &BTreeSet<StepId>) {
        self.well.clear();
        let keeps = |step: &&StepId| judge.disrupts(**step) && !done.contains(step);
        self.seats = begun.iter().filter(keeps).flat_map(|step| judge.seats[step.index()].clone()).collect();
        for (budget, of) in judge.plan.budgets().list().iter().enumerate() {
            let out = (0..of.members.len()).filter(|&member| of.members[member].presence != Presence::Up);
            self.seats.extend(out.map(|member| (budget, member)));
        }
        self.seats.retain(|&seat| !is_back(judge, seat, begun, done));
    }

    fn counts(&self, judge: &Judge<'_>, seat: Seat) -> bool {
        let member = &judge.plan.budgets().list()[seat.0].members[seat.1];
        self.seats.contains(&seat) || self.reported.contains(&member.node)
    }

    /// Those of a budget who are away.
    fn away(&self, judge: &Judge<'_>, budget: usize) -> Vec<usize> {
        let members = 0..judge.plan.budgets().list()[budget].members.len();
        members.filter(|&member| self.counts(judge, (budget, member))).collect()
    }

    /// Why one more may not be taken away, if it may not.
    fn bar(&self, judge: &Judge<'_>, (budget, member): Seat) -> Option<String> {
        let of = &judge.plan.budgets().list()[budget];
        let away = self.away(judge, budget);
        if of.max_unavailable.is_some_and(|max| away.len() >= max as usize) {
            return Some(format!("{} of {} are away already", away.len(), of.name));
        }
        let apart = |other: &&usize| of.members[member].domains.is_disjoint(&of.members[**other].domains);
        let other = away.iter().filter(|_| of.spread.is_some()).find(apart)?;
        Some(format!("{} of another failure domain is away", of.members[*other].node))
    }

    /// A step that disrupts begins.
    pub(super) fn take(&mut self, judge: &Judge<'_>, step: StepId) -> Result<(), String> {
        let new: Vec<Seat> =
            judge.seats[step.index()].iter().copied().filter(|&seat| !self.counts(judge, seat)).collect();
        for seat in new {
            if let Some(why) = self.bar(judge, seat) {
                return Err(format!("one more member is taken away though {why}"));
            }
            if !judge.plan.budgets().list()[seat.0].watches.is_empty() && !self.well.remove(&seat.0) {
                return Err("a member is taken away though nobody has seen that the others are well".to_owned());
            }
        }
        self.gone(judge, step);
        Ok(())
    }

    /// Nobody was asked: what was done once comes undone and is done again.
    pub(super) fn gone(&mut self, judge: &Judge<'_>, step: StepId) {
        if judge.disrupts(step) {
            self.seats.extend(&judge.seats[step.index()]);
        }
    }

    /// Something was told of a step: perhaps its members serve again.
    pub(super) fn see(&mut self, judge: &Judge<'_>, step: StepId, begun: &BTreeSet<StepId>, done: &BTreeSet<StepId>) {
        for &seat in &judge.seats[step.index()] {
            if is_back(judge, seat, begun, done) {
                self.seats.remove(&seat);
            }
        }
    }

    pub(super) fn look(&mut self, budget: u32, health: &Health) {
        match health {
            Health::Good => self.well.insert(budget as usize),
            Health::Poor(_) => self.well.remove(&(budget as usize)),
        };
    }

    pub(super) fn report(&mut self, node: &NodeName, is_down: bool) {
        if is_down {
            self.reported.insert(node.clone())
        } else {
            self.reported.remove(node)
        };
    }

    /// Whether a step that was given up would have had to wait for ever: somebody bars it who does not come back.
    pub(super) fn would_wait(&self, judge: &Judge<'_>, step: StepId) -> bool {
        judge.seats[step.index()].iter().any(|&seat| !self.counts(judge, seat) && self.bar(judge, seat).is_some())
    }
}

/// A member serves once nothing that has begun keeps it away, no boot of it is under way, and what says that it serves says so.
fn is_back(judge: &Judge<'_>, seat: Seat, begun: &BTreeSet<StepId>, done: &BTreeSet<StepId>) -> bool {
    let member = &judge.plan.budgets().list()[seat.0].members[seat.1];
    let keeps =
        |step: &StepId| judge.disrupts(*step) && judge.seats[step.index()].contains(&seat) && !done.contains(step);
    let is_booted = |boot: u32| {
        let parts = &judge.plan.boots()[boot as usize].parts;
        let must = member.presence == Presence::Down && member.boots.first() == Some(&boot);
        let has_begun = parts.iter().any(|part| begun.contains(part) || done.contains(part));
        parts.iter().all(|part| done.contains(part)) || !(must || has_begun)
    };
    member.presence != Presence::Out
        && !begun.iter().any(keeps)
        && member.boots.iter().all(|&boot| is_booted(boot))
        && member.serves.iter().all(|step| done.contains(step))
}
