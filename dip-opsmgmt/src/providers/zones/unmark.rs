//! Marks that stayed where nothing is left.
//!
//! Whoever sees that he takes the last record of a name takes its mark along. Of two that leave together neither sees that, and the
//! mark goes in a change of its own once their records are gone.

use std::collections::BTreeSet;

use dip_core::id::SiteName;
use dip_core::provider::ProviderError;

use super::edit::Edit;
use super::mark::{mark, mark_name, marked_by};
use super::names::{Zones, of, unanswered};
use super::record::Kind;
use super::server::{Look, ZoneServer};
use crate::provider::Entry;

/// What may stand beside a mark.
const KINDS: &[Kind] = &[Kind::A, Kind::Aaaa, Kind::Cname, Kind::Srv, Kind::Txt];

impl<S: ZoneServer> Zones<S> {
    /// Takes the marks of those names away where nothing stands any more. That somebody has written there since is no failure: the
    /// mark is theirs as well.
    pub(super) async fn unmark(&self, entries: &[Entry], owner: &SiteName, action: &str) -> Result<(), ProviderError> {
        for name in entries.iter().map(|entry| entry.name.as_str()).collect::<BTreeSet<_>>() {
            let Some(change) = self.change_if_there(name, owner, action).await? else { continue };
            let mark_at = mark_name(&change.name);
            let looks = vec![
                Look { name: change.name.clone(), kinds: KINDS },
                Look { name: mark_at.clone(), kinds: &[Kind::Txt] },
            ];
            let seen = self.look(&change.zone, looks).await.map_err(of::<S>(action))?;
            let [at, marks] = &seen[..] else { return Err(unanswered().of(S::PRODUCT, action)) };
            let is_ours = marks.data.iter().find_map(marked_by).as_ref() == Some(owner);
            if !is_ours || !at.data.is_empty() || at.alias.is_some() {
                continue;
            }
            let edit = Edit::default().if_exactly(&mark_at, [mark(owner)]).clear(&mark_at, Kind::Txt);
            let edit = KINDS.iter().fold(edit, |edit, kind| edit.if_absent(&change.name, *kind));
            // Each on its own: one that is prevented must not keep the others.
            self.write(&change.zone, edit).await.map_err(of::<S>(action))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Data;
    use super::super::table::{GONE, Table};
    use super::*;
    use crate::provider::{Dns, EntryData};

    const AT: &str = "_etcd._tcp.lab.example";

    fn owner() -> SiteName {
        SiteName::new("lab").expect("a name")
    }

    fn target(node: &str) -> String {
        format!("{node}.lab.example")
    }

    fn srv(node: &str) -> Data {
        Data::Srv { priority: 0, weight: 0, port: 2380, target: target(node) }
    }

    fn entry(node: &str) -> Entry {
        let data = EntryData::Srv { priority: 0, weight: 0, port: 2380, target: target(node) };
        Entry { name: AT.to_owned(), ttl: None, data }
    }

    fn service_of(nodes: &[&str]) -> Table {
        let records = nodes.iter().map(|node| (AT, srv(node)));
        Table::with(&records.chain([("_dip._etcd._tcp.lab.example", mark(&owner()))]).collect::<Vec<_>>())
    }

    fn marks(zones: &Zones<Table>) -> usize {
        zones.server.at(&mark_name(AT), Kind::Txt).len()
    }

    #[tokio::test]
    async fn the_last_node_of_a_service_takes_its_mark_along() {
        let zones = Zones::of(service_of(&["n1", "n2"]));
        zones.remove_entries(&[entry("n1")], &owner()).await.expect("the server obeys");
        assert_eq!((zones.server.at(AT, Kind::Srv), marks(&zones)), (vec![srv("n2")], 1));
        zones.remove_entries(&[entry("n2")], &owner()).await.expect("the server obeys");
        assert_eq!((zones.server.at(AT, Kind::Srv), marks(&zones)), (vec![], 0));
    }

    #[tokio::test]
    async fn a_node_that_registers_while_the_last_one_leaves_stays_marked() {
        for at in [AT, "_dip._etcd._tcp.lab.example"] {
            let registers = Edit::default().if_exactly(&mark_name(AT), [mark(&owner())]).add(AT, 60, srv("n2"));
            let zones = Zones::of(service_of(&["n1"]).meanwhile(at, registers));
            zones.remove_entries(&[entry("n1")], &owner()).await.expect("the server obeys");
            assert_eq!((zones.server.at(AT, Kind::Srv), marks(&zones)), (vec![srv("n2")], 1));
        }
    }

    #[tokio::test]
    async fn of_the_last_nodes_that_leave_together_one_takes_the_mark_along() {
        let leaves = Edit::default().if_exactly(&mark_name(AT), [mark(&owner())]).take(AT, srv("n2"));
        let zones = Zones::of(service_of(&["n1", "n2"]).meanwhile(AT, leaves));
        zones.remove_entries(&[entry("n1")], &owner()).await.expect("the server obeys");
        assert_eq!(marks(&zones), 0);
    }

    #[tokio::test]
    async fn what_was_made_in_a_zone_that_has_left_the_server_is_gone() {
        let zones = Zones::of(service_of(&["n1"]));
        let gone = Entry { name: format!("www.{GONE}"), ..entry("n1") };
        zones.remove_entries(&[gone, entry("n1")], &owner()).await.expect("the server obeys");
        assert_eq!((zones.server.at(AT, Kind::Srv), marks(&zones)), (vec![], 0), "the others go all the same");
    }

    #[tokio::test]
    async fn a_removal_that_was_cut_off_before_the_mark_went_is_mended_by_the_next_one() {
        let zones = Zones::of(service_of(&[]));
        zones.remove_entries(&[entry("n1")], &owner()).await.expect("the server obeys");
        assert_eq!(marks(&zones), 0);
    }
}
