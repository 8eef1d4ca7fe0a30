//! The files: who holds which interface and address, and how a file of ours changes without being read by half.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, DirEntry, File};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirEntryExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dip_core::hardware::MacAddr;
use dip_core::id::SiteName;
use dip_core::provider::Holder;

use super::super::kept::Stamp;
use super::entry::{self, Entry};
use crate::provider::{Held, Reservation};

const PREFIX: &str = "dip-";
/// dnsmasq skips files whose names start with a dot, both when it lists the directory and when it is told of a new file.
const HIDDEN: &str = ".dip-";
const STALE: &str = ".stale";
const NEW: &str = ".new";

/// dnsmasq's directory of DHCP hosts and its other files, as last read.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    others: Vec<PathBuf>,
    read: HashMap<OsString, (Stamp, Arc<Vec<Record>>)>,
}

/// How closely to look.
#[derive(Debug, Clone, Copy)]
pub(super) enum Look {
    /// At every file.
    All,
    /// At the file of one interface, and at all that are not ours. Our other files only ever change by replacement, so an
    /// unchanged inode is enough: asking for each file's times would make thousands of reservations quadratic.
    At(MacAddr),
}

/// One entry, where it stands and whose it is.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) file: PathBuf,
    pub(super) entry: Entry,
    pub(super) owner: Option<SiteName>,
}

impl Record {
    pub(super) fn held(&self) -> impl Iterator<Item = Held> {
        self.entry.macs.iter().map(|mac| Held {
            reservation: Reservation {
                mac: *mac,
                addresses: self.entry.addresses.clone(),
                host_name: self.entry.host_name.clone(),
                duid: self.entry.duids.iter().find(|duid| duid.mac() != Some(*mac)).cloned(),
                boot: None,
            },
            owner: self.owner.clone(),
        })
    }

    pub(super) fn holds_mac(&self, mac: MacAddr) -> bool {
        self.entry.macs.contains(&mac)
    }

    pub(super) fn shared_address(&self, addresses: &[IpAddr]) -> Option<IpAddr> {
        self.entry.addresses.iter().copied().find(|address| addresses.contains(address))
    }
}

/// What the files say now.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) records: Vec<Arc<Vec<Record>>>,
    /// Interfaces whose file changed without the server having been told: an interrupted change.
    pub(super) stale: Vec<MacAddr>,
}

impl Listing {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().flat_map(|records| records.iter())
    }
}

/// A file or directory could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}")]
pub(super) struct FileError {
    path: String,
    pub(super) source: io::Error,
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError { path: path.display().to_string(), source }
}

impl Directory {
    pub(super) fn new(path: PathBuf, others: Vec<PathBuf>) -> Self {
        Self { path, others, read: HashMap::new() }
    }

    /// Reads what changed since the last time.
    pub(super) fn list(&mut self, look: Look) -> Result<Listing, FileError> {
        let mut listing = Listing::default();
        let mut before = std::mem::take(&mut self.read);
        let entries: Vec<DirEntry> = fs::read_dir(&self.path).and_then(Iterator::collect).map_err(at(&self.path))?;
        let asked = match look {
            Look::All => None,
            Look::At(mac) => Some(file_name(mac)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let file_name = entry.file_name();
            let name = file_name.to_string_lossy();
            if let Some(mac) = name.strip_prefix(HIDDEN).and_then(|rest| rest.strip_suffix(STALE)) {
                listing.stale.extend(mac.parse::<MacAddr>().ok());
            }
            if !is_skipped(&name) {
                let ours = name.starts_with(PREFIX);
                let trusted = asked.as_deref().filter(|asked| ours && name != *asked).map(|_| entry.ino());
                files.push((entry.path().into_os_string(), ours, trusted));
            }
        }
        // The order of a directory is random; what is told about it must not be.
        files.sort_unstable();
        files.extend(self.others.iter().map(|other| (other.clone().into_os_string(), false, None)));
        for (key, ours, trusted) in files {
            if let Some(known) = before.get(&key).filter(|(stamp, _)| Some(stamp.inode) == trusted) {
                listing.records.push(Arc::clone(&known.1));
                self.read.insert(key, known.clone());
                continue;
            }
            let path = PathBuf::from(&key);
            let metadata = match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => metadata,
                Ok(_) => continue,
                // It went away since the directory was listed; a further file of the settings must be there.
                Err(error) if error.kind() == io::ErrorKind::NotFound && path.starts_with(&self.path) => continue,
                Err(error) => return Err(at(&path)(error)),
            };
            let stamp = Stamp::of(&metadata);
            let records = match before.remove(&key) {
                Some((same, records)) if same == stamp => records,
                _ => Arc::new(read_records(&path, ours)?),
            };
            listing.records.push(Arc::clone(&records));
            self.read.insert(key, (stamp, records));
        }
        Ok(listing)
    }

    /// Whether the interface has a file of ours.
    pub(super) fn has(&self, mac: MacAddr) -> bool {
        self.file(mac).exists()
    }

    /// Notes that the server does not know yet what a file of ours says.
    pub(super) fn mark_stale(&self, mac: MacAddr) -> Result<(), FileError> {
        let path = self.hidden(mac, STALE);
        File::create(&path).and_then(|file| file.sync_all()).map_err(at(&path))?;
        self.sync()
    }

    /// Notes that the server was told.
    pub(super) fn clear_stale(&self, mac: MacAddr) -> Result<(), FileError> {
        remove(&self.hidden(mac, STALE))
    }

    /// Puts a file of ours in place, whole.
    pub(super) fn write(&self, reservation: &Reservation, owner: &Holder) -> Result<(), FileError> {
        let new = self.hidden(reservation.mac, NEW);
        let write = || {
            let mut file = File::create(&new)?;
            // dnsmasq reads its directory as a user without rights, whatever our umask is.
            file.set_permissions(fs::Permissions::from_mode(0o644))?;
            file.write_all(entry::write(reservation, owner).as_bytes())?;
            file.sync_all()
        };
        write().map_err(at(&new))?;
        let path = self.file(reservation.mac);
        fs::rename(&new, &path).map_err(at(&path))?;
        self.sync()
    }

    /// Takes the entry of an interface out of a file that is not ours, and leaves its other lines as they are.
    pub(super) fn take_line(&self, file: &Path, mac: MacAddr) -> Result<(), FileError> {
        let text = fs::read_to_string(file).map_err(at(file))?;
        let new = self.hidden(mac, NEW);
        let mode = fs::metadata(file).map_err(at(file))?.permissions();
        let write = || {
            let mut draft = File::create(&new)?;
            draft.set_permissions(mode)?;
            text.lines().filter(|line| !is_entry_of(line, mac)).try_for_each(|line| writeln!(draft, "{line}"))?;
            draft.sync_all()
        };
        write().map_err(at(&new))?;
        fs::rename(&new, file).map_err(at(file))?;
        self.sync()
    }

    /// Whether the entry of an interface can be written anew without losing anything of it.
    pub(super) fn is_plain(&self, file: &Path, mac: MacAddr) -> Result<bool, FileError> {
        let text = fs::read_to_string(file).map_err(at(file))?;
        let mut lines = text.lines().filter(|line| is_entry_of(line, mac));
        Ok(lines.all(entry::is_plain))
    }

    /// Whether a file is one that dnsmasq reads from its directory, and not one of its other files.
    pub(super) fn holds(&self, file: &Path) -> bool {
        file.parent() == Some(&*self.path)
    }

    /// Whether a file is the one that we would write for an interface.
    pub(super) fn is_of(&self, file: &Path, mac: MacAddr) -> bool {
        file == self.file(mac)
    }

    /// Removes a file of ours.
    pub(super) fn remove(&self, mac: MacAddr) -> Result<(), FileError> {
        remove(&self.file(mac))?;
        self.sync()
    }

    fn sync(&self) -> Result<(), FileError> {
        File::open(&self.path).and_then(|directory| directory.sync_all()).map_err(at(&self.path))
    }

    fn file(&self, mac: MacAddr) -> PathBuf {
        self.path.join(file_name(mac))
    }

    fn hidden(&self, mac: MacAddr, suffix: &str) -> PathBuf {
        self.path.join(format!("{HIDDEN}{}{suffix}", dashed(mac)))
    }
}

fn is_entry_of(line: &str, mac: MacAddr) -> bool {
    entry::read(line).is_some_and(|entry| entry.macs.contains(&mac))
}

fn file_name(mac: MacAddr) -> String {
    format!("{PREFIX}{}", dashed(mac))
}

fn dashed(mac: MacAddr) -> String {
    mac.to_string().replace(':', "-")
}

fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

/// The files that dnsmasq does not read: hidden ones and editors' copies.
fn is_skipped(name: &str) -> bool {
    name.starts_with('.') || name.ends_with('~') || (name.starts_with('#') && name.ends_with('#'))
}

fn read_records(path: &Path, ours: bool) -> Result<Vec<Record>, FileError> {
    let text = match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(at(path)(error)),
    };
    // A mark counts only where we write marks: in the first line of a file of our name.
    let owner = text.lines().next().filter(|_| ours).and_then(entry::read_owner);
    let record = |entry| Record { file: path.to_owned(), entry, owner: owner.clone() };
    Ok(text.lines().filter_map(entry::read).map(record).collect())
}
