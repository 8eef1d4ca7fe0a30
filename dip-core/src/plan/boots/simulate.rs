//! The order of boots across nodes: the plan is gone through once, as a run would, and a node boots when that costs it least.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::own::{Marks, Own};
use super::set::Set;
use super::{Part, Placed, Shape, Trip};
use crate::fact::FactKey;
use crate::id::StepId;
use crate::plan::graph::{Vertex, VertexId};
use crate::step::{Boot, Environment, Need, Step};

/// Where a node is when the plan begins, and where it is when nothing is left to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traveller {
    pub(crate) now: Option<Environment>,
    pub(crate) rest: Environment,
}

/// A run without time: all that can be done is done where the nodes are, then one boots, then again.
///
/// The boots that come out follow an order in which everything really was done once. So no circle can come from them; where
/// there is one, it is in the needs themselves.
#[derive(Debug)]
pub(crate) struct Simulation<'a> {
    placed: &'a Placed<'a>,
    shape: &'a Shape,
    givers: HashMap<&'a FactKey, StepId>,
    /// For each vertex, how many predecessors are still to come before it counts as reached.
    missing: Vec<u32>,
    is_done: Vec<bool>,
    reached: Vec<VertexId>,
    nodes: Vec<Node>,
    wishes: BTreeMap<StepId, Wish>,
    /// The steps that want a boot after this one.
    wished_of: HashMap<StepId, Vec<StepId>>,
    /// The nodes whose boots have parts that wait for this step.
    held_up: HashMap<StepId, Vec<usize>>,
    /// The nodes whose state is new since they were rated.
    fresh: BTreeSet<usize>,
    /// The nodes that could boot, with what that costs.
    ready: BTreeSet<(usize, usize)>,
    marks: Marks,
}

#[derive(Debug)]
struct Node {
    at: Option<Environment>,
    rest: Environment,
    ordinal: u16,
    left: usize,
    /// Steps that could be done if the node were elsewhere, or had booted.
    parked: Vec<StepId>,
    /// What was done since it came where it is.
    work: Vec<StepId>,
    trips: Vec<Trip>,
    own: Option<Own>,
    /// The boots that would be of use now, with what they cost; the best one last.
    rating: Vec<(usize, Environment)>,
}

/// A step that wants its node to have booted since some facts became true.
#[derive(Debug, Clone, Copy)]
struct Wish {
    /// How many of them are not true yet.
    open: usize,
    /// The first boot that is late enough.
    boot: u16,
}

/// What brings a boot about: those parts of it that are not done yet.
pub(crate) type Parts<'a> = dyn Fn(&Boot) -> Vec<Part> + 'a;

impl<'a> Simulation<'a> {
    pub(crate) fn new(placed: &'a Placed<'a>, shape: &'a Shape, travellers: &[Traveller]) -> Self {
        let graph = &shape.graph;
        let vertices = || (0..).map(VertexId).take(graph.vertices().len());
        let nodes: Vec<Node> = (0..)
            .zip(travellers)
            .map(|(node, traveller)| Node {
                at: traveller.now,
                rest: traveller.rest,
                ordinal: 0,
                left: placed.work(node).len(),
                parked: Vec::new(),
                work: Vec::new(),
                trips: Vec::new(),
                own: None,
                rating: Vec::new(),
            })
            .collect();
        let mut wished_of: HashMap<StepId, Vec<StepId>> = HashMap::new();
        let mut wishes = BTreeMap::new();
        for (step, facts) in placed.all_since() {
            let givers: BTreeSet<StepId> = shape.givers(step, facts).collect();
            // Whatever was true before the plan began still wants a boot in it.
            wishes.insert(step, Wish { open: givers.len(), boot: 1 });
            givers.into_iter().for_each(|giver| wished_of.entry(giver).or_default().push(step));
        }
        let missing: Vec<u32> = vertices().map(|vertex| shape.before(vertex)).collect();
        let reached = vertices().filter(|vertex| missing[vertex.index()] == 0).collect();
        let fresh = (0..nodes.len()).collect();
        let marks = Marks::new(missing.len(), nodes.len());
        let is_done = vec![false; missing.len()];
        let (givers, held_up, ready) = Default::default();
        Self {
            placed,
            shape,
            givers,
            missing,
            is_done,
            reached,
            nodes,
            wishes,
            wished_of,
            held_up,
            fresh,
            ready,
            marks,
        }
    }

    /// Goes through all of it. The steps are those of the shape; they tell what parts of boots wait for.
    pub(crate) fn run(mut self, steps: &'a [Step], parts: &Parts<'_>) -> Vec<Vec<Trip>> {
        let given =
            steps.iter().enumerate().flat_map(|(id, step)| step.gives.iter().map(move |fact| (fact, StepId::at(id))));
        self.givers = given.collect();
        loop {
            self.settle();
            while let Some(node) = self.fresh.pop_first() {
                self.rate(node);
            }
            // Whoever loses nothing goes; where everybody would, the one who loses least.
            let Some((least, first)) = self.ready.pop_first() else { break };
            let mut go = vec![first];
            while least == 0
                && let Some(&(0, node)) = self.ready.first()
            {
                self.ready.pop_first();
                go.push(node);
            }
            for node in go {
                self.depart(node, parts);
            }
        }
        for node in 0..self.nodes.len() {
            self.go_blindly(node, parts);
        }
        self.nodes.into_iter().map(|node| node.trips).collect()
    }

    /// Does all that can be done where the nodes are.
    fn settle(&mut self) {
        while let Some(vertex) = self.reached.pop() {
            let Vertex::Step(step) = self.shape.graph.vertices()[vertex.index()] else {
                self.count_down(vertex);
                continue;
            };
            match self.placed.of(step) {
                Some((node, environment)) if !self.is_there(step, node as usize, environment) => {
                    self.nodes[node as usize].parked.push(step);
                    self.renew(node as usize);
                }
                place => {
                    if let Some((node, _)) = place {
                        let at = &mut self.nodes[node as usize];
                        at.left -= 1;
                        at.work.push(step);
                        self.renew(node as usize);
                    }
                    self.done(step);
                }
            }
        }
    }

    fn is_there(&self, step: StepId, node: usize, environment: Environment) -> bool {
        let node = &self.nodes[node];
        let has_booted = |wish: &Wish| wish.open == 0 && wish.boot <= node.ordinal;
        node.at == Some(environment) && self.wishes.get(&step).is_none_or(has_booted)
    }

    fn done(&mut self, step: StepId) {
        self.is_done[step.index()] = true;
        let mut fulfilled = Vec::new();
        for wishing in self.wished_of.get(&step).into_iter().flatten() {
            let (node, _) = self.placed.of(*wishing).expect("whoever wants a boot wants it of a node");
            let wish = self.wishes.get_mut(wishing).expect("it is a wish");
            wish.open -= 1;
            wish.boot = self.nodes[node as usize].ordinal.saturating_add(1);
            if wish.open == 0 {
                fulfilled.push(node as usize);
            }
        }
        // A boot is worth more to them now.
        for node in fulfilled {
            self.renew(node);
        }
        for node in self.held_up.remove(&step).into_iter().flatten() {
            self.renew(node);
        }
        self.count_down(step.into());
    }

    fn count_down(&mut self, vertex: VertexId) {
        for &next in self.shape.graph.successors(vertex) {
            self.missing[next.index()] -= 1;
            if self.missing[next.index()] == 0 {
                self.reached.push(next);
            }
        }
    }

    /// What a node could do next must be weighed again.
    fn renew(&mut self, node: usize) {
        if let Some(&(cost, _)) = self.nodes[node].rating.last() {
            self.ready.remove(&(cost, node));
            self.nodes[node].rating.clear();
        }
        self.fresh.insert(node);
    }

    /// Weighs the boots that would be of use to a node: what each costs it beyond its fewest.
    fn rate(&mut self, index: usize) {
        let node = &self.nodes[index];
        let (at, rest) = (node.at, node.rest);
        let mut targets: BTreeSet<Environment> =
            node.parked.iter().filter_map(|&step| self.placed.of(step)).map(|(_, environment)| environment).collect();
        if node.left == 0 && at != Some(rest) {
            targets.insert(rest);
        }
        if targets.is_empty() {
            return;
        }
        let is_left = |step: &&StepId| !self.is_done[step.index()];
        let first = *targets.first().expect("there is a target");
        let is_one_of_all = |step: &StepId| {
            self.placed.of(*step).is_some_and(|(_, environment)| environment == first)
                && !self.wishes.contains_key(step)
        };
        let mut ahead = self.placed.work(index).iter().filter(is_left);
        let is_plain = Some(first) != at && targets.len() == 1 && ahead.all(is_one_of_all);
        let mut rating: Vec<(usize, Environment)> = if is_plain {
            // All that is left is to be done there: nothing to weigh.
            vec![(0, first)]
        } else {
            self.weigh(index, targets)
        };
        rating.sort_unstable_by(|a, b| b.cmp(a));
        self.nodes[index].rating = rating;
        self.offer(index);
    }

    fn weigh(&mut self, index: usize, targets: BTreeSet<Environment>) -> Vec<(usize, Environment)> {
        let (done, armed, booted) = self.progress(index);
        let at = self.nodes[index].at;
        let own = self.own(index);
        let fewest = own.way(at, &done, &armed);
        let cost = |target: Environment| {
            let way = own.way(Some(target), &done, &booted);
            (way.boots.len() + 1).saturating_sub(fewest.boots.len())
        };
        let around = |target: Environment| match target {
            // Nobody boots from off into off.
            Environment::Off if at == Some(Environment::Off) => fewest.boots.first().copied(),
            _ => Some(target),
        };
        let targets: BTreeSet<Environment> = targets.into_iter().filter_map(around).collect();
        targets.into_iter().map(|target| (cost(target), target)).collect()
    }

    fn own(&mut self, index: usize) -> &Own {
        let Self { placed, shape, marks, nodes, .. } = self;
        let node = &mut nodes[index];
        node.own.get_or_insert_with(|| Own::new(index, node.rest, placed, shape, marks))
    }

    /// Which of a node's steps are done, which of those that want a boot have had it, and which would have had it after one.
    fn progress(&self, index: usize) -> (Set, Set, Set) {
        let own = self.placed.work(index);
        let empty = || Set::of(own.len());
        let (mut done, mut armed, mut booted) = (empty(), empty(), empty());
        for (place, step) in own.iter().enumerate() {
            if self.is_done[step.index()] {
                done.insert(place);
            }
            if let Some(wish) = self.wishes.get(step).filter(|wish| wish.open == 0) {
                booted.insert(place);
                if wish.boot <= self.nodes[index].ordinal {
                    armed.insert(place);
                }
            }
        }
        (done, armed, booted)
    }

    fn offer(&mut self, node: usize) {
        if let Some(&(cost, _)) = self.nodes[node].rating.last() {
            self.ready.insert((cost, node));
        }
    }

    /// Boots a node, unless a part of that boot still waits for somebody else.
    fn depart(&mut self, index: usize, parts: &Parts<'_>) {
        let Some((_, to)) = self.nodes[index].rating.pop() else { return };
        let boot = self.next_boot(index, to);
        let parts = parts(&boot);
        if let Some(waits_for) = parts.iter().find_map(|part| self.first_open(&part.step)) {
            self.held_up.entry(waits_for).or_default().push(index);
            self.offer(index);
            return;
        }
        self.nodes[index].rating.clear();
        self.boot(index, boot, parts);
        for step in std::mem::take(&mut self.nodes[index].parked) {
            self.reached.push(step.into());
        }
        self.renew(index);
    }

    fn next_boot(&self, index: usize, to: Environment) -> Boot {
        let node = &self.nodes[index];
        let wants_boot = |step: &StepId| {
            let is_here = self.placed.of(*step).is_some_and(|(_, environment)| environment == to);
            is_here && !self.is_done[step.index()] && self.wishes.get(step).is_some_and(|wish| wish.open == 0)
        };
        // A node that may run already must not be left running where something waits for a boot.
        let must_be_fresh =
            node.at.is_none() && to != Environment::Off && self.placed.work(index).iter().any(wants_boot);
        let from = if must_be_fresh { Some(to) } else { node.at };
        Boot { node: (*self.placed.nodes()[index]).clone(), from, to, ordinal: node.ordinal.saturating_add(1) }
    }

    fn boot(&mut self, index: usize, boot: Boot, parts: Vec<Part>) {
        let work = self.close(index);
        let node = &mut self.nodes[index];
        node.at = Some(boot.to);
        node.ordinal = boot.ordinal;
        node.trips.push(Trip { boot, parts, work: Vec::new(), leaves: work });
    }

    /// Ends a stay: tells the last boot what was done by it, and what had to be done before because of that.
    fn close(&mut self, index: usize) -> Vec<StepId> {
        let work = std::mem::take(&mut self.nodes[index].work);
        let mut before = Vec::new();
        for &step in &work {
            let Some(facts) = self.placed.since(step) else { continue };
            let is_elsewhere = |giver: &StepId| self.placed.of(*giver).is_none_or(|(node, _)| node as usize != index);
            before.extend(self.shape.givers(step, facts).filter(is_elsewhere));
        }
        if let Some(trip) = self.nodes[index].trips.last_mut() {
            trip.leaves.extend(before);
            trip.leaves.sort_unstable();
            trip.leaves.dedup();
            trip.work.clone_from(&work);
        }
        work
    }

    /// A step that this part still waits for.
    fn first_open(&self, part: &Step) -> Option<StepId> {
        let open = |fact: &FactKey| self.givers.get(fact).copied().filter(|giver| !self.is_done[giver.index()]);
        part.needs.iter().flat_map(Need::facts).find_map(open)
    }

    /// The boots of a node that has not come to its end, in the order of its own needs: there is no order, or a part of a boot
    /// waits for what comes after it. The circle is told from them.
    fn go_blindly(&mut self, index: usize, parts: &Parts<'_>) {
        let node = &self.nodes[index];
        if node.left == 0 && node.at == Some(node.rest) {
            self.close(index);
            return;
        }
        let (mut done, armed, _) = self.progress(index);
        let at = node.at;
        let own = self.own(index);
        let way = own.way(at, &done, &armed);
        let mut stay = own.stay(at, &done, &armed);
        let here =
            own.steps.iter().enumerate().filter(|(place, _)| stay.done.contains(*place) && !done.contains(*place));
        let here: Vec<StepId> = here.map(|(_, step)| step.id).collect();
        self.nodes[index].work.extend(here);
        let mut stops = Vec::new();
        for &to in &way.boots {
            done = stay.done.clone();
            stay = self.own(index).stay(Some(to), &stay.done, &stay.armed);
            stops.push((to, done, stay.done.clone()));
        }
        for (to, before, after) in stops {
            let boot = self.next_boot(index, to);
            let parts = parts(&boot);
            self.boot(index, boot, parts);
            let own = self.placed.work(index);
            let fresh = (0..own.len()).filter(|&place| after.contains(place) && !before.contains(place));
            let fresh: Vec<StepId> = fresh.map(|place| own[place]).collect();
            self.nodes[index].work.extend(fresh);
        }
        self.close(index);
    }
}
