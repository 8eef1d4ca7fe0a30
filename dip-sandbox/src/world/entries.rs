//! The further records of a DNS server: aliases, services and texts, and for which node they were made.

use std::collections::BTreeMap;

use dip_core::id::SiteName;
use dip_opsmgmt::provider::{Entry, EntryData, HeldEntries, HostName};

use super::dns::{ForeignName, Names, Row, canonical};

impl Names {
    /// The further records at a name.
    pub(crate) fn entries(&self, name: &str) -> Option<HeldEntries> {
        let row = self.forward.get(&canonical(name))?;
        Some(HeldEntries { data: row.data.iter().cloned().collect(), owner: row.owner.clone() })
    }

    /// What was made for a node; `None` where its first name does not carry the owner's mark.
    pub(crate) fn made(&self, first: &str, owner: &SiteName) -> Option<Vec<Entry>> {
        let first = canonical(first);
        self.forward.get(&first).filter(|row| row.owner.as_ref() == Some(owner))?;
        Some(self.made.get(&first).cloned().unwrap_or_default())
    }

    /// Makes all names and further records of a node known, and takes away what was made for it before and is not among them;
    /// tells whether that changed anything.
    pub(crate) fn ensure_all(
        &mut self,
        names: &[HostName],
        entries: &[Entry],
        owner: &SiteName,
    ) -> Result<bool, ForeignName> {
        let entries: Vec<Entry> = entries.iter().map(plain).collect();
        for name in names {
            self.may(name, owner)?;
        }
        for entry in &entries {
            self.owned(&entry.name, owner)?;
        }
        let mut changed = false;
        if let Some(first) = names.first() {
            let made = self.made(&first.name, owner).unwrap_or_default();
            let (left, surplus): (Vec<_>, Vec<_>) = made.into_iter().partition(|entry| entry.is_among(&entries));
            changed |= self.take(&surplus, &entries, owner);
            let mut wanted = entries.clone();
            wanted.sort_unstable();
            changed |= left != wanted;
            self.made.insert(canonical(&first.name), wanted);
        }
        for name in names {
            changed |= self.ensure(name, owner)?;
        }
        for entry in entries {
            changed |= self.add(entry, Some(owner));
        }
        Ok(changed)
    }

    /// Takes further records away where the owner's mark stands; tells whether there was any.
    pub(crate) fn remove_entries(&mut self, entries: &[Entry], owner: &SiteName) -> bool {
        let entries: Vec<Entry> = entries.iter().map(plain).collect();
        self.take(&entries, &[], owner)
    }

    /// Writes a further record beside what is there, without a mark.
    pub(crate) fn put_entry(&mut self, entry: &Entry) {
        self.add(plain(entry), None);
    }

    fn take(&mut self, gone: &[Entry], coming: &[Entry], owner: &SiteName) -> bool {
        let mut changed = false;
        let mut by_name: BTreeMap<&str, Vec<&EntryData>> = BTreeMap::new();
        for entry in gone {
            by_name.entry(&entry.name).or_default().push(&entry.data);
        }
        for (name, gone) in by_name {
            let Some(row) = self.forward.get_mut(name).filter(|row| row.owner.as_ref() == Some(owner)) else {
                continue;
            };
            let before = row.data.len();
            row.data.retain(|data| !gone.contains(&data));
            changed |= row.data.len() != before;
            if row.is_empty() && coming.iter().all(|entry| entry.name != name) {
                self.forward.remove(name);
            }
        }
        changed
    }

    /// Nothing stands beside an alias (RFC 2136 section 3.4.2.2): what would is passed over without a word.
    fn add(&mut self, entry: Entry, owner: Option<&SiteName>) -> bool {
        let row = self.forward.entry(entry.name).or_insert_with(|| Row { owner: owner.cloned(), ..Row::default() });
        let alias = row.alias().cloned().map(EntryData::Cname);
        match (&entry.data, alias) {
            (EntryData::Cname(_), Some(other)) => row.data.remove(&other),
            (EntryData::Cname(_), None) if !row.is_empty() => return false,
            (_, Some(_)) => return false,
            _ => true,
        };
        row.data.insert(entry.data)
    }
}

/// A further record as a server keeps it.
fn plain(entry: &Entry) -> Entry {
    let data = match &entry.data {
        EntryData::Cname(to) => EntryData::Cname(canonical(to)),
        EntryData::Srv { priority, weight, port, target } => {
            EntryData::Srv { priority: *priority, weight: *weight, port: *port, target: canonical(target) }
        }
        EntryData::Txt(text) => EntryData::Txt(text.clone()),
    };
    Entry { name: canonical(&entry.name), ttl: None, data }
}
