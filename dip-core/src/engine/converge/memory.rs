//! What earlier rounds teach: what failed, what does not stay as it was made. Pure.

use std::collections::BTreeMap;

use super::notes::Notes;
use super::{LeftOut, WhyLeft};
use crate::engine::Status;
use crate::operation::{Diff, Gap};
use crate::plan::{Plan, PlannedStep, Reading, rest};
use crate::report::Report;
use crate::step::StepName;

/// How often something may come true unseen before it is left out. Once is usual: what a later round does with it may need
/// that it is looked at again.
const UNSEEN: u16 = 2;

/// In how many calls one after another the same is put right. Somebody may take a thing away twice by mistake; what goes
/// each time is taken away by something that will not stop.
const IN_VAIN: u16 = 3;

#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What each step was made from, in all rounds.
    made: BTreeMap<StepName, Vec<Diff>>,
    /// In how many rounds a step came true that could not be seen before.
    unseen: BTreeMap<StepName, (Gap, u16)>,
    out: BTreeMap<StepName, WhyLeft>,
    /// What was put right by the same in each call up to the last one, and in how many.
    streaks: BTreeMap<StepName, (Diff, u16)>,
}

impl Memory {
    /// After a pause what failed is tried again; what somebody else sets back all the time is not.
    pub(super) fn pause(&mut self) {
        self.out.retain(|_, why| matches!(why, WhyLeft::Flaps(_)));
        self.unseen.clear();
        let before = std::mem::take(&mut self.streaks);
        let last =
            std::mem::take(&mut self.made).into_iter().filter_map(|(name, diffs)| Some((name, diffs.last()?.clone())));
        self.streaks = last
            .map(|(name, diff)| {
                let times = before.get(&name).filter(|(other, _)| *other == diff).map_or(0, |(_, times)| *times);
                (name, (diff, times + 1))
            })
            .collect();
    }

    /// Learns from a new look.
    pub(super) fn look(&mut self, plan: &Plan) {
        let now: BTreeMap<&StepName, &PlannedStep> =
            plan.steps().iter().map(|planned| (&planned.step.name, planned)).collect();
        self.out.retain(|name, why| match (now.get(name).map(|planned| &planned.reading), why) {
            (None, _) => false,
            (Some(Reading::Differs(now)), WhyLeft::Flaps(before)) => now == before,
            (Some(_), _) => true,
        });
        for (name, planned) in now {
            match &planned.reading {
                Reading::Differs(diff)
                    if (self.has_made(name, diff) || self.is_in_vain(name, diff)) && is_wish(plan, planned) =>
                {
                    self.out.entry(name.clone()).or_insert_with(|| WhyLeft::Flaps(diff.clone()));
                }
                Reading::Unknown(gap) => {
                    let again = self.unseen.get(name).filter(|(before, times)| before == gap && *times >= UNSEEN);
                    if again.is_some() {
                        self.out.entry(name.clone()).or_insert_with(|| WhyLeft::Unseen(gap.clone()));
                    }
                }
                _ => {}
            }
        }
    }

    /// Why a step must not be tried now.
    pub(super) fn why_out(&self, planned: &PlannedStep) -> Option<&WhyLeft> {
        self.out.get(&planned.step.name)
    }

    /// All that must not be tried now.
    pub(super) fn left(&self) -> impl Iterator<Item = LeftOut> {
        self.out.iter().map(|(step, why)| LeftOut { step: step.clone(), why: why.clone() })
    }

    /// Learns from a run.
    pub(super) fn ran(&mut self, plan: &Plan, report: &Report, notes: &Notes) {
        for settled in &notes.settled {
            let planned = plan.step(settled.step);
            let name = &planned.step.name;
            let is_part = planned.step.boot.is_some();
            if let Some(diff) = &settled.made {
                // A part of a boot is made each time that the node boots.
                if !is_part && self.has_made(name, diff) {
                    self.out.insert(name.clone(), WhyLeft::Flaps(diff.clone()));
                }
                self.made.entry(name.clone()).or_default().push(diff.clone());
            }
            if let (Reading::Unknown(gap), false) = (&planned.reading, is_part) {
                self.unseen.entry(name.clone()).or_insert_with(|| (gap.clone(), 0)).1 += 1;
            }
        }
        for step in &report.steps {
            match &step.status {
                Status::Failed { error, .. } => {
                    self.out.insert(step.name.clone(), WhyLeft::Failed(error.clone()));
                }
                Status::Skipped { reason } => {
                    self.out.insert(step.name.clone(), WhyLeft::Skipped(reason.clone()));
                }
                _ => {}
            }
        }
    }

    /// Whether it was put right by the same in so many calls one after another that one more would change nothing.
    fn is_in_vain(&self, step: &StepName, diff: &Diff) -> bool {
        self.streaks.get(step).is_some_and(|(before, times)| before == diff && *times >= IN_VAIN)
    }

    fn has_made(&self, step: &StepName, diff: &Diff) -> bool {
        self.made.get(step).is_some_and(|made| made.contains(diff))
    }
}

/// Whether somebody wants the step itself to hold: nobody wants a node to stay where only some of its work is done.
fn is_wish(plan: &Plan, planned: &PlannedStep) -> bool {
    planned.step.boot.as_ref().is_none_or(|boot| boot.to == rest(plan.site(), &boot.node))
}
