//! What Kea keeps for whom, and what a change makes of it: no server is asked here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use dip_core::hardware::{Duid, MacAddr};
use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, Holder};

use super::super::boot_tag::tag;
use super::super::failure::Failure;
use super::super::host_name;
use super::classes::{self, Classes};
use super::entry::{Client, Entry, Family, Fate, Standing, Subnet, SubnetId};
use crate::provider::{BootFiles, Held, Reservation};

/// All entries that matter, found by interface and by address.
#[derive(Debug, Default)]
pub(super) struct Book {
    subnets: Vec<Subnet>,
    classes: Classes,
    /// The boot files that reservations of this change have, by the class that tells them.
    boots: BTreeMap<String, (SiteName, BootFiles)>,
    /// On whose behalf it is made.
    sites: BTreeSet<SiteName>,
    entries: Vec<Entry>,
    by_mac: HashMap<MacAddr, Vec<usize>>,
    by_address: HashMap<IpAddr, Vec<usize>>,
    by_duid: HashMap<Duid, Vec<usize>>,
}

impl Book {
    pub(super) fn new(subnets: Vec<Subnet>, entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut book = Self { subnets, ..Self::default() };
        entries.into_iter().for_each(|entry| book.add(entry));
        book
    }

    pub(super) fn with_classes(mut self, classes: Classes) -> Self {
        self.classes = classes;
        self
    }

    /// The boot files that have to be told, by the class that tells them.
    pub(super) const fn boots(&self) -> &BTreeMap<String, (SiteName, BootFiles)> {
        &self.boots
    }

    /// The sites on whose behalf something changes.
    pub(super) const fn sites(&self) -> &BTreeSet<SiteName> {
        &self.sites
    }

    /// What is kept for an interface, as one reservation. An entry without a mark among several makes it nobody's: it must be told, not hidden.
    pub(super) fn held(&self, mac: MacAddr) -> Option<Held> {
        let mut entries = self.of(mac).map(|at| &self.entries[at]).peekable();
        let mut owner = entries.peek()?.owner.clone();
        let mut reservation = Reservation { mac, addresses: Vec::new(), host_name: None, duid: None, boot: None };
        let (mut boot, mut boot6) = (None, None);
        for entry in entries {
            reservation.addresses.extend(&entry.addresses);
            reservation.host_name = reservation.host_name.or_else(|| entry.host_name.clone());
            let told = match entry.family {
                Family::V4 => &mut boot,
                Family::V6 => &mut boot6,
            };
            *told = told.take().or_else(|| self.classes.boot(entry.family, entry.subnet, &entry.classes).cloned());
            reservation.duid = reservation.duid.or_else(|| entry.needed_duid(mac).cloned());
            owner = owner.filter(|_| entry.owner.is_some());
        }
        reservation.boot = BootFiles::joined(boot, boot6);
        reservation.addresses.sort_unstable();
        reservation.addresses.dedup();
        Some(Held { reservation, owner })
    }

    pub(super) fn list(&self) -> Vec<Held> {
        let macs: BTreeSet<MacAddr> = self.by_mac.keys().copied().collect();
        macs.into_iter().filter_map(|mac| self.held(mac)).collect()
    }

    /// Keeps addresses for an interface. Nothing is changed where it fails.
    pub(super) fn reserve(&mut self, wanted: &Reservation, owner: &SiteName) -> Result<(), Failure> {
        let groups = self.groups(wanted)?;
        let boots = classes::parts(wanted)?;
        for (family, boot) in &boots {
            let of = groups.keys().filter(|(of, _)| of == family).map(|(_, subnet)| *subnet).collect();
            self.classes.accept(*family, &of, owner, boot)?;
        }
        let mut others = BTreeSet::new();
        for address in &wanted.addresses {
            for at in self.with(*address) {
                self.refuse_foreign(at, &address.to_string(), owner)?;
                if self.entries[at].client != Client::Mac(wanted.mac) {
                    others.insert(at);
                }
            }
        }
        let present: Vec<usize> = self.of(wanted.mac).collect();
        for at in &present {
            self.refuse_foreign(*at, &wanted.mac.to_string(), owner)?;
        }
        let duid = wanted.needed_duid();
        if let Some(duid) = duid {
            self.refuse_shared(duid, wanted, groups.keys(), owner)?;
        }
        let class = |family: Family| boots.get(&family).map(|boot| tag(owner, boot));
        self.sites.insert(owner.clone());
        self.boots.extend(boots.values().map(|boot| (tag(owner, boot), (owner.clone(), boot.clone()))));
        for at in others {
            let mut left = self.entries[at].addresses.clone();
            left.retain(|address| !wanted.addresses.contains(address));
            self.entries[at].fate = if left.is_empty() { Fate::Removed } else { Fate::Changed };
            self.entries[at].addresses = left;
        }
        for at in present {
            let entry = &mut self.entries[at];
            // Kea finds a client by what it is known by: another DUID is another reservation.
            let known = entry.family == Family::V4 || entry.needed_duid(wanted.mac) == duid;
            if !known || !groups.contains_key(&(entry.family, entry.subnet)) {
                entry.fate = Fate::Removed;
            }
        }
        for ((family, subnet), addresses) in groups {
            let found = self.of(wanted.mac).find(|at| {
                let entry = &self.entries[*at];
                (entry.family, entry.subnet) == (family, subnet)
            });
            match found {
                Some(at) => {
                    // Somebody may have changed what a class says.
                    let told = boots
                        .get(&family)
                        .is_none_or(|boot| self.classes.tell(family, subnet, &tag(owner, boot), boot));
                    if !told {
                        self.entries[at].fate = Fate::Changed;
                    }
                    let classes = self.entries[at].classes_with(class(family).as_deref(), owner);
                    self.change(at, addresses, wanted.host_name.clone(), classes);
                }
                None => self.add(Entry {
                    standing: Standing::New,
                    fate: Fate::Changed,
                    family,
                    subnet,
                    client: Client::Mac(wanted.mac),
                    duid: duid.filter(|_| family == Family::V6).cloned(),
                    addresses,
                    host_name: wanted.host_name.clone(),
                    classes: class(family).into_iter().collect(),
                    owner: Some(owner.clone()),
                }),
            }
        }
        Ok(())
    }

    pub(super) fn release(&mut self, mac: MacAddr, owner: &SiteName) -> Result<(), Failure> {
        let present: Vec<usize> = self.of(mac).collect();
        present.iter().try_for_each(|at| self.refuse_foreign(*at, &mac.to_string(), owner))?;
        self.sites.insert(owner.clone());
        for at in present {
            self.entries[at].fate = Fate::Removed;
        }
        Ok(())
    }

    /// Lets the reservation of an interface carry another mark, or none.
    pub(super) fn hand_over(&mut self, mac: MacAddr, from: &Holder, to: &Holder) -> Result<(), Failure> {
        let present: Vec<usize> = self.of(mac).collect();
        for at in &present {
            let entry = &self.entries[*at];
            let holder = Holder::from(entry.owner.clone());
            if holder != *to && holder != *from {
                let why = format!("the reservation of {mac} carries {holder}");
                return Err(Failure::new(ErrorKind::Conflict, why));
            }
            if holder != *to && entry.standing == Standing::Fixed {
                return Err(in_a_file(&mac.to_string()));
            }
        }
        for at in present {
            let entry = &mut self.entries[at];
            if Holder::from(entry.owner.clone()) != *to {
                entry.owner = to.site().cloned();
                entry.fate = Fate::Changed;
            }
        }
        Ok(())
    }

    /// The entries that are to be written, with what is to become of each.
    pub(super) fn changes(&self) -> impl Iterator<Item = &Entry> {
        let never_was = |entry: &&Entry| entry.fate == Fate::Removed && entry.standing == Standing::New;
        self.entries.iter().filter(|entry| entry.fate != Fate::Same).filter(move |entry| !never_was(entry))
    }

    /// The addresses of each subnet that has some of what is wanted.
    fn groups(&self, wanted: &Reservation) -> Result<BTreeMap<(Family, SubnetId), Vec<IpAddr>>, Failure> {
        let invalid = |why: String| Failure::new(ErrorKind::Invalid, why);
        if wanted.addresses.is_empty() {
            return Err(invalid("no address is wanted".to_owned()).advise("give the interface an address"));
        }
        if let Some(name) = wanted.host_name.as_ref().filter(|name| !host_name::is_name(name)) {
            return Err(
                invalid(format!("`{name}` is no host name")).advise("rename the node to letters, digits and `-`")
            );
        }
        let mut groups: BTreeMap<_, Vec<IpAddr>> = BTreeMap::new();
        for address in &wanted.addresses {
            let holds = |subnet: &&Subnet| subnet.prefix.contains(*address);
            let Some(subnet) = self.subnets.iter().filter(holds).max_by_key(|subnet| subnet.prefix.prefix()) else {
                return Err(invalid(format!("Kea serves no subnet that {address} is in"))
                    .advise("add the subnet to Kea, or correct the addresses or the `networks` of this service"));
            };
            if !subnet.reservable {
                return Err(invalid(format!("Kea does not look at reservations in its subnet {}", subnet.prefix))
                    .advise("set `reservations-in-subnet` of it to true"));
            }
            let group = groups.entry((Family::of(*address), subnet.id)).or_default();
            if !group.contains(address) {
                group.push(*address);
            }
        }
        if let Some(((_, _), two)) = groups.iter().find(|((family, _), all)| *family == Family::V4 && all.len() > 1) {
            let why = format!(
                "{} and {} are in one subnet, where Kea keeps one IPv4 address for an interface",
                two[0], two[1]
            );
            return Err(invalid(why).advise("give the interface one IPv4 address in each subnet"));
        }
        Ok(groups)
    }

    fn refuse_foreign(&self, at: usize, what: &str, owner: &SiteName) -> Result<(), Failure> {
        let entry = &self.entries[at];
        if entry.owner.as_ref() == Some(owner) {
            return Ok(());
        }
        let whose = match &entry.owner {
            Some(site) => format!("site `{site}`"),
            None if entry.standing == Standing::Fixed => return Err(in_a_file(what)),
            None => "a reservation without a mark of dip".to_owned(),
        };
        let name = entry.host_name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        let why = format!("{what} is held by {whose}, for {}{name} in Kea's subnet {}", entry.client, entry.subnet.0);
        Err(Failure::new(ErrorKind::Conflict, why).advise("remove it there first"))
    }

    /// Kea keeps one reservation for a client in a subnet: what else asks by the DUID there is foreign, or contradicts what is wanted.
    fn refuse_shared<'g>(
        &self,
        duid: &Duid,
        wanted: &Reservation,
        groups: impl Iterator<Item = &'g (Family, SubnetId)>,
        owner: &SiteName,
    ) -> Result<(), Failure> {
        for group in groups.filter(|(family, _)| *family == Family::V6) {
            let all = self.by_duid.get(duid).into_iter().flatten().copied();
            let live = all.filter(|at| self.entries[*at].fate != Fate::Removed);
            for at in live.filter(|at| (self.entries[*at].family, self.entries[*at].subnet) == *group) {
                self.refuse_foreign(at, &format!("the DUID {duid}"), owner)?;
                let entry = &self.entries[at];
                // A card that was replaced: the former reservation is about to lose all that it has.
                let stays = entry.addresses.iter().any(|address| !wanted.addresses.contains(address));
                if stays && entry.client != Client::Mac(wanted.mac) {
                    let why = format!("the DUID {duid} is that of {} in Kea's subnet {} too", entry.client, group.1.0);
                    let advice = "a client asks by one DUID for all of its interfaces: give one of them addresses of that subnet";
                    return Err(Failure::new(ErrorKind::Invalid, why).advise(advice));
                }
            }
        }
        Ok(())
    }

    fn change(&mut self, at: usize, addresses: Vec<IpAddr>, host_name: Option<String>, classes: Vec<String>) {
        let entry = &self.entries[at];
        let set = |addresses: &[IpAddr]| addresses.iter().copied().collect::<BTreeSet<_>>();
        if set(&entry.addresses) == set(&addresses) && entry.host_name == host_name && entry.classes == classes {
            return;
        }
        for address in &addresses {
            self.by_address.entry(*address).or_default().push(at);
        }
        let entry = &mut self.entries[at];
        (entry.addresses, entry.host_name, entry.classes) = (addresses, host_name, classes);
        entry.fate = Fate::Changed;
    }

    fn add(&mut self, entry: Entry) {
        let at = self.entries.len();
        if let Client::Mac(mac) = entry.client {
            self.by_mac.entry(mac).or_default().push(at);
        }
        for address in &entry.addresses {
            self.by_address.entry(*address).or_default().push(at);
        }
        if let Some(duid) = &entry.duid {
            self.by_duid.entry(duid.clone()).or_default().push(at);
        }
        self.entries.push(entry);
    }

    fn of(&self, mac: MacAddr) -> impl Iterator<Item = usize> {
        let all = self.by_mac.get(&mac).into_iter().flatten().copied();
        all.filter(|at| self.entries[*at].fate != Fate::Removed)
    }

    /// The live entries that have an address; the index may know of ones that gave it up.
    fn with(&self, address: IpAddr) -> impl Iterator<Item = usize> {
        let all = self.by_address.get(&address).into_iter().flatten().copied();
        all.filter(move |at| self.entries[*at].fate != Fate::Removed && self.entries[*at].addresses.contains(&address))
    }
}

fn in_a_file(what: &str) -> Failure {
    let why = format!("{what} is held by a reservation in Kea's configuration file");
    Failure::new(ErrorKind::Conflict, why).advise("remove it there first")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(name: &str) -> SiteName {
        SiteName::new(name).expect("a name")
    }

    fn mac(last: u8) -> MacAddr {
        MacAddr([2, 0, 0, 0, 0, last])
    }

    fn wanted(last: u8, addresses: &[&str]) -> Reservation {
        let addresses = addresses.iter().map(|address| address.parse().expect("an address")).collect();
        Reservation { mac: mac(last), addresses, host_name: Some("n1".to_owned()), duid: None, boot: None }
    }

    fn book() -> Book {
        let subnet = |id, prefix: &str| Subnet {
            id: SubnetId(id),
            prefix: prefix.parse().expect("a prefix"),
            reservable: id != 3,
        };
        Book::new(
            vec![subnet(1, "10.0.0.0/24"), subnet(2, "10.0.1.0/24"), subnet(3, "10.0.2.0/24"), subnet(1, "fd00::/64")],
            [],
        )
    }

    #[test]
    fn each_address_goes_into_the_subnet_that_holds_it() {
        let mut book = book();
        book.reserve(&wanted(1, &["10.0.1.7", "fd00::7", "fd00::8"]), &site("lab")).expect("it is free");
        let entries: Vec<_> =
            book.changes().map(|entry| (entry.family, entry.subnet.0, entry.addresses.len())).collect();
        assert_eq!(entries, [(Family::V4, 2, 1), (Family::V6, 1, 2)]);
        let held = book.held(mac(1)).expect("it is there");
        assert!(held.reservation.agrees_with(&wanted(1, &["fd00::8", "10.0.1.7", "fd00::7"])));
    }

    #[test]
    fn what_kea_could_not_keep_is_refused_with_the_reason() {
        let mut book = book();
        let mut why = |addresses: &[&str]| {
            let failure = book.reserve(&wanted(1, addresses), &site("lab")).expect_err("it cannot be kept");
            assert_eq!(failure.kind, ErrorKind::Invalid);
            failure.why
        };
        assert_eq!(why(&["192.0.2.1"]), "Kea serves no subnet that 192.0.2.1 is in");
        assert_eq!(why(&["10.0.2.1"]), "Kea does not look at reservations in its subnet 10.0.2.0/24");
        assert!(why(&["10.0.0.1", "10.0.0.2"]).starts_with("10.0.0.1 and 10.0.0.2 are in one subnet"));
        assert_eq!(book.changes().count(), 0);
    }

    #[test]
    fn an_address_that_moved_is_free_for_nobody_else_and_its_former_entry_is_gone() {
        let mut book = book();
        book.reserve(&wanted(1, &["10.0.0.1"]), &site("lab")).expect("it is free");
        book.reserve(&wanted(2, &["10.0.0.1"]), &site("lab")).expect("it is ours");
        assert_eq!(book.held(mac(1)), None);
        assert_eq!(book.changes().count(), 1, "what never was need not be removed");
        let failure = book.reserve(&wanted(3, &["10.0.0.1"]), &site("other")).expect_err("it is another site's");
        assert_eq!(failure.why, "10.0.0.1 is held by site `lab`, for 02:00:00:00:00:02 (n1) in Kea's subnet 1");
        // Both go to other addresses: the first one is free again.
        book.reserve(&wanted(2, &["10.0.0.9"]), &site("lab")).expect("it is free");
        book.reserve(&wanted(3, &["10.0.0.1"]), &site("other")).expect("it was given up");
    }
}
