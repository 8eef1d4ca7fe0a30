//! The graph of a plan as flat arrays: vertices are steps, barriers and boots; every edge has its reason.

use serde::Serialize;

use super::wires::FactId;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Because<'a> {
    /// It needs a fact that the other gives.
    Fact(&'a FactKey),
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

/// A reason in four bytes: the number of a fact, or one of the other reasons above all numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reason(u32);

impl Reason {
    pub(super) const BARRIER: Self = Self(u32::MAX - 4);
    pub(super) const ENVIRONMENT: Self = Self(u32::MAX - 3);
    pub(super) const BOOT: Self = Self(u32::MAX - 2);
    pub(super) const LEAVE: Self = Self(u32::MAX - 1);
    pub(super) const WAVE: Self = Self(u32::MAX);

    pub(super) const fn fact(id: FactId) -> Self {
        Self(id.0)
    }

    /// The reason in full, where `facts` are all facts by their numbers.
    fn in_full(self, facts: &[FactKey]) -> Because<'_> {
        match self {
            Self::BARRIER => Because::Barrier,
            Self::ENVIRONMENT => Because::Environment,
            Self::BOOT => Because::Boot,
            Self::LEAVE => Because::Leave,
            Self::WAVE => Because::Wave,
            Self(fact) => Because::Fact(&facts[fact as usize]),
        }
    }
}

/// An edge before the graph is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: VertexId,
    pub(super) to: VertexId,
    pub(super) because: Reason,
}

/// Vertices and edges. Both directions are kept as offsets into flat arrays (compressed sparse rows).
#[derive(Debug, Clone, Default)]
pub struct Graph {
    vertices: Vec<Vertex>,
    out_start: Vec<u32>,
    out_to: Vec<VertexId>,
    in_start: Vec<u32>,
    in_from: Vec<VertexId>,
    in_because: Vec<Reason>,
    /// The facts that reasons are numbers of.
    facts: Vec<FactKey>,
}

impl Graph {
    /// Builds the rows. Edges between the same two vertices are kept once, with their first reason; only into a set of facts
    /// each fact is an edge of its own, because a quorum counts facts and not those who give them.
    pub(super) fn new(vertices: Vec<Vertex>, edges: Vec<Edge>, facts: Vec<FactKey>) -> Self {
        let count = vertices.len();
        let mut edges = sorted(sorted(edges, count, |edge| edge.to), count, |edge| edge.from);
        first_reasons_first(&mut edges, &facts);
        let is_set = |vertex: VertexId| matches!(vertices[vertex.index()], Vertex::Barrier { .. });
        edges.dedup_by(|later, kept| {
            later.from == kept.from && later.to == kept.to && (later.because == kept.because || !is_set(kept.to))
        });
        let out_start = starts(&edges, count, |edge| edge.from);
        let in_start = starts(&edges, count, |edge| edge.to);
        let out_to = edges.iter().map(|edge| edge.to).collect();
        // A stable pass by target: within a target, the edges stay sorted by their source.
        let edges = sorted(edges, count, |edge| edge.to);
        let in_from = edges.iter().map(|edge| edge.from).collect();
        let in_because = edges.iter().map(|edge| edge.because).collect();
        Self { vertices, out_start, out_to, in_start, in_from, in_because, facts }
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
    pub fn predecessors(&self, vertex: VertexId) -> impl ExactSizeIterator<Item = (VertexId, Because<'_>)> {
        let range = self.in_start[vertex.index()] as usize..self.in_start[vertex.index() + 1] as usize;
        let because = self.in_because[range.clone()].iter().map(|because| because.in_full(&self.facts));
        self.in_from[range].iter().copied().zip(because)
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
        self.heights_over(weight, |_| 0)
    }

    /// The same, where each step takes at least as long as `floor` says with all that is behind it.
    pub(crate) fn heights_over(&self, weight: impl Fn(StepId) -> u32, floor: impl Fn(StepId) -> u64) -> Vec<u64> {
        let mut heights = vec![0_u64; self.vertices.len()];
        for &vertex in self.topological().iter().rev() {
            let below = self.successors(vertex).iter().map(|next| heights[next.index()]).max().unwrap_or(0);
            heights[vertex.index()] = match self.vertices[vertex.index()] {
                // A plan has fewer than 2^32 steps of fewer than 2^32 ms each, so that no sum overflows.
                Vertex::Step(step) => (below + u64::from(weight(step))).max(floor(step)),
                Vertex::Barrier { .. } | Vertex::Boot(_) | Vertex::Leave(_) | Vertex::Wave(_) => below,
            };
        }
        heights
    }
}

/// Where the edges of each vertex start once they are sorted by it, and at last where they end.
fn starts(edges: &[Edge], count: usize, of: impl Fn(&Edge) -> VertexId) -> Vec<u32> {
    let mut starts = vec![0_u32; count + 1];
    for edge in edges {
        starts[of(edge).index() + 1] += 1;
    }
    for index in 0..count {
        starts[index + 1] += starts[index];
    }
    starts
}

/// Sorts edges by one of their ends and leaves those with the same one in their order. Counting takes a pass over the edges,
/// where comparing takes one for each power of two.
fn sorted(edges: Vec<Edge>, count: usize, by: impl Fn(&Edge) -> VertexId) -> Vec<Edge> {
    if edges.is_sorted_by_key(&by) {
        return edges;
    }
    let mut next = starts(&edges, count, &by);
    let mut sorted = edges.clone();
    for edge in edges {
        let slot = &mut next[by(&edge).index()];
        sorted[*slot as usize] = edge;
        *slot += 1;
    }
    sorted
}

/// Sorts the edges between the same two vertices by their reasons: facts in the order of their keys, then the others.
fn first_reasons_first(edges: &mut [Edge], facts: &[FactKey]) {
    for same in edges.chunk_by_mut(|a, b| a.from == b.from && a.to == b.to).filter(|same| same.len() > 1) {
        same.sort_unstable_by_key(|edge| {
            let fact = facts.get(edge.because.0 as usize);
            (fact.is_none(), fact, edge.because)
        });
    }
}
