//! A run as its journal tells it, also while it goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Limits, Schedule};
use crate::id::StepId;
use crate::journal::{Event, Order, Owner, Record};
use crate::plan::Plan;
use crate::report::Outcome;

/// Where a run stands.
#[derive(Debug)]
pub struct RunView {
    /// The run.
    pub run: String,
    /// Where each of its steps stands.
    pub schedule: Schedule,
    /// When it began.
    pub began: Timestamp,
    /// When the last record was written.
    pub last: Timestamp,
    /// Who worked on it last.
    pub owner: Option<Owner>,
    /// How it ended; `None` where it goes on, or its process died.
    pub outcome: Option<Outcome>,
    /// When its last owner first began with each step that it has not finished.
    begun: BTreeMap<StepId, Timestamp>,
}

impl RunView {
    /// The run that these records tell; `None` where they do not begin with a plan.
    #[must_use]
    pub fn of(records: &[Record]) -> Option<Self> {
        let first = records.first()?;
        let Event::Began { run, plan, .. } = &first.event else { return None };
        let mut view = Self {
            run: run.clone(),
            schedule: Schedule::replay(Arc::clone(plan), Limits::default(), &[]),
            began: first.at,
            last: first.at,
            owner: None,
            outcome: None,
            begun: BTreeMap::new(),
        };
        records.iter().for_each(|record| view.record(record));
        Some(view)
    }

    /// Takes in a further record.
    pub fn record(&mut self, record: &Record) {
        self.last = record.at;
        match &record.event {
            Event::Opened { owner, limits, .. } => {
                self.owner = Some(owner.clone());
                // What failed under the owner before is tried again by this one, and within limits of its own.
                self.schedule.reopen(limits.clone());
                self.outcome = None;
                self.begun.clear();
            }
            Event::Started { step, .. } => {
                self.begun.entry(*step).or_insert(record.at);
            }
            Event::Settled { step, .. } | Event::Failed { step, .. } => {
                self.begun.remove(step);
            }
            Event::Ended { outcome, .. } => self.outcome = Some(*outcome),
            _ => {}
        }
        self.schedule.record(record);
    }

    /// Takes in orders that nobody has obeyed yet, as whoever takes the run over next will: nothing is being worked on then.
    pub fn expect(&mut self, orders: impl IntoIterator<Item = Order>) {
        self.schedule.reopen(None);
        orders.into_iter().for_each(|order| self.schedule.obey(&order));
    }

    /// When its last owner first began with a step, waits and further attempts included; `None` where it has not begun or is
    /// finished with it. An expected end counts from here.
    #[must_use]
    pub fn begun(&self, step: StepId) -> Option<Timestamp> {
        self.begun.get(&step).copied()
    }

    /// What it carries out.
    #[must_use]
    pub const fn plan(&self) -> &Arc<Plan> {
        self.schedule.plan()
    }
}
