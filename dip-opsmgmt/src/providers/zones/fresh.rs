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
            if self.is_known(&change.zone, &change.name) {
                return Ok(false);
            }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dip_core::provider::ErrorKind;

    use super::super::edit::Edit;
    use super::super::mark::{mark, mark_name};
    use super::super::record::{Data, Kind};
    use super::super::table::Table;
    use super::*;
    use crate::provider::{Dns, EntryData, HostName};

    fn owner() -> SiteName {
        SiteName::new("lab").expect("a name")
    }

    fn address(number: u16) -> [u8; 4] {
        let [high, low] = number.to_be_bytes();
        [10, 1, high, low]
    }

    fn node(number: u16) -> HostName {
        HostName { name: format!("n{number}.lab.example"), addresses: vec![address(number).into()] }
    }

    /// Somebody else's address at the name of a node.
    fn foreign(number: u16) -> (String, Data) {
        (node(number).name, Data::A([10, 9, 9, 9].into()))
    }

    fn table(records: &[(String, Data)]) -> Table {
        Table::with(&records.iter().map(|(name, data)| (name.as_str(), data.clone())).collect::<Vec<_>>())
    }

    /// All at once; the errors of those that failed, by their numbers.
    async fn register(table: Table, count: u16) -> (Vec<(u16, ProviderError)>, Arc<Zones<Table>>) {
        let zones = Arc::new(Zones::of(table));
        let tasks: Vec<_> = (0..count)
            .map(|number| {
                let zones = Arc::clone(&zones);
                tokio::spawn(async move { zones.ensure(&node(number), &owner()).await })
            })
            .collect();
        let mut failed = Vec::new();
        for (number, task) in (0..).zip(tasks) {
            failed.extend(task.await.expect("it does not panic").err().map(|error| (number, error)));
        }
        (failed, zones)
    }

    fn is_made(zones: &Zones<Table>, number: u16) -> bool {
        let name = node(number).name;
        let reverse = reverse_name(address(number).into());
        zones.server.at(&name, Kind::A) == [Data::A(address(number).into())]
            && zones.server.at(&mark_name(&name), Kind::Txt) == [mark(&owner())]
            && zones.server.at(&reverse, Kind::Ptr) == [Data::Ptr(name)]
    }

    #[tokio::test]
    async fn a_thousand_new_names_are_written_in_a_few_messages_and_without_a_look() {
        let (failed, zones) = register(Table::default(), 1_000).await;
        assert!(failed.is_empty() && (0..1_000).all(|number| is_made(&zones, number)), "{failed:?}");
        assert_eq!((zones.server.looks(), zones.server.transfers()), (0, 0));
        assert!(zones.server.messages() <= 14, "it took {} messages", zones.server.messages());
    }

    #[tokio::test]
    async fn of_a_thousand_names_half_of_which_others_have_the_other_half_is_written_in_a_few_messages() {
        let taken: Vec<_> = (0..1_000).filter(|number| number % 2 == 1).map(foreign).collect();
        let (failed, zones) = register(table(&taken), 1_000).await;
        let numbers: Vec<u16> = failed.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (0..1_000).filter(|number| number % 2 == 1).collect::<Vec<_>>());
        for (number, error) in failed {
            assert!(error.kind() == ErrorKind::Conflict && error.to_string().contains("10.9.9.9"), "{error}");
            assert_eq!(zones.server.at(&node(number).name, Kind::A), [foreign(number).1]);
            assert_eq!(zones.server.at(&mark_name(&node(number).name), Kind::Txt), []);
            assert_eq!(zones.server.at(&reverse_name(address(number).into()), Kind::Ptr), []);
        }
        assert!((0..1_000).step_by(2).all(|number| is_made(&zones, number)));
        assert!(zones.server.messages() <= 20, "it took {} messages", zones.server.messages());
        assert!(zones.server.transfers() <= 6, "it took {} transfers", zones.server.transfers());
    }

    #[tokio::test]
    async fn a_name_that_somebody_takes_right_before_it_is_written_is_a_conflict_and_no_other_waits_for_it() {
        let (name, theirs) = foreign(7);
        let takes = Edit::default().add(&name, 60, theirs.clone());
        let (failed, zones) = register(Table::default().meanwhile(&name, takes), 100).await;
        let [(7, error)] = &failed[..] else { panic!("{failed:?}") };
        assert!(error.kind() == ErrorKind::Conflict && error.to_string().contains("10.9.9.9"), "{error}");
        assert_eq!(zones.server.at(&name, Kind::A), [theirs]);
        assert!((0..100).filter(|number| *number != 7).all(|number| is_made(&zones, number)));
    }

    #[tokio::test]
    async fn a_reverse_name_of_somebody_else_is_found_before_anything_is_changed() {
        let at = reverse_name(address(7).into());
        let theirs = Data::Ptr("www.example.org".to_owned());
        let (failed, zones) = register(table(&[(at.clone(), theirs.clone())]), 8).await;
        let [(7, error)] = &failed[..] else { panic!("{failed:?}") };
        assert!(error.kind() == ErrorKind::Conflict && error.to_string().contains("www.example.org"), "{error}");
        assert_eq!(zones.server.at(&at, Kind::Ptr), [theirs]);
        assert_eq!(zones.server.at(&node(7).name, Kind::A), []);
        assert_eq!(zones.server.at(&mark_name(&node(7).name), Kind::Txt), []);
    }

    #[tokio::test]
    async fn a_name_that_is_known_to_be_there_is_looked_at_first() {
        let zones = Zones::of(Table::default());
        zones.ensure(&node(1), &owner()).await.expect("the server obeys");
        zones.names("lab.example").await.expect("it can be listed");
        let before = zones.server.messages();
        let moved = HostName { addresses: vec![address(2).into()], ..node(1) };
        zones.ensure(&moved, &owner()).await.expect("it is ours");
        // Both addresses, the new reverse name, the former one, and the new address alone.
        assert_eq!(zones.server.messages() - before, 4, "no message was sent in vain");
    }

    #[tokio::test]
    async fn further_records_of_a_new_node_and_their_list_come_with_its_name_and_a_foreign_one_prevents_all() {
        let name = node(1).name;
        let alias = Entry { name: "www.lab.example".to_owned(), ttl: None, data: EntryData::Cname(name.clone()) };
        for others in [vec![], vec![("www.lab.example".to_owned(), Data::A([10, 9, 9, 9].into()))]] {
            let zones = Zones::of(table(&others));
            let made = zones.ensure_all(&[node(1)], std::slice::from_ref(&alias), &owner()).await;
            let list = zones.made(&name, &owner()).await.expect("the server answers");
            match others.is_empty() {
                true => {
                    made.expect("the server obeys");
                    assert!(is_made(&zones, 1) && list == Some(vec![alias.clone()]), "{list:?}");
                    assert_eq!(
                        zones.server.messages(),
                        3,
                        "what is expected of the reverse name, the name, its reverse name"
                    );
                }
                false => {
                    let error = made.expect_err("it is somebody else's");
                    assert!(
                        error.kind() == ErrorKind::Conflict && error.to_string().contains("www.lab.example"),
                        "{error}"
                    );
                    assert_eq!((list, zones.server.at(&name, Kind::A)), (None, vec![]));
                }
            }
        }
    }
}
