//! What a command of a person or a program changes.

use std::sync::Arc;

use super::decide::Schedule;
use super::phase::Phase;
use crate::guard::Denial;
use crate::id::StepId;
use crate::journal::{Command, Order};
use crate::plan::{Plan, VertexId};
use crate::step::StepName;

/// Why a command cannot be obeyed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The plan has no such step.
    #[error("the run has no step `{0}`; `dip show` lists its steps")]
    NoStep(StepName),
    /// The plan has no such node.
    #[error("no budget of this run protects the node `{0}`")]
    NoNode(crate::id::NodeName),
    /// Only what failed can be tried again.
    #[error("`{0}` has not failed, so there is nothing to retry")]
    NotFailed(StepName),
    /// What is done cannot be left out.
    #[error("`{0}` is done already")]
    Done(StepName),
    /// What is being worked on cannot be left out or held.
    #[error("`{0}` is being worked on; wait until it waits or fails")]
    Running(StepName),
    /// Nothing is held.
    #[error("nothing is held or paused")]
    NotHeld,
    /// Whoever gave it may not.
    #[error(transparent)]
    Denied(Denial),
    /// Nobody works on the run any more.
    #[error("the run has ended; `dip resume` goes on with it")]
    Over,
}

impl Schedule {
    /// Whether a command can be obeyed now.
    ///
    /// # Errors
    /// Where it cannot: why, and what can be done instead.
    pub fn check_order(&self, command: &Command) -> Result<(), Refusal> {
        let named = |step: &StepName| self.find(step).ok_or_else(|| Refusal::NoStep(step.clone()));
        match command {
            Command::Retry { step } => match self.steps[named(step)?.index()].phase {
                Phase::Failed { .. } => Ok(()),
                _ => Err(Refusal::NotFailed(step.clone())),
            },
            Command::Skip { step, .. } => match self.steps[named(step)?.index()].phase {
                Phase::Settled | Phase::Skipped { .. } => Err(Refusal::Done(step.clone())),
                Phase::Running => Err(Refusal::Running(step.clone())),
                _ => Ok(()),
            },
            Command::Hold { step: None, .. } => Ok(()),
            Command::Hold { step: Some(step), .. } => {
                let state = &self.steps[named(step)?.index()];
                match state.phase {
                    Phase::Settled | Phase::Skipped { .. } => Err(Refusal::Done(step.clone())),
                    _ if state.since.is_some() => Err(Refusal::Running(step.clone())),
                    _ => Ok(()),
                }
            }
            Command::Continue { step: Some(step) } if !self.held.contains_key(&named(step)?) => Err(Refusal::NotHeld),
            Command::Continue { step: None }
                if self.hold.is_none() && self.held.is_empty() && self.paused.is_empty() =>
            {
                Err(Refusal::NotHeld)
            }
            Command::Continue { .. } => Ok(()),
            Command::Down { node, .. } | Command::Up { node } => {
                let mut members = self.plan.budgets().list().iter().flat_map(|budget| &budget.members);
                if members.any(|member| member.node == *node) { Ok(()) } else { Err(Refusal::NoNode(node.clone())) }
            }
        }
    }

    /// Whether an order was obeyed before.
    #[must_use]
    pub fn has_obeyed(&self, order: &str) -> bool {
        self.obeyed.contains(order)
    }

    /// Obeys an order. One that cannot be obeyed (a journal from elsewhere) changes nothing.
    pub(in crate::engine) fn obey(&mut self, order: &Order) {
        if !self.obeyed.insert(order.id.clone()) || self.check_order(&order.command).is_err() {
            return;
        }
        self.note_holds(&order.command);
        let step = order.command.step().and_then(|step| self.find(step));
        match (&order.command, step) {
            (Command::Retry { .. }, Some(step)) => self.retry(step),
            (Command::Skip { reason, .. }, Some(step)) => {
                self.skip(step, reason);
                self.see_who_is_back(step);
            }
            (Command::Continue { .. }, Some(step)) => self.free(step),
            (Command::Continue { .. }, None) => self.go_on(),
            (Command::Down { node, reason }, _) => {
                let plan = Arc::clone(&self.plan);
                self.disruption.report(plan.budgets(), node, Some(reason));
            }
            (Command::Up { node }, _) => {
                let plan = Arc::clone(&self.plan);
                for budget in self.disruption.report(plan.budgets(), node, None) {
                    self.wake_budget(budget);
                }
            }
            (Command::Hold { .. }, _) | (Command::Retry { .. } | Command::Skip { .. }, None) => {}
        }
    }

    /// Keeps what is held from now on, by the whole run or by one of its steps.
    pub(super) fn note_holds(&mut self, command: &Command) {
        let step = command.step().map(|name| self.find(name));
        match (command, step) {
            (Command::Hold { reason, .. }, None) => self.hold = Some(reason.clone()),
            (Command::Hold { reason, .. }, Some(Some(step))) => {
                self.held.insert(step, reason.clone());
            }
            (Command::Continue { .. }, None) => {
                self.hold = None;
                self.held.clear();
            }
            // What is left out holds up nobody.
            (Command::Continue { .. } | Command::Skip { .. }, Some(Some(step))) => {
                self.held.remove(&step);
            }
            _ => {}
        }
    }

    /// Why nothing new starts, where somebody holds the whole run.
    #[must_use]
    pub fn hold(&self) -> Option<&str> {
        self.hold.as_deref()
    }

    /// Goes on with all that was held, and behind all pauses.
    fn go_on(&mut self) {
        for step in (0..self.steps.len()).map(StepId::at) {
            self.free(step);
        }
        let plan = Arc::clone(&self.plan);
        for wave in std::mem::take(&mut self.paused) {
            self.released.insert(wave);
            if let Some(vertex) = wave_vertex(&plan, wave) {
                let reached = self.count_down(vertex);
                self.reach(reached);
            }
        }
    }

    fn free(&mut self, step: StepId) {
        if self.steps[step.index()].phase == Phase::Held {
            self.make_ready(step);
        }
    }

    pub(super) fn find(&self, name: &StepName) -> Option<StepId> {
        self.plan.steps().iter().position(|planned| planned.step.name == *name).map(StepId::at)
    }
}

fn wave_vertex(plan: &Plan, wave: u32) -> Option<VertexId> {
    let vertices = plan.graph().vertices();
    let at = vertices.iter().position(|vertex| matches!(vertex, crate::plan::Vertex::Wave(index) if *index == wave))?;
    Some(VertexId(u32::try_from(at).ok()?))
}
