//! Further records at names: what stands there, what must change so that some do, and how others are taken away.

use std::collections::{BTreeMap, BTreeSet};

use dip_core::id::SiteName;
use dip_core::provider::ProviderError;

use super::change::{NameChange, TRIES};
use super::edit::Edit;
use super::edits::Edits;
use super::mark::{mark, mark_name, marked_by};
use super::names::{Zones, of, unanswered};
use super::node::busy;
use super::record::{Data, Kind};
use super::server::{Look, ZoneServer};
use crate::provider::{Entry, EntryData, HeldEntries};

const KINDS: &[Kind] = &[Kind::Cname, Kind::Srv, Kind::Txt];

impl<S: ZoneServer> Zones<S> {
    /// The further records at a name, and its owner.
    pub(super) async fn further(&self, name: &str, action: &str) -> Result<Option<HeldEntries>, ProviderError> {
        let zone = self.zone(name).await.map_err(of::<S>(action))?;
        let looks =
            vec![Look { name: name.to_owned(), kinds: KINDS }, Look { name: mark_name(name), kinds: &[Kind::Txt] }];
        let seen = self.look(&zone, looks).await.map_err(of::<S>(action))?;
        let [at, marks] = &seen[..] else { return Err(unanswered().of(S::PRODUCT, action)) };
        let owner = marks.data.iter().find_map(marked_by);
        if owner.is_none() && !self.is_used(&zone, name, at.usage).await.map_err(of::<S>(action))? {
            return Ok(None);
        }
        let alias = at.alias.clone().map(EntryData::Cname);
        let data: BTreeSet<EntryData> = at.data.iter().filter_map(entry_data).chain(alias).collect();
        Ok(Some(HeldEntries { data: data.into_iter().collect(), owner }))
    }

    /// Takes further records away.
    pub(super) async fn take_away(
        &self,
        entries: &[Entry],
        owner: &SiteName,
        action: &str,
    ) -> Result<(), ProviderError> {
        for _ in 0..TRIES {
            let mut edits = Edits::of("");
            self.take(entries, &[], owner, action, &mut edits).await?;
            if self.all_changed(edits, action).await? {
                return self.unmark(entries, owner, action).await;
            }
        }
        Err(busy::<S>(action))
    }

    /// What must change so that further records are gone: only those that are there as they were made, at names with the owner's
    /// mark. With the last of them, unless others come in their place, goes the mark.
    pub(super) async fn take(
        &self,
        gone: &[Entry],
        coming: &[Entry],
        owner: &SiteName,
        action: &str,
        edits: &mut Edits<'_>,
    ) -> Result<(), ProviderError> {
        for (at, gone) in by_name(gone) {
            let Some(change) = self.change_if_there(at, owner, action).await? else { continue };
            let Some(held) = self.further(&change.name, action).await? else { continue };
            if held.owner.as_ref() != Some(owner) {
                continue;
            }
            let there = gone.iter().map(|entry| &entry.data).filter(|one| held.data.contains(one));
            let there: Vec<Data> = there.map(data).collect();
            let mark_at = mark_name(&change.name);
            let mut edit = Edit::default().if_exactly(&mark_at, [mark(owner)]);
            let last = held.data.len() == there.len() && coming.iter().all(|entry| entry.name != at);
            let addresses = self.held(&change.zone, &change.name).await.map_err(of::<S>(action))?;
            if last && addresses.is_none_or(|held| held.addresses.is_empty()) {
                // Whoever has just written there too would stand without a mark.
                for kind in KINDS {
                    let of_kind = there.iter().filter(|one| one.kind() == *kind).cloned().collect::<Vec<_>>();
                    edit = if of_kind.is_empty() {
                        edit.if_absent(&change.name, *kind)
                    } else {
                        edit.if_exactly(&change.name, of_kind)
                    };
                }
                edit = edit.clear(&mark_at, Kind::Txt);
            } else if there.is_empty() {
                continue;
            }
            edits.add(&change.zone, Some(there.into_iter().fold(edit, |edit, one| edit.take(&change.name, one))));
        }
        Ok(())
    }

    /// What must change so that a name has these further records; `None` if it has them.
    pub(super) async fn entries_at(
        &self,
        change: &NameChange<'_, S>,
        wanted: &[&Entry],
    ) -> Result<Option<Edit>, ProviderError> {
        let held = self.further(&change.name, change.action).await?;
        self.entries_beside(change, wanted, held.as_ref())
    }

    /// The same of a name that has these.
    pub(super) fn entries_beside(
        &self,
        change: &NameChange<'_, S>,
        wanted: &[&Entry],
        held: Option<&HeldEntries>,
    ) -> Result<Option<Edit>, ProviderError> {
        let mark_at = mark_name(&change.name);
        let ttl = |entry: &Entry| entry.ttl.unwrap_or(self.server.ttl());
        let mut edit = match held {
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
        let wanted: Vec<(u32, Data)> = wanted.iter().map(|entry| (ttl(entry), data(&entry.data))).collect();
        let missing: Vec<&(u32, Data)> = wanted.iter().filter(|(_, one)| !held.contains(one)).collect();
        // A name has one alias. Texts and services stand beside those of others.
        let is_alias = missing.iter().any(|(_, one)| one.kind() == Kind::Cname);
        for other in held.iter().filter(|one| is_alias && one.kind() == Kind::Cname) {
            edit = edit.take(&change.name, other.clone());
        }
        for (ttl, one) in &missing {
            edit = edit.add(&change.name, *ttl, one.clone());
        }
        Ok((!missing.is_empty()).then_some(edit))
    }
}

/// Further records by the names that they stand at.
pub(super) fn by_name(entries: &[Entry]) -> BTreeMap<&str, Vec<&Entry>> {
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
