//! All names and further records of a node: what is of one zone changes in one message.

use std::collections::{BTreeMap, BTreeSet};

use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, ProviderError};

use super::change::{NameChange, TRIES};
use super::edit::Edit;
use super::mark::{mark, mark_name, marked_by};
use super::names::{Zones, of, unanswered};
use super::record::{Data, Kind};
use super::server::{Look, Outcome, ZoneServer};
use crate::provider::{Entry, EntryData, HeldEntries, HostName};

const KINDS: &[Kind] = &[Kind::Cname, Kind::Srv, Kind::Txt];

impl<S: ZoneServer> Zones<S> {
    /// Makes names and further records.
    pub(super) async fn make(
        &self,
        names: &[HostName],
        entries: &[Entry],
        owner: &SiteName,
        action: &str,
    ) -> Result<(), ProviderError> {
        let mut changes = Vec::new();
        for name in names {
            changes.push((self.change(&name.name, owner, action).await?, &name.addresses));
        }
        'tries: for _ in 0..TRIES {
            let mut first: BTreeMap<String, Edit> = BTreeMap::new();
            let mut merge = |zone: &str, edit: Edit| {
                let merged = first.remove(zone).unwrap_or_default().and(edit);
                first.insert(zone.to_owned(), merged);
            };
            let mut plans = Vec::new();
            for (change, addresses) in &changes {
                let mut plan = change.plan(addresses).await?;
                if let Some(edit) = plan.first.take() {
                    merge(&change.zone, edit);
                }
                plans.push((change, plan));
            }
            for (at, wanted) in by_name(entries) {
                let change = self.change(at, owner, action).await?;
                if let Some(edit) = self.entries_at(&change, &wanted).await? {
                    merge(&change.zone, edit);
                }
            }
            if !self.all_changed(first, action).await? {
                for (change, _) in &changes {
                    change.tell_other().await?;
                }
                continue;
            }
            let mut last: BTreeMap<String, Edit> = BTreeMap::new();
            for (change, plan) in plans {
                if change.turn(plan.missing, &plan.former).await? == Outcome::Prevented {
                    continue 'tries;
                }
                if let Some(edit) = plan.last {
                    let merged = last.remove(&change.zone).unwrap_or_default().and(edit);
                    last.insert(change.zone.clone(), merged);
                }
            }
            if self.all_changed(last, action).await? {
                return Ok(());
            }
        }
        Err(busy::<S>(action))
    }

    /// The further records at a name, and its owner.
    pub(super) async fn further(&self, name: &str, action: &str) -> Result<Option<HeldEntries>, ProviderError> {
        let zone = self.zone(name).await.map_err(of::<S>(action))?;
        let looks =
            vec![Look { name: name.to_owned(), kinds: KINDS }, Look { name: mark_name(name), kinds: &[Kind::Txt] }];
        let seen = self.look(&zone, looks).await.map_err(of::<S>(action))?;
        let [at, marks] = &seen[..] else { return Err(unanswered().of(S::PRODUCT, action)) };
        let owner = marks.data.iter().find_map(marked_by);
        if owner.is_none() && (!at.exists || !self.server.used(&zone, name).await.map_err(of::<S>(action))?) {
            return Ok(None);
        }
        let alias = at.alias.clone().map(EntryData::Cname);
        let data: BTreeSet<EntryData> = at.data.iter().filter_map(entry_data).chain(alias).collect();
        Ok(Some(HeldEntries { data: data.into_iter().collect(), owner }))
    }

    /// Takes further records away, and the mark of a name that nothing is left of.
    pub(super) async fn take(&self, entries: &[Entry], owner: &SiteName, action: &str) -> Result<(), ProviderError> {
        for _ in 0..TRIES {
            let mut edits: BTreeMap<String, Edit> = BTreeMap::new();
            for (at, gone) in by_name(entries) {
                let change = self.change(at, owner, action).await?;
                let Some(held) = self.further(&change.name, action).await? else { continue };
                if held.owner.as_ref() != Some(owner) {
                    continue;
                }
                let mark_at = mark_name(&change.name);
                let mut edit = Edit::default().if_exactly(&mark_at, [mark(owner)]);
                for entry in &gone {
                    edit = edit.take(&change.name, data(&entry.data));
                }
                let merged = edits.remove(&change.zone).unwrap_or_default().and(edit);
                edits.insert(change.zone.clone(), merged);
            }
            if self.all_changed(edits, action).await? {
                return self.unmark(entries, owner, action).await;
            }
        }
        Err(busy::<S>(action))
    }

    /// What must change so that a name has these further records; `None` if it has them.
    async fn entries_at(&self, change: &NameChange<'_, S>, wanted: &[&Entry]) -> Result<Option<Edit>, ProviderError> {
        let held = self.further(&change.name, change.action).await?;
        let mark_at = mark_name(&change.name);
        let ttl = |entry: &Entry| entry.ttl.unwrap_or(self.server.ttl());
        let mut edit = match &held {
            None => {
                let edit = Edit::default().if_unused(&change.name).if_unused(&mark_at);
                edit.add(&mark_at, self.server.ttl(), mark(change.owner))
            }
            Some(held) if held.owner.as_ref() == Some(change.owner) => {
                Edit::default().if_exactly(&mark_at, [mark(change.owner)])
            }
            Some(HeldEntries { owner: Some(other), .. }) => {
                return Err(change.conflict(&format!("{} carries the mark of site `{other}`", change.name)));
            }
            Some(_) => return Err(change.conflict(&format!("{} has records without a mark", change.name))),
        };
        let held: Vec<Data> = held.iter().flat_map(|held| held.data.iter().map(data)).collect();
        let mut differs = false;
        for kind in KINDS {
            let of_kind: Vec<&&Entry> = wanted.iter().filter(|entry| data(&entry.data).kind() == *kind).collect();
            // Each node has its own record of a service, and others at the same name.
            let alone = *kind != Kind::Srv && !of_kind.is_empty();
            let surplus = held.iter().filter(|one| one.kind() == *kind);
            let surplus: Vec<_> =
                surplus.filter(|one| of_kind.iter().all(|entry| data(&entry.data) != **one)).collect();
            for one in surplus.into_iter().filter(|_| alone) {
                edit = edit.take(&change.name, one.clone());
                differs = true;
            }
            for entry in of_kind.into_iter().filter(|entry| !held.contains(&data(&entry.data))) {
                edit = edit.add(&change.name, ttl(entry), data(&entry.data));
                differs = true;
            }
        }
        Ok(differs.then_some(edit))
    }

    async fn all_changed(&self, edits: BTreeMap<String, Edit>, action: &str) -> Result<bool, ProviderError> {
        for (zone, edit) in edits {
            if self.write(&zone, edit).await.map_err(of::<S>(action))? == Outcome::Prevented {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn by_name(entries: &[Entry]) -> BTreeMap<&str, Vec<&Entry>> {
    let mut by_name: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        by_name.entry(&entry.name).or_default().push(entry);
    }
    by_name
}

fn data(of: &EntryData) -> Data {
    match of {
        EntryData::Cname(to) => Data::Cname(to.clone()),
        EntryData::Srv { priority, weight, port, target } => {
            Data::Srv { priority: *priority, weight: *weight, port: *port, target: target.clone() }
        }
        EntryData::Txt(text) => Data::Txt(text.clone()),
    }
}

fn entry_data(of: &Data) -> Option<EntryData> {
    Some(match of {
        Data::Cname(to) => EntryData::Cname(to.clone()),
        Data::Srv { priority, weight, port, target } => {
            EntryData::Srv { priority: *priority, weight: *weight, port: *port, target: target.clone() }
        }
        Data::Txt(text) => EntryData::Txt(text.clone()),
        Data::A(_) | Data::Aaaa(_) | Data::Ptr(_) => return None,
    })
}

fn busy<S: ZoneServer>(action: &str) -> ProviderError {
    ProviderError::new(ErrorKind::Busy, S::PRODUCT, action)
        .advise("somebody else changes a name of the node at the same time")
}
