//! Files as they were last read: one that is still the same is not read again.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Tells whether a file is still the one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) inode: u64,
    length: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            length: metadata.len(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        }
    }
}

/// What files say, each by its path.
#[derive(Debug)]
pub(super) struct Kept<T>(HashMap<PathBuf, (Stamp, Arc<T>)>);

impl<T> Kept<T> {
    pub(super) fn new() -> Self {
        Self(HashMap::new())
    }

    /// What a file says; it is read where it changed since the last time.
    pub(super) fn read(&mut self, file: &Path, parse: impl FnOnce(&str) -> T) -> io::Result<Arc<T>> {
        // Before the text: what is written in between is seen the next time.
        let stamp = Stamp::of(&fs::metadata(file)?);
        if let Some((_, said)) = self.0.get(file).filter(|(same, _)| *same == stamp) {
            return Ok(Arc::clone(said));
        }
        let said = Arc::new(parse(&String::from_utf8_lossy(&fs::read(file)?)));
        self.0.insert(file.to_owned(), (stamp, Arc::clone(&said)));
        Ok(said)
    }
}
