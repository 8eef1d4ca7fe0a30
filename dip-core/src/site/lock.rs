//! The lock file `dip.lock`: what dip chose once and keeps, reviewed in version control beside the site file.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::LockedBase;
use super::versioned::{self, Unread};
use crate::id::{NodeName, ProfileName};
use crate::identity::{Fingerprint, Replacement};
use crate::whole_file;

/// The newest version. Older ones are read, and the oldest that holds all of a lock is written:
///
/// | version | what it has |
/// |---|---|
/// | 1 | `addresses` |
/// | 2 | `bases` too |
/// | 3 | `machines`, `profiles` and `replaced` too |
/// | 4 | `held` too |
const VERSION: u32 = 4;

/// What was chosen for a site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// The addresses by `node/nic/network`. Entries of nodes that vanished stay, so that such a node gets the same again;
    /// those of absent nodes stay until their removal is done.
    pub addresses: BTreeMap<String, Vec<IpAddr>>,
    /// The bases that the site was made from, by their paths from the directory of the site file.
    pub bases: BTreeMap<String, LockedBase>,
    /// The machine that each node is bound to. Entries of nodes that vanished stay, as their addresses do.
    pub machines: BTreeMap<NodeName, Fingerprint>,
    /// The profiles that were chosen, by the rules of the site, for nodes that name none.
    pub profiles: BTreeMap<NodeName, ProfileName>,
    /// The parts that were exchanged, the oldest first.
    pub replaced: Vec<Replacement>,
    /// The addresses of ranges that somebody else held when one was chosen, and who: they are passed over.
    pub held: BTreeMap<IpAddr, String>,
}

/// A lock file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file cannot be read or written.
    #[error("the lock file `{file}` cannot be {verb}")]
    Io {
        /// The file.
        file: String,
        /// What was tried.
        verb: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The file is not a lock file.
    #[error("the lock file `{file}` is damaged; restore it from version control")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file is of a newer form.
    #[error("the lock file `{file}` has version {version}, and this dip knows version {VERSION}; use a newer dip")]
    Version {
        /// The file.
        file: String,
        /// Its version.
        version: u32,
    },
}

impl LockError {
    fn of(path: &Path, unread: Unread) -> Self {
        let file = path.display().to_string();
        match unread {
            Unread::Io(source) => Self::Io { file, verb: "read", source },
            Unread::Damaged(source) => Self::Damaged { file, source },
            Unread::Version(version) => Self::Version { file, version },
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    addresses: BTreeMap<String, Vec<IpAddr>>,
    /// Version 1 has none.
    #[serde(default)]
    bases: BTreeMap<String, LockedBase>,
    /// Before version 3 there are none, as for what follows.
    #[serde(default)]
    machines: BTreeMap<NodeName, Fingerprint>,
    #[serde(default)]
    profiles: BTreeMap<NodeName, ProfileName>,
    #[serde(default)]
    replaced: Vec<Replacement>,
    /// Before version 4 there are none.
    #[serde(default)]
    held: BTreeMap<IpAddr, String>,
}

impl Lock {
    /// Reads a lock file; one that does not exist is empty.
    ///
    /// # Errors
    /// Where it cannot be read, is damaged, or is of a newer form.
    pub fn read(path: &Path) -> Result<Self, LockError> {
        let document: Option<Document> =
            versioned::read(path, VERSION).map_err(|unread| LockError::of(path, unread))?;
        Ok(document.map(Self::from).unwrap_or_default())
    }

    /// Writes the file so that a reader sees the old one or the new one, never half of one.
    ///
    /// # Errors
    /// Where it cannot be written; the old file is then as it was.
    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        let failed = |source| LockError::Io { file: path.display().to_string(), verb: "written", source };
        whole_file::replace(path, &self.to_text()).map_err(failed)
    }

    /// Gives up what was chosen for a node whose removal is done; tells whether there was anything.
    pub fn release(&mut self, node: &NodeName) -> bool {
        let before = self.addresses.len();
        self.addresses.retain(|key, _| key.split_once('/').is_none_or(|(name, _)| name != node.as_str()));
        let machine = self.machines.remove(node).is_some();
        let profile = self.profiles.remove(node).is_some();
        self.replaced.retain(|replacement| replacement.node != *node);
        machine || profile || self.addresses.len() < before
    }

    /// The file's text: JSON, sorted, one entry a line, so that a change reads well in a review.
    #[must_use]
    pub fn to_text(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text);
        let address = |(key, addresses): (&String, &Vec<IpAddr>)| {
            let addresses: Vec<_> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
            format!("    {}: [{}]", quoted(key), addresses.join(", "))
        };
        let base = |(key, base): (&String, &LockedBase)| {
            let release = base.release.as_deref().map_or(serde_json::Value::Null, quoted);
            format!("    {}: {{\"release\": {release}, \"sha256\": {}}}", quoted(key), quoted(&base.sha256))
        };
        let body = |entries: Vec<String>| {
            if entries.is_empty() { String::new() } else { format!("\n{}\n  ", entries.join(",\n")) }
        };
        let addresses = body(self.addresses.iter().map(address).collect());
        let bases = body(self.bases.iter().map(base).collect());
        let mut text = format!("  \"addresses\": {{{addresses}}},\n  \"bases\": {{{bases}}}");
        let is_second = self.machines.is_empty() && self.profiles.is_empty() && self.replaced.is_empty();
        let version = if is_second && self.held.is_empty() {
            2
        } else {
            let machine = |(node, machine)| format!("    {}: {}", quoted(NodeName::as_str(node)), line(machine));
            let machines = body(self.machines.iter().map(machine).collect());
            let profile = |(node, profile)| format!("    {}: {}", quoted(NodeName::as_str(node)), line(profile));
            let profiles = body(self.profiles.iter().map(profile).collect());
            let replaced = body(self.replaced.iter().map(|part| format!("    {}", line(part))).collect());
            text.push_str(&format!(
                ",\n  \"machines\": {{{machines}}},\n  \"profiles\": {{{profiles}}},\n  \"replaced\": [{replaced}]"
            ));
            if self.held.is_empty() {
                3
            } else {
                let held = self.held.iter().map(|(address, who)| format!("    \"{address}\": {}", quoted(who)));
                text.push_str(&format!(",\n  \"held\": {{{}}}", body(held.collect())));
                VERSION
            }
        };
        format!("{{\n  \"version\": {version},\n{text}\n}}\n")
    }
}

/// An entry in one line.
fn line<T: Serialize>(entry: &T) -> String {
    serde_json::to_string(entry).expect("entries of a lock serialise to JSON")
}

impl From<Document> for Lock {
    fn from(document: Document) -> Self {
        let Document { version: _, addresses, bases, machines, profiles, replaced, held } = document;
        Self { addresses, bases, machines, profiles, replaced, held }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Lock {
        let address = |text: &str| text.parse().expect("an address");
        let addresses = [
            ("n2/eth0/prod".to_owned(), vec![address("10.0.0.11")]),
            ("n1/eth0/prod".to_owned(), vec![address("10.0.0.10"), address("fd00::10")]),
        ];
        let base = LockedBase { release: Some("3.2".to_owned()), sha256: "ab".to_owned() };
        let more = LockedBase { release: None, sha256: "cd".to_owned() };
        let bases = [("../base.yaml".to_owned(), base), ("more.yaml".to_owned(), more)].into();
        Lock { addresses: addresses.into(), bases, ..Lock::default() }
    }

    fn with_machines() -> Lock {
        let node = |name: &str| NodeName::new(name).expect("a name");
        let machine = Fingerprint { serial: Some("SN-1".to_owned()), ..Fingerprint::default() };
        let replaced = Replacement {
            node: node("n1"),
            part: "nic/eth0".parse().expect("a part"),
            was: "52:54:00:00:00:01".to_owned(),
            now: "52:54:00:00:00:99".to_owned(),
            at: "2026-01-05T08:00:00Z".parse().expect("a time"),
            reason: Some("RMA 17".to_owned()),
        };
        Lock { machines: [(node("n1"), machine)].into(), replaced: vec![replaced], ..sample() }
    }

    #[test]
    fn the_text_is_sorted_and_reads_back() {
        let text = sample().to_text();
        assert!(text.find("n1/").expect("n1") < text.find("n2/").expect("n2"));
        let read: Document = serde_json::from_str(&text).expect("JSON");
        assert_eq!(Lock::from(read), sample());
        let read: Document = serde_json::from_str(&with_machines().to_text()).expect("JSON");
        assert_eq!((read.version, Lock::from(read)), (3, with_machines()));
        serde_json::from_str::<Document>(&Lock::default().to_text()).expect("JSON");
        let held = [("10.0.0.12".parse().expect("an address"), "the name \"printer\" in `dns`".to_owned())];
        let held = Lock { held: held.into(), ..sample() };
        let read: Document = serde_json::from_str(&held.to_text()).expect("JSON");
        assert_eq!((read.version, Lock::from(read)), (4, held));
    }

    #[test]
    fn a_missing_file_is_empty_and_a_newer_one_is_refused() {
        let directory = std::env::temp_dir().join(format!("dip-lock-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a temporary directory");
        let path = directory.join("dip.lock");
        assert_eq!(Lock::read(&path).expect("none is empty"), Lock::default());
        sample().write(&path).expect("written");
        assert_eq!(Lock::read(&path).expect("read"), sample());
        std::fs::write(&path, "{\"version\": 5, \"more\": {}}").expect("written");
        assert!(matches!(Lock::read(&path), Err(LockError::Version { version: 5, .. })));
        let first = "{\n  \"version\": 1,\n  \"addresses\": {\n    \"n1/eth0/prod\": [\"10.0.0.10\"]\n  }\n}\n";
        std::fs::write(&path, first).expect("written");
        let read = Lock::read(&path).expect("the first form is read");
        assert_eq!((read.addresses.len(), read.bases.len()), (1, 0));
        std::fs::write(&path, "{").expect("written");
        assert!(matches!(Lock::read(&path), Err(LockError::Damaged { .. })));
        assert_eq!(std::fs::read_dir(&directory).expect("a directory").count(), 1, "no temporary file stays");
        std::fs::remove_dir_all(&directory).expect("removed");
    }
}
