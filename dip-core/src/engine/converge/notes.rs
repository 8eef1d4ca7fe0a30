//! What a run of a round saw and changed, noted from its records on their way into its journal.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::fact::Facts;
use crate::id::StepId;
use crate::journal::{Change, Event, Journal, JournalError, Record};
use crate::operation::Diff;

/// What a run has done so far.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// What each step was found to differ by when it was first applied.
    applied: BTreeMap<StepId, Diff>,
    pub(super) settled: Vec<Settled>,
}

/// A step that has come true.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) step: StepId,
    pub(super) facts: Facts,
    pub(super) at: Timestamp,
    /// What it differed by, where the run made it so.
    pub(super) made: Option<Diff>,
}

impl Notes {
    fn note(&mut self, record: &Record) {
        match &record.event {
            Event::Applying { step, diff, .. } => {
                self.applied.entry(*step).or_insert_with(|| diff.clone());
            }
            Event::Settled { step, change, facts } => {
                let made = if *change == Change::Made { self.applied.get(step).cloned() } else { None };
                self.settled.push(Settled { step: *step, facts: facts.clone(), at: record.at, made });
            }
            _ => {}
        }
    }
}

/// A journal that notes what passes through.
#[derive(Debug)]
pub(super) struct Noting {
    pub(super) inner: Arc<dyn Journal>,
    pub(super) notes: Arc<Mutex<Notes>>,
}

#[async_trait]
impl Journal for Noting {
    fn append(&self, record: &Record) -> Result<(), JournalError> {
        self.inner.append(record)?;
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).note(record);
        Ok(())
    }

    async fn sync(&self) -> Result<(), JournalError> {
        self.inner.sync().await
    }
}
