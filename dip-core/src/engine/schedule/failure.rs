//! What a failure blocks, and what a retry or a skip sets free.

use std::sync::Arc;

use super::decide::Schedule;
use super::phase::{Phase, State};
use crate::id::StepId;
use crate::plan::{Vertex, VertexId};

impl Schedule {
    /// Blocks what can no longer be reached because a step failed; only true dependants.
    pub(super) fn block(&mut self, failed: StepId) {
        let plan = Arc::clone(&self.plan);
        let graph = plan.graph();
        let mut dead = vec![VertexId::from(failed)];
        while let Some(vertex) = dead.pop() {
            for &next in graph.successors(vertex) {
                self.alive[next.index()] -= 1;
                let already = self.missing[next.index()] == 0;
                if already || self.alive[next.index()] >= graph.threshold(next) {
                    continue;
                }
                match graph.vertices()[next.index()] {
                    Vertex::Step(step) if !self.steps[step.index()].phase.is_final() => {
                        self.finish(step, Phase::Blocked { by: failed });
                        dead.push(next);
                    }
                    Vertex::Step(_) => {}
                    // A barrier dies once: with the failure that leaves too few.
                    _ if self.alive[next.index()] + 1 == graph.threshold(next) => dead.push(next),
                    _ => {}
                }
            }
        }
    }

    /// Lets a failed step begin anew, and what it had blocked.
    pub(super) fn retry(&mut self, step: StepId) {
        let State { change, again, .. } = self.steps[step.index()];
        self.steps[step.index()] = State { change, again, ..State::FRESH };
        self.unfinished += 1;
        self.unblock();
    }

    /// Goes on as if a step were done.
    pub(super) fn skip(&mut self, step: StepId, reason: &str) {
        if matches!(self.steps[step.index()].phase, Phase::Failed { .. } | Phase::Blocked { .. }) {
            self.steps[step.index()].phase = Phase::Pending;
            self.unfinished += 1;
        }
        self.finish(step, Phase::Skipped { reason: reason.to_owned() });
        let reached = self.count_down(step.into());
        self.reach(reached);
        self.unblock();
    }

    /// Blocks anew what the failures that are left block, and nothing else.
    fn unblock(&mut self) {
        let plan = Arc::clone(&self.plan);
        let graph = plan.graph();
        for (index, alive) in self.alive.iter_mut().enumerate() {
            *alive = graph.predecessors(VertexId(index as u32)).len() as u32;
        }
        let ids = || (0..plan.steps().len()).map(StepId::at);
        for step in ids() {
            if matches!(self.steps[step.index()].phase, Phase::Blocked { .. }) {
                self.steps[step.index()].phase = Phase::Pending;
                self.unfinished += 1;
            }
        }
        for step in ids() {
            if matches!(self.steps[step.index()].phase, Phase::Failed { .. }) {
                self.block(step);
            }
        }
        for step in ids() {
            if self.steps[step.index()].phase == Phase::Pending && self.missing[step.index()] == 0 {
                self.make_ready(step);
            }
        }
    }
}
