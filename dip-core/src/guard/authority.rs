//! A hook by which the program that embeds the engine decides who may do what.

use std::fmt;

use async_trait::async_trait;

use crate::actor::Actor;
use crate::journal::Command;
use crate::plan::{Plan, PlannedStep};

/// Something that somebody is about to do in a run.
#[derive(Debug, Clone, Copy)]
pub enum Act<'a> {
    /// Carrying out a plan, or going on with it.
    Run(&'a Plan),
    /// Making a step so: its server or machine is about to be changed.
    Apply(&'a PlannedStep),
    /// Commanding the run: retry, skip, hold, continue, a node that is down.
    Order(&'a Command),
}

impl fmt::Display for Act<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(plan) => write!(f, "run plan {} at {}", plan.id().short(), plan.site().name),
            Self::Apply(planned) => write!(f, "apply `{}`", planned.step.name),
            Self::Order(command) => write!(f, "order: {command}"),
        }
    }
}

/// Decides who may do what.
///
/// # Contract
/// It is asked before a run begins or goes on, before a command is obeyed, and before each apply, also of a further attempt:
/// an answer holds for that moment only, so that a right can be taken away during a run. It may ask a server; the step waits for it and holds a worker
/// meanwhile, so it must come to an answer by itself. Where it cannot know, it denies.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Authority: fmt::Debug + Send + Sync {
    /// Whether somebody may do something now.
    ///
    /// # Errors
    /// Where they may not; why, for the journal and for them.
    async fn may<'a>(&self, who: &Actor, act: Act<'a>) -> Result<(), Denial>;
}

/// Everybody may do everything: whoever can start the program is trusted, which is the rule where nobody sets another.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllowAll;

#[async_trait]
impl Authority for AllowAll {
    async fn may<'a>(&self, _: &Actor, _: Act<'a>) -> Result<(), Denial> {
        Ok(())
    }
}

/// Somebody may not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Denial {
    asked: Option<String>,
    why: String,
}

impl Denial {
    /// A denial with its reason, as a fragment: "the night shift may not erase".
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self { asked: None, why: why.into() }
    }

    /// The same, with who asked for what.
    pub(super) fn of(mut self, who: &Actor, act: Act<'_>) -> Self {
        self.asked = Some(format!("{who} may not {act}"));
        self
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.asked {
            Some(asked) => write!(f, "{asked}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}
