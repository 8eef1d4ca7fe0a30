//! How it ended, and what is left with the reason.

use std::fmt;

use serde::Serialize;

use crate::engine::Prepared;
use crate::layer::Deferred;
use crate::operation::{Diff, Gap};
use crate::step::StepName;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConvergeEnd {
    /// All is as wanted, and nothing is deferred.
    Ready,
    /// A step failed for good, and all that does not depend on it is done.
    Failed,
    /// A step does not stay as it was made, was skipped, or cannot be seen to hold; all else is done.
    Unsettled,
    /// What is left is left to a person.
    Withheld,
    /// All is done that can be planned, and what the rest waits for does not become known by that.
    Deferred,
    /// The caller did not want a round to be carried out.
    Declined,
    /// It was asked to stop.
    Interrupted,
    /// There is still something to do, and the rounds are over.
    RoundsOver,
}

impl ConvergeEnd {
    /// The exit status of a program that did just this: 0 ready, 1 failed or not settled, 3 something was left to a person, 4
    /// something is not known, 130 interrupted.
    #[must_use]
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Ready => 0,
            Self::Failed | Self::Unsettled | Self::RoundsOver => 1,
            Self::Withheld => 3,
            Self::Deferred => 4,
            Self::Declined | Self::Interrupted => 130,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Converged {
    /// How it ended.
    pub end: ConvergeEnd,
    /// How many rounds were carried out.
    pub rounds: u16,
    /// The steps that are left, each with its own reason; those that only depend on them are not named.
    pub left: Vec<LeftOut>,
    /// How many steps are left for no reason of their own: they depend on those, or the rounds were over.
    pub waiting: usize,
    /// What could not be planned.
    pub deferred: Vec<Deferred>,
    /// The last look; `None` where it was stopped before the first one was over.
    pub last: Option<Prepared>,
}

/// A step that was left out of a round.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeftOut {
    /// The step.
    pub step: StepName,
    /// Why.
    pub why: WhyLeft,
}

/// Why a step was left out of a round.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyLeft {
    /// It failed in an earlier round, as this sentence tells.
    Failed(String),
    /// It was made so in an earlier round, and differs again by the same: something else sets it back.
    Flaps(Diff),
    /// It was left out of an earlier round by somebody, for this reason.
    Skipped(String),
    /// It has come true in two rounds, and nobody can see afterwards that it holds.
    Unseen(Gap),
    /// It may disrupt or erase something, or nothing is to be changed.
    Withheld,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = &self.step;
        match &self.why {
            WhyLeft::Failed(error) => write!(f, "failed: {step} — {error}"),
            WhyLeft::Flaps(diff) => write!(
                f,
                "does not settle: {step} — it was made so, and differs again: {diff}; find out what sets it back"
            ),
            WhyLeft::Skipped(reason) => write!(f, "skipped: {step} — {reason}"),
            WhyLeft::Unseen(gap) => {
                write!(f, "does not settle: {step} — it came true twice, and cannot be seen afterwards: {gap}")
            }
            WhyLeft::Withheld => write!(f, "left to you: {step}"),
        }
    }
}

impl fmt::Display for Converged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounds = match self.rounds {
            0 => "without a run".to_owned(),
            1 => "after 1 round".to_owned(),
            rounds => format!("after {rounds} rounds"),
        };
        let how = match self.end {
            ConvergeEnd::Ready => "ready: all is as wanted",
            ConvergeEnd::Failed => "not ready: something failed, and all that does not depend on it is done",
            ConvergeEnd::Unsettled => {
                "not ready: something does not settle, and all that does not depend on it is done"
            }
            ConvergeEnd::Withheld => "not ready: something is left to you",
            ConvergeEnd::Deferred => "not ready: something waits for what is not known",
            ConvergeEnd::Declined => "not ready: the plan was declined",
            ConvergeEnd::Interrupted => "interrupted",
            ConvergeEnd::RoundsOver => "not ready: there is more to do, and the rounds are over",
        };
        writeln!(f, "Converge ended {rounds}, {how}.")?;
        self.left.iter().try_for_each(|left| writeln!(f, "  {left}"))?;
        match (self.waiting, self.left.is_empty()) {
            (0, _) => {}
            (waiting, true) => writeln!(f, "  {waiting} more to do")?,
            (waiting, false) => writeln!(f, "  {waiting} more depend on that")?,
        }
        self.deferred.iter().try_for_each(|deferred| match &deferred.origin {
            Some(origin) => writeln!(f, "  {deferred} ({origin})"),
            None => writeln!(f, "  {deferred}"),
        })
    }
}
