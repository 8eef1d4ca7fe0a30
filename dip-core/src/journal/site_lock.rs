//! The lock of a site: from one shared directory of runs, one run at a time works on it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{JournalError, Owner};
use crate::id::SiteName;

/// The version of the form that the content of a lock has on disk. A lock is told to people and never acted upon, so one of
/// another form is only told less of.
const VERSION: u32 = 1;

/// Holds a site until it is dropped or its process ends, however that ends: the lock is the operating system's, on the open
/// file, and not the file's being there.
///
/// It works among all processes that see the directory, also over NFS where the server does locks. It guards against two
/// operators who mean well, not against one who removes the file.
#[derive(Debug)]
pub struct SiteLock {
    file: File,
    path: PathBuf,
    holder: Holder,
}

/// Who holds a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    dip_site_lock: u32,
    owner: Owner,
    /// The run, once it has a name: whoever only looks and asks has none yet.
    run: Option<String>,
    since: Timestamp,
}

impl SiteLock {
    /// Takes the lock of a site in a directory of runs, which is made where it is not there.
    ///
    /// # Errors
    /// Where another process holds it (the error names it), or the file cannot be made or written.
    pub fn take(directory: &Path, site: &SiteName, since: Timestamp) -> Result<Self, JournalError> {
        let path = directory.join(format!("{site}.lock"));
        let failed = |action| {
            let path = path.clone();
            move |source| JournalError::File { path, action, source }
        };
        std::fs::create_dir_all(directory).map_err(failed("made"))?;
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(failed("opened"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::SiteHeld { site: site.clone(), holder: holder(&mut file), path });
            }
            Err(TryLockError::Error(source)) => return Err(failed("locked")(source)),
        }
        let holder = Holder { dip_site_lock: VERSION, owner: Owner::this_process(), run: None, since };
        let mut lock = Self { file, path, holder };
        lock.tell()?;
        Ok(lock)
    }

    /// Says which run it is held for, for those who ask.
    ///
    /// # Errors
    /// Where the file cannot be written; the lock is held all the same.
    pub fn works_on(&mut self, run: &str) -> Result<(), JournalError> {
        self.holder.run = Some(run.to_owned());
        self.tell()
    }

    fn tell(&mut self) -> Result<(), JournalError> {
        let text = serde_json::to_string(&self.holder).expect("names and times serialise to JSON");
        self.write(&text).map_err(|source| JournalError::File { path: self.path.clone(), action: "written", source })
    }

    fn write(&mut self, text: &str) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }
}

impl Drop for SiteLock {
    fn drop(&mut self) {
        // A name that stays would only mislead a person. The lock goes with the file, but a child process that is just being
        // started may have that open for a moment longer.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

/// Who holds it, in words. Whoever has just taken it may not have written yet.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let told = file.read_to_string(&mut text).ok().and_then(|_| serde_json::from_str::<Holder>(&text).ok());
    match told {
        Some(Holder { owner, run: Some(run), since, .. }) => format!("{owner}, for run {run}, since {since:.0}"),
        Some(Holder { owner, run: None, since, .. }) => {
            format!("{owner}, who plans and has not begun, since {since:.0}")
        }
        None => "another process".to_owned(),
    }
}
