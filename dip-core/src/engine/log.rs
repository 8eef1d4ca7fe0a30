//! The log of a run: numbers and dates its records, hands them to the journal and to those who watch.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;

use super::Clock;
use crate::journal::{Event, Journal, JournalError, Record};

/// Writes the records of one run.
#[derive(Debug)]
pub(super) struct RunLog {
    clock: Arc<dyn Clock>,
    journal: Arc<dyn Journal>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next: u64,
    watchers: Vec<UnboundedSender<Record>>,
    /// Records that the schedule has not taken in yet.
    fresh: Vec<Record>,
}

impl RunLog {
    pub(super) fn new(
        clock: Arc<dyn Clock>,
        journal: Arc<dyn Journal>,
        watchers: Vec<UnboundedSender<Record>>,
        next: u64,
    ) -> Self {
        Self { clock, journal, state: Mutex::new(State { next, watchers, fresh: Vec::new() }) }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Adds a record; the order of records is the order of these calls.
    pub(super) fn append(&self, event: Event) -> Result<(), JournalError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let record = Record { sequence: state.next, at: self.clock.now(), event };
        self.journal.append(&record)?;
        state.next += 1;
        state.watchers.retain(|watcher| watcher.send(record.clone()).is_ok());
        state.fresh.push(record);
        Ok(())
    }

    /// The records since the last call.
    pub(super) fn take_fresh(&self) -> Vec<Record> {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).fresh)
    }

    /// Waits until all records so far are durable.
    pub(super) async fn sync(&self) -> Result<(), JournalError> {
        self.journal.sync().await
    }
}
