//! What past runs tell: read from the journals beside, and never a reason to fail.

use std::path::Path;

use dip::core::history::{History, HistoryFiles};
use dip::core::provider::sentence;
use dip::core::site::Site;

use crate::out::Out;
use crate::target::is_simulated;

/// Whose past counts: a simulation is faster or slower than the real thing, so that each has a past of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Real,
    Simulated,
}

impl Kind {
    pub(crate) fn of_run(run: &str) -> Self {
        if is_simulated(run) { Self::Simulated } else { Self::Real }
    }
}

/// The history of a site from the journals in a directory. Journals that tell nothing are told, and do not count.
pub(crate) fn history(directory: &Path, site: &Site, kind: Kind, out: &Out) -> History {
    match HistoryFiles::default().read(directory, &site.name, |file| Kind::of_run(&file.run) == kind) {
        Ok((history, skipped)) => {
            for skipped in skipped {
                out.note(format!("warning: {}", sentence(&skipped)));
            }
            history
        }
        Err(error) => {
            out.note(format!("warning: no past run is known: {}", sentence(&error)));
            History::new()
        }
    }
}
