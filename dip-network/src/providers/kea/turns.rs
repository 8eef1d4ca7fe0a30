//! In which order single changes are made where each holds by itself: what gives an address up goes before what takes it.

use std::collections::HashMap;
use std::net::IpAddr;

use dip_core::hardware::Duid;

use super::book::Book;
use super::entry::{Entry, Family, Fate, Standing, SubnetId};

/// One change of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    Remove(Entry),
    /// What is there, and what it becomes.
    Change(Entry, Entry),
    Add(Entry),
}

/// The changes of a book of what is stored, in waves: those of one can be made at once, and the next one when they are done.
///
/// Two that exchange their addresses are a circle: one of them gives its address up first, and has none for that moment.
pub(super) fn waves(book: &Book, stored: &[Entry]) -> Vec<Vec<Turn>> {
    let (mut removed, mut changed) = (Vec::new(), Vec::new());
    let new = || book.changes().filter(|entry| entry.standing == Standing::New);
    let mut returning: HashMap<_, _> = new().map(|entry| (known_by(entry), entry)).collect();
    for entry in book.changes() {
        let Standing::Stored(number) = entry.standing else { continue };
        let Some(before) = usize::try_from(number).ok().and_then(|number| stored.get(number)) else { continue };
        // One whose address another one takes is removed, and may come back with another address: it stays, and so does what else it says.
        let after = match entry.fate {
            Fate::Removed => returning.remove(&known_by(before)),
            Fate::Same | Fate::Changed => Some(entry),
        };
        match after {
            Some(after) => changed.push((before.clone(), after.clone())),
            None => removed.push(Turn::Remove(before.clone())),
        }
    }
    let added = new().filter(|entry| returning.contains_key(&known_by(entry)));
    let mut waves = vec![removed];
    waves.extend(Exchange::of(changed).waves());
    waves.push(added.cloned().map(Turn::Add).collect());
    waves.retain(|wave| !wave.is_empty());
    waves
}

/// What Kea keeps one reservation for.
fn known_by(entry: &Entry) -> (Family, SubnetId, String, Option<Duid>) {
    (entry.family, entry.subnet, entry.client.to_string(), entry.identifying_duid().cloned())
}

/// Changes of which some take what others give up.
struct Exchange {
    changes: Vec<(Entry, Entry)>,
    /// How many others each waits for.
    waits: Vec<usize>,
    /// Who waits for it.
    waiting: Vec<Vec<usize>>,
}

impl Exchange {
    fn of(changes: Vec<(Entry, Entry)>) -> Self {
        let held =
            changes.iter().enumerate().flat_map(|(at, (before, _))| before.addresses.iter().map(move |a| (*a, at)));
        let holders: HashMap<IpAddr, usize> = held.collect();
        let (mut waits, mut waiting) = (vec![0; changes.len()], vec![Vec::new(); changes.len()]);
        for (at, (_, after)) in changes.iter().enumerate() {
            let others = after.addresses.iter().filter_map(|address| holders.get(address)).filter(|of| **of != at);
            for other in others {
                waits[at] += 1;
                waiting[*other].push(at);
            }
        }
        Self { changes, waits, waiting }
    }

    fn waves(mut self) -> Vec<Vec<Turn>> {
        let mut waves = Vec::new();
        let mut ready: Vec<usize> = (0..self.changes.len()).filter(|at| self.waits[*at] == 0).collect();
        let mut rest = 0..self.changes.len();
        loop {
            if ready.is_empty() {
                // What still waits is in a circle, or behind one.
                let Some(first) = rest.find(|at| self.waits[*at] > 0) else { return waves };
                let (before, _) = &mut self.changes[first];
                let freed = Entry { addresses: Vec::new(), fate: Fate::Changed, ..before.clone() };
                waves.push(vec![Turn::Change(std::mem::replace(before, freed.clone()), freed)]);
                ready = self.give_up(first);
            } else {
                let wave = std::mem::take(&mut ready);
                waves.push(wave.iter().map(|at| self.changes[*at].clone()).map(|(b, a)| Turn::Change(b, a)).collect());
                ready = wave.into_iter().flat_map(|at| self.give_up(at)).collect();
            }
        }
    }

    /// Who waits for nothing any more when it has given up what it has.
    fn give_up(&mut self, at: usize) -> Vec<usize> {
        let waiting = std::mem::take(&mut self.waiting[at]);
        let waits = &mut self.waits;
        waiting
            .into_iter()
            .filter(|other| {
                waits[*other] -= 1;
                waits[*other] == 0
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use dip_core::hardware::MacAddr;
    use dip_core::id::SiteName;

    use super::super::entry::{Client, Subnet};
    use super::*;
    use crate::provider::Reservation;

    fn site() -> SiteName {
        SiteName::new("lab").expect("a name")
    }

    fn mac(last: u8) -> MacAddr {
        MacAddr([2, 0, 0, 0, 0, last])
    }

    fn address(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    /// What is stored: interface 1 has address 1, and so on.
    fn stored(count: u8) -> Vec<Entry> {
        let entry = |last: u8| Entry {
            standing: Standing::Stored(i64::from(last) - 1),
            fate: Fate::Same,
            family: Family::V4,
            subnet: SubnetId(1),
            client: Client::Mac(mac(last)),
            duid: None,
            addresses: vec![address(last)],
            host_name: None,
            classes: Vec::new(),
            owner: Some(site()),
        };
        (1..=count).map(entry).collect()
    }

    /// The waves by which the interfaces get these addresses, in letters: what is done, of whom, and what it has then.
    fn waves_of(stored: &[Entry], wanted: &[(u8, u8)]) -> Vec<Vec<(char, u8, Vec<u8>)>> {
        let subnet = Subnet { id: SubnetId(1), prefix: "10.0.0.0/24".parse().expect("a prefix"), reservable: true };
        let mut book = Book::new(vec![subnet], stored.to_vec());
        for (of, last) in wanted {
            let wanted =
                Reservation { mac: mac(*of), addresses: vec![address(*last)], host_name: None, duid: None, boot: None };
            book.reserve(&wanted, &site()).expect("it is ours");
        }
        let last = |address: &IpAddr| match address {
            IpAddr::V4(v4) => v4.octets()[3],
            IpAddr::V6(_) => 0,
        };
        let told = |turn: &Turn| {
            let (word, entry) = match turn {
                Turn::Remove(entry) => ('-', entry),
                Turn::Change(_, entry) => ('~', entry),
                Turn::Add(entry) => ('+', entry),
            };
            let Client::Mac(mac) = entry.client else { panic!("all are known by their interfaces") };
            (word, mac.0[5], entry.addresses.iter().map(last).collect())
        };
        waves(&book, stored).iter().map(|wave| wave.iter().map(told).collect()).collect()
    }

    #[test]
    fn who_gives_an_address_up_goes_before_who_takes_it_and_what_is_new_comes_last() {
        let stored = stored(3);
        let moved = waves_of(&stored, &[(3, 9), (2, 3), (1, 2), (7, 7)]);
        assert_eq!(moved, [[('~', 3, vec![9])], [('~', 2, vec![3])], [('~', 1, vec![2])], [('+', 7, vec![7])]]);
    }

    #[test]
    fn of_a_circle_one_gives_its_address_up_first() {
        let stored = stored(2);
        let exchanged = waves_of(&stored, &[(1, 2), (2, 1)]);
        assert_eq!(exchanged.iter().flatten().map(|(word, _, _)| *word).collect::<String>(), "~~~", "{exchanged:?}");
        let mut has: HashMap<u8, Vec<u8>> = [(1, vec![1]), (2, vec![2])].into();
        for (_, of, addresses) in exchanged.into_iter().flatten() {
            let taken = has.iter().any(|(other, held)| *other != of && held.iter().any(|one| addresses.contains(one)));
            assert!(!taken, "nothing has what another one still holds");
            has.insert(of, addresses);
        }
        assert_eq!(has, [(1, vec![2]), (2, vec![1])].into());
    }
}
