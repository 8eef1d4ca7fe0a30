//! A journal in a file: one writer holds its lock, readers may follow it at any time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::frame::{self, Frame};
use super::{Event, Journal, JournalError, Record, Tail};

/// Writes one run's journal.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    pending: Mutex<Pending>,
    disk: tokio::sync::Mutex<Disk>,
}

#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    /// How many records were ever appended.
    appended: u64,
}

impl Pending {
    /// What is to be written, and how many records are on disk then.
    fn take(&mut self) -> (Vec<u8>, u64) {
        (std::mem::take(&mut self.bytes), self.appended)
    }
}

#[derive(Debug)]
struct Disk {
    file: Arc<File>,
    /// How many records are known to be on disk.
    durable: u64,
    /// The write that goes on. It does not end with the one who began it: the next one waits for it first.
    writing: Option<Writing>,
    broken: bool,
}

#[derive(Debug)]
struct Writing {
    task: JoinHandle<std::io::Result<()>>,
    /// How many records are on disk when it has ended.
    appended: u64,
}

impl FileJournal {
    /// Makes the journal of a new run and takes its lock.
    ///
    /// # Errors
    /// Where the file exists or cannot be made.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let failed = |action| move |source| JournalError::File { path: path.to_owned(), action, source };
        let file = OpenOptions::new().read(true).append(true).create_new(true).open(path).map_err(failed("made"))?;
        lock(&file, path)?;
        // The name of the file must survive a crash too, not its bytes alone.
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed("made durable"))?;
        Ok(Self::over(path, file))
    }

    /// Takes the lock of an existing journal, cuts off what a crash left half-written, and goes on after it.
    ///
    /// # Errors
    /// Where another process holds it (the error names it), or it cannot be read.
    pub fn resume(path: &Path) -> Result<(Self, Vec<Record>, Tail), JournalError> {
        let failed = |action| move |source| JournalError::File { path: path.to_owned(), action, source };
        let file = OpenOptions::new().read(true).append(true).open(path).map_err(failed("opened"))?;
        lock(&file, path)?;
        let mut reader = JournalReader::open(path)?;
        let records = reader.read()?;
        let tail = reader.tail()?;
        if let Tail::Cut { sound, .. } = tail {
            file.set_len(sound).and_then(|()| file.sync_all()).map_err(failed("cut to its sound part"))?;
        }
        Ok((Self::over(path, file), records, tail))
    }

    /// Who works on a run now, by its journal; `None` where nobody does.
    ///
    /// # Errors
    /// Where the journal cannot be opened.
    pub fn holder(path: &Path) -> Result<Option<String>, JournalError> {
        let failed = |source| JournalError::File { path: path.to_owned(), action: "opened", source };
        let file = OpenOptions::new().read(true).append(true).open(path).map_err(failed)?;
        match lock(&file, path) {
            Ok(()) => {
                unlock(&file);
                Ok(None)
            }
            Err(JournalError::Held { owner, .. }) => Ok(Some(owner)),
            Err(error) => Err(error),
        }
    }

    fn over(path: &Path, file: File) -> Self {
        Self {
            path: path.to_owned(),
            pending: Mutex::default(),
            disk: tokio::sync::Mutex::new(Disk { file: Arc::new(file), durable: 0, writing: None, broken: false }),
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock(file: &File, path: &Path) -> Result<(), JournalError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(JournalError::Held {
            path: path.to_owned(),
            owner: owner(path).unwrap_or("another process".to_owned()),
        }),
        Err(TryLockError::Error(source)) => Err(JournalError::File { path: path.to_owned(), action: "locked", source }),
    }
}

/// The lock goes with the file, but a child process that is just being started may have that open for a moment longer.
fn unlock(file: &File) {
    // Where that fails, the lock ends with the file all the same.
    let _ = file.unlock();
}

impl Drop for FileJournal {
    fn drop(&mut self) {
        let disk = self.disk.get_mut();
        // A write that nobody waits for still holds the file, and nobody may come between.
        if disk.writing.is_none() {
            unlock(&disk.file);
        }
    }
}

/// Who opened the journal last.
fn owner(path: &Path) -> Option<String> {
    let records = JournalReader::open(path).ok()?.read().ok()?;
    records.into_iter().rev().find_map(|record| match record.event {
        Event::Opened { owner, .. } => Some(format!("{owner}, since {}", record.at)),
        _ => None,
    })
}

#[async_trait]
impl Journal for FileJournal {
    fn append(&self, record: &Record) -> Result<(), JournalError> {
        let mut pending = self.pending();
        frame::write(record, &mut pending.bytes).map_err(JournalError::Json)?;
        pending.appended += 1;
        Ok(())
    }

    async fn sync(&self) -> Result<(), JournalError> {
        let wanted = self.pending().appended;
        let mut disk = self.disk.lock().await;
        loop {
            self.finish(&mut disk).await?;
            // Whoever held the lock before has written our records with its own: this is the group commit.
            if disk.durable >= wanted {
                return Ok(());
            }
            let (bytes, appended) = self.pending().take();
            let file = Arc::clone(&disk.file);
            let task = tokio::task::spawn_blocking(move || write(&file, &bytes));
            disk.writing = Some(Writing { task, appended });
        }
    }

    fn sync_from(&self, runtime: &Runtime) -> Result<(), JournalError> {
        let wanted = self.pending().appended;
        let mut disk = self.disk.blocking_lock();
        runtime.block_on(self.finish(&mut disk))?;
        if disk.durable >= wanted {
            return Ok(());
        }
        let (bytes, appended) = self.pending().take();
        let written = write(&disk.file, &bytes);
        self.written(&mut disk, written, appended)
    }
}

/// Makes bytes durable at the end of a file.
fn write(mut file: &File, bytes: &[u8]) -> std::io::Result<()> {
    file.write_all(bytes)?;
    file.sync_data()
}

impl FileJournal {
    /// Waits for the write that goes on, if any. A caller that is cancelled here leaves it to the next.
    async fn finish(&self, disk: &mut Disk) -> Result<(), JournalError> {
        if disk.broken {
            return Err(JournalError::Broken);
        }
        let Some(writing) = &mut disk.writing else { return Ok(()) };
        let written = (&mut writing.task).await.unwrap_or_else(|join| Err(std::io::Error::other(join)));
        let appended = writing.appended;
        disk.writing = None;
        self.written(disk, written, appended)
    }

    /// Notes what became of a write.
    fn written(&self, disk: &mut Disk, written: std::io::Result<()>, appended: u64) -> Result<(), JournalError> {
        match written {
            Ok(()) => {
                disk.durable = appended;
                Ok(())
            }
            Err(source) => {
                disk.broken = true;
                Err(JournalError::File { path: self.path.clone(), action: "written", source })
            }
        }
    }
}

/// Reads a journal, also one that is being written.
#[derive(Debug)]
pub struct JournalReader {
    path: PathBuf,
    file: File,
    /// How many bytes were read as records.
    sound: u64,
}

impl JournalReader {
    /// Opens a journal for reading.
    ///
    /// # Errors
    /// Where it is not there or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let file = File::open(path).map_err(|source| JournalError::File {
            path: path.to_owned(),
            action: "opened",
            source,
        })?;
        Ok(Self { path: path.to_owned(), file, sound: 0 })
    }

    /// The records that were added since the last call, up to the last whole one.
    ///
    /// # Errors
    /// Where the file cannot be read, or was written by a version that this one does not know.
    pub fn read(&mut self) -> Result<Vec<Record>, JournalError> {
        let mut bytes = Vec::new();
        self.file
            .seek(SeekFrom::Start(self.sound))
            .and_then(|_| self.file.read_to_end(&mut bytes))
            .map_err(|source| JournalError::File { path: self.path.clone(), action: "read", source })?;
        let mut records = Vec::new();
        let mut at = 0;
        loop {
            match frame::read(&bytes[at..]) {
                Frame::Record(record, length) => {
                    self.check(&record)?;
                    records.push(*record);
                    at += length;
                }
                Frame::Bad(why) if self.sound == 0 && at == 0 => {
                    return Err(JournalError::Form { path: self.path.clone(), why });
                }
                // What a newer dip has written is whole: taken for a torn tail, a resume would cut it off.
                Frame::Strange(why) => return Err(JournalError::Form { path: self.path.clone(), why }),
                Frame::Part | Frame::Bad(_) => break,
            }
        }
        self.sound += at as u64;
        Ok(records)
    }

    fn check(&self, record: &Record) -> Result<(), JournalError> {
        match &record.event {
            Event::Began { version, .. } if *version != super::RECORD_VERSION => Err(JournalError::Form {
                path: self.path.clone(),
                why: format!("its records have form {version}, and this dip reads form {}", super::RECORD_VERSION),
            }),
            _ => Ok(()),
        }
    }

    /// Whether all of the file was read as records.
    ///
    /// # Errors
    /// Where the file's length cannot be read.
    pub fn tail(&self) -> Result<Tail, JournalError> {
        let length = self
            .file
            .metadata()
            .map_err(|source| JournalError::File { path: self.path.clone(), action: "read", source })?
            .len();
        Ok(match length.saturating_sub(self.sound) {
            0 => Tail::Whole,
            lost => Tail::Cut { sound: self.sound, lost },
        })
    }
}

/// The journal file of one run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunFile {
    /// The run.
    pub run: String,
    /// Its journal.
    pub path: PathBuf,
}

impl RunFile {
    /// The file of a run in a directory of journals.
    #[must_use]
    pub fn of(directory: &Path, run: &str) -> Self {
        Self { run: run.to_owned(), path: directory.join(format!("{run}.journal")) }
    }
}

/// The runs in a directory of journals, the oldest first (their names start with their time). A directory that does not exist has none.
///
/// # Errors
/// Where the directory cannot be read.
pub fn runs(directory: &Path) -> Result<Vec<RunFile>, JournalError> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(JournalError::File { path: directory.to_owned(), action: "listed", source }),
    };
    let mut runs: Vec<RunFile> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "journal"))
        .filter_map(|path| Some(RunFile { run: path.file_stem()?.to_str()?.to_owned(), path }))
        .collect();
    runs.sort();
    Ok(runs)
}
