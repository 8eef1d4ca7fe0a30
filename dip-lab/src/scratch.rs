//! A directory of its own for each lab, with the ledger of what runs in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::LabError;
use crate::ledger::{Entry, Ledger, ProcessMark};

/// Starts the name of each directory: paths of sockets are limited to 108 bytes, so it is short.
const PREFIX: &str = "dip-lab.";

/// A directory that is removed with all that was started in it when the last holder lets go.
#[derive(Debug, Clone)]
pub(crate) struct Scratch {
    dir: PathBuf,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    ledger: Ledger,
    keep: AtomicBool,
}

impl Scratch {
    /// A new directory under the machine's directory for temporary files.
    pub(crate) fn temporary() -> Result<Self, LabError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let base = std::env::temp_dir();
        sweep(&base);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let dir = base.join(format!("{PREFIX}{}.{number}", std::process::id()));
        let scratch = Self::open(dir)?;
        if let Some(owner) = ProcessMark::own() {
            let text = serde_json::to_string(&owner).unwrap_or_default();
            scratch.write("owner", &text)?;
        }
        Ok(scratch)
    }

    /// A directory that outlives this process once [`keep`](Self::keep) was called.
    pub(crate) fn at(dir: &Path) -> Result<Self, LabError> {
        Self::open(dir.to_path_buf())
    }

    fn open(dir: PathBuf) -> Result<Self, LabError> {
        std::fs::create_dir_all(&dir).map_err(|source| LabError::file("create", &dir, source))?;
        let dir = dir.canonicalize().map_err(|source| LabError::file("find", &dir, source))?;
        let shared = Shared { root: dir.clone(), ledger: Ledger::at(&dir), keep: AtomicBool::new(false) };
        Ok(Self { dir, shared: Arc::new(shared) })
    }

    /// A directory within, which shares the ledger and the life of this one.
    pub(crate) fn within(&self, name: &str) -> Result<Self, LabError> {
        let dir = self.dir.join(name);
        std::fs::create_dir_all(&dir).map_err(|source| LabError::file("create", &dir, source))?;
        Ok(Self { dir, shared: Arc::clone(&self.shared) })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes a file in the directory and gives its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, LabError> {
        write(&self.path(name), text)
    }

    /// Lets nobody else enter the directory.
    pub(crate) fn protect(&self) -> Result<(), LabError> {
        use std::os::unix::fs::PermissionsExt;
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&self.dir, private).map_err(|source| LabError::file("protect", &self.dir, source))
    }

    pub(crate) fn record(&self, entry: &Entry) -> Result<(), LabError> {
        self.shared.ledger.add(entry)
    }

    /// From now on, what was started stays when this process ends.
    pub(crate) fn keep(&self) {
        self.shared.keep.store(true, Ordering::Release);
    }

    pub(crate) fn kept(&self) -> bool {
        self.shared.keep.load(Ordering::Acquire)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.keep.load(Ordering::Acquire) {
            self.ledger.clear();
            // `DIP_LAB_KEEP=1` leaves logs and configurations for a look after a failure.
            if std::env::var_os("DIP_LAB_KEEP").is_none() {
                let _ = std::fs::remove_dir_all(&self.root);
            }
        }
    }
}

/// Writes a file and gives its path.
pub(crate) fn write(path: &Path, text: &str) -> Result<PathBuf, LabError> {
    let write = || {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        std::fs::write(path, text)
    };
    write().map_err(|source| LabError::file("write", path, source))?;
    Ok(path.to_path_buf())
}

/// Takes down what processes that were killed have left behind.
fn sweep(base: &Path) {
    let Ok(entries) = std::fs::read_dir(base) else { return };
    for dir in entries.flatten().map(|entry| entry.path()) {
        let named = dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
        let owner = std::fs::read_to_string(dir.join("owner")).ok();
        let owner = owner.and_then(|text| serde_json::from_str::<ProcessMark>(&text).ok());
        if named && owner.is_some_and(|owner| !owner.alive()) {
            Ledger::at(&dir).clear();
            let _ = std::fs::remove_dir_all(&dir);
        }
    }
}
