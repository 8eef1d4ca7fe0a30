//! A DHCP server's reservations.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use dip_core::hardware::{Duid, MacAddr};
use dip_core::id::SiteName;
use dip_core::provider::Holder;
use dip_network::provider::{Held, Reservation};

/// The reservations of one server, with indexes of their addresses and DUIDs.
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    by_mac: BTreeMap<MacAddr, Held>,
    by_address: HashMap<IpAddr, MacAddr>,
    by_duid: HashMap<Duid, MacAddr>,
}

/// Somebody else holds what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the reservation of {mac} {}", whose(.owner.as_ref()))]
pub(crate) struct Foreign {
    mac: MacAddr,
    owner: Option<SiteName>,
}

fn whose(owner: Option<&SiteName>) -> String {
    owner.map_or_else(|| "carries nobody's mark".to_owned(), |owner| format!("carries the mark of site `{owner}`"))
}

impl Reservations {
    pub(crate) fn find(&self, mac: MacAddr) -> Option<&Held> {
        self.by_mac.get(&mac)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.by_mac.values()
    }

    /// Keeps addresses for an interface; tells whether that changed anything.
    pub(crate) fn reserve(&mut self, wanted: &Reservation, owner: &SiteName) -> Result<bool, Foreign> {
        let moved: Vec<_> =
            wanted.addresses.iter().filter_map(|address| self.by_address.get(address)).copied().collect();
        let known = wanted.needed_duid().and_then(|duid| self.by_duid.get(duid)).copied();
        for mac in moved.iter().copied().chain([wanted.mac]).chain(known) {
            self.owned(mac, owner)?;
        }
        if self.by_mac.get(&wanted.mac).is_some_and(|held| held.reservation.agrees_with(wanted)) {
            return Ok(false);
        }
        for mac in moved.into_iter().filter(|mac| *mac != wanted.mac) {
            self.take_away(mac, &wanted.addresses);
        }
        self.remove(wanted.mac);
        self.put(Held { reservation: wanted.clone(), owner: Some(owner.clone()) });
        Ok(true)
    }

    /// Gives up a reservation; tells whether there was one.
    pub(crate) fn release(&mut self, mac: MacAddr, owner: &SiteName) -> Result<bool, Foreign> {
        self.owned(mac, owner)?;
        Ok(self.remove(mac).is_some())
    }

    /// Lets a reservation carry another mark, or none; tells whether that changed anything.
    pub(crate) fn hand_over(&mut self, mac: MacAddr, from: &Holder, to: &Holder) -> Result<bool, Foreign> {
        let Some(held) = self.by_mac.get_mut(&mac) else { return Ok(false) };
        match Holder::from(held.owner.clone()) {
            holder if holder == *to => Ok(false),
            holder if holder == *from => {
                held.owner = to.site().cloned();
                Ok(true)
            }
            _ => Err(Foreign { mac, owner: held.owner.clone() }),
        }
    }

    /// Puts a reservation in, whoever wrote it.
    pub(crate) fn put(&mut self, held: Held) {
        let mac = held.reservation.mac;
        self.by_address.extend(held.reservation.addresses.iter().map(|address| (*address, mac)));
        self.by_duid.extend(held.reservation.needed_duid().map(|duid| (duid.clone(), mac)));
        self.by_mac.insert(mac, held);
    }

    fn owned(&self, mac: MacAddr, owner: &SiteName) -> Result<(), Foreign> {
        match self.by_mac.get(&mac) {
            Some(held) if held.owner.as_ref() != Some(owner) => Err(Foreign { mac, owner: held.owner.clone() }),
            _ => Ok(()),
        }
    }

    pub(crate) fn remove(&mut self, mac: MacAddr) -> Option<Held> {
        let held = self.by_mac.remove(&mac)?;
        held.reservation.addresses.iter().for_each(|address| {
            self.by_address.remove(address);
        });
        if let Some(duid) = held.reservation.needed_duid() {
            self.by_duid.remove(duid);
        }
        Some(held)
    }

    /// An interface loses addresses to another one; without any left it has no reservation.
    fn take_away(&mut self, mac: MacAddr, addresses: &[IpAddr]) {
        if let Some(mut held) = self.remove(mac) {
            held.reservation.addresses.retain(|address| !addresses.contains(address));
            if !held.reservation.addresses.is_empty() {
                self.put(held);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(mac: u8, addresses: &[&str]) -> Reservation {
        Reservation {
            mac: MacAddr([2, 0, 0, 0, 0, mac]),
            addresses: addresses.iter().map(|address| address.parse().expect("an address")).collect(),
            host_name: None,
            duid: None,
            boot: None,
        }
    }

    fn site(name: &str) -> SiteName {
        SiteName::new(name).expect("a name")
    }

    #[test]
    fn an_address_moves_with_a_replaced_card_and_the_rest_stays() {
        let mut server = Reservations::default();
        assert_eq!(server.reserve(&wanted(1, &["10.0.0.1", "10.0.0.2"]), &site("lab")).ok(), Some(true));
        assert_eq!(server.reserve(&wanted(2, &["10.0.0.1"]), &site("lab")).ok(), Some(true));
        assert_eq!(server.find(wanted(1, &[]).mac).map(|held| &held.reservation), Some(&wanted(1, &["10.0.0.2"])));
        assert_eq!(server.reserve(&wanted(2, &["10.0.0.1"]), &site("lab")).ok(), Some(false));
    }

    #[test]
    fn what_another_site_holds_is_left_alone() {
        let mut server = Reservations::default();
        server.reserve(&wanted(1, &["10.0.0.1"]), &site("other")).expect("nobody holds it");
        let error = server.reserve(&wanted(2, &["10.0.0.1"]), &site("lab")).expect_err("another site holds it");
        assert!(error.to_string().contains("site `other`"), "{error}");
        assert!(server.release(wanted(1, &[]).mac, &site("lab")).is_err());
        assert_eq!(server.iter().count(), 1);
    }
}
