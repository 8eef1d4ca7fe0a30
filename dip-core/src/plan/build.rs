//! From a draft and its survey to a plan: what holds is left out, boots come in, the order follows. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::boots::{Part, Placed, Shape, Simulation, Traveller, Trip, rest};
use super::graph::Graph;
use super::{
    Budgets, Draft, Held, Known, Parts, Plan, PlanError, PlanFault, PlannedBoot, PlannedStep, budget, circle, draft,
    removal, resolve,
};
use crate::fact::firmware::POWER;
use crate::fact::{FactKey, FactRef};
use crate::hash::{ShortMap, ShortSet};
use crate::id::{NodeName, StepId};
use crate::layer::Layers;
use crate::observed::Survey;
use crate::operation::{Check, Gap};
use crate::step::{Boot, Environment, Hazard, Need, Place, Step};
use crate::subject::Subject;

/// Why a step is in the plan.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// It is not as wanted.
    Differs(crate::operation::Diff),
    /// It cannot be seen before the plan runs.
    Unknown(Gap),
    /// It is as wanted, and what it builds on will change: it is looked at again then.
    Follows(Follows),
}

/// Why something that holds is looked at again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Follows {
    /// It works with the values of these facts, which steps of the plan give anew.
    Values(Vec<FactKey>),
    /// Its node boots.
    Boot,
}

impl std::fmt::Display for Follows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boot => f.write_str("it is as wanted, and is looked at again once its node has booted"),
            Self::Values(facts) => {
                f.write_str("it is as wanted, and is looked at again where a value that it works with changes: ")?;
                let facts: Vec<String> = facts.iter().map(ToString::to_string).collect();
                f.write_str(&facts.join(", "))
            }
        }
    }
}

impl Plan {
    /// Makes the plan for what the survey saw. The same draft and survey always give the same plan.
    ///
    /// # Errors
    /// Unmet needs and circles that appear only once boots are placed.
    pub fn new(draft: &Draft, survey: &Survey, layers: &Layers) -> Result<Self, PlanError> {
        let mut build = Build {
            draft,
            survey,
            layers,
            again: HashSet::new(),
            steps: Vec::new(),
            readings: Vec::new(),
            kept: vec![false; draft.steps.len()],
        };
        build.doubt_what_was_recalled();
        build.keep_what_does_not_hold();
        let mut boots = build.boots().map_err(PlanError::new)?;
        build.follow_boots(&mut boots);
        let mut known: Vec<Known> = survey
            .facts()
            .map(|(key, value)| Known { key: key.clone(), value: value.clone(), at: survey.at() })
            .collect();
        let recalled: HashMap<&FactKey, _> =
            survey.recalled().flat_map(|step| draft.recalled[&step].readings()).collect();
        known.iter_mut().for_each(|known| known.at = recalled.get(&known.key).copied().unwrap_or(known.at));
        known.extend(build.known_of_first_boots(&boots));
        let held = build.held();
        let steps: Vec<PlannedStep> =
            build.steps.into_iter().zip(build.readings).map(|(step, reading)| PlannedStep { step, reading }).collect();
        let (site, goal) = (draft.site.clone(), draft.goal);
        let mut watches = budget::watches(&site, &draft.steps);
        watches.extend(draft.gates.iter().filter(|gate| budget::is_guarded(&site, &gate.subject)).cloned());
        let deferred = draft.deferred.clone();
        Self::assemble(Parts { site, goal, steps, boots, known, held, watches, deferred }).map_err(PlanError::new)
    }
}

/// The graph of a plan, checked.
pub(super) fn graph(
    steps: &[&Step],
    boots: &[PlannedBoot],
    budgets: &Budgets,
    known: &[Known],
) -> Result<Graph, Vec<PlanFault>> {
    let seen: ShortSet<FactRef<'_>> = known.iter().map(|known| FactRef::from(&known.key)).collect();
    let graph = resolve::resolve(steps, boots, budgets.waves(), &|key| seen.contains(&FactRef::from(key)))?;
    let circles = circle::circles(&graph, steps, boots, budgets);
    if circles.is_empty() { Ok(graph) } else { Err(circles) }
}

struct Build<'a> {
    draft: &'a Draft,
    survey: &'a Survey,
    layers: &'a Layers,
    /// The steps that were read before and are looked at again.
    again: HashSet<StepId>,
    steps: Vec<Step>,
    readings: Vec<Reading>,
    /// For each step of the draft whether it is in the plan.
    kept: Vec<bool>,
}

impl Build<'_> {
    /// What was read before and feeds a step that disrupts or erases is looked at again before that: a disk may have been
    /// swapped since.
    fn doubt_what_was_recalled(&mut self) {
        if self.survey.recalled().next().is_none() {
            return;
        }
        let holds = |index: &usize| matches!(self.survey.check(StepId::at(*index)), Check::Holds(_));
        let dangerous =
            self.draft.steps.iter().enumerate().filter(|(index, step)| step.hazard != Hazard::None && !holds(index));
        let needed: HashSet<&FactKey> =
            dangerous.flat_map(|(_, step)| step.needs.iter().flat_map(Need::facts)).collect();
        let feeds = |id: &StepId| self.draft.steps[id.index()].gives.iter().any(|fact| needed.contains(fact));
        self.again = self.survey.recalled().filter(feeds).collect();
    }

    fn keep_what_does_not_hold(&mut self) {
        let mut followers = followers(self.draft, self.survey);
        for (index, step) in self.draft.steps.iter().enumerate() {
            let id = StepId::at(index);
            if step.boot.is_some() || removal::is_left_out(step, self.survey.check(id)).is_some() {
                continue;
            }
            let follows = || followers.remove(&id).map(|facts| Reading::Follows(Follows::Values(facts)));
            if let Some(reading) = self.reading(id).or_else(follows) {
                self.keep(id, reading);
            }
        }
    }

    fn keep(&mut self, id: StepId, reading: Reading) {
        self.kept[id.index()] = true;
        self.steps.push(self.draft.steps[id.index()].clone());
        self.readings.push(reading);
    }

    /// A member that served before its node is booted anew must be seen to serve again.
    fn follow_boots(&mut self, boots: &mut [PlannedBoot]) {
        let is_up = |boot: &Boot| boot.from == Some(Environment::Installed);
        let rebooted: HashSet<NodeName> =
            boots.iter().filter(|boot| is_up(&boot.boot)).map(|boot| boot.boot.node.clone()).collect();
        if rebooted.is_empty() {
            return;
        }
        for id in (0..self.draft.steps.len()).map(StepId::at) {
            let step = &self.draft.steps[id.index()];
            let Place::In(node, environment) = &step.place else { continue };
            if step.subject.kind() != "member" || !rebooted.contains(node) || self.kept[id.index()] {
                continue;
            }
            let last = boots.iter_mut().rfind(|boot| boot.boot.node == *node && boot.boot.to == *environment);
            if let Some(boot) = last {
                boot.work.push(StepId::at(self.steps.len()));
                self.keep(id, Reading::Follows(Follows::Boot));
            }
        }
    }

    fn reading(&self, step: StepId) -> Option<Reading> {
        match self.survey.check(step) {
            Check::Holds(_) if self.again.contains(&step) => Some(Reading::Unknown(Gap::Environment(
                environment_words(&self.draft.steps[step.index()].place).into(),
            ))),
            Check::Holds(_) => None,
            Check::Differs(diff) => Some(Reading::Differs(diff.clone())),
            Check::Unknown(gap) => Some(Reading::Unknown(gap.clone())),
        }
    }

    fn boots(&mut self) -> Result<Vec<PlannedBoot>, Vec<PlanFault>> {
        let mut probes: BTreeMap<&NodeName, Vec<&PlannedBoot>> = BTreeMap::new();
        for probe in &self.draft.probes {
            probes.entry(&probe.boot.node).or_default().push(probe);
        }
        let placed = Placed::new(self.steps.iter(), probes.keys().copied());
        let travellers: Vec<Traveller> =
            placed.nodes().iter().map(|node| self.traveller(node, &probes[node])).collect();
        // Nobody boots a node that should be gone: what is to be done on it is done where it is, or not at all.
        let is_wanted = |boot: &Boot| !removal::is_absent(&self.draft.site, &boot.node);
        let parts = |boot: &Boot| if is_wanted(boot) { self.parts(boot, &probes[&boot.node]) } else { Vec::new() };
        // One environment for each node is by far the usual case, and needs no search.
        let trips = if (0..).zip(&travellers).all(|(node, traveller)| placed.is_simple(node, traveller.rest)) {
            (0..).zip(&travellers).map(|(node, traveller)| self.one_trip(node, *traveller, &placed, &parts)).collect()
        } else {
            let steps: Vec<&Step> = self.steps.iter().collect();
            let shape = Shape::new(resolve::order(&steps)?);
            Simulation::new(&placed, &shape, &travellers).run(&self.steps, &parts)
        };
        let trips: Vec<Trip> = trips.into_iter().flatten().filter(|trip| is_wanted(&trip.boot)).collect();
        let faults = self.unbooted(&trips);
        if faults.is_empty() { Ok(self.book(trips)) } else { Err(faults) }
    }

    /// The nodes that would have to boot and that nobody boots: a part of the boot asks for a power that no layer gives.
    fn unbooted(&self, trips: &[Trip]) -> Vec<PlanFault> {
        let dark: Vec<&Trip> = trips.iter().filter(|trip| !self.is_powered(trip)).collect();
        if dark.is_empty() {
            return Vec::new();
        }
        let given: ShortSet<&FactKey> = self.steps.iter().flat_map(|step| &step.gives).collect();
        let mut told: HashSet<&NodeName> = HashSet::new();
        // A node that is as it was found may run all the same, and answer once something else of the plan is done.
        let may_answer = |Trip { boot, parts, .. }: &Trip| {
            let mut needs = parts.iter().flat_map(|part| &part.step.needs).flat_map(Need::facts);
            boot.from.is_none()
                && boot.to == rest(&self.draft.site, &boot.node)
                && needs.any(|fact| given.contains(fact))
        };
        let lost = dark.into_iter().filter(|trip| !may_answer(trip) && told.insert(&trip.boot.node));
        lost.map(|Trip { boot, work, .. }| PlanFault::Unbooted {
            node: boot.node.clone(),
            to: boot.to,
            work: work.iter().map(|step| self.steps[step.index()].name.clone()).collect(),
            origin: self.draft.site.nodes.get(&boot.node).and_then(|node| node.origin.clone()),
        })
        .collect()
    }

    fn is_powered(&self, Trip { boot, parts, .. }: &Trip) -> bool {
        let power = POWER.of_boot(&Subject::node(&boot.node), boot.ordinal);
        let asks = |part: &Part| part.step.needs.iter().any(|need| matches!(need, Need::IfGiven(key) if *key == power));
        let gives = |step: &Step| step.gives.contains(&power);
        if !parts.iter().any(asks) || parts.iter().any(|part| gives(&part.step)) {
            return true;
        }
        // What holds is no part that is left to be done, and it may be what gives the power.
        let mut all = Vec::new();
        draft::enter(&self.draft.site, self.layers, boot, &mut all);
        all.iter().any(gives)
    }

    fn traveller(&self, node: &NodeName, probes: &[&PlannedBoot]) -> Traveller {
        let holds =
            |probe: &PlannedBoot| probe.parts.iter().all(|&part| matches!(self.survey.check(part), Check::Holds(_)));
        let now = probes.iter().find(|probe| holds(probe)).map(|probe| probe.boot.to);
        Traveller { now, rest: rest(&self.draft.site, node) }
    }

    /// A node all of whose work is to be done where it rests is booted into that, unless it is there.
    fn one_trip(
        &self,
        node: usize,
        traveller: Traveller,
        placed: &Placed<'_>,
        parts: &dyn Fn(&Boot) -> Vec<Part>,
    ) -> Vec<Trip> {
        let Traveller { now, rest } = traveller;
        if now == Some(rest) {
            return Vec::new();
        }
        let boot = Boot { node: placed.nodes()[node].clone(), from: now, to: rest, ordinal: 1 };
        vec![Trip { parts: parts(&boot), boot, work: placed.work(node).to_vec(), leaves: Vec::new() }]
    }

    /// The steps of a boot that are still to be done. Until its first boot a node is as the survey saw it: what holds of that
    /// is not done again.
    fn parts(&self, boot: &Boot, probes: &[&PlannedBoot]) -> Vec<Part> {
        let probe = probes.iter().find(|probe| is_as_seen(boot) && probe.boot.to == boot.to);
        let seen = |step: &Step| {
            let parts = probe.into_iter().flat_map(|probe| &probe.parts).copied();
            parts.into_iter().find(|part| is_same_act(step, &self.draft.steps[part.index()]))
        };
        let mut steps = Vec::new();
        draft::enter(&self.draft.site, self.layers, boot, &mut steps);
        steps
            .into_iter()
            .filter_map(|step| {
                let reading = match seen(&step) {
                    Some(part) => self.reading(part)?,
                    None => {
                        Reading::Unknown(Gap::Environment(format!("{} has left its environment", boot.node).into()))
                    }
                };
                Some(Part { step, reading })
            })
            .collect()
    }

    /// What holds of a first boot was seen under the number of its probe; the rest of the boot needs it under its own.
    fn known_of_first_boots(&self, boots: &[PlannedBoot]) -> Vec<Known> {
        let is_first = |boot: &&PlannedBoot| is_as_seen(&boot.boot);
        let first: HashMap<_, _> =
            boots.iter().filter(is_first).map(|boot| ((&boot.boot.node, boot.boot.to), boot)).collect();
        let moved = self.draft.probes.iter().filter(|probe| probe.boot.ordinal != 1);
        let mut known = BTreeMap::new();
        for probe in moved.filter(|probe| first.contains_key(&(&probe.boot.node, probe.boot.to))) {
            for part in &probe.parts {
                let Check::Holds(facts) = self.survey.check(*part) else { continue };
                let facts = facts.iter().filter(|(key, _)| key.boot() == Some(probe.boot.ordinal));
                known.extend(facts.map(|(key, value)| (key.in_boot(1), value.clone())));
            }
        }
        if known.is_empty() {
            return Vec::new();
        }
        let seen: HashSet<&FactKey> = self.survey.facts().map(|(key, _)| key).collect();
        let known = known.into_iter().filter(|(key, _)| !seen.contains(key));
        known.map(|(key, value)| Known { key, value, at: self.survey.at() }).collect()
    }

    /// Gives the parts of boots their places in the plan.
    fn book(&mut self, trips: Vec<Trip>) -> Vec<PlannedBoot> {
        let mut boots: Vec<PlannedBoot> = Vec::new();
        for Trip { boot, parts, work, mut leaves } in trips {
            let first = self.steps.len();
            for Part { step, reading } in parts {
                self.steps.push(step);
                self.readings.push(reading);
            }
            // A boot after a stay without work follows the boot before it.
            if let Some(before) = boots.last().filter(|before| before.boot.node == boot.node && before.work.is_empty())
            {
                leaves.extend(&before.parts);
            }
            boots.push(PlannedBoot { boot, parts: (first..self.steps.len()).map(StepId::at).collect(), work, leaves });
        }
        boots
    }

    fn held(&self) -> Vec<Held> {
        let recalled: HashSet<StepId> = self.survey.recalled().collect();
        (0..self.draft.steps.len())
            .map(StepId::at)
            .filter(|step| matches!(self.survey.check(*step), Check::Holds(_)) && !self.kept[step.index()])
            .map(|id| (id, &self.draft.steps[id.index()]))
            .filter(|(_, step)| !removal::only_tells(&self.draft.site, step))
            .map(|(id, step)| {
                let read = recalled.contains(&id).then(|| self.draft.recalled[&id].at);
                Held { name: step.name.clone(), layer: step.layer, subject: step.subject.clone(), read }
            })
            .collect()
    }
}

/// The steps that hold and work with a value that a step of the plan gives anew, by themselves or through others that do, with
/// these facts. Where a value comes out as it was, those behind it are not looked at: the engine sees to that.
fn followers(draft: &Draft, survey: &Survey) -> HashMap<StepId, Vec<FactKey>> {
    let ids = || (0..draft.steps.len()).map(StepId::at);
    let mut readers: ShortMap<&FactKey, Vec<StepId>> = ShortMap::default();
    for id in ids() {
        for fact in &draft.steps[id.index()].reads {
            readers.entry(fact).or_default().push(id);
        }
    }
    let mut followers: HashMap<StepId, Vec<FactKey>> = HashMap::new();
    if readers.is_empty() {
        return followers;
    }
    let holds = |id: StepId| matches!(survey.check(id), Check::Holds(_));
    let mut anew: Vec<StepId> = ids().filter(|&id| !holds(id)).collect();
    while let Some(giver) = anew.pop() {
        for fact in &draft.steps[giver.index()].gives {
            for &reader in readers.get(fact).into_iter().flatten().filter(|&&reader| holds(reader)) {
                let facts = followers.entry(reader).or_insert_with(|| {
                    anew.push(reader);
                    Vec::new()
                });
                facts.push(fact.clone());
            }
        }
    }
    followers.values_mut().for_each(|facts| facts.sort_unstable());
    followers
}

/// Whether a node is as the survey saw it when it boots: nothing was done to its power before.
fn is_as_seen(boot: &Boot) -> bool {
    boot.ordinal == 1 && matches!(boot.from, None | Some(Environment::Off))
}

/// Whether two parts of two boots of a node do the same.
fn is_same_act(one: &Step, other: &Step) -> bool {
    (one.call.operation(), &one.subject) == (other.call.operation(), &other.subject)
}

/// What an environment looks like in a sentence: "n1 is installed and running".
#[must_use]
pub(crate) fn environment_words(place: &Place) -> String {
    match place {
        Place::Anywhere => "anywhere".to_owned(),
        Place::In(node, environment) => format!("{node} {}", environment.words()),
    }
}
