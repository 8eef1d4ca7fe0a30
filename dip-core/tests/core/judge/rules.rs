//! What must be so before each step may start, from the plan's data alone.

use std::collections::{BTreeMap, BTreeSet};

use dip_core::engine::Limits;
use dip_core::fact::FactKey;
use dip_core::id::StepId;
use dip_core::plan::{Plan, Presence};
use dip_core::step::{Hazard, Lock, Need};

/// A place in a budget: which budget, and which of its members.
pub(super) type Seat = (usize, usize);

/// A wave: all that must be done, and what may be disrupted only then.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) first: BTreeSet<StepId>,
    pub(super) then: BTreeSet<StepId>,
    pub(super) pause: bool,
}

pub(crate) struct Judge<'a> {
    pub(super) plan: &'a Plan,
    givers: BTreeMap<&'a FactKey, StepId>,
    known: BTreeSet<&'a FactKey>,
    pub(super) limits: Limits,
    /// The seats that each step is about.
    pub(super) seats: Vec<Vec<Seat>>,
    pub(super) waves: Vec<Before>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(plan: &'a Plan, limits: Limits) -> Self {
        let steps = plan.steps().iter().enumerate();
        let givers =
            steps.flat_map(|(index, planned)| planned.step.gives.iter().map(move |fact| (fact, StepId::at(index))));
        let known = plan.known().iter().map(|known| &known.key).collect();
        let mut judge = Self { plan, givers: givers.collect(), known, limits, seats: Vec::new(), waves: Vec::new() };
        judge.seats = judge.steps().map(|step| judge.seats_of(step)).collect();
        judge.waves = judge.line_up();
        judge
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = StepId> + use<> {
        (0..self.plan.steps().len()).map(StepId::at)
    }

    pub(super) fn disrupts(&self, step: StepId) -> bool {
        self.plan.step(step).step.hazard != Hazard::None
    }

    /// A step is about a node by its subject, or because it is a part of a boot of it.
    fn seats_of(&self, step: StepId) -> Vec<Seat> {
        let planned = &self.plan.step(step).step;
        let is_member = planned.subject.kind() == "member";
        if !(self.disrupts(step) || is_member || planned.boot.is_some()) {
            return Vec::new();
        }
        let node = match &planned.boot {
            Some(boot) => boot.node.as_str(),
            None if is_member => planned.subject.name().split_once('/').map_or("", |(_, node)| node),
            None if planned.subject.kind() == "node" => planned.subject.name(),
            None => "",
        };
        let budgets = self.plan.budgets().list().iter().enumerate();
        let seat = |(index, budget): (usize, &dip_core::plan::Budget)| {
            budget.members.iter().position(|member| member.node.as_str() == node).map(|member| (index, member))
        };
        budgets.filter_map(seat).collect()
    }

    fn line_up(&self) -> Vec<Before> {
        let waves = self.plan.budgets().waves();
        let sits = |step: StepId, budget: usize, among: &dyn Fn(usize) -> bool| {
            self.seats[step.index()].iter().any(|(of, member)| *of == budget && among(*member))
        };
        let before = |wave: &dip_core::plan::Wave| {
            let budget = wave.budget as usize;
            let members = &self.plan.budgets().list()[budget].members;
            let of_wave = |number: u32| waves.iter().find(|of| of.budget == wave.budget && of.number == number);
            let earlier = |member: usize| {
                let within = |of: &&dip_core::plan::Wave| of.nodes.contains(&members[member].node);
                waves.iter().filter(|of| of.budget == wave.budget).any(|of| within(&of))
            };
            let is_first = |member: usize| wave.nodes.contains(&members[member].node);
            let is_next = |member: usize| match of_wave(wave.number + 1) {
                Some(next) => next.nodes.contains(&members[member].node),
                // The last wave waits for somebody and is waited for by nobody, so that the plan does not list it.
                None => members[member].presence == Presence::Up && !earlier(member),
            };
            Before {
                first: self.steps().filter(|&step| sits(step, budget, &is_first)).collect(),
                then: self.steps().filter(|&step| self.disrupts(step) && sits(step, budget, &is_next)).collect(),
                pause: wave.pause,
            }
        };
        waves.iter().map(before).collect()
    }

    /// Whether all that a step needs can be had where only these steps count as done.
    pub(super) fn may_start(&self, step: StepId, done: &dyn Fn(StepId) -> bool) -> bool {
        let is_met = |fact: &FactKey| match self.givers.get(fact) {
            Some(giver) => done(*giver),
            None => self.known.contains(fact),
        };
        let if_given = |fact: &FactKey| self.givers.get(fact).is_none_or(|giver| done(*giver));
        let needs = self.plan.step(step).step.needs.iter().all(|need| match need {
            Need::All(facts) => facts.iter().all(is_met),
            Need::AtLeast { count, facts } => facts.iter().filter(|fact| is_met(fact)).count() >= *count,
            Need::IfGiven(fact) => if_given(fact),
            Need::AllIfGiven(facts) => facts.iter().all(if_given),
        });
        let boots = self.plan.boots().iter().all(|boot| {
            (!boot.work.contains(&step) || boot.parts.iter().all(|part| done(*part)))
                && (!boot.parts.contains(&step) || boot.leaves.iter().all(|left| done(*left)))
        });
        let waves =
            self.waves.iter().all(|wave| !wave.then.contains(&step) || wave.first.iter().all(|first| done(*first)));
        needs && boots && waves
    }

    /// How much of a lock these steps hold; one that wants more than there is takes all.
    pub(super) fn held(&self, active: &BTreeSet<StepId>, lock: &Lock, capacity: u32) -> u32 {
        let of = |step: &StepId| {
            let locks = self.plan.step(*step).step.locks.iter().filter(|other| other.name() == lock.name());
            locks.map(Lock::weight).sum::<u32>().min(capacity)
        };
        active.iter().map(of).sum()
    }

    /// Those that can never start once these have failed.
    pub(super) fn blocked(&self, failed: &BTreeSet<StepId>, done: &BTreeSet<StepId>) -> BTreeSet<StepId> {
        let mut dead = failed.clone();
        loop {
            let before = dead.len();
            for step in self.steps().filter(|step| !done.contains(step)) {
                if !dead.contains(&step) && !self.may_start(step, &|other| !dead.contains(&other)) {
                    dead.insert(step);
                }
            }
            if dead.len() == before {
                return dead.difference(failed).copied().collect();
            }
        }
    }

    /// Whether a step waits, over however many others, for this one.
    pub(super) fn depends(&self, step: StepId, on: StepId) -> bool {
        let mut ahead = vec![step];
        let mut seen = BTreeSet::new();
        while let Some(step) = ahead.pop() {
            if step == on {
                return true;
            }
            if !seen.insert(step) {
                continue;
            }
            let facts = self.plan.step(step).step.needs.iter().flat_map(Need::facts);
            ahead.extend(facts.filter_map(|fact| self.givers.get(fact)));
            for boot in self.plan.boots() {
                if boot.work.contains(&step) {
                    ahead.extend(&boot.parts);
                }
                if boot.parts.contains(&step) {
                    ahead.extend(&boot.leaves);
                }
            }
            ahead.extend(self.waves.iter().filter(|wave| wave.then.contains(&step)).flat_map(|wave| &wave.first));
        }
        false
    }
}
