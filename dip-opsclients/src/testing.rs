//! What the unit tests of this layer share: a host in memory, a site made in code.

use std::collections::BTreeMap;

use dip_core::id::{LayerId, NicName, NodeName, ServiceName, SiteName, Symbol};
use dip_core::site::{Chosen, Driver, Nic, NicAddress, NicRole, Node, NodeSettings, NodeState, Service, Site};
use dip_core::testing::FakeHost;
use serde_json::{Value, json};

use crate::family::OS_RELEASE;
use crate::provider::Managed;

/// A host in memory that is a Debian.
pub(crate) fn debian() -> FakeHost {
    FakeHost::default().file(OS_RELEASE, "ID=debian\n")
}

pub(crate) fn node_name() -> NodeName {
    NodeName::new("n1").expect("a name")
}

/// The node `n1` as a configuration system sees it.
pub(crate) fn managed() -> Managed {
    Managed {
        node: node_name(),
        name: "n1.lab.example".to_owned(),
        address: "10.1.0.11".parse().expect("an address"),
        site: "lab".to_owned(),
        rack: None,
        profiles: Vec::new(),
        vars: BTreeMap::new(),
    }
}

/// A node `n1` at 10.1.0.11, and a service of each kind.
pub(crate) fn site(opsclients: Option<Value>) -> Site {
    let eth0 = NicName::new("eth0").expect("a name");
    let address = NicAddress {
        address: "10.1.0.11".parse().expect("an address"),
        prefix: "10.1.0.0/24".parse().expect("a prefix"),
        router: None,
        chosen: Chosen::Site,
    };
    let nic = Nic {
        name: eth0.clone(),
        role: NicRole::Primary,
        mac: None,
        duid: None,
        pci: None,
        link: None,
        network: None,
        addresses: vec![address],
        origin: None,
    };
    let layers = opsclients.map(|settings| (LayerId::OpsClients, settings)).into_iter().collect();
    let node = Node {
        name: node_name(),
        state: NodeState::Ready,
        rack: None,
        profiles: Vec::new(),
        serial: None,
        bmc: None,
        nics: BTreeMap::from([(eth0, nic)]),
        outlets: Vec::new(),
        disks: BTreeMap::new(),
        settings: NodeSettings { layers, origins: BTreeMap::new() },
        origin: None,
    };
    let mut site = Site::new(SiteName::new("lab").expect("a name"));
    site.domain = Some("lab.example".to_owned());
    site.nodes.insert(node.name.clone(), node);
    let services = [
        ("time", "ntp", json!({"servers": ["10.1.0.3"]})),
        ("dns", "rfc2136", json!({})),
        ("logs", "syslog", json!({"host": "10.1.0.9"})),
        ("secure_logs", "syslog", json!({"host": "logs.lab.example", "protocol": "tls"})),
        ("ssh_ca", "ssh_authority", json!({})),
        ("ca", "authority", json!({"certificate": "ca.pem"})),
        ("config", "puppet", json!({"server": "puppet.lab.example"})),
    ];
    for (name, kind, settings) in services {
        let name = ServiceName::new(name).expect("a name");
        let driver = Driver { kind: Symbol::of(kind), settings, origin: None };
        site.services.insert(name.clone(), Service { name, driver });
    }
    site
}
