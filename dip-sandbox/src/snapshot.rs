//! The state of the whole datacenter as data, without times.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use dip_core::hardware::PowerState;
use dip_core::id::{ClusterName, NodeName, PduName, ServiceName, SwitchName};
use dip_firmware::provider::{BiosAttributes, SecureBootState, Volume};
use dip_network::provider::{Held, PortState};
use dip_opsmgmt::provider::{EntryData, HeldName, HeldRecord, HeldTarget};
use serde::Serialize;

use crate::world::World;

/// Everything that is true in the datacenter, without times and identifiers that change with each boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// The machines.
    pub nodes: BTreeMap<NodeName, NodeSnapshot>,
    /// The ports of managed switches.
    pub ports: BTreeMap<SwitchName, BTreeMap<String, PortState>>,
    /// The outlets of PDUs.
    pub outlets: BTreeMap<PduName, BTreeMap<u16, PowerState>>,
    /// The reservations of DHCP servers.
    pub reservations: BTreeMap<ServiceName, Vec<Held>>,
    /// The names of DNS servers.
    pub names: BTreeMap<ServiceName, BTreeMap<String, HeldName>>,
    /// The further records of DNS servers, by the names that they stand at.
    pub entries: BTreeMap<ServiceName, BTreeMap<String, Vec<EntryData>>>,
    /// The addresses of DNS servers' reverse zones, each with its names.
    pub pointers: BTreeMap<ServiceName, BTreeMap<IpAddr, Vec<String>>>,
    /// The records of CMDBs.
    pub records: BTreeMap<ServiceName, Vec<HeldRecord>>,
    /// The fields in the records of CMDBs that are not dip's.
    pub fields: BTreeMap<ServiceName, BTreeMap<NodeName, BTreeMap<String, String>>>,
    /// The targets of monitoring servers.
    pub targets: BTreeMap<ServiceName, Vec<HeldTarget>>,
    /// The keys of clusters, each with its value.
    pub keys: BTreeMap<ClusterName, BTreeMap<String, String>>,
}

/// A machine and the system on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeSnapshot {
    /// Its power.
    pub power: PowerState,
    /// Its BIOS attributes that are in force.
    pub bios: BiosAttributes,
    /// Secure Boot.
    pub secure_boot: SecureBootState,
    /// The volumes of its storage controller.
    pub volumes: Vec<Volume>,
    /// The firmware of its components.
    pub firmware: BTreeMap<String, String>,
    /// Whether its system answers on its address.
    pub answers: bool,
    /// The host name that its running system tells.
    pub host_name: Option<String>,
    /// The files on its disk: permission bits and text.
    pub files: BTreeMap<String, (u32, String)>,
    /// Its users, as in `/etc/passwd`, with their further groups.
    pub users: BTreeMap<String, BTreeSet<String>>,
    /// The packages that were installed.
    pub packages: BTreeMap<String, String>,
    /// The services that start with it.
    pub enabled: BTreeSet<String>,
    /// The services that run.
    pub running: BTreeSet<String>,
    /// The serial numbers of its disks that were wiped.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub wiped: BTreeSet<String>,
}

impl Snapshot {
    pub(crate) fn of(world: &World) -> Self {
        let names = || world.dns_names();
        Self {
            nodes: world.site.nodes.keys().map(|name| (name.clone(), node(world, name))).collect(),
            ports: world.switch_names().map(|name| (name.clone(), ports(world, name))).collect(),
            outlets: world
                .site
                .pdus
                .keys()
                .map(|name| (name.clone(), world.outlets(name, |outlets| outlets.iter().collect()).unwrap_or_default()))
                .collect(),
            reservations: world
                .dhcp_names()
                .map(|name| {
                    let held = world.reservations(name, |reservations| reservations.iter().cloned().collect());
                    (name.clone(), held.unwrap_or_default())
                })
                .collect(),
            names: names().map(|name| (name.clone(), forward(world, name))).collect(),
            entries: names().map(|name| (name.clone(), entries(world, name))).collect(),
            pointers: names().map(|name| (name.clone(), reverse(world, name))).collect(),
            records: world
                .cmdb_names()
                .map(|name| {
                    let held = world.records(name, |records| records.iter().cloned().collect());
                    (name.clone(), held.unwrap_or_default())
                })
                .collect(),
            fields: world
                .cmdb_names()
                .map(|name| {
                    let others = world.records(name, |records| records.others().clone());
                    (name.clone(), others.unwrap_or_default())
                })
                .collect(),
            targets: world
                .monitor_names()
                .map(|name| {
                    let held = world.targets(name, |targets| targets.iter().cloned().collect());
                    (name.clone(), held.unwrap_or_default())
                })
                .collect(),
            keys: world.site.clusters.keys().map(|name| (name.clone(), keys(world, name))).collect(),
        }
    }
}

fn node(world: &World, name: &NodeName) -> NodeSnapshot {
    let answers = world.reach(name).is_ok();
    world.machine(name, |machine| {
        let linux = &machine.linux;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        NodeSnapshot {
            power: machine.power(),
            bios: machine.management.bios().current.clone(),
            secure_boot: machine.management.secure_boot(),
            volumes: machine.management.volumes().to_vec(),
            firmware: machine.management.versions().clone(),
            answers,
            host_name: linux.host_name().map(str::to_owned),
            files: linux.files().iter().map(|(path, file)| (path.clone(), (file.mode, text(&file.bytes)))).collect(),
            users: linux.users().iter().map(|(name, user)| (name.clone(), user.groups.clone())).collect(),
            packages: linux.added_packages().clone(),
            enabled: linux.enabled().clone(),
            running: linux.running().map(str::to_owned).collect(),
            wiped: linux.wiped().clone(),
        }
    })
}

fn ports(world: &World, switch: &SwitchName) -> BTreeMap<String, PortState> {
    let all = world.switch(switch, |ports| ports.iter().map(|(name, state)| (name.clone(), state.clone())).collect());
    all.unwrap_or_default()
}

fn forward(world: &World, service: &ServiceName) -> BTreeMap<String, HeldName> {
    let all = world.names(service, |names| names.iter().map(|(name, row)| (name.clone(), row.held())).collect());
    all.unwrap_or_default()
}

fn entries(world: &World, service: &ServiceName) -> BTreeMap<String, Vec<EntryData>> {
    let all = world.names(service, |names| {
        let rows = names.iter().filter(|(_, row)| !row.data().is_empty());
        rows.map(|(name, row)| (name.clone(), row.data().iter().cloned().collect())).collect()
    });
    all.unwrap_or_default()
}

fn reverse(world: &World, service: &ServiceName) -> BTreeMap<IpAddr, Vec<String>> {
    let all = world.names(service, |names| names.pointers().map(|(at, name)| (*at, name.clone())).collect());
    all.unwrap_or_default()
}

fn keys(world: &World, cluster: &ClusterName) -> BTreeMap<String, String> {
    let all =
        world.keys(cluster, |keys| keys.iter().map(|(key, stored)| (key.clone(), stored.value.clone())).collect());
    all.unwrap_or_default()
}
