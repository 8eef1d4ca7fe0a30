//! A plan without some of its steps: what depends on them goes too, the rest stays a sound plan. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use super::graph::{Vertex, VertexId};
use super::{Parts, Plan, PlanError, PlannedBoot, PlannedStep};
use crate::id::{NodeName, StepId};
use crate::step::Hazard;

impl Plan {
    /// The part of it that disrupts and erases nothing: without the steps that may, and all that depends on them.
    ///
    /// # Errors
    /// As [`Self::without`].
    pub fn without_hazards(&self) -> Result<Self, PlanError> {
        self.without(|planned| planned.step.hazard != Hazard::None)
    }

    /// The plan without some steps and all that depends on them: what needs their facts, what comes after them, and the
    /// boots that wait for them. A node makes all of its boots or none, so that none is left on its way.
    ///
    /// # Errors
    /// Where what is left is no plan. Steps that do not depend on what is left out have all they need, so that this would be
    /// a bug of dip.
    pub fn without(&self, leave_out: impl Fn(&PlannedStep) -> bool) -> Result<Self, PlanError> {
        let out = Cut::new(self, leave_out).spread();
        let mut places: Vec<Option<StepId>> = Vec::with_capacity(self.steps.len());
        let mut steps: Vec<PlannedStep> = Vec::new();
        for (index, planned) in self.steps.iter().enumerate() {
            let stays = !out.vertices[index];
            places.push(stays.then(|| StepId::at(steps.len())));
            steps.extend(stays.then(|| planned.clone()));
        }
        let moved = |ids: &[StepId]| ids.iter().filter_map(|id| places[id.index()]).collect();
        let stays = self.boots.iter().zip(&out.boots).filter(|(_, out)| !**out).map(|(boot, _)| boot);
        let boots = stays
            .map(|PlannedBoot { boot, parts, work, leaves }| PlannedBoot {
                boot: boot.clone(),
                parts: moved(parts),
                work: moved(work),
                leaves: moved(leaves),
            })
            .collect();
        let plan = Self::assemble(Parts {
            site: Arc::clone(&self.site),
            goal: self.goal,
            steps,
            boots,
            known: self.known.clone(),
            held: self.held.clone(),
            watches: self.watches.clone(),
            deferred: self.deferred.clone(),
        })
        .map_err(PlanError::new)?;
        Ok(Self { planner: self.planner.clone(), ..plan })
    }
}

/// What is left out, while it spreads to those who depend on it.
struct Cut<'a> {
    plan: &'a Plan,
    vertices: Vec<bool>,
    /// How many of those that a vertex waits for may still be missing before it can no longer be reached.
    slack: Vec<u32>,
    boots: Vec<bool>,
    /// The boots of each node, by their places.
    trips: HashMap<&'a NodeName, Vec<usize>>,
    /// The boot that a step is a part of.
    part_of: HashMap<StepId, usize>,
    open: Vec<VertexId>,
}

impl<'a> Cut<'a> {
    fn new(plan: &'a Plan, leave_out: impl Fn(&PlannedStep) -> bool) -> Self {
        let graph = &plan.graph;
        let count = graph.vertices().len();
        let all = |vertex: VertexId| u32::try_from(graph.predecessors(vertex).len()).unwrap_or(u32::MAX);
        let slack = (0..).map(VertexId).take(count).map(|vertex| all(vertex) - graph.threshold(vertex)).collect();
        let mut trips: HashMap<&NodeName, Vec<usize>> = HashMap::new();
        let mut part_of = HashMap::new();
        for (index, boot) in plan.boots.iter().enumerate() {
            trips.entry(&boot.boot.node).or_default().push(index);
            part_of.extend(boot.parts.iter().map(|&part| (part, index)));
        }
        let mut cut = Self {
            plan,
            vertices: vec![false; count],
            slack,
            boots: vec![false; plan.boots.len()],
            trips,
            part_of,
            open: Vec::new(),
        };
        for (index, planned) in plan.steps.iter().enumerate() {
            if leave_out(planned) {
                cut.leave_out(StepId::at(index).into());
            }
        }
        cut
    }

    fn spread(mut self) -> Self {
        let plan = self.plan;
        while let Some(vertex) = self.open.pop() {
            match plan.graph.vertices()[vertex.index()] {
                Vertex::Step(step) => {
                    if let Some(&boot) = self.part_of.get(&step) {
                        self.leave_out_trip(boot);
                    }
                }
                Vertex::Boot(boot) | Vertex::Leave(boot) => self.leave_out_trip(boot as usize),
                Vertex::Barrier { .. } | Vertex::Wave(_) => {}
            }
            for &next in plan.graph.successors(vertex) {
                match &mut self.slack[next.index()] {
                    0 => self.leave_out(next),
                    slack => *slack -= 1,
                }
            }
        }
        self
    }

    fn leave_out(&mut self, vertex: VertexId) {
        if !std::mem::replace(&mut self.vertices[vertex.index()], true) {
            self.open.push(vertex);
        }
    }

    fn leave_out_trip(&mut self, boot: usize) {
        if self.boots[boot] {
            return;
        }
        let plan = self.plan;
        for index in self.trips.remove(&plan.boots[boot].boot.node).unwrap_or_default() {
            self.boots[index] = true;
            let boot = &plan.boots[index];
            // Without parts a boot is a place where the node is already; its work goes with it all the same.
            boot.parts.iter().chain(&boot.work).for_each(|&step| self.leave_out(step.into()));
        }
    }
}
