//! From a draft and its survey to a plan: what holds is left out, boots come in, the order follows. Pure.

use std::collections::BTreeMap;

use super::boot::{Shape, Stay, stays};
use super::graph::Graph;
use super::{
    Draft, Held, Known, Parts, Plan, PlanError, PlanFault, PlannedBoot, PlannedStep, Wave, budget, circle, draft,
    resolve,
};
use crate::fact::{FactKey, FactRef};
use crate::hash::ShortSet;
use crate::id::{NodeName, StepId};
use crate::layer::Layers;
use crate::observed::Survey;
use crate::operation::{Check, Gap};
use crate::step::{Boot, Environment, Place, Step};

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
        let places = vec![None; draft.steps.len()];
        let mut build = Build { draft, survey, layers, steps: Vec::new(), readings: Vec::new(), places };
        build.keep_what_does_not_hold();
        let boots = build.boots().map_err(PlanError::new)?;
        let known: Vec<Known> = survey
            .facts()
            .map(|(key, value)| Known { key: key.clone(), value: value.clone(), at: survey.at() })
            .collect();
        let held = build.held();
        let steps: Vec<PlannedStep> =
            build.steps.into_iter().zip(build.readings).map(|(step, reading)| PlannedStep { step, reading }).collect();
        let (site, goal) = (draft.site.clone(), draft.goal);
        let watches = budget::watches(&site, &draft.steps);
        Self::assemble(Parts { site, goal, steps, boots, known, held, watches }).map_err(PlanError::new)
    }
}

/// The graph of a plan, checked.
pub(super) fn graph(
    steps: &[&Step],
    boots: &[PlannedBoot],
    waves: &[Wave],
    known: &[Known],
) -> Result<Graph, Vec<PlanFault>> {
    let seen: ShortSet<FactRef<'_>> = known.iter().map(|known| FactRef::from(&known.key)).collect();
    let graph = resolve::resolve(steps, boots, waves, &|key| seen.contains(&FactRef::from(key)))?;
    let circles = circle::circles(&graph, steps, boots);
    if circles.is_empty() { Ok(graph) } else { Err(circles) }
}

struct Build<'a> {
    draft: &'a Draft,
    survey: &'a Survey,
    layers: &'a Layers,
    steps: Vec<Step>,
    readings: Vec<Reading>,
    /// Where each step of the draft stands in the plan, if it does.
    places: Vec<Option<StepId>>,
}

impl Build<'_> {
    fn keep_what_does_not_hold(&mut self) {
        for (index, step) in self.draft.steps.iter().enumerate() {
            let id = StepId::at(index);
            if step.boot.is_some() {
                continue;
            }
            if let Some(reading) = self.reading(id) {
                self.places[index] = Some(StepId::at(self.steps.len()));
                self.steps.push(step.clone());
                self.readings.push(reading);
            }
        }
    }

    fn reading(&self, step: StepId) -> Option<Reading> {
        match self.survey.check(step) {
            Check::Holds(_) => None,
            Check::Differs(diff) => Some(Reading::Differs(diff.clone())),
            Check::Unknown(gap) => Some(Reading::Unknown(gap.clone())),
        }
    }

    fn boots(&mut self) -> Result<Vec<PlannedBoot>, Vec<PlanFault>> {
        let mut entered: BTreeMap<&NodeName, Vec<&PlannedBoot>> = BTreeMap::new();
        for probe in &self.draft.probes {
            entered.entry(&probe.boot.node).or_default().push(probe);
        }
        let shape = self.shape_without_boots()?;
        let mut boots = Vec::new();
        for (node, probes) in entered {
            self.boots_of(node, &probes, &shape, &mut boots);
        }
        Ok(boots)
    }

    /// The kept steps of nodes that need more than one environment must be ordered before their boots are known.
    fn shape_without_boots(&self) -> Result<Shape, Vec<PlanFault>> {
        let one_environment = self.draft.probes.windows(2).all(|pair| pair[0].boot.node != pair[1].boot.node);
        if one_environment {
            return Ok(Shape::new(Graph::default()));
        }
        let steps: Vec<&Step> = self.steps.iter().collect();
        resolve::resolve(&steps, &[], &[], &|_| true).map(Shape::new)
    }

    fn boots_of(&mut self, node: &NodeName, probes: &[&PlannedBoot], shape: &Shape, boots: &mut Vec<PlannedBoot>) {
        let holds =
            |probe: &PlannedBoot| probe.parts.iter().all(|&part| matches!(self.survey.check(part), Check::Holds(_)));
        let now = probes.iter().find(|probe| holds(probe)).map(|probe| probe.boot.to);
        let stays = match probes {
            // One environment is by far the usual case, and needs no search.
            [probe] => {
                let work = probe.work.iter().filter_map(|step| self.places[step.index()]).collect();
                vec![Stay { environment: probe.boot.to, work }]
            }
            _ => {
                let work: Vec<(StepId, Environment)> = probes
                    .iter()
                    .flat_map(|probe| probe.work.iter().map(|step| (step, probe.boot.to)))
                    .filter_map(|(step, environment)| Some((self.places[step.index()]?, environment)))
                    .collect();
                stays(now, &work, shape)
            }
        };
        let mut ordinal = 0;
        let mut from = now;
        let mut leaves: Vec<StepId> = Vec::new();
        for (index, stay) in stays.iter().enumerate() {
            let is_there = index == 0 && now == Some(stay.environment);
            if !is_there {
                ordinal += 1;
                let boot = Boot { node: node.clone(), from, to: stay.environment, ordinal };
                let parts = self.parts(&boot, probes);
                boots.push(PlannedBoot { boot, parts, work: stay.work.clone(), leaves: std::mem::take(&mut leaves) });
            }
            from = Some(stay.environment);
            leaves.clone_from(&stay.work);
        }
    }

    /// The steps of a boot that are still to be done: for the boot that was probed, those that do not hold.
    fn parts(&mut self, boot: &Boot, probes: &[&PlannedBoot]) -> Vec<StepId> {
        let probe = probes.iter().find(|probe| probe.boot.to == boot.to && probe.boot.ordinal == boot.ordinal);
        let first = self.steps.len();
        if let Some(probe) = probe.filter(|_| boot.ordinal == 1) {
            for &part in &probe.parts {
                if let Some(reading) = self.reading(part) {
                    self.steps.push(self.draft.steps[part.index()].clone());
                    self.readings.push(reading);
                }
            }
        } else {
            let parts = draft::enter(&self.draft.site, self.layers, boot, &mut self.steps);
            let gap = Gap::Environment(format!("{} has left its environment", boot.node).into());
            self.readings.extend(parts.iter().map(|_| Reading::Unknown(gap.clone())));
        }
        (first..self.steps.len()).map(StepId::at).collect()
    }

    fn held(&self) -> Vec<Held> {
        (0..self.draft.steps.len())
            .map(StepId::at)
            .filter(|&step| matches!(self.survey.check(step), Check::Holds(_)))
            .map(|step| {
                let step = &self.draft.steps[step.index()];
                Held { name: step.name.clone(), layer: step.layer, subject: step.subject.clone() }
            })
            .collect()
    }
}

/// What an environment looks like in a sentence: "n1 is installed and running".
#[must_use]
pub(crate) fn environment_words(place: &Place) -> String {
    match place {
        Place::Anywhere => "anywhere".to_owned(),
        Place::In(node, environment) => format!("{node} {}", environment.words()),
    }
}
