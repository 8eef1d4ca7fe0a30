//! Who may be taken away now: budgets with the members that are away, whatever the reason, and the health gates before them.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::phase::{Bar, BarredBy, Turn};
use crate::engine::clock::after;
use crate::id::{NodeName, StepId};
use crate::journal::Health;
use crate::plan::{Budget, Budgets, Effect, Presence};

/// The pause between two looks at a gate that is closed: a cluster that lost a member takes some seconds to settle.
const NEXT_LOOK: Duration = Duration::from_secs(10);

/// How long a gate may stay closed before those that wait for it fail. A cluster that has not come round by itself in ten
/// minutes needs a person; what was done so far stays done.
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
pub(super) struct Disruption {
    budgets: Vec<State>,
    /// How many looks go on.
    looking: usize,
}

#[derive(Debug)]
struct State {
    members: Vec<Away>,
    /// How many members are away.
    away: usize,
    gate: Gate,
    /// The steps that wait for this budget, the last in order first in turn.
    waiting: BTreeSet<Turn>,
    /// The steps that take each member away.
    disrupts: Vec<Vec<StepId>>,
}

#[derive(Debug, Clone, Default)]
struct Away {
    /// Because of the plan, or since before it.
    is_away: bool,
    /// Because somebody said so.
    reported: Option<String>,
}

impl Away {
    const fn counts(&self) -> bool {
        self.is_away || self.reported.is_some()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Gate {
    /// There is none.
    None,
    /// It was not looked at since somebody went away or came back.
    Stale,
    /// It should be looked at.
    Wanted {
        asked_by: StepId,
        closed: Option<Timestamp>,
    },
    /// It is being looked at.
    Looking {
        closed: Option<Timestamp>,
    },
    Open,
    Closed {
        why: String,
        since: Timestamp,
        next: Timestamp,
    },
}

impl Disruption {
    pub(super) fn new(budgets: &Budgets, steps: usize) -> Self {
        let state = |of: &Budget| State {
            members: of
                .members
                .iter()
                .map(|member| Away { is_away: member.presence != Presence::Up, reported: None })
                .collect(),
            away: of.members.iter().filter(|member| member.presence != Presence::Up).count(),
            gate: if of.watches.is_empty() { Gate::None } else { Gate::Stale },
            waiting: BTreeSet::new(),
            disrupts: vec![Vec::new(); of.members.len()],
        };
        let mut all = Self { budgets: budgets.list().iter().map(state).collect(), looking: 0 };
        if !all.budgets.is_empty() {
            for step in (0..steps).map(StepId::at) {
                for take in budgets.takes(step).iter().filter(|take| take.effect == Effect::Disrupts) {
                    all.budgets[take.budget as usize].disrupts[take.member as usize].push(step);
                }
            }
        }
        all
    }

    /// Why a step may not begin now. Where the health of those who stay has to be seen first, the look is asked for.
    pub(super) fn bar(&mut self, budgets: &Budgets, step: StepId) -> Option<Bar> {
        let bar = self.seen(budgets, step)?;
        let gate = &mut self.budgets[bar.budget as usize].gate;
        if bar.why == BarredBy::Gate && *gate == Gate::Stale {
            *gate = Gate::Wanted { asked_by: step, closed: None };
        }
        Some(bar)
    }

    /// Why a step may not begin now, for one who only looks on.
    pub(super) fn seen(&self, budgets: &Budgets, step: StepId) -> Option<Bar> {
        let mut takes = budgets.takes(step);
        while let Some(take) = takes.first() {
            let budget = take.budget;
            let (same, rest) = takes.split_at(takes.iter().take_while(|take| take.budget == budget).count());
            let wanted = same.iter().filter(|take| take.effect == Effect::Disrupts).map(|take| take.member as usize);
            let wanted: Vec<usize> = wanted.collect();
            if let Some(why) = self.why(&budgets.list()[budget as usize], budget, &wanted) {
                return Some(Bar { budget, why });
            }
            takes = rest;
        }
        None
    }

    fn why(&self, of: &Budget, budget: u32, wanted: &[usize]) -> Option<BarredBy> {
        let state = &self.budgets[budget as usize];
        let new: Vec<usize> = wanted.iter().copied().filter(|&member| !state.members[member].counts()).collect();
        // Who is away already cannot be taken away once more.
        if new.is_empty() {
            return None;
        }
        if of.max_unavailable.is_some_and(|max| state.away + new.len() > max as usize) {
            return Some(BarredBy::Count);
        }
        let away = (0..state.members.len()).filter(|&member| state.members[member].counts());
        let elsewhere =
            |other: usize| new.iter().any(|&member| of.members[member].domains.is_disjoint(&of.members[other].domains));
        if of.spread.is_some() && away.into_iter().any(elsewhere) {
            return Some(BarredBy::Domain);
        }
        match state.gate {
            Gate::None | Gate::Open => None,
            Gate::Stale | Gate::Wanted { .. } | Gate::Looking { .. } | Gate::Closed { .. } => Some(BarredBy::Gate),
        }
    }

    /// Who was said to be away stays so when another owner takes the run over.
    pub(super) fn keep_reports(&mut self, before: &Self) {
        for (state, before) in self.budgets.iter_mut().zip(&before.budgets) {
            for (member, before) in state.members.iter_mut().zip(&before.members) {
                state.away += usize::from(before.reported.is_some() && !member.counts());
                member.reported.clone_from(&before.reported);
            }
        }
    }

    /// A step begins: its members are away from now on.
    pub(super) fn take(&mut self, budgets: &Budgets, step: StepId) {
        for take in budgets.takes(step).iter().filter(|take| take.effect == Effect::Disrupts) {
            let state = &mut self.budgets[take.budget as usize];
            let member = &mut state.members[take.member as usize];
            if !member.is_away {
                state.away += usize::from(!member.counts());
                member.is_away = true;
                state.gate.spoil();
            }
        }
    }

    /// A member serves again; whether it was away.
    pub(super) fn came_back(&mut self, budget: u32, member: u32) -> bool {
        let state = &mut self.budgets[budget as usize];
        let member = &mut state.members[member as usize];
        if !member.is_away {
            return false;
        }
        member.is_away = false;
        state.away -= usize::from(!member.counts());
        state.gate.spoil();
        true
    }

    /// Takes in that a node is away, or back, for a reason that is not of this run; gives the budgets that changed.
    pub(super) fn report(&mut self, budgets: &Budgets, node: &NodeName, reason: Option<&str>) -> Vec<u32> {
        let mut changed = Vec::new();
        for (index, of) in (0..).zip(budgets.list()) {
            let state = &mut self.budgets[index as usize];
            for (_, away) in of.members.iter().zip(&mut state.members).filter(|(member, _)| member.node == *node) {
                let before = away.counts();
                away.reported = reason.map(str::to_owned);
                match (before, away.counts()) {
                    (false, true) => state.away += 1,
                    (true, false) => state.away -= 1,
                    _ => continue,
                }
                state.gate.spoil();
                changed.push(index);
            }
        }
        changed
    }

    /// The steps that take a member away.
    pub(super) fn disrupts(&self, budget: u32, member: u32) -> &[StepId] {
        &self.budgets[budget as usize].disrupts[member as usize]
    }

    pub(super) fn is_away(&self, budget: u32, member: u32) -> bool {
        self.budgets[budget as usize].members[member as usize].is_away
    }

    pub(super) fn wait(&mut self, budget: u32, turn: Turn) {
        self.budgets[budget as usize].waiting.insert(turn);
    }

    pub(super) fn leave(&mut self, budget: u32, turn: Turn) {
        self.budgets[budget as usize].waiting.remove(&turn);
    }

    /// Those who wait for a budget and may begin now, the first in turn; those behind the first one that may not are asked too,
    /// up to a few, because what bars one (its failure domain) need not bar the next.
    pub(super) fn next_in_turn(&mut self, budgets: &Budgets, budget: u32) -> Option<Turn> {
        const ASKED: usize = 32;
        let first: Vec<Turn> = self.budgets[budget as usize].waiting.iter().rev().take(ASKED).copied().collect();
        let found = first.into_iter().find(|turn| self.bar(budgets, turn.1.0).is_none_or(|bar| bar.budget != budget));
        if let Some(turn) = found {
            self.budgets[budget as usize].waiting.remove(&turn);
        }
        found
    }

    /// All who wait for a budget, who stop waiting by this.
    pub(super) fn give_up(&mut self, budget: u32) -> Vec<Turn> {
        std::mem::take(&mut self.budgets[budget as usize].waiting).into_iter().collect()
    }

    /// The gates that should be looked at now.
    pub(super) fn looks(&mut self) -> Vec<(u32, StepId)> {
        let mut looks = Vec::new();
        for (index, state) in (0..).zip(&mut self.budgets) {
            if let Gate::Wanted { asked_by, closed } = state.gate {
                state.gate = Gate::Looking { closed };
                looks.push((index, asked_by));
            }
        }
        self.looking += looks.len();
        looks
    }

    pub(super) const fn is_looking(&self) -> bool {
        self.looking > 0
    }

    /// Takes in what a look told; gives when the next one should come, where the gate is closed.
    pub(super) fn looked(&mut self, budget: u32, health: &Health, at: Timestamp) -> Option<Timestamp> {
        self.looking = self.looking.saturating_sub(1);
        let state = self.budgets.get_mut(budget as usize)?;
        let since = match &state.gate {
            Gate::Looking { closed: Some(since) } => *since,
            Gate::Closed { since, .. } => *since,
            _ => at,
        };
        match health {
            Health::Good => {
                state.gate = Gate::Open;
                None
            }
            Health::Poor(why) => {
                let next = after(at, NEXT_LOOK);
                state.gate = Gate::Closed { why: why.clone(), since, next };
                Some(next)
            }
        }
    }

    /// The pause before the next look at a closed gate is over. Those who wait for it fail where it was closed for too long.
    pub(super) fn look_again(&mut self, budget: u32, now: Timestamp) -> Option<(String, Vec<Turn>)> {
        let state = self.budgets.get_mut(budget as usize)?;
        let Gate::Closed { why, since, next } = &state.gate else { return None };
        if *next > now {
            return None;
        }
        if after(*since, PATIENCE) <= now {
            let why = why.clone();
            // Who comes later, or is retried, looks anew: nobody looks for them otherwise.
            state.gate = Gate::Stale;
            return Some((why, self.give_up(budget)));
        }
        let closed = Some(*since);
        state.gate = match state.waiting.last() {
            Some((_, step)) => Gate::Wanted { asked_by: step.0, closed },
            None => Gate::Stale,
        };
        None
    }

    pub(super) fn gate(&self, budget: u32) -> &Gate {
        &self.budgets[budget as usize].gate
    }

    /// Who is away, for a sentence.
    pub(super) fn away<'a>(&'a self, of: &'a Budget, budget: u32) -> impl Iterator<Item = &'a NodeName> {
        let members = &self.budgets[budget as usize].members;
        of.members.iter().zip(members).filter(|(_, away)| away.counts()).map(|(member, _)| &member.node)
    }

    /// Whether somebody outside said that a member is away: then a person can end the wait.
    pub(super) fn is_reported(&self, budget: u32) -> bool {
        self.budgets[budget as usize].members.iter().any(|away| away.reported.is_some())
    }

    /// All budgets that somebody waits for.
    pub(super) fn waited_for(&self) -> Vec<u32> {
        (0..).zip(&self.budgets).filter(|(_, state)| !state.waiting.is_empty()).map(|(index, _)| index).collect()
    }
}

impl Gate {
    /// What was seen before somebody went or came tells nothing any more.
    fn spoil(&mut self) {
        if *self == Self::Open {
            *self = Self::Stale;
        }
    }
}
