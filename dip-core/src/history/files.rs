//! The history in a directory of journals: the newest runs of one site, read one after another.

use std::path::Path;

use super::History;
use crate::id::SiteName;
use crate::journal::{Event, JournalError, JournalReader, RunFile, runs};

/// Which journals count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryFiles {
    /// How many runs are looked at, the newest ones.
    pub runs: usize,
    /// How many bytes are read in all. A journal holds its plan: that of a large site has a hundred megabytes. The newest
    /// one is read whatever its size.
    pub bytes: u64,
}

impl Default for HistoryFiles {
    fn default() -> Self {
        Self { runs: 20, bytes: 64 << 20 }
    }
}

/// A journal that tells nothing.
#[derive(Debug, thiserror::Error)]
pub enum Skipped {
    /// It cannot be read.
    #[error("it tells nothing of how long things take")]
    Unreadable(#[source] JournalError),
    /// It is empty, or begins with something else.
    #[error("journal {0} does not begin with a plan, and tells nothing of how long things take")]
    NoPlan(std::path::PathBuf),
}

impl HistoryFiles {
    /// The history of a site from its newest runs that `counts` wants, and the journals that could not be read: one of them
    /// must not hide the others. Runs of other sites do not count, as their machines are others.
    ///
    /// # Errors
    /// Where the directory cannot be listed. One that does not exist has no runs.
    pub fn read(
        self,
        directory: &Path,
        site: &SiteName,
        counts: impl Fn(&RunFile) -> bool,
    ) -> Result<(History, Vec<Skipped>), JournalError> {
        let mut skipped = Vec::new();
        let mut history = History::new();
        // The oldest first, so that the newest samples are those that stay.
        for file in self.newest(runs(directory)?, counts).into_iter().rev() {
            match JournalReader::open(&file.path).and_then(|mut reader| reader.read()) {
                Ok(records) => match records.first().map(|record| &record.event) {
                    Some(Event::Began { plan, .. }) if plan.site().name != *site => {}
                    Some(Event::Began { .. }) => drop(history.add(&records)),
                    _ => skipped.push(Skipped::NoPlan(file.path)),
                },
                Err(error) => skipped.push(Skipped::Unreadable(error)),
            }
        }
        Ok((history, skipped))
    }

    /// The files to read, the newest first.
    fn newest(self, all: Vec<RunFile>, counts: impl Fn(&RunFile) -> bool) -> Vec<RunFile> {
        let mut bytes = 0_u64;
        let wanted = all.into_iter().rev().filter(counts).take(self.runs).enumerate();
        let fits = wanted.take_while(|(index, file)| {
            bytes = bytes.saturating_add(std::fs::metadata(&file.path).map_or(0, |file| file.len()));
            *index == 0 || bytes <= self.bytes
        });
        fits.map(|(_, file)| file).collect()
    }
}
