//! Network ports that the box tells of and the system does not: cards whose driver does not run, ports of other boards.

use std::collections::BTreeSet;

use dip_core::hardware::MacAddr;

use super::answer::Resource;
use super::error::Failure;
use super::health::health;
use super::machine::Machine;
use super::members::Member;
use super::resource::{Chassis, Maybe, NetworkAdapter, NetworkFunction, NetworkPort};
use crate::provider::{NicPort, Part};
use crate::providers::told::told;

impl Machine {
    /// The ports of the cards in these boxes; `None` where none of them tells of cards.
    pub(super) async fn adapter_ports(&self, boxes: &[Resource<Chassis>]) -> Result<Option<Vec<NicPort>>, Failure> {
        let mut all: Option<Vec<NicPort>> = None;
        for chassis in boxes {
            let adapters = self.all::<NetworkAdapter>(chassis.body.network_adapters.as_ref()).await?;
            for (member, adapter) in adapters.into_iter().flatten() {
                let ports = self.ports_of(&member, &adapter.unwrap_or_default()).await?;
                all.get_or_insert_with(Vec::new).extend(ports);
            }
        }
        Ok(all)
    }

    async fn ports_of(&self, member: &Member, adapter: &NetworkAdapter) -> Result<Vec<NicPort>, Failure> {
        let functions = self.all::<NetworkFunction>(adapter.network_device_functions.as_ref()).await?;
        let of_functions = functions.into_iter().flatten().filter_map(|(function, it)| {
            let ethernet = it?.ethernet.0?;
            let mac = mac(&ethernet.permanent_mac).or_else(|| mac(&ethernet.mac))?;
            Some(port(member, adapter, function.id(), mac, None))
        });
        let mut ports: Vec<_> = of_functions.collect();
        // The newer form and the older.
        let mut listed = self.all::<NetworkPort>(adapter.ports.as_ref()).await?;
        if listed.is_none() {
            listed = self.all::<NetworkPort>(adapter.network_ports.as_ref()).await?;
        }
        let of_ports = listed.into_iter().flatten().flat_map(|(at, it)| {
            let it = it.unwrap_or_default();
            let has_link = match it.link_status.as_deref() {
                Some("LinkUp" | "Up" | "Starting" | "Training") => Some(true),
                Some("LinkDown" | "Down" | "NoLink") => Some(false),
                _ => None,
            };
            let newer = it.ethernet.as_ref().map(|ethernet| ethernet.addresses.items()).unwrap_or_default();
            let told = newer.iter().chain(it.addresses.items()).filter_map(|text| read(text)).collect::<Vec<_>>();
            told.into_iter().map(move |mac| port(member, adapter, at.id(), mac, has_link)).collect::<Vec<_>>()
        });
        merge(&mut ports, of_ports.collect());
        Ok(ports)
    }
}

/// Adds the ports whose address is not among the known; of those that are, it adds what was not known of them.
pub(super) fn merge(known: &mut Vec<NicPort>, more: Vec<NicPort>) {
    let mut slots: BTreeSet<String> = known.iter().map(|port| port.part.slot.clone()).collect();
    for mut port in more {
        if let Some(same) = known.iter_mut().find(|other| other.mac.is_some() && other.mac == port.mac) {
            same.has_link = same.has_link.or(port.has_link);
            let part = &mut same.part;
            part.manufacturer = part.manufacturer.take().or(port.part.manufacturer);
            part.model = part.model.take().or(port.part.model);
            part.serial = part.serial.take().or(port.part.serial);
            part.health = part.health.or(port.part.health);
            continue;
        }
        // A function and a port, or ports of two cards, may be called alike.
        let name = port.part.slot.clone();
        for number in 2.. {
            if slots.insert(port.part.slot.clone()) {
                break;
            }
            port.part.slot = format!("{name} ({number})");
        }
        known.push(port);
    }
}

fn port(card: &Member, adapter: &NetworkAdapter, name: &str, mac: MacAddr, has_link: Option<bool>) -> NicPort {
    // Dell's names of ports say which card it is, others' are numbers.
    let slot = if name.contains(card.id()) { name.to_owned() } else { format!("{}/{name}", card.id()) };
    let part = Part {
        slot,
        manufacturer: told(adapter.manufacturer.as_deref()),
        model: told(adapter.model.as_deref()).or_else(|| told(adapter.part_number.as_deref())),
        serial: told(adapter.serial_number.as_deref()),
        health: health(adapter.status.as_ref()),
    };
    NicPort { part, mac: Some(mac), has_link }
}

fn mac(told: &Maybe<String>) -> Option<MacAddr> {
    told.as_deref().and_then(read)
}

/// An address that is one: some cards tell zeros for a port that has none, and Fibre Channel ports have names of eight bytes.
fn read(text: &str) -> Option<MacAddr> {
    let is_none = text.chars().all(|c| matches!(c, '0' | ':' | '-'));
    (!is_none).then(|| text.trim().parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nic(slot: &str, mac: &str, has_link: Option<bool>) -> NicPort {
        NicPort { part: Part { slot: slot.to_owned(), ..Part::default() }, mac: mac.parse().ok(), has_link }
    }

    #[test]
    fn an_address_is_one_port_and_names_stay_different() {
        let mut known = vec![nic("eth0", "02:00:00:00:00:01", None), nic("eth1", "", None)];
        let more = vec![
            nic("NIC.1/1", "02:00:00:00:00:01", Some(true)),
            nic("NIC.1/2", "02:00:00:00:00:02", Some(false)),
            nic("NIC.1/2", "02:00:00:00:00:03", None),
            nic("NIC.1/2", "02:00:00:00:00:02", None),
        ];
        merge(&mut known, more);
        let told: Vec<_> = known.iter().map(|port| (port.part.slot.as_str(), port.has_link)).collect();
        let wanted = [("eth0", Some(true)), ("eth1", None), ("NIC.1/2", Some(false)), ("NIC.1/2 (2)", None)];
        assert_eq!(told, wanted);
    }

    #[test]
    fn what_is_no_address_is_no_port() {
        for none in ["", "00:00:00:00:00:00", "20:00:00:11:22:33:44:55", "N/A"] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
