//! Why a step is in a plan, what it waits for, and what waits for it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use super::budget::shorten;
use super::graph::{Because, Vertex, VertexId};
use super::render::{fold_names, wrap};
use super::{Plan, Reading};
use crate::fact::FactKey;
use crate::id::StepId;
use crate::step::Need;

/// The steps that work with the value of a fact.
type Readers<'a> = HashMap<&'a FactKey, Vec<StepId>>;

/// For up to so many steps it is told what is behind them: that looks through all that builds on each of them.
const FOLLOWED: usize = 100;

/// The story of one step.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Explanation {
    /// The step.
    pub step: String,
    /// Why it is in the plan, or is not.
    pub reason: String,
    /// Where the site file asks for it.
    pub origin: Option<String>,
    /// What it waits for, each with the reason.
    pub after: Vec<String>,
    /// What waits for it.
    pub before: Vec<String>,
    /// All that waits for it, directly or through others; `None` where the step is not in the plan, or where so many steps
    /// fit the question that it would take long to say it of each.
    pub behind: Option<Dependants>,
    /// What is looked at again when a value that it gives changes, directly or through others: the most that can happen, as
    /// it ends where a value comes out as before. `None` as for `behind`.
    pub reruns: Option<Dependants>,
}

/// Steps that depend on another one.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Dependants {
    /// How many there are.
    pub steps: usize,
    /// The names of their subjects, by the operation; both sorted.
    pub by_operation: BTreeMap<String, Vec<String>>,
}

/// No step of the plan, in it or left out, fits the words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no step fits `{wanted}`{}", suggestion(.nearest))]
pub struct NoSuchStep {
    wanted: String,
    nearest: Option<String>,
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |nearest| format!("; did you mean `{nearest}`?"))
}

impl Plan {
    /// The stories of all steps that fit: `wanted` is a step's name or a part of it, or a subject (`node/r1-n3` or `r1-n3`).
    ///
    /// # Errors
    /// Where none fits; the error names the nearest.
    pub fn why(&self, wanted: &str) -> Result<Vec<Explanation>, NoSuchStep> {
        let fits = |name: &str, subject: &str| {
            name == wanted
                || subject == wanted
                || subject
                    .split_once('/')
                    .is_some_and(|(_, rest)| rest == wanted || rest.split('/').any(|part| part == wanted))
                || name
                    .split([' ', '#'])
                    .any(|part| part == wanted || part.split_once('.').is_some_and(|(_, verb)| verb == wanted))
        };
        let fitting: Vec<StepId> = (0..self.steps.len())
            .map(StepId::at)
            .filter(|&id| {
                let step = &self.step(id).step;
                fits(step.name.as_str(), &step.subject.to_string())
            })
            .collect();
        let readers = self.readers();
        let story = |&id: &StepId| match fitting.len() {
            0..=FOLLOWED => self.story(id, Some(&readers)),
            _ => self.story(id, None),
        };
        let mut stories: Vec<Explanation> = fitting.iter().map(story).collect();
        stories.extend(self.held.iter().filter(|held| fits(held.name.as_str(), &held.subject.to_string())).map(
            |held| Explanation {
                step: held.name.to_string(),
                reason: "it is not in the plan: all is as the site wants it".to_owned(),
                origin: None,
                after: Vec::new(),
                before: Vec::new(),
                behind: None,
                reruns: None,
            },
        ));
        if stories.is_empty() { Err(self.no_such_step(wanted)) } else { Ok(stories) }
    }

    fn no_such_step(&self, wanted: &str) -> NoSuchStep {
        let names = self.steps.iter().flat_map(|planned| {
            [planned.step.name.to_string(), planned.step.subject.to_string(), planned.step.subject.name().to_owned()]
        });
        let held = self.held.iter().map(|held| held.subject.to_string());
        let nearest = names
            .chain(held)
            .map(|name| (strsim::jaro_winkler(&name, wanted), name))
            .filter(|(near, _)| *near > 0.7)
            .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(&a.1)))
            .map(|(_, name)| name);
        NoSuchStep { wanted: wanted.to_owned(), nearest }
    }

    /// The story of one step.
    #[must_use]
    pub fn explain(&self, id: StepId) -> Explanation {
        self.story(id, Some(&self.readers()))
    }

    fn story(&self, id: StepId, readers: Option<&Readers<'_>>) -> Explanation {
        let planned = self.step(id);
        let reason = match &planned.reading {
            Reading::Differs(diff) => format!("the survey saw a difference: {diff}"),
            Reading::Unknown(gap) => gap.to_string(),
            Reading::Follows(follows) => follows.to_string(),
        };
        Explanation {
            step: planned.step.name.to_string(),
            reason,
            origin: planned.step.origin.as_ref().map(ToString::to_string),
            after: self.waits_for(id.into()),
            before: self.graph.successors(id.into()).iter().flat_map(|&next| self.waiters(next)).collect(),
            behind: readers.map(|_| self.behind(id)),
            reruns: readers.map(|readers| self.reruns(id, readers)),
        }
    }

    /// All that waits for a step, directly or through others.
    fn behind(&self, id: StepId) -> Dependants {
        let mut reached: HashSet<VertexId> = HashSet::from([id.into()]);
        let mut open: Vec<VertexId> = vec![id.into()];
        let mut behind = Vec::new();
        while let Some(vertex) = open.pop() {
            for &next in self.graph.successors(vertex) {
                if reached.insert(next) {
                    if let Vertex::Step(step) = self.graph.vertices()[next.index()] {
                        behind.push(step);
                    }
                    open.push(next);
                }
            }
        }
        self.dependants(behind)
    }

    /// All that works with a value that a step gives, directly or through others.
    fn reruns(&self, id: StepId, readers: &Readers<'_>) -> Dependants {
        let mut reached = HashSet::from([id]);
        let mut open = vec![id];
        let mut reruns = Vec::new();
        while let Some(step) = open.pop() {
            for &reader in self.step(step).step.gives.iter().filter_map(|fact| readers.get(fact)).flatten() {
                if reached.insert(reader) {
                    reruns.push(reader);
                    open.push(reader);
                }
            }
        }
        self.dependants(reruns)
    }

    fn readers(&self) -> Readers<'_> {
        let mut readers = Readers::new();
        for (index, planned) in self.steps.iter().enumerate() {
            let step = &planned.step;
            // A part of an input that is taken from a fact is a value that the step works with, too.
            let input = Some(step.call.input()).filter(|input| input.contains("\"from\":"));
            let taken = |fact: &&FactKey| input.is_some_and(|input| input.contains(&format!("\"{fact}\"")));
            let taken = step.needs.iter().flat_map(Need::facts).filter(taken);
            for fact in step.reads.iter().chain(taken) {
                readers.entry(fact).or_default().push(StepId::at(index));
            }
        }
        readers
    }

    fn dependants(&self, steps: Vec<StepId>) -> Dependants {
        let mut dependants = Dependants { steps: steps.len(), by_operation: BTreeMap::new() };
        for step in steps {
            let step = &self.step(step).step;
            let subjects = dependants.by_operation.entry(step.call.operation().to_owned()).or_default();
            subjects.push(step.subject.name().to_owned());
        }
        dependants.by_operation.values_mut().for_each(|subjects| subjects.sort_unstable());
        dependants
    }

    /// Those that wait for a vertex, by name; for a set of facts, those that wait for the set.
    fn waiters(&self, vertex: VertexId) -> Vec<String> {
        if !matches!(self.graph.vertices()[vertex.index()], Vertex::Barrier { .. }) {
            return vec![self.vertex_words(vertex)];
        }
        let waiters = self.graph.successors(vertex).iter();
        waiters
            .map(|&waiter| format!("{}, which waits for {}", self.vertex_words(waiter), self.vertex_words(vertex)))
            .collect()
    }

    /// What a vertex waits for, one sentence each.
    #[must_use]
    pub fn waits_for(&self, vertex: VertexId) -> Vec<String> {
        self.graph
            .predecessors(vertex)
            .map(|(before, because)| {
                let who = self.vertex_words(before);
                match because {
                    Because::Fact(fact) => format!("{who}, which gives {fact}"),
                    Because::Barrier => {
                        let members = self.graph.predecessors(before).map(|(giver, _)| self.vertex_words(giver));
                        format!("{who}: {}", shorten(members.collect()))
                    }
                    Because::Environment => format!("{who}, because it can run only there"),
                    Because::Boot => format!("{who}, which is a part of the boot"),
                    Because::Leave => format!("{who}, because the node leaves that environment"),
                    Because::Wave => format!("{who}, which go first"),
                }
            })
            .collect()
    }

    /// A vertex in words: a step's name, a set of facts, a boot.
    #[must_use]
    pub fn vertex_words(&self, vertex: VertexId) -> String {
        let boot = |index: u32| &self.boots[index as usize].boot;
        match self.graph.vertices()[vertex.index()] {
            Vertex::Step(step) => format!("`{}`", self.step(step).step.name),
            Vertex::Barrier { threshold, of } if threshold == of => format!("all of {of} facts"),
            Vertex::Barrier { threshold, of } => format!("{threshold} of {of} facts"),
            Vertex::Boot(index) => {
                format!("boot {} of {} into {}", boot(index).ordinal, boot(index).node, boot(index).to)
            }
            Vertex::Leave(index) => {
                format!("all work on {} before its boot {}", boot(index).node, boot(index).ordinal)
            }
            Vertex::Wave(index) => self.budgets.wave_words(index),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.step)?;
        writeln!(f, "  why:    {}", self.reason)?;
        if let Some(origin) = &self.origin {
            writeln!(f, "  asked:  {origin}")?;
        }
        for (index, after) in self.after.iter().enumerate() {
            writeln!(f, "  {} {after}", if index == 0 { "after: " } else { "       " })?;
        }
        for (index, before) in self.before.iter().enumerate() {
            writeln!(f, "  {} {before}", if index == 0 { "before:" } else { "       " })?;
        }
        let dependants = |head: &str, dependants: &Option<Dependants>| {
            let told = dependants.iter().filter(|dependants| dependants.steps > 0);
            told.map(|dependants| dependants.lines(head)).collect::<String>()
        };
        f.write_str(&dependants("behind:", &self.behind))?;
        f.write_str(&dependants("reruns:", &self.reruns))
    }
}

impl Dependants {
    /// `  behind: 12 steps` and a line for each of the first operations by name.
    fn lines(&self, head: &str) -> String {
        const SHOWN: usize = 6;
        let mut out = format!(
            "  {head} {}\n",
            if self.steps == 1 { "1 step".to_owned() } else { format!("{} steps", self.steps) }
        );
        for (operation, subjects) in self.by_operation.iter().take(SHOWN) {
            let names = fold_names(subjects.iter().map(String::as_str)).join(" ");
            out.push_str(&wrap(&format!("          {operation} × {}  ", subjects.len()), &names, 12));
        }
        let more = self.by_operation.len().saturating_sub(SHOWN);
        if more > 0 {
            let word = if more == 1 { "operation" } else { "operations" };
            out.push_str(&format!("          and {more} more {word}\n"));
        }
        out
    }
}
