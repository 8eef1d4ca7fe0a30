//! What a run did, step by step.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::engine::{Schedule, Status};
use crate::id::{LayerId, StepId};
use crate::journal::{Change, FailureKind};
use crate::plan::PlanId;
use crate::step::StepName;
use crate::subject::Subject;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The run.
    pub run: String,
    /// The plan that it carried out.
    pub plan: PlanId,
    /// How it ended.
    pub outcome: Outcome,
    /// How long its last owner worked on it.
    pub took: Duration,
    /// Its steps.
    pub steps: Vec<StepReport>,
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Its name.
    pub name: StepName,
    /// Its layer.
    pub layer: LayerId,
    /// Its subject.
    pub subject: Subject,
    /// Where it stands.
    pub status: Status,
}

impl Report {
    /// The report of a schedule.
    #[must_use]
    pub fn new(run: &str, schedule: &Schedule, outcome: Outcome, took: Duration) -> Self {
        let plan = schedule.plan();
        let steps = plan
            .steps()
            .iter()
            .enumerate()
            .map(|(index, planned)| StepReport {
                name: planned.step.name.clone(),
                layer: planned.step.layer,
                subject: planned.step.subject.clone(),
                status: schedule.status(StepId::at(index)),
            })
            .collect();
        Self { run: run.to_owned(), plan: plan.id().clone(), outcome, took, steps }
    }

    /// How many steps changed something.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step.status, Status::Settled(Change::Made))).count()
    }

    /// The steps that failed.
    pub fn failures(&self) -> impl Iterator<Item = &StepReport> {
        self.steps.iter().filter(|step| matches!(step.status, Status::Failed { .. }))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |wanted: fn(&Status) -> bool| self.steps.iter().filter(|step| wanted(&step.status)).count();
        let counts = [
            ("already as wanted", count(|status| matches!(status, Status::Settled(Change::None)))),
            ("failed", count(|status| matches!(status, Status::Failed { .. }))),
            ("blocked", count(|status| matches!(status, Status::Blocked { .. }))),
            ("not done", count(|status| matches!(status, Status::Waiting(_) | Status::Running { .. }))),
        ];
        write!(f, "Run {} is {}: {} changed", self.run, self.outcome, self.changes())?;
        for (word, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            write!(f, ", {count} {word}")?;
        }
        writeln!(f, ", in {}.", words(self.took))?;
        // Many steps fail for one reason when a server is down: each reason is told once, with those that it hit.
        let mut told = BTreeSet::new();
        for step in self.failures() {
            let Status::Failed { error, kind } = &step.status else { continue };
            if !told.insert((error, step.layer)) {
                continue;
            }
            let word = if *kind == FailureKind::Conflict { "left alone" } else { "failed" };
            let same = self.failures().filter(|other| {
                other.layer == step.layer
                    && matches!(&other.status, Status::Failed { error: other, .. } if other == error)
            });
            writeln!(f, "  {word}: {} — {error}", step.name)?;
            match same.count() - 1 {
                0 => {}
                more => writeln!(f, "          and {more} more for the same reason")?,
            }
        }
        Ok(())
    }
}

/// A duration as people say it: `4.2 s`, `3 min 27 s`, `2 h 05 min`.
fn words(duration: Duration) -> String {
    match duration.as_secs() {
        0..60 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}
