//! Why a step is in a plan, what it waits for, and what waits for it.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use super::graph::{Because, Vertex, VertexId};
use super::render::{fold_names, wrap};
use super::{Plan, Reading};
use crate::id::StepId;

/// For up to so many steps it is told what reruns: that looks through all that builds on each of them.
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
    /// What looks again if this comes out otherwise; `None` where the step is not in the plan, or where so many steps fit
    /// the question that it would take long to say it of each.
    pub reruns: Option<Reruns>,
}

/// All that builds on a step, directly or through others.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Reruns {
    /// How many steps there are. It is the most that can happen: where a value comes out as before, it ends.
    pub steps: usize,
    /// The steps by their operation, sorted.
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
        let story = |&id: &StepId| match fitting.len() {
            0..=FOLLOWED => self.explain(id),
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
        self.story(id, Some(self.reruns(id)))
    }

    fn story(&self, id: StepId, reruns: Option<Reruns>) -> Explanation {
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
            reruns,
        }
    }

    /// All that builds on what a step gives, directly or through others. Work that only has to be done before its node leaves
    /// an environment is no reason for what comes after it.
    #[must_use]
    pub fn reruns(&self, id: StepId) -> Reruns {
        let mut reached: HashSet<VertexId> = HashSet::from([id.into()]);
        let mut open: Vec<VertexId> = vec![id.into()];
        let mut by_operation: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut steps = 0;
        while let Some(vertex) = open.pop() {
            for &next in self.graph.successors(vertex) {
                let what = &self.graph.vertices()[next.index()];
                if matches!(what, Vertex::Leave(_)) || !reached.insert(next) {
                    continue;
                }
                if let Vertex::Step(step) = what {
                    let step = &self.step(*step).step;
                    by_operation
                        .entry(step.call.operation().to_owned())
                        .or_default()
                        .push(step.subject.name().to_owned());
                    steps += 1;
                }
                open.push(next);
            }
        }
        by_operation.values_mut().for_each(|subjects| subjects.sort_unstable());
        Reruns { steps, by_operation }
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
            Vertex::Wave(index) => {
                let wave = &self.budgets.waves()[index as usize];
                let nodes = wave.nodes.iter().map(ToString::to_string).collect();
                format!(
                    "wave {} of {}: {}",
                    wave.number,
                    self.budgets.list()[wave.budget as usize].name,
                    shorten(nodes)
                )
            }
        }
    }
}

fn shorten(mut members: Vec<String>) -> String {
    const SHOWN: usize = 5;
    let more = members.len().saturating_sub(SHOWN);
    members.truncate(SHOWN);
    let mut text = members.join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
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
        self.reruns.as_ref().map_or(Ok(()), |reruns| reruns.fmt(f))
    }
}

impl fmt::Display for Reruns {
    /// `if this comes out otherwise, up to 12 steps look again`, then a line for each of the first operations by name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 6;
        let steps = match self.steps {
            0 => return writeln!(f, "  reruns: nothing builds on it"),
            1 => "1 step looks".to_owned(),
            steps => format!("up to {steps} steps look"),
        };
        writeln!(f, "  reruns: {steps} again if this comes out otherwise:")?;
        for (operation, subjects) in self.by_operation.iter().take(SHOWN) {
            let names = fold_names(subjects.iter().map(String::as_str)).join(" ");
            f.write_str(&wrap(&format!("          {operation} × {}  ", subjects.len()), &names, 12))?;
        }
        let more = self.by_operation.len().saturating_sub(SHOWN);
        if more > 0 {
            writeln!(f, "          and {more} more {}", if more == 1 { "operation" } else { "operations" })?;
        }
        Ok(())
    }
}
