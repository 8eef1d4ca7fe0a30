//! The journal of a run: append-only, readable while it is written, sound after a crash.

mod command;
mod event;
mod file;
mod frame;
mod memory;
mod orders;
mod site_lock;

use async_trait::async_trait;

pub use command::{Command, Order};
pub use event::{Change, Event, FailureKind, Health, Owner, RECORD_VERSION, Record};
pub use file::{FileJournal, JournalReader, RunFile, runs};
pub use frame::Tail;
pub use memory::MemoryJournal;
pub use orders::OrderFile;
pub use site_lock::SiteLock;

/// Where a run is kept.
///
/// # Contract
/// `append` keeps the order of its calls; after `sync` returns, all that was appended before it was called survives a crash.
#[async_trait]
pub trait Journal: std::fmt::Debug + Send + Sync {
    /// Adds a record at the end, in memory.
    ///
    /// # Errors
    /// Where the record cannot be written down, or an earlier write failed.
    fn append(&self, record: &Record) -> Result<(), JournalError>;

    /// Waits until all that was appended is on disk. Callers that wait at the same time share one write.
    ///
    /// # Errors
    /// Where it cannot be written.
    async fn sync(&self) -> Result<(), JournalError>;

    /// As [`Self::sync`], from a thread that may block and has a runtime of its own. A journal that would change to such a thread
    /// for its write writes on this one instead.
    ///
    /// # Errors
    /// Where it cannot be written.
    ///
    /// # Panics
    /// Where it is called from within a runtime, which must not be blocked.
    fn sync_from(&self, runtime: &tokio::runtime::Runtime) -> Result<(), JournalError> {
        runtime.block_on(self.sync())
    }
}

/// A journal cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refuses.
    #[error("journal {path} cannot be {action}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Another process works on the run.
    #[error("journal {path} is held by {owner}; wait for it, or stop it")]
    Held {
        /// The file.
        path: std::path::PathBuf,
        /// Who holds it.
        owner: String,
    },
    /// Another process works on the site.
    #[error("site {site} is held by {holder}; wait for it, or stop it (its lock is {path})")]
    SiteHeld {
        /// The site.
        site: crate::id::SiteName,
        /// Who holds it.
        holder: String,
        /// The lock file.
        path: std::path::PathBuf,
    },
    /// A record cannot be turned into JSON.
    #[error("a record cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// It is not a journal that this version reads.
    #[error("{path} is not a journal that this dip can read: {why}")]
    Form {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// An earlier write failed, so nothing more is written.
    #[error("the journal failed before, and nothing more is written to it")]
    Broken,
}
