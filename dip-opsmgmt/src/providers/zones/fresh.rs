//! New names, written without a look. Every message says that they are unused, and a server that compares that itself looks better
//! than anybody could before it: nothing comes between its look and the change.
//!
//! Zones cannot change together, so the others are asked first, by messages that expect and change nothing: what stands in the way
//! in one of them is found before anything is changed in another.

use std::net::IpAddr;

use dip_core::id::SiteName;
use dip_core::provider::ProviderError;

use super::change::NameChange;
use super::edits::Edits;
use super::entries::by_name;
use super::made::List;
use super::names::{Pointers, Zones, of};
use super::record::reverse_name;
use super::server::{Compares, ZoneServer};
use crate::provider::Entry;

impl<S: ZoneServer> Zones<S> {
    /// Makes names and further records as if nobody had any of them. `false` where somebody has: then a look must tell what is
    /// to be done, and nothing was changed, unless somebody came between two zones.
    pub(super) async fn made_fresh(
        &self,
        changes: &[(NameChange<'_, S>, &Vec<IpAddr>)],
        entries: Option<&[Entry]>,
        owner: &SiteName,
        action: &str,
    ) -> Result<bool, ProviderError> {
        let is_known = |(change, _): &(NameChange<'_, S>, _)| self.is_known(&change.zone, &change.name);
        if S::COMPARES == Compares::Dip || changes.iter().any(is_known) {
            return Ok(false);
        }
        let home = changes.first().map_or("", |(change, _)| &change.zone);
        let mut edits = Edits::of(home);
        for (change, addresses) in changes {
            let addresses = addresses.iter().copied().collect();
            edits.add(&change.zone, Some(change.forward(false, &addresses)));
            for at in addresses.into_iter().map(reverse_name) {
                let zone = self.zone(&at).await.map_err(of::<S>(action))?;
                let nobodys = Pointers { zone, at, names: Vec::new() };
                edits.add(&nobodys.zone, Some(change.pointing(&nobodys)));
            }
        }
        for (at, wanted) in by_name(entries.unwrap_or_default()) {
            let change = self.change(at, owner, action).await?;
            edits.add(&change.zone, self.entries_beside(&change, &wanted, None)?);
        }
        if let (Some((change, _)), Some(wanted)) = (changes.first(), entries) {
            let list = List { name: &change.name, owner, ttl: self.server.ttl(), held: None, wanted };
            edits.add(home, list.note());
        }
        Ok(self.all_expected(&edits, action).await? && self.all_changed(edits, action).await?)
    }

    /// Whether a name was in use when its zone was last read. One that went since is looked at in vain, and no more.
    fn is_known(&self, zone: &str, name: &str) -> bool {
        let slot = self.slot(zone);
        // Whoever holds it reads the zone anew just now.
        slot.try_lock().is_ok_and(|last| last.as_ref().is_some_and(|last| last.uses(name)))
    }
}
