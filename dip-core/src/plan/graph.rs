//! The graph of a plan as flat arrays: vertices are steps, barriers and boots; every edge has its reason.

use serde::Serialize;

use crate::fact::FactKey;
use crate::id::StepId;

/// A vertex: an index, dense from 0. Steps come first, in the order of their ids; barriers and boots follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct VertexId(pub u32);

impl VertexId {
    /// The index as a `usize`, for slices.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl From<StepId> for VertexId {
    fn from(step: StepId) -> Self {
        Self(step.0)
    }
}

/// What a vertex stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vertex {
    /// A step.
    Step(StepId),
    /// A set of facts that several steps wait for: one vertex instead of an edge for each pair.
    Barrier {
        /// How many of the facts are enough.
        threshold: u32,
        /// How many facts there are.
        of: u32,
    },
    /// A node has entered an environment: the index of the boot in the plan.
    Boot(u32),
    /// All work in an environment that a node leaves by this boot is done.
    Leave(u32),
    /// Those who go first are done: the index of the wave in the plan's budgets.
    Wave(u32),
}

/// Why one vertex waits for another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// It needs a fact that the other gives.
    Fact(FactKey),
    /// It waits for a set of facts, which is a vertex of its own.
    Barrier,
    /// It can run only in the environment that the boot enters.
    Environment,
    /// It is a part of the boot.
    Boot,
    /// The boot waits until the work in the former environment is done.
    Leave,
    /// Others go first.
    Wave,
}

/// An edge before the graph is built.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) from: VertexId,
    pub(crate) to: VertexId,
    pub(crate) because: Because,
}

/// Vertices and edges. Both directions are kept as offsets into flat arrays (compressed sparse rows).
#[derive(Debug, Clone, Default)]
pub struct Graph {
    vertices: Vec<Vertex>,
    out_start: Vec<u32>,
    out_to: Vec<VertexId>,
    in_start: Vec<u32>,
    in_from: Vec<VertexId>,
    in_because: Vec<Because>,
}

impl Graph {
    /// Builds the rows. Edges between the same two vertices are kept once, with their first reason; only into a set of facts
    /// each fact is an edge of its own, because a quorum counts facts and not those who give them.
    pub(crate) fn new(vertices: Vec<Vertex>, mut edges: Vec<Edge>) -> Self {
        edges.sort_unstable();
        let is_set = |vertex: VertexId| matches!(vertices[vertex.index()], Vertex::Barrier { .. });
        edges.dedup_by(|later, kept| {
            later.from == kept.from && later.to == kept.to && (later.because == kept.because || !is_set(kept.to))
        });
        let count = vertices.len();
        let mut out_start = vec![0_u32; count + 1];
        let mut in_start = vec![0_u32; count + 1];
        for edge in &edges {
            out_start[edge.from.index() + 1] += 1;
            in_start[edge.to.index() + 1] += 1;
        }
        for index in 0..count {
            out_start[index + 1] += out_start[index];
            in_start[index + 1] += in_start[index];
        }
        let out_to = edges.iter().map(|edge| edge.to).collect();
        // A stable pass by target: within a target, the edges stay sorted by their source.
        let mut next = in_start.clone();
        let mut slots: Vec<Option<(VertexId, Because)>> = vec![None; edges.len()];
        for edge in edges {
            let slot = &mut next[edge.to.index()];
            slots[*slot as usize] = Some((edge.from, edge.because));
            *slot += 1;
        }
        let (in_from, in_because) = slots.into_iter().flatten().unzip();
        Self { vertices, out_start, out_to, in_start, in_from, in_because }
    }

    /// The vertices.
    #[must_use]
    pub fn vertices(&self) -> &[Vertex] {
        &self.vertices
    }

    /// How many edges there are.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.out_to.len()
    }

    /// The vertices that wait for this one.
    #[must_use]
    pub fn successors(&self, vertex: VertexId) -> &[VertexId] {
        &self.out_to[self.out_start[vertex.index()] as usize..self.out_start[vertex.index() + 1] as usize]
    }

    /// The vertices that this one waits for, each with its reason.
    pub fn predecessors(&self, vertex: VertexId) -> impl ExactSizeIterator<Item = (VertexId, &Because)> {
        let range = self.in_start[vertex.index()] as usize..self.in_start[vertex.index() + 1] as usize;
        self.in_from[range.clone()].iter().copied().zip(&self.in_because[range])
    }

    /// How many of its predecessors a vertex must see settled before it may start or counts as reached.
    #[must_use]
    pub fn threshold(&self, vertex: VertexId) -> u32 {
        let all = self.in_start[vertex.index() + 1] - self.in_start[vertex.index()];
        match self.vertices[vertex.index()] {
            Vertex::Barrier { threshold, .. } => threshold.min(all),
            _ => all,
        }
    }

    /// The vertices in an order that respects every edge; those on or behind a circle are missing.
    #[must_use]
    pub fn topological(&self) -> Vec<VertexId> {
        let mut missing: Vec<u32> = self.in_start.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mut order: Vec<VertexId> =
            (0..).map(VertexId).take(self.vertices.len()).filter(|vertex| missing[vertex.index()] == 0).collect();
        let mut head = 0;
        while let Some(&vertex) = order.get(head) {
            head += 1;
            for &next in self.successors(vertex) {
                missing[next.index()] -= 1;
                if missing[next.index()] == 0 {
                    order.push(next);
                }
            }
        }
        order
    }

    /// For each vertex the number of steps on the longest way from it to an end, itself included.
    #[must_use]
    pub fn heights(&self) -> Vec<u32> {
        let mut heights = vec![0; self.vertices.len()];
        for &vertex in self.topological().iter().rev() {
            let below = self.successors(vertex).iter().map(|next| heights[next.index()]).max().unwrap_or(0);
            let own = u32::from(matches!(self.vertices[vertex.index()], Vertex::Step(_)));
            heights[vertex.index()] = below + own;
        }
        heights
    }

    /// For each vertex the time in milliseconds of the longest way from it to an end, itself included, where `weight` tells
    /// how many milliseconds a step takes. Barriers and boots take none by themselves.
    #[must_use]
    pub fn weighted_heights(&self, weight: impl Fn(StepId) -> u32) -> Vec<u64> {
        let mut heights = vec![0_u64; self.vertices.len()];
        for &vertex in self.topological().iter().rev() {
            let below = self.successors(vertex).iter().map(|next| heights[next.index()]).max().unwrap_or(0);
            let own = match self.vertices[vertex.index()] {
                Vertex::Step(step) => u64::from(weight(step)),
                Vertex::Barrier { .. } | Vertex::Boot(_) | Vertex::Leave(_) | Vertex::Wave(_) => 0,
            };
            // A plan has fewer than 2^32 steps of fewer than 2^32 ms each, so that no sum overflows.
            heights[vertex.index()] = below + own;
        }
        heights
    }
}
