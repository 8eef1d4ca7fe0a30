//! A hand-made site for the tests of the layer and its steps.

use std::collections::BTreeMap;

use dip_core::hardware::VlanId;
use dip_core::id::{NetworkName, NicName, NodeName, ServiceName, SiteName, SwitchName, Symbol};
use dip_core::site::{
    Cabling, Chosen, Driver, Network, Nic, NicAddress, NicRole, Node, NodeSettings, NodeState, Service, Site, Switch,
};
use serde_json::{Value, json};

use crate::provider::{Abilities, Absent};

pub(crate) fn site_name(name: &str) -> SiteName {
    SiteName::new(name).expect("a name")
}

pub(crate) fn vlan(number: u16) -> VlanId {
    VlanId::try_from(number).expect("a VLAN id")
}

/// A switch that can set its ports and nothing else.
pub(crate) fn no_abilities() -> Abilities {
    const WHY: Absent = Absent("the switch cannot");
    Abilities { mac_table: Err(WHY), lldp: Err(WHY), startup: Err(WHY), confirmed: Err(WHY) }
}

/// A site with a managed switch `sw1`, an unmanaged one `sw2`, a DHCP service, the networks `prod` (VLAN 20) and `flat`
/// (no VLAN), and a node `n1.a` with one interface in `prod`, cabled to `sw1/7`.
pub(crate) fn site() -> Site {
    let mut site = Site::new(site_name("lab"));
    for (name, kind) in [("sw1", Some("openvswitch")), ("sw2", None)] {
        let name = SwitchName::new(name).expect("a name");
        let driver = kind.map(|kind| driver(kind, json!({"address": "tcp:127.0.0.1"})));
        let switch = Switch {
            name: name.clone(),
            rack: None,
            ports: Vec::new(),
            peer: None,
            cabling: Cabling::default(),
            driver,
            origin: None,
        };
        site.switches.insert(name, switch);
    }
    for (name, vlan) in [("prod", Some(20)), ("flat", None)] {
        let name = NetworkName::new(name).expect("a name");
        let vlan = vlan.map(|vlan| VlanId::try_from(vlan).expect("a VLAN id"));
        let network = Network { name: name.clone(), vlan, domain: None, prefixes: Vec::new(), via: None, origin: None };
        site.networks.insert(name, network);
    }
    add_dhcp(&mut site, "dhcp", &[]);
    let nic = Nic {
        name: NicName::new("eth0").expect("a name"),
        role: NicRole::Primary,
        mac: Some("52:54:00:00:00:01".parse().expect("a MAC address")),
        duid: None,
        pci: None,
        link: Some("sw1/7".parse().expect("a port")),
        network: Some(NetworkName::new("prod").expect("a name")),
        addresses: vec![NicAddress {
            address: "10.1.0.11".parse().expect("an address"),
            prefix: "10.1.0.0/24".parse().expect("a prefix"),
            router: None,
            chosen: Chosen::Site,
        }],
        origin: None,
    };
    let node = Node {
        name: NodeName::new("n1.a").expect("a name"),
        state: NodeState::Ready,
        rack: None,
        profiles: Vec::new(),
        serial: None,
        bmc: None,
        nics: [(nic.name.clone(), nic)].into(),
        outlets: Vec::new(),
        disks: BTreeMap::new(),
        settings: NodeSettings::default(),
        origin: None,
    };
    site.nodes.insert(node.name.clone(), node);
    site
}

/// Adds a DHCP service for some networks.
pub(crate) fn add_dhcp(site: &mut Site, name: &str, networks: &[&str]) {
    let name = ServiceName::new(name).expect("a name");
    let settings = json!({"hosts_directory": "/d", "pid_file": "/p", "networks": networks});
    site.services.insert(name.clone(), Service { name, driver: driver("dnsmasq", settings) });
}

fn driver(kind: &'static str, settings: Value) -> Driver {
    Driver { kind: Symbol::of(kind), settings, origin: None }
}
