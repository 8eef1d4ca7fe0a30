//! The simulated datacenter that all trials share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use dip_core::conformance::Failure;
use dip_core::id::NodeName;
use dip_core::provider::Host;
use dip_core::site::Site;
use dip_core::subject::Subject;
use dip_sandbox::{Access, Sandbox};

/// A small site in a sandbox.
#[derive(Debug)]
pub(crate) struct Datacenter {
    pub(crate) sandbox: Sandbox,
    counter: AtomicU16,
}

impl Datacenter {
    pub(crate) fn new() -> Self {
        Self { sandbox: Sandbox::new(&site(), 1), counter: AtomicU16::new(0) }
    }

    /// A simulated provider.
    pub(crate) fn provider<T: ?Sized + Send + Sync + 'static>(&self, subject: &Subject, access: Access) -> Arc<T> {
        self.sandbox.providers_as(access).find(subject).expect("the site has one")
    }

    /// A number that no trial has had before.
    pub(crate) fn fresh(&self) -> u16 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }

    /// Brings a node up so that it can be reached, by hand where that is quicker.
    pub(crate) async fn host(&self, node: &str) -> Result<Arc<dyn Host>, Failure> {
        let name = NodeName::new(node)?;
        let subject = Subject::node(&name);
        let host = self.provider::<dyn Host>(&subject, Access::Granted);
        if host.read("/etc/hostname").await.is_err() {
            self.sandbox.by_hand().power_on(&name);
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
        Ok(host)
    }
}

/// Three nodes without cables to managed switches, so that they can be reached as soon as they run, two that hang on a PDU, and
/// servers of every kind.
pub(crate) fn site() -> Site {
    let text = r#"{
        "name": "conformance", "domain": null, "racks": {}, "networks": {"n": {"name": "n", "vlan": null, "domain": null, "prefixes": [{"prefix": "10.6.0.0/16", "racks": [], "router": null, "ranges": []}], "via": null, "origin": null}},
        "switches": {"sw1": {"name": "sw1", "rack": null, "ports": [], "origin": null, "driver": DRIVER}},
        "pdus": {"pdu1": {"name": "pdu1", "rack": null, "outlets": 8, "origin": null, "driver": null}},
        "nodes": {"n1": NODE1, "n2": NODE2, "n3": NODE3, "n4": NODE4, "n5": NODE5},
        "services": {
            "dhcp": {"name": "dhcp", "driver": {"kind": "dnsmasq", "settings": {}, "origin": null}},
            "dns": {"name": "dns", "driver": {"kind": "rfc2136", "settings": {"server": "10.0.0.53:53"}, "origin": null}},
            "cmdb": {"name": "cmdb", "driver": {"kind": "directory", "settings": {}, "origin": null}},
            "monitoring": {"name": "monitoring", "driver": {"kind": "prometheus", "settings": {}, "origin": null}},
            "alerts": {"name": "alerts", "driver": {"kind": "alertmanager", "settings": {"url": "http://10.0.0.6:9093"}, "origin": null}}
        },
        "clusters": {"store": {
            "name": "store", "members": {"member": ["n1", "n2", "n3"]}, "origin": null,
            "policy": {"max_unavailable": null, "spread": null},
            "workload": {"kind": "etcd", "settings": {"transport": "plaintext"}, "origin": null}
        }}
    }"#;
    let node = |number: u8| {
        r#"{"name": "nN", "state": "ready", "rack": null, "profiles": [], "serial": "SN", OUTLETSN, "disks": {}, "origin": null,
            "bmc": {"address": "10.8.0.N", "user": "u", "password": "env:X", "protocols": [], "origin": null},
            "settings": {"layers": {}, "origins": {}},
            "nics": {"eth0": {"name": "eth0", "role": "primary", "mac": null, "pci": null, "link": null, "network": null, "origin": null,
                "addresses": [{"address": "10.0.0.N", "prefix": "10.0.0.0/24", "router": null, "chosen": "site"}]}}}"#
            .replace('N', &number.to_string())
    };
    let text = (1..=5).fold(text.to_owned(), |text, number| text.replace(&format!("NODE{number}"), &node(number)));
    let plugged = |number: u8| format!(r#""outlets": ["pdu1/{number}"]"#);
    let text = text.replace("OUTLETS4", &plugged(1)).replace("OUTLETS5", &plugged(2));
    let text = (1..=3).fold(text, |text, number| text.replace(&format!("OUTLETS{number}"), r#""outlets": []"#));
    let text = text.replace("DRIVER", r#"{"kind": "openvswitch", "settings": {}, "origin": null}"#);
    serde_json::from_str(&text).expect("a site as it is stored")
}
