//! A server in memory for the tests of this room; it counts what it is asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use dip_core::provider::ErrorKind;

use super::edit::{Change, Edit, Expect};
use super::record::{Data, Kind, Record};
use super::server::{Compares, Look, Outcome, Seen, Transfer, Usage, ZoneServer};
use crate::providers::fault::{Fault, Reach};

/// A zone that the server no longer has.
pub(super) const GONE: &str = "gone.example";

#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Mutex<BTreeMap<String, Vec<Data>>>,
    serial: AtomicU32,
    messages: AtomicUsize,
    transfers: AtomicUsize,
    looks: AtomicUsize,
    asked: AtomicUsize,
    /// What somebody else does right before the first change of a name.
    meanwhile: Mutex<Vec<(String, Edit)>>,
    closed: bool,
    dead: bool,
}

impl Table {
    pub(super) fn with(records: &[(&str, Data)]) -> Self {
        let table = Self::default();
        for (name, data) in records {
            table.rows().entry((*name).to_owned()).or_default().push(data.clone());
        }
        table
    }

    pub(super) fn closed(records: &[(&str, Data)]) -> Self {
        Self { closed: true, ..Self::with(records) }
    }

    pub(super) fn dead() -> Self {
        Self { dead: true, ..Self::default() }
    }

    /// Somebody else makes an edit right before the next change of a name.
    pub(super) fn meanwhile(self, at: &str, edit: Edit) -> Self {
        self.meanwhile.lock().expect("nobody panics with the lock").push((at.to_owned(), edit));
        self
    }

    pub(super) fn messages(&self) -> usize {
        self.messages.load(Ordering::Relaxed)
    }

    /// How many names it was asked for, one by one.
    pub(super) fn looks(&self) -> usize {
        self.looks.load(Ordering::Relaxed)
    }

    pub(super) fn transfers(&self) -> usize {
        self.transfers.load(Ordering::Relaxed)
    }

    /// How often it was asked for the zone of a name.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    pub(super) fn at(&self, name: &str, kind: Kind) -> Vec<Data> {
        let rows = self.rows();
        rows.get(name).into_iter().flatten().filter(|data| data.kind() == kind).cloned().collect()
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Data>>> {
        self.rows.lock().expect("nobody panics with the lock")
    }

    fn make(&self, edits: &[&Edit]) -> Outcome {
        if !edits.iter().flat_map(|edit| &edit.expects).all(|expect| self.is(expect)) {
            return Outcome::Prevented;
        }
        self.serial.fetch_add(1, Ordering::Relaxed);
        for change in edits.iter().flat_map(|edit| &edit.changes) {
            let mut rows = self.rows();
            let row = rows.entry(change.name().to_owned()).or_default();
            match change {
                Change::Add(_, _, data) if row.contains(data) => {}
                Change::Add(_, _, data) => row.push(data.clone()),
                Change::Clear(_, kind) => row.retain(|data| data.kind() != *kind),
                Change::Take(_, data) => row.retain(|held| held != data),
            }
            rows.retain(|_, row| !row.is_empty());
        }
        Outcome::Changed
    }

    fn is(&self, expect: &Expect) -> bool {
        match expect {
            Expect::Unused(name) => self.rows().get(name).is_none_or(Vec::is_empty),
            Expect::Absent(name, kind) => self.at(name, *kind).is_empty(),
            Expect::Exactly(name, wanted) => {
                let mut held = self.at(name, wanted[0].kind());
                let mut wanted = wanted.clone();
                held.sort_unstable();
                wanted.sort_unstable();
                held == wanted
            }
        }
    }
}

#[async_trait]
impl ZoneServer for Table {
    const PRODUCT: &'static str = "table";
    const CAPACITY: usize = 60_000;
    const COMPARES: Compares = Compares::Server;

    fn ttl(&self) -> u32 {
        60
    }

    async fn zone(&self, name: &str) -> Result<String, Fault> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        if self.dead {
            return Err(Fault::new(ErrorKind::Unreachable, Reach::Server));
        }
        if name.ends_with(GONE) {
            return Err(Fault::new(ErrorKind::Invalid, Reach::Message));
        }
        if name.ends_with(".arpa") { Ok("10.in-addr.arpa".to_owned()) } else { Ok("lab.example".to_owned()) }
    }

    async fn look(&self, _: &str, looks: &[&Look]) -> Result<Vec<Seen>, Fault> {
        self.looks.fetch_add(looks.len(), Ordering::Relaxed);
        tokio::task::yield_now().await;
        let seen = |look: &&Look| {
            let data = look.kinds.iter().flat_map(|kind| self.at(&look.name, *kind)).collect();
            let usage = if self.rows().contains_key(&look.name) { Usage::Used } else { Usage::Unused };
            Seen { data, alias: None, usage }
        };
        Ok(looks.iter().map(seen).collect())
    }

    async fn used(&self, _: &str, name: &str) -> Result<bool, Fault> {
        Ok(self.rows().contains_key(name))
    }

    async fn serial(&self, _: &str) -> Result<Option<u32>, Fault> {
        Ok(Some(self.serial.load(Ordering::Relaxed)))
    }

    async fn transfer(&self, _: &str) -> Result<Transfer, Fault> {
        self.transfers.fetch_add(1, Ordering::Relaxed);
        if self.closed {
            return Err(Fault::new(ErrorKind::Unsupported, Reach::Message));
        }
        let record = |name: &String, data: &Data| Record { name: name.clone(), data: Some(data.clone()) };
        let records =
            self.rows().iter().flat_map(|(name, all)| all.iter().map(move |data| record(name, data))).collect();
        Ok(Transfer { serial: Some(self.serial.load(Ordering::Relaxed)), records })
    }

    async fn write(&self, _: &str, edits: &[&Edit]) -> Result<Outcome, Fault> {
        self.messages.fetch_add(1, Ordering::Relaxed);
        // As on the way to a server, others come meanwhile.
        tokio::task::yield_now().await;
        if self.dead {
            return Err(Fault::new(ErrorKind::Unreachable, Reach::Server));
        }
        let due = |at: &String| edits.iter().flat_map(|edit| &edit.changes).any(|change| change.name() == at);
        let mut meanwhile = self.meanwhile.lock().expect("nobody panics with the lock");
        for (_, edit) in meanwhile.extract_if(.., |(at, _)| due(at)) {
            self.make(&[&edit]);
        }
        Ok(self.make(edits))
    }
}
