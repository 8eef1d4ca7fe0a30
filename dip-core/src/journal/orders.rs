//! Orders from other processes: a file beside the journal that anybody who may write there appends to, and that the process
//! which works on the run reads. No server, no socket; it works on a shared directory too.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{JournalError, Order};

/// The orders of one run.
#[derive(Debug)]
pub struct OrderFile {
    path: PathBuf,
    /// How many bytes were read as whole lines.
    read: u64,
}

impl OrderFile {
    /// The order file beside a journal. Neither needs to exist.
    #[must_use]
    pub fn beside(journal: &Path) -> Self {
        Self { path: journal.with_extension("orders"), read: 0 }
    }

    /// Appends an order: one line, in one write, so that orders of several people do not mix.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn give(&self, order: &Order) -> Result<(), JournalError> {
        let mut line = serde_json::to_vec(order).map_err(JournalError::Json)?;
        line.push(b'\n');
        let write = |mut file: File| file.write_all(&line).and_then(|()| file.sync_data());
        let opened = OpenOptions::new().create(true).append(true).open(&self.path);
        opened.and_then(write).map_err(|source| self.failed("written", source))
    }

    /// The orders that were added since the last call. A line that is no order is left out: it cannot be obeyed, and whoever
    /// wrote it by hand is told nothing by a run that ends because of it.
    ///
    /// # Errors
    /// Where the file is there and cannot be read.
    pub fn read(&mut self) -> Result<Vec<Order>, JournalError> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(self.failed("opened", source)),
        };
        let mut bytes = Vec::new();
        let read = file.seek(SeekFrom::Start(self.read)).and_then(|_| file.read_to_end(&mut bytes));
        read.map_err(|source| self.failed("read", source))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        self.read += whole as u64;
        let lines = bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }

    fn failed(&self, action: &'static str, source: std::io::Error) -> JournalError {
        JournalError::File { path: self.path.clone(), action, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Command;

    #[test]
    fn orders_are_read_once_and_half_a_line_waits_for_its_end() {
        let directory = std::env::temp_dir().join(format!("dip-orders-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a temporary directory");
        let journal = directory.join("run.journal");
        let (given, mut read) = (OrderFile::beside(&journal), OrderFile::beside(&journal));
        assert_eq!(read.read().expect("no file is no order"), []);
        let order = Order::new("ada", Command::Continue { step: None });
        given.give(&order).expect("written");
        assert_eq!(read.read().expect("read"), std::slice::from_ref(&order));
        assert_eq!(read.read().expect("read"), []);
        let line = serde_json::to_string(&order).expect("JSON");
        let mut file = OpenOptions::new().append(true).open(directory.join("run.orders")).expect("the file");
        write!(file, "no order\n{line}").expect("written");
        assert_eq!(read.read().expect("read"), []);
        writeln!(file).expect("written");
        assert_eq!(read.read().expect("read"), [order]);
        std::fs::remove_dir_all(&directory).expect("removed");
    }
}
