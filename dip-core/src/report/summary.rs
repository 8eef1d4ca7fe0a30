//! What a run did, step by step.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::engine::{Bound, Schedule, Status};
use crate::id::{LayerId, StepId};
use crate::journal::{Change, FailureKind};
use crate::plan::PlanId;
use crate::step::StepName;
use crate::subject::Subject;
use crate::words::duration;

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
    /// What its steps waited for, the longest first.
    #[serde(default)]
    pub bounds: Vec<Bound>,
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
        Self { run: run.to_owned(), plan: plan.id().clone(), outcome, took, steps, bounds: schedule.bounds() }
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
            ("skipped", count(|status| matches!(status, Status::Skipped { .. }))),
            ("failed", count(|status| matches!(status, Status::Failed { .. }))),
            ("blocked", count(|status| matches!(status, Status::Blocked { .. }))),
            ("not done", count(|status| matches!(status, Status::Waiting(_) | Status::Running { .. }))),
        ];
        write!(f, "Run {} is {}: {} changed", self.run, self.outcome, self.changes())?;
        for (word, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            write!(f, ", {count} {word}")?;
        }
        writeln!(f, ", in {}.", duration(self.took))?;
        for step in &self.steps {
            if let Status::Skipped { reason } = &step.status {
                writeln!(f, "  skipped: {} — {reason}", step.name)?;
            }
        }
        // Short waits bind nobody.
        const WORTH_TELLING: Duration = Duration::from_secs(10);
        if let Some(bound) = self.bounds.first().filter(|bound| bound.waited >= WORTH_TELLING) {
            writeln!(f, "  bound by: {bound}")?;
        }
        // When a server is down many steps fail for one reason: each reason is told once, and of each operation a few.
        const SHOWN: usize = 5;
        let mut reasons: BTreeMap<(LayerId, &str, &str, &str), Vec<&StepName>> = BTreeMap::new();
        for step in self.failures() {
            let Status::Failed { error, kind } = &step.status else { continue };
            let word = match kind {
                FailureKind::Conflict => "left alone",
                FailureKind::Refused => "refused",
                FailureKind::Error | FailureKind::Unsettled => "failed",
            };
            let operation = step.name.as_str().split(' ').next().unwrap_or_default();
            reasons.entry((step.layer, operation, word, error)).or_default().push(&step.name);
        }
        let reasons: Vec<_> = reasons.into_iter().collect();
        for alike in reasons.chunk_by(|(a, _), (b, _)| (a.1, a.2) == (b.1, b.2)) {
            for ((_, _, word, error), names) in alike.iter().take(SHOWN) {
                writeln!(f, "  {word}: {} — {error}", names[0])?;
                if names.len() > 1 {
                    writeln!(f, "          and {} more for the same reason", names.len() - 1)?;
                }
            }
            let rest: usize = alike.iter().skip(SHOWN).map(|(_, names)| names.len()).sum();
            if let ((_, operation, word, _), true) = (alike[0].0, rest > 0) {
                writeln!(f, "  {word}: {rest} more of {operation}, each for a reason of its own")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::NodeName;

    fn failed(operation: &str, node: &str, error: &str) -> StepReport {
        let subject = Subject::node(&NodeName::new(node).expect("a name"));
        let status = Status::Failed { error: error.to_owned(), kind: FailureKind::Error };
        let name = serde_json::from_value(format!("{operation} {subject}").into()).expect("a name is a text");
        StepReport { name, layer: LayerId::Firmware, subject, status }
    }

    fn report(steps: Vec<StepReport>) -> String {
        let plan = serde_json::from_str("\"0\"").expect("an id is a text");
        Report {
            run: "first".into(),
            plan,
            outcome: Outcome::Failed,
            took: Duration::from_secs(61),
            steps,
            bounds: vec![],
        }
        .to_string()
    }

    #[test]
    fn one_reason_is_told_once_and_of_many_a_few() {
        let down = |n: usize| failed("firmware.identify", &format!("n{n:02}"), "the network is down");
        let text = report((1..=40).map(down).collect());
        assert!(text.starts_with("Run first is failed: 0 changed, 40 failed, in 1 min 01 s.\n"), "{text}");
        assert!(
            text.ends_with(
                "failed: firmware.identify node/n01 — the network is down\n          and 39 more for the same reason\n"
            ),
            "{text}"
        );
        let own =
            |n: usize| failed("firmware.identify", &format!("n{n:02}"), &format!("10.0.0.{n:02} does not answer"));
        let text = report((1..=40).map(own).collect());
        assert!(text.contains("node/n05 — 10.0.0.05 does not answer\n"), "{text}");
        assert!(text.ends_with("failed: 35 more of firmware.identify, each for a reason of its own\n"), "{text}");
    }
}
