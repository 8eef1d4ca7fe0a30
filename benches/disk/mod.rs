//! The disk itself, measured beside what is kept on it.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A file on a disk that is removed at the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Where the build keeps what it makes: a disk, which the directory for temporary files often is not.
    pub(crate) fn new(name: &str) -> Self {
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}-{name}", std::process::id())))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// How long the disk takes for so many records of the usual size, so many a sync.
pub(crate) fn disk(records: u64, a_sync: u64) -> Duration {
    let scratch = Scratch::new("disk");
    let mut file = OpenOptions::new().create_new(true).append(true).open(scratch.path()).expect("a file");
    let record = [b'.'; 180];
    let began = Instant::now();
    for _ in 0..records.div_ceil(a_sync) {
        file.write_all(&record.repeat(a_sync as usize)).expect("the disk takes it");
        file.sync_data().expect("the disk takes it");
    }
    began.elapsed()
}
