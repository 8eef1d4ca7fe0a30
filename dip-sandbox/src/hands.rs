//! What people do beside dip: drift by hand, and records that are not ours.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use dip_core::hardware::{MacAddr, PowerState, VlanId};
use dip_core::id::{DiskName, NicName, NodeName, ServiceName, SiteName, SwitchName};
use dip_core::provider::{Holder, Silence};
use dip_core::secret::Secret;
use dip_core::site::PortRef;
use dip_firmware::provider::{Role, WantedVolume};
use dip_network::provider::{Held, LearnedMac, Neighbour, PortState};
use dip_opsmgmt::provider::{Alert, Entry, HeldName, HeldRecord, HeldTarget, NicRecord};

use crate::world::World;

/// A person in the machine room or on a server. What they do takes effect at once and is not counted as a mutation.
#[derive(Debug)]
pub struct Hands<'a> {
    world: &'a Arc<World>,
}

impl<'a> Hands<'a> {
    pub(crate) const fn new(world: &'a Arc<World>) -> Self {
        Self { world }
    }

    /// Fits the BMC of a maker into the machine of a node, with a firmware of its own. From then on [`Sandbox::providers`](crate::Sandbox::providers)
    /// speak to that node by the real Redfish provider, with all that it does about this maker's quirks.
    ///
    /// Its users are those that the machine's BMC had. What the site file says of the certificate means nothing here; what it says of
    /// quirks counts.
    #[cfg(feature = "models")]
    pub fn fit_bmc(&self, node: &NodeName, maker: dip_firmware::models::Maker) {
        self.world.fit_bmc(node, maker, maker.controller().1);
    }

    /// As [`Self::fit_bmc`], with firmware of this version.
    #[cfg(feature = "models")]
    pub fn fit_bmc_with(&self, node: &NodeName, maker: dip_firmware::models::Maker, firmware: &str) {
        self.world.fit_bmc(node, maker, firmware);
    }

    /// Puts a port of a managed switch into another VLAN, and leaves its mark as it is.
    pub fn move_port(&self, port: &PortRef, vlan: VlanId) {
        self.world.switch(&port.switch, |ports| {
            let owner = ports.state(&port.port).and_then(|state| state.owner.clone());
            ports.replace(&port.port, PortState { owner, ..PortState::access(Some(vlan)) });
        });
    }

    /// Makes a port of a managed switch, or turns it into something else.
    pub fn set_port(&self, port: &PortRef, state: PortState) {
        self.world.switch(&port.switch, |ports| ports.replace(&port.port, state));
    }

    /// Lets the cables in two ports of managed switches change places.
    pub fn swap_cables(&self, first: &PortRef, second: &PortRef) {
        self.world.cables(|cables| cables.swap(first, second));
    }

    /// Plugs in somebody who is no node of the site, and whom a switch hears over LLDP.
    pub fn plug_in(&self, switch: &SwitchName, neighbour: Neighbour) {
        self.world.switch(switch, |ports| ports.heard.push(neighbour));
    }

    /// Lets a switch learn a MAC address.
    pub fn send_frame(&self, switch: &SwitchName, learned: LearnedMac) {
        self.world.switch(switch, |ports| ports.learned.push(learned));
    }

    /// Writes a reservation into a DHCP server, with any mark or none.
    pub fn write_reservation(&self, service: &ServiceName, held: Held) {
        self.world.reservations(service, |reservations| reservations.put(held));
    }

    /// Deletes a name from a DNS server, with its addresses.
    pub fn delete_name(&self, service: &ServiceName, name: &str) {
        self.world.names(service, |names| names.drop_name(name));
    }

    /// Writes a name into a DNS server, with any mark or none, and no reverse names.
    pub fn write_name(&self, service: &ServiceName, name: &str, held: HeldName) {
        self.world.names(service, |names| names.put(name, held));
    }

    /// Writes a further record into a DNS server, beside what stands at its name, and no mark.
    pub fn write_entry(&self, service: &ServiceName, entry: &Entry) {
        self.world.names(service, |names| names.put_entry(entry));
    }

    /// Writes a reverse name into a DNS server, beside others of that address.
    pub fn write_reverse(&self, service: &ServiceName, address: IpAddr, name: &str) {
        self.world.names(service, |names| names.point(address, name));
    }

    /// Writes a record into a CMDB, with any mark or none.
    pub fn write_record(&self, service: &ServiceName, held: HeldRecord) {
        self.world.records(service, |records| records.put(held));
    }

    /// Lets an address of a CMDB's prefixes be somebody's.
    pub fn write_address(&self, service: &ServiceName, address: IpAddr, holder: Holder) {
        self.world.records(service, |records| records.put_address(address, holder));
    }

    /// The interfaces of a node in the own fields of a CMDB, and the address by which it is known there.
    #[must_use]
    pub fn interfaces(&self, service: &ServiceName, node: &NodeName) -> (Vec<NicRecord>, Option<IpAddr>) {
        self.world.records(service, |records| records.interfaces().native(node)).unwrap_or_default()
    }

    /// Writes an interface of a node into the own fields of a CMDB.
    pub fn write_interface(&self, service: &ServiceName, node: &NodeName, nic: &NicRecord) {
        self.world.records(service, |records| records.interfaces().put(node, nic));
    }

    /// Changes the MAC address of an interface in the own fields of a CMDB.
    pub fn change_mac(&self, service: &ServiceName, node: &NodeName, nic: &NicName, mac: MacAddr) {
        self.world.records(service, |records| records.interfaces().change_mac(node, nic, mac));
    }

    /// Writes a field into a node's record in a CMDB that is not one of dip's.
    pub fn write_field(&self, service: &ServiceName, node: &NodeName, field: &str, value: &str) {
        self.world.records(service, |records| records.put_field(node, field, value));
    }

    /// Writes a target of somebody else into a monitoring server.
    pub fn write_target(&self, service: &ServiceName, held: HeldTarget) {
        self.world.targets(service, |targets| targets.put_elsewhere(held));
    }

    /// Lets an alert of a node of the site fire in an Alertmanager, with further labels.
    pub fn fire(&self, service: &ServiceName, alert: Alert, labels: BTreeMap<String, String>) {
        let site = self.world.site.name.clone();
        self.world.alarms(service, |alarms| alarms.fire(site, alert, labels));
    }

    /// The silences of an Alertmanager that have not ended.
    #[must_use]
    pub fn silences(&self, service: &ServiceName) -> Vec<Silence> {
        let now = self.world.time.date();
        self.world.alarms(service, |alarms| alarms.silences(now)).unwrap_or_default()
    }

    /// Takes the mark off a site's target for a node.
    pub fn unmark_target(&self, service: &ServiceName, node: &NodeName, owner: &SiteName) {
        self.world.targets(service, |targets| targets.unmark(node, owner));
    }

    /// Stops a service of a running node.
    pub fn stop_service(&self, node: &NodeName, unit: &str) {
        self.world.machine(node, |machine| machine.linux.stop_unit(unit));
    }

    /// Puts another card in place of one: the interface has another MAC address.
    pub fn swap_nic(&self, node: &NodeName, nic: &NicName, mac: MacAddr) {
        self.world.machine(node, |machine| machine.parts.nics.insert(nic.clone(), mac));
    }

    /// Puts another disk in place of one.
    pub fn swap_disk(&self, node: &NodeName, disk: &DiskName, serial: &str) {
        self.world.machine(node, |machine| machine.parts.disks.insert(disk.clone(), serial.to_owned()));
    }

    /// Exchanges the main board: it has another serial number and UUID.
    pub fn swap_board(&self, node: &NodeName, serial: &str, uuid: &str) {
        self.world.machine(node, |machine| {
            serial.clone_into(&mut machine.parts.board);
            uuid.clone_into(&mut machine.parts.uuid);
        });
    }

    /// Puts all parts of a machine into another chassis.
    pub fn swap_chassis(&self, node: &NodeName, serial: &str) {
        self.world.machine(node, |machine| serial.clone_into(&mut machine.parts.serial));
    }

    /// Pulls a memory module.
    pub fn pull_dimm(&self, node: &NodeName, slot: &str) {
        self.world.machine(node, |machine| machine.parts.dimms.retain(|dimm| dimm != slot));
    }

    /// Sets the password of a user of a controller, beside dip.
    pub fn set_bmc_password(&self, node: &NodeName, user: &str, password: &Secret) {
        self.world.machine(node, |machine| machine.keeper.set(user, password, Role::Administrator));
    }

    /// Holds a node's power button until it is off.
    pub fn power_off(&self, node: &NodeName) {
        self.world.press(node, PowerState::Off);
    }

    /// Makes a volume in the setup of a node's storage controller, whatever its disks hold.
    pub fn make_volume(&self, node: &NodeName, volume: &WantedVolume) {
        self.world.machine(node, |machine| machine.management.put_volume(volume));
    }

    /// Presses a node's power button.
    pub fn power_on(&self, node: &NodeName) {
        self.world.press(node, PowerState::On);
    }
}
