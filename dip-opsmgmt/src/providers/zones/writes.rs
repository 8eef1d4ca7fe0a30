//! Edits of a zone that were gathered, in as few messages as can be; one that cannot be made takes no other down with it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::provider::{Carry, ErrorKind};
use futures_util::future::join_all;

use super::edit::Edit;
use super::names::Zones;
use super::server::{Outcome, ZoneServer};
use crate::providers::fault::{Fault, Reach};

/// What came of an edit.
pub(super) type Written = Result<Outcome, Fault>;

/// So many messages are on the way at once, of which no two say anything of one name: the server has the next one at hand when it
/// has answered, and none waits for many others.
const AHEAD: usize = 4;

/// One message takes Knot 4 to 15 ms, whatever is in it, and BIND two. Those who come a little later are worth waiting for: the nodes of a
/// run come when their tasks have asked for their zones.
const LINGER: Duration = Duration::from_millis(1);

/// So many edits are tried alone that a server failed at without saying why; it will fail at the others too.
const TRIED_ALONE: usize = 3;

#[async_trait]
impl<S: ZoneServer> Carry<Edit, Written> for Zones<S> {
    fn linger(&self) -> Duration {
        LINGER
    }

    async fn carry(&self, zone: &str, items: &[Arc<Edit>]) -> Vec<Written> {
        let edits: Vec<&Edit> = items.iter().map(|item| &**item).collect();
        let mut answers: Vec<Option<Written>> = vec![None; edits.len()];
        let mut waiting: Vec<usize> = (0..edits.len()).collect();
        while !waiting.is_empty() {
            let (messages, rest) = first_messages(&edits, waiting, S::CAPACITY);
            waiting = rest;
            let sent = messages.into_iter().map(|message| self.send(zone, &edits, message));
            for Sent { told, ended } in join_all(sent).await {
                let untold = ended.into_iter().flat_map(|fault| {
                    let untold = std::mem::take(&mut waiting).into_iter();
                    untold.map(move |index| (index, Err(fault.clone())))
                });
                for (index, written) in told.into_iter().chain(untold) {
                    answers[index] = Some(written);
                }
            }
        }
        answers.into_iter().map(|answer| answer.expect("every edit is in one message")).collect()
    }
}

/// What came of a message.
struct Sent {
    told: Vec<(usize, Written)>,
    /// Nothing else can be written either.
    ended: Option<Fault>,
}

impl<S: ZoneServer> Zones<S> {
    /// Sends a message. Where something in it prevents the whole, what can be made goes without it, and where the server fails at the
    /// whole, halves of it do. A fault of the server ends all, and so does one that each of some edits meets alone: a disk that is
    /// full is not halved a thousand times.
    async fn send(&self, zone: &str, edits: &[&Edit], message: Vec<usize>) -> Sent {
        let mut told = Vec::new();
        let (mut parts, mut alone) = (vec![message], 0);
        while let Some(mut part) = parts.pop() {
            let together: Vec<&Edit> = part.iter().map(|index| edits[*index]).collect();
            let written = self.server.write(zone, &together).await;
            let prevented = matches!(written, Ok(Outcome::Prevented));
            let failed = matches!(&written, Err(fault) if fault.reach() == Reach::Message);
            if prevented && part.len() > 1 {
                // Where nobody may look, or somebody changes things just now, halves tell.
                let seen = self.apart(zone, edits, &part).await.unwrap_or_default();
                if !seen.taken.is_empty() {
                    told.extend(seen.taken.into_iter().map(|index| (index, Ok(Outcome::Prevented))));
                    parts.extend(Some(seen.free).filter(|free| !free.is_empty()));
                    continue;
                }
            }
            if (prevented || failed) && part.len() > 1 {
                let half = part.split_off(part.len() / 2);
                parts.extend([half, part]);
                continue;
            }
            told.extend(part.into_iter().map(|index| (index, written.clone())));
            alone = if matches!(&written, Err(fault) if fault.kind() == ErrorKind::Unexpected) { alone + 1 } else { 0 };
            if let Err(fault) = written
                && (fault.reach() == Reach::Server || alone == TRIED_ALONE)
            {
                told.extend(parts.into_iter().flatten().map(|index| (index, Err(fault.clone()))));
                return Sent { told, ended: Some(fault) };
            }
        }
        Sent { told, ended: None }
    }
}

/// A message that is filled.
#[derive(Default)]
struct Filled<'a> {
    edits: Vec<usize>,
    weight: usize,
    names: HashMap<&'a str, &'a Edit>,
}

/// Messages in which no edit gets into another's way and which share no name, and the rest.
fn first_messages(edits: &[&Edit], waiting: Vec<usize>, capacity: usize) -> (Vec<Vec<usize>>, Vec<usize>) {
    let mut messages = vec![Filled::default()];
    let mut rest = Vec::new();
    // Also what must wait holds its names: a later edit of one of them must not overtake it.
    let mut held: HashSet<&str> = HashSet::new();
    for index in waiting {
        let (edit, names, weight) = (edits[index], edits[index].names(), edits[index].weight());
        let fits = |message: &Filled<'_>| message.edits.is_empty() || message.weight + weight <= capacity;
        let with = messages.iter().rposition(|message| names.iter().any(|name| message.names.contains_key(name)));
        let last = messages.len() - 1;
        let place = match with {
            Some(with) => with,
            None if fits(&messages[last]) || messages.len() == AHEAD => last,
            None => {
                messages.push(Filled::default());
                last + 1
            }
        };
        let agrees = |name: &&str| {
            let in_place = messages[place].names.get(name).is_none_or(|other| edit.adds_up_with(other, name));
            in_place && !held.contains(name) && !messages[..place].iter().any(|other| other.names.contains_key(name))
        };
        if fits(&messages[place]) && names.iter().all(agrees) {
            let message = &mut messages[place];
            message.edits.push(index);
            message.weight += weight;
            message.names.extend(names.into_iter().map(|name| (name, edit)));
        } else {
            held.extend(names);
            rest.push(index);
        }
    }
    (messages.into_iter().map(|message| message.edits).filter(|edits| !edits.is_empty()).collect(), rest)
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
        assert_eq!(
            (zones.server.messages(), zones.server.transfers()),
            (2, 1),
            "the whole, a look, and the whole without it"
        );
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
