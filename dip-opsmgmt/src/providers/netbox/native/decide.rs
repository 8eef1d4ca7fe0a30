//! What is to be done so that interfaces and addresses are as a record says: a pure function of what is there.

use std::collections::HashSet;
use std::net::IpAddr;

use dip_core::hardware::MacAddr;
use dip_core::id::{NicName, SiteName};
use ipnetwork::IpNetwork;
use serde_json::Value;

use super::mark::{self, Mark};
use super::over::Over;
use super::state::{Address, Id, Interface, Native, PRIMARIES, primaries};
use crate::provider::{NicRecord, NodeRecord};
use crate::settings::Owned;

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Act {
    /// Makes an interface, with the mark.
    MakeInterface { nic: NicName, mac: Option<MacAddr> },
    /// Changes the MAC address of an interface that has another one.
    SetMac { interface: Id, was: Option<MacAddr>, mac: Option<MacAddr> },
    /// Makes an address on an interface, with the mark.
    MakeAddress { address: IpNetwork, nic: NicName },
    /// Puts an address that is there on an interface, and takes it off all others.
    Assign { address: Id, was: Vec<Id>, nic: NicName },
    /// Takes an address off an interface.
    Unassign { address: Id, was: Vec<Id> },
    /// Lets the device be known by an address: by what it is, as it may be made only now.
    SetPrimary { key: &'static str, address: IpAddr },
    /// Lets the device be known as it was before.
    RestorePrimary { key: &'static str, address: Value },
    /// Removes an address that carries the mark.
    RemoveAddress(Id),
    /// Removes an interface that carries the mark.
    RemoveInterface(Id),
    /// Takes the mark off an interface that others use.
    UnmarkInterface(Id),
    /// Takes the mark off an address that others use.
    UnmarkAddress(Id),
}

/// What is to be done, what is to be kept of before, and what somebody else holds.
#[derive(Debug, Default)]
pub(in super::super) struct Decision {
    pub(in super::super) acts: Vec<Act>,
    pub(in super::super) over: Over,
    /// Fragments: "the MAC address 52:54:00:00:00:01 of interface eth0, which carries nobody's mark".
    pub(in super::super) conflicts: Vec<String>,
}

/// What is to be done for a record on behalf of a site that owns some fields of others.
pub(in super::super) fn decide(
    record: &NodeRecord,
    owner: &SiteName,
    native: &Native,
    over: Over,
    owns: &[Owned],
) -> Decision {
    let mut decider = Decider { record, owner, native, owns, decision: Decision { over, ..Decision::default() } };
    for nic in &record.nics {
        decider.interface(nic);
    }
    for nic in &record.nics {
        nic.addresses.iter().for_each(|address| decider.address(nic, *address));
    }
    primaries(record).for_each(|address| decider.primary(address));
    decider.stale();
    decider.decision
}

struct Decider<'a> {
    record: &'a NodeRecord,
    owner: &'a SiteName,
    native: &'a Native,
    owns: &'a [Owned],
    decision: Decision,
}

impl Decider<'_> {
    fn is_ours(&self, mark: Option<&Mark>) -> bool {
        mark.is_some_and(|mark| mark.site == *self.owner)
    }

    fn interface(&mut self, nic: &NicRecord) {
        let Some(there) = self.native.interface(nic) else {
            return self.decision.acts.push(Act::MakeInterface { nic: nic.name.clone(), mac: nic.mac });
        };
        let Some(mac) = nic.mac.filter(|mac| there.mac != Some(*mac)) else { return };
        let id = there.id.to_string();
        let was_ours = self.is_ours(there.mark.as_ref()) || self.decision.over.macs.contains_key(&id);
        if let (Some(other), false) = (there.mac, was_ours || self.owns.contains(&Owned::Mac)) {
            let holder = mark::holder(there.mark.as_ref());
            let text = format!("the MAC address {other} of its interface {}, which carries {holder}", there.name);
            return self.decision.conflicts.push(text);
        }
        if !was_ours {
            self.decision.over.macs.insert(id, there.mac.map(|mac| mac.to_string()).unwrap_or_default());
        }
        self.decision.acts.push(Act::SetMac { interface: there.id.clone(), was: there.mac, mac: Some(mac) });
    }

    fn address(&mut self, nic: &NicRecord, wanted: IpNetwork) {
        let interface = self.native.interface(nic).map(|there| &there.id);
        let all: Vec<&Address> = self.native.with_address(wanted.ip()).collect();
        if all.iter().any(|there| interface.is_some_and(|id| there.on.contains(id))) {
            return;
        }
        let Some(there) = all.iter().find(|there| self.is_ours(there.mark.as_ref())).or(all.first()) else {
            return self.decision.acts.push(Act::MakeAddress { address: wanted, nic: nic.name.clone() });
        };
        if !self.is_ours(there.mark.as_ref()) {
            let here = there.on.iter().all(|on| self.native.interfaces.iter().any(|interface| interface.id == *on));
            // One that is typed in for this very machine is waiting for its interface.
            let is_its_own = there.on.is_empty() && there.dns_name == self.record.host_name;
            let may = is_its_own || (here && self.owns.contains(&Owned::Addresses));
            if there.mark.is_some() || !may {
                let holder = mark::holder(there.mark.as_ref());
                let text = format!("the address {}, which {} and carries {holder}", there.address, self.place(there));
                return self.decision.conflicts.push(text);
            }
            self.decision.over.assigned.insert(there.id.to_string());
        }
        let (address, was) = (there.id.clone(), there.on.clone());
        self.decision.acts.push(Act::Assign { address, was, nic: nic.name.clone() });
    }

    /// Where an address is.
    fn place(&self, address: &Address) -> String {
        let of =
            if address.dns_name.is_empty() { String::new() } else { format!("is called {} and ", address.dns_name) };
        let on = address.on.first().map(|on| self.native.interfaces.iter().find(|interface| interface.id == *on));
        match on {
            None => format!("{of}is on no interface"),
            Some(Some(interface)) => format!("{of}is on its interface {}", interface.name),
            Some(None) => format!("{of}is on an interface of another device"),
        }
    }

    fn primary(&mut self, wanted: IpAddr) {
        let index = usize::from(wanted.is_ipv6());
        let key = PRIMARIES[index];
        let (now, id) = (self.native.primary_like(wanted), self.native.primaries[index].as_ref());
        if now.is_some_and(|now| now.address.ip() == wanted) {
            return;
        }
        let was_ours =
            now.is_some_and(|now| self.is_ours(now.mark.as_ref())) || self.decision.over.primary.contains_key(key);
        if let (Some(id), false) = (id, was_ours || self.owns.contains(&Owned::PrimaryIp)) {
            let holder = mark::holder(now.and_then(|now| now.mark.as_ref()));
            let told = now.map_or_else(|| id.to_string(), |now| now.address.to_string());
            return self.decision.conflicts.push(format!("its {key} {told}, which carries {holder}"));
        }
        if !was_ours {
            self.decision.over.primary.insert(key.to_owned(), id.map_or(Value::Null, |id| id.0.clone()));
        }
        self.decision.acts.push(Act::SetPrimary { key, address: wanted });
    }

    /// What dip made for the node and nothing asks for any more.
    fn stale(&mut self) {
        let wanted: HashSet<IpAddr> =
            self.record.nics.iter().flat_map(|nic| &nic.addresses).map(|address| address.ip()).collect();
        let kept: Vec<&Id> = self.record.nics.iter().filter_map(|nic| Some(&self.native.interface(nic)?.id)).collect();
        let unwanted = |address: &&Address| !wanted.contains(&address.address.ip());
        let of_others =
            leave(self.record, self.owner, self.native, &self.decision.over, unwanted, &mut self.decision.acts);
        self.decision.over.assigned.retain(|id| !of_others.contains(id));
        for interface in self.native.interfaces.iter().filter(|interface| !kept.contains(&&interface.id)) {
            self.decision.acts.extend(without_interface(interface, self.owner, self.native));
        }
    }
}

/// What takes away all that dip made for a node, and puts back what it wrote over, where that still is as dip wrote it.
pub(in super::super) fn undo(record: &NodeRecord, owner: &SiteName, native: &Native, over: &Over) -> Vec<Act> {
    let mut acts = Vec::new();
    for address in primaries(record) {
        let key = PRIMARIES[usize::from(address.is_ipv6())];
        let still = native.primary_like(address).is_some_and(|now| now.address.ip() == address);
        if let Some(before) = over.primary.get(key).filter(|_| still) {
            acts.push(Act::RestorePrimary { key, address: before.clone() });
        }
    }
    leave(record, owner, native, over, |_| true, &mut acts);
    for nic in &record.nics {
        let Some(there) = native.interface(nic).filter(|there| there.mac.is_some() && there.mac == nic.mac) else {
            continue;
        };
        if let Some(before) = over.macs.get(&there.id.to_string()) {
            acts.push(Act::SetMac { interface: there.id.clone(), was: there.mac, mac: before.parse().ok() });
        }
    }
    acts.extend(native.interfaces.iter().filter_map(|interface| without_interface(interface, owner, native)));
    acts
}

/// Takes addresses away that dip made for the node, and off it those that it put there; gives the ids of the latter.
fn leave(
    record: &NodeRecord,
    owner: &SiteName,
    native: &Native,
    over: &Over,
    which: impl Fn(&&Address) -> bool,
    acts: &mut Vec<Act>,
) -> Vec<String> {
    let mut of_others = Vec::new();
    for address in native.addresses.iter().filter(which) {
        let here = |on: &Id| native.interfaces.iter().any(|interface| interface.id == *on);
        let ours = address.mark.as_ref().filter(|mark| mark.site == *owner && mark.is_of(record.node.as_str()));
        if ours.is_some() && address.on.iter().all(here) {
            acts.push(Act::RemoveAddress(address.id.clone()));
        } else if ours.is_some() {
            // Somebody gave it to another device meanwhile.
            acts.push(Act::UnmarkAddress(address.id.clone()));
        } else if over.assigned.contains(&address.id.to_string()) && address.on.iter().any(here) {
            of_others.push(address.id.to_string());
            acts.push(Act::Unassign { address: address.id.clone(), was: address.on.clone() });
        }
    }
    of_others
}

/// What becomes of an interface that dip made and needs no more; `None` for others.
fn without_interface(interface: &Interface, owner: &SiteName, native: &Native) -> Option<Act> {
    interface.mark.as_ref().filter(|mark| mark.site == *owner)?;
    let foreign = |address: &&Address| address.mark.as_ref().is_none_or(|mark| mark.site != *owner);
    let is_used = native.addresses.iter().filter(foreign).any(|address| address.on.contains(&interface.id));
    let id = interface.id.clone();
    Some(if interface.in_use || is_used { Act::UnmarkInterface(id) } else { Act::RemoveInterface(id) })
}
#[cfg(test)]
mod tests {
    use super::*;
    use dip_core::hardware::Identity;
    use dip_core::id::NodeName;
    use serde_json::json;

    fn site(name: &str) -> SiteName {
        SiteName::new(name).expect("a name")
    }

    fn record() -> NodeRecord {
        let nic = NicRecord {
            name: NicName::new("eth0").expect("a name"),
            mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
            addresses: vec!["10.1.0.11/24".parse().expect("an address")],
        };
        NodeRecord {
            node: NodeName::new("n1").expect("a name"),
            host_name: "n1.lab.test".to_owned(),
            addresses: vec![IpAddr::from([10, 1, 0, 11])],
            rack: None,
            identity: Identity::default(),
            nics: vec![nic],
        }
    }

    fn id(number: u32) -> Id {
        Id(json!(number))
    }

    fn mark(of: &str) -> Option<Mark> {
        Some(Mark { site: site("lab"), of: of.to_owned() })
    }

    fn interface(mac: u8, mark: Option<Mark>) -> Interface {
        Interface { id: id(1), name: "eth0".to_owned(), mac: Some(MacAddr([2, 0, 0, 0, 0, mac])), mark, in_use: false }
    }

    fn address(text: &str, dns_name: &str, mark: Option<Mark>, on: Vec<Id>) -> Address {
        let address = text.parse().expect("an address");
        Address { id: id(9), address, mark, dns_name: dns_name.to_owned(), on }
    }

    fn decided(native: &Native, owns: &[Owned]) -> Decision {
        decide(&record(), &site("lab"), native, Over::default(), owns)
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_as_wanted_is_left() {
        let made = decided(&Native::default(), &[]).acts;
        assert!(
            matches!(&made[..], [Act::MakeInterface { .. }, Act::MakeAddress { .. }, Act::SetPrimary { .. }]),
            "{made:?}"
        );
        let there = Native {
            interfaces: vec![interface(1, None)],
            addresses: vec![address("10.1.0.11/24", "", None, vec![id(1)])],
            primaries: [Some(id(9)), None],
        };
        let decision = decided(&there, &[]);
        assert_eq!((decision.acts, decision.over, decision.conflicts), (Vec::new(), Over::default(), Vec::new()));
        assert_eq!(undo(&record(), &site("lab"), &there, &Over::default()), [], "nothing of it is dip's");
    }

    #[test]
    fn what_others_wrote_is_a_conflict_unless_the_site_owns_it_and_another_device_always_is() {
        let typed = Native { interfaces: vec![interface(7, None)], ..Native::default() };
        let conflicts = decided(&typed, &[Owned::Addresses]).conflicts;
        assert_eq!(conflicts, ["the MAC address 02:00:00:00:00:07 of its interface eth0, which carries nobody's mark"]);
        let owned = decided(&typed, &[Owned::Mac]);
        assert_eq!(owned.over.macs, [("1".to_owned(), "02:00:00:00:00:07".to_owned())].into());
        let elsewhere = Native {
            interfaces: vec![interface(1, None)],
            addresses: vec![address("10.1.0.11/24", "web", None, vec![id(77)])],
            ..Native::default()
        };
        let conflicts = decided(&elsewhere, &[Owned::Addresses]).conflicts;
        assert_eq!(
            conflicts,
            [
                "the address 10.1.0.11/24, which is called web and is on an interface of another device and carries nobody's mark"
            ]
        );
    }

    #[test]
    fn an_address_that_waits_for_this_machine_is_put_on_its_interface_and_taken_off_again() {
        for (dns_name, mark) in [("n1.lab.test", None), ("", mark("n1/eth0/prod"))] {
            let there = Native {
                interfaces: vec![interface(1, None)],
                addresses: vec![address("10.1.0.11/24", dns_name, mark.clone(), Vec::new())],
                ..Native::default()
            };
            let decision = decided(&there, &[]);
            assert!(matches!(&decision.acts[..], [Act::Assign { .. }, Act::SetPrimary { .. }]), "{:?}", decision.acts);
            let on = Native { addresses: vec![address("10.1.0.11/24", dns_name, mark.clone(), vec![id(1)])], ..there };
            let undone = undo(&record(), &site("lab"), &on, &decision.over);
            let wanted = if mark.is_some() {
                Act::RemoveAddress(id(9))
            } else {
                Act::Unassign { address: id(9), was: vec![id(1)] }
            };
            assert_eq!(undone, [wanted]);
        }
    }

    #[test]
    fn what_dip_made_and_nobody_asks_for_any_more_goes_unless_others_use_it() {
        let former = |in_use| {
            let name = "eth1".to_owned();
            Interface { id: id(2), name, mac: None, mark: mark("n1/eth1"), in_use }
        };
        let there = |in_use| Native {
            interfaces: vec![interface(1, None), former(in_use)],
            addresses: vec![address("10.1.0.12/24", "", mark("n1/eth1"), vec![id(2)])],
            ..Native::default()
        };
        let acts = decided(&there(false), &[]).acts;
        assert_eq!(acts[2..], [Act::RemoveAddress(id(9)), Act::RemoveInterface(id(2))]);
        assert_eq!(decided(&there(true), &[]).acts[3], Act::UnmarkInterface(id(2)));
    }
}
