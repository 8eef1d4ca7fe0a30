//! A small site for the tests of the layer and its steps.

use std::collections::BTreeMap;

use dip_core::id::{NicName, NodeName, ServiceName, SiteName, Symbol};
use dip_core::site::{Chosen, Driver, Nic, NicAddress, NicRole, Node, NodeSettings, NodeState, Service, Site};

pub(crate) fn site_name(name: &str) -> SiteName {
    SiteName::new(name).expect("a name")
}

/// A site `lab` with services of these kinds, and a node `n1` with one address.
pub(crate) fn site(kinds: &[&'static str]) -> Site {
    let mut site = Site::new(site_name("lab"));
    site.domain = Some("lab.example".to_owned());
    for (number, kind) in kinds.iter().enumerate() {
        let name = ServiceName::new(&format!("service{number}")).expect("a name");
        let driver = Driver { kind: Symbol::of(kind), settings: serde_json::json!({}), origin: None };
        site.services.insert(name.clone(), Service { name, driver });
    }
    let nic = Nic {
        name: NicName::new("eth0").expect("a name"),
        role: NicRole::Primary,
        mac: None,
        duid: None,
        pci: None,
        link: None,
        network: None,
        addresses: vec![NicAddress {
            address: "10.1.0.11".parse().expect("an address"),
            prefix: "10.1.0.0/24".parse().expect("a prefix"),
            router: None,
            chosen: Chosen::Site,
        }],
        origin: None,
    };
    let node = Node {
        name: NodeName::new("n1").expect("a name"),
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
