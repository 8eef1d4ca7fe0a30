//! All of a zone in memory, from a transfer; the zone's serial number tells whether it still is as it was.

use std::collections::HashMap;

use super::record::{Data, Record};
use super::server::{Look, Seen, Transfer, Usage};
use crate::providers::dns_name::is_below;

/// The records of a zone by name.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) serial: Option<u32>,
    names: HashMap<String, Vec<Option<Data>>>,
    records: usize,
}

impl Snapshot {
    /// How many records the zone has.
    pub(super) const fn len(&self) -> usize {
        self.records
    }

    /// Whether a name has records.
    pub(super) fn uses(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// What a server would say of a name. An asterisk stands for no name here.
    pub(super) fn look(&self, look: &Look) -> Seen {
        let Some(all) = self.names.get(&look.name) else { return Seen::default() };
        let known = || all.iter().flatten();
        Seen {
            data: known().filter(|data| look.kinds.contains(&data.kind())).cloned().collect(),
            alias: known().find_map(|data| match data {
                Data::Cname(alias) => Some(alias.clone()),
                _ => None,
            }),
            usage: Usage::Used,
        }
    }

    /// All records at and below a name.
    pub(super) fn below<'a>(&'a self, domain: &'a str) -> impl Iterator<Item = (&'a str, &'a Data)> {
        let names = self.names.iter().filter(move |(name, _)| is_below(name, domain));
        names.flat_map(|(name, all)| all.iter().flatten().map(move |data| (name.as_str(), data)))
    }
}

impl From<Transfer> for Snapshot {
    fn from(transfer: Transfer) -> Self {
        let records = transfer.records.len();
        let mut names: HashMap<String, Vec<Option<Data>>> = HashMap::new();
        for Record { name, data } in transfer.records {
            names.entry(name).or_default().push(data);
        }
        Self { serial: transfer.serial, names, records }
    }
}
