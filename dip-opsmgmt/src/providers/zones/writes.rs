//! Edits of a zone that were gathered, in as few messages as can be; one that cannot be made takes no other down with it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::provider::ErrorKind;

use super::edit::Edit;
use super::names::Zones;
use super::server::{Outcome, ZoneServer};
use crate::providers::fault::{Fault, Reach};
use dip_core::provider::Carry;

/// What came of an edit.
pub(super) type Written = Result<Outcome, Fault>;

#[async_trait]
impl<S: ZoneServer> Carry<Edit, Written> for Zones<S> {
    async fn carry(&self, zone: &str, items: &[Arc<Edit>]) -> Vec<Written> {
        let edits: Vec<&Edit> = items.iter().map(|item| &**item).collect();
        let mut answers: Vec<Option<Written>> = vec![None; edits.len()];
        let mut waiting: Vec<usize> = (0..edits.len()).collect();
        while !waiting.is_empty() {
            let (message, rest) = first_message(zone, &edits, waiting, S::CAPACITY);
            waiting = rest;
            if let Some(fault) = self.send(zone, &edits, message, &mut answers).await {
                for index in std::mem::take(&mut waiting) {
                    answers[index] = Some(Err(fault.clone()));
                }
            }
        }
        answers.into_iter().map(|answer| answer.expect("every edit is in one message")).collect()
    }
}

/// So many edits are tried alone that a server failed at without saying why; it will fail at the others too.
const TRIED_ALONE: usize = 3;

impl<S: ZoneServer> Zones<S> {
    /// Sends a message, and halves of it where something in it prevents the whole. A fault of the server ends all, and so does one
    /// that each of some edits meets alone: a disk that is full is not halved a thousand times.
    async fn send(
        &self,
        zone: &str,
        edits: &[&Edit],
        message: Vec<usize>,
        answers: &mut [Option<Written>],
    ) -> Option<Fault> {
        let (mut parts, mut alone) = (vec![message], 0);
        while let Some(mut part) = parts.pop() {
            let sent: Vec<&Edit> = part.iter().map(|index| edits[*index]).collect();
            let written = self.server.write(zone, &sent).await;
            let whole = match &written {
                Ok(Outcome::Changed) => true,
                Ok(Outcome::Prevented) => false,
                Err(fault) => fault.reach() == Reach::Server,
            };
            if !whole && part.len() > 1 {
                let half = part.split_off(part.len() / 2);
                parts.extend([half, part]);
                continue;
            }
            for index in part {
                answers[index] = Some(written.clone());
            }
            alone = if matches!(&written, Err(fault) if fault.kind() == ErrorKind::Unexpected) { alone + 1 } else { 0 };
            if let Err(fault) = written
                && (fault.reach() == Reach::Server || alone == TRIED_ALONE)
            {
                for index in parts.into_iter().flatten() {
                    answers[index] = Some(Err(fault.clone()));
                }
                return Some(fault);
            }
        }
        None
    }
}

/// Those that fit into one message and do not get into each other's way, and the rest.
fn first_message(zone: &str, edits: &[&Edit], waiting: Vec<usize>, capacity: usize) -> (Vec<usize>, Vec<usize>) {
    let (mut message, mut rest, mut weight) = (Vec::new(), Vec::new(), 0);
    let mut taken: HashMap<&str, &Edit> = HashMap::new();
    // Also what must wait holds its names: a later edit of one of them must not overtake it.
    let mut held: HashSet<&str> = HashSet::new();
    for index in waiting {
        let (edit, names) = (edits[index], edits[index].names());
        let fits = message.is_empty() || weight + edit.weight(zone) <= capacity;
        let agrees =
            |name: &&str| !held.contains(*name) && taken.get(*name).is_none_or(|other| edit.adds_up_with(other, name));
        if fits && names.iter().all(agrees) {
            weight += edit.weight(zone);
            taken.extend(names.into_iter().map(|name| (name, edit)));
            message.push(index);
        } else {
            held.extend(names);
            rest.push(index);
        }
    }
    (message, rest)
}

#[cfg(test)]
mod tests {
    use super::super::record::{Data, Kind};
    use super::super::table::Table;
    use super::*;

    fn edit(number: u8) -> Edit {
        let name = format!("n{number}.lab.example");
        Edit::default().if_unused(&name).add(&name, 60, Data::A([10, 1, 0, number].into()))
    }

    async fn carry(table: Table, edits: Vec<Edit>) -> (Vec<Written>, Zones<Table>) {
        let zones = Zones::of(table);
        let items: Vec<_> = edits.into_iter().map(Arc::new).collect();
        let written = zones.carry("lab.example", &items).await;
        (written, zones)
    }

    #[tokio::test]
    async fn an_edit_that_is_prevented_takes_no_other_down_with_it() {
        let table = Table::with(&[("n7.lab.example", Data::A([10, 9, 9, 9].into()))]);
        let (written, zones) = carry(table, (0..100).map(edit).collect()).await;
        for (number, written) in written.iter().enumerate() {
            let wanted = if number == 7 { Outcome::Prevented } else { Outcome::Changed };
            assert_eq!(written.as_ref().ok(), Some(&wanted), "n{number}");
        }
        assert_eq!(zones.server.at("n7.lab.example", Kind::A), [Data::A([10, 9, 9, 9].into())]);
        assert!(zones.server.messages() <= 15, "100 edits with one that is prevented took {}", zones.server.messages());
    }

    #[tokio::test]
    async fn two_edits_of_one_name_are_never_in_one_message_and_stay_in_their_order() {
        let name = "n1.lab.example";
        let second = Edit::default().if_unused(name).add(name, 60, Data::A([10, 1, 0, 99].into()));
        let (written, zones) = carry(Table::default(), vec![edit(1), second, edit(2)]).await;
        let outcomes: Vec<_> = written.into_iter().map(|written| written.expect("the server answers")).collect();
        assert_eq!(outcomes, [Outcome::Changed, Outcome::Prevented, Outcome::Changed]);
        assert_eq!(zones.server.messages(), 2);
    }

    #[tokio::test]
    async fn records_of_a_service_of_many_nodes_go_together() {
        let (name, mark) = ("_etcd._tcp.lab.example", "_dip._etcd._tcp.lab.example");
        let of = |port| {
            let data = Data::Srv { priority: 0, weight: 0, port, target: "n1.lab.example".to_owned() };
            let edit = Edit::default().if_unused(name).if_unused(mark);
            edit.add(mark, 60, Data::Txt("site=lab".to_owned())).add(name, 60, data)
        };
        let (written, zones) = carry(Table::default(), (1..=100).map(of).collect()).await;
        assert!(written.iter().all(|written| matches!(written, Ok(Outcome::Changed))));
        assert_eq!((zones.server.messages(), zones.server.at(name, Kind::Srv).len()), (1, 100));
    }

    #[tokio::test]
    async fn no_message_is_larger_than_the_server_takes() {
        let text = Data::Txt("x".repeat(200));
        let large = |number: u32| {
            let name = format!("n{number}.lab.example");
            Edit::default().add(&name, 60, text.clone())
        };
        let (written, zones) = carry(Table::default(), (0..1_000).map(large).collect()).await;
        assert!(written.iter().all(|written| matches!(written, Ok(Outcome::Changed))));
        assert_eq!(
            zones.server.messages(),
            4,
            "1,000 edits of about 220 bytes in messages of at most {}",
            Table::CAPACITY
        );
    }

    #[tokio::test]
    async fn a_dead_server_is_asked_once_for_all() {
        let (written, zones) = carry(Table::dead(), (0..100).map(edit).collect()).await;
        assert!(written.iter().all(Result::is_err));
        assert_eq!(zones.server.messages(), 1);
    }
}
