//! All names and further records of a node: what is of one zone changes in one message.

use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, ProviderError};

use super::change::TRIES;
use super::edits::Edits;
use super::entries::by_name;
use super::made::List;
use super::names::Zones;
use super::server::{Outcome, ZoneServer};
use crate::provider::{Entry, HostName};

impl<S: ZoneServer> Zones<S> {
    /// Makes names and, where further records are told, makes these and takes away what else was made for the first name.
    pub(super) async fn make(
        &self,
        names: &[HostName],
        entries: Option<&[Entry]>,
        owner: &SiteName,
        action: &str,
    ) -> Result<(), ProviderError> {
        let mut changes = Vec::new();
        for name in names {
            changes.push((self.change(&name.name, owner, action).await?, &name.addresses));
        }
        let home = changes.first().map(|(change, _)| change.zone.clone()).unwrap_or_default();
        if self.made_fresh(&changes, entries, owner, action).await? {
            return Ok(());
        }
        'tries: for _ in 0..TRIES {
            let mut first = Edits::of(&home);
            let mut plans = Vec::new();
            for (change, addresses) in &changes {
                let mut plan = change.plan(addresses).await?;
                first.add(&change.zone, plan.first.take());
                plans.push((change, plan));
            }
            let list = match (changes.first(), entries) {
                (Some((change, _)), Some(wanted)) => {
                    let held = self.made_for(&change.name, owner, action).await?;
                    Some(List { name: &change.name, owner, ttl: self.server.ttl(), held, wanted })
                }
                _ => None,
            };
            let entries = entries.unwrap_or_default();
            let surplus = list.as_ref().map(List::surplus).unwrap_or_default();
            // What goes makes room first: nothing else may stand beside an alias.
            self.take(&surplus, entries, owner, action, &mut first).await?;
            for (at, wanted) in by_name(entries) {
                let change = self.change(at, owner, action).await?;
                first.add(&change.zone, self.entries_at(&change, &wanted).await?);
            }
            first.add(&home, list.as_ref().and_then(List::note));
            let mut last = Edits::of(&home);
            let forget = list.as_ref().and_then(List::forget);
            if first.is_of_one_zone() {
                first.add(&home, forget);
            } else {
                last.add(&home, forget);
            }
            if !self.all_changed(first, action).await? {
                for (change, _) in &changes {
                    change.tell_other().await?;
                }
                continue;
            }
            for (change, plan) in plans {
                if change.turn(plan.missing, &plan.former).await? == Outcome::Prevented {
                    continue 'tries;
                }
                last.add(&change.zone, plan.last);
            }
            if self.all_changed(last, action).await? {
                return self.unmark(&surplus, owner, action).await;
            }
        }
        Err(busy::<S>(action))
    }
}

pub(super) fn busy<S: ZoneServer>(action: &str) -> ProviderError {
    ProviderError::new(ErrorKind::Busy, S::PRODUCT, action)
        .advise("somebody else changes a name of the node at the same time")
}
