//! The simulated DNS server, CMDB and monitoring server.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::Failure;
use dip_core::conformance::expect::us;
use dip_core::hardware::{Identity, MacAddr};
use dip_core::id::{NicName, NodeName, ServiceName};
use dip_core::provider::{Command, Silences};
use dip_core::subject::Subject;
use dip_opsmgmt::conformance::{AlertsHarness, CmdbHarness, DnsHarness, MonitorHarness, NativeNode};
use dip_opsmgmt::provider::{
    Alert, Alerts, Cmdb, Dns, Entry, HeldName, HeldRecord, HeldTarget, HostName, Monitor, NicRecord, NodeRecord, Target,
};
use dip_sandbox::{Access, Hands};
use jiff::Timestamp;

use crate::datacenter::Datacenter;

pub(crate) struct Harness(Arc<Datacenter>);

impl Harness {
    pub(crate) fn new(datacenter: &Arc<Datacenter>) -> Self {
        Self(Arc::clone(datacenter))
    }

    fn of<T: ?Sized + Send + Sync + 'static>(&self, name: &str, access: Access) -> Arc<T> {
        self.0.provider(&Subject::service(&service(name)), access)
    }

    fn hands(&self) -> Hands<'_> {
        self.0.sandbox.by_hand()
    }
}

fn service(name: &str) -> ServiceName {
    ServiceName::new(name).expect("a name")
}

#[async_trait]
impl DnsHarness for Harness {
    fn dns(&self) -> Arc<dyn Dns> {
        self.of("dns", Access::Granted)
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Dns>> {
        Some(self.of("dns", Access::WrongCredentials))
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Dns>> {
        Some(self.of("dns", Access::DeadServer))
    }

    fn fresh(&self) -> HostName {
        let number = self.0.fresh();
        let [high, low] = number.to_be_bytes();
        let v6 = [0x2001, 0xdb8, 0, 9, 0, 0, 0, number];
        HostName {
            name: format!("h{number}.conformance.example"),
            addresses: vec![IpAddr::from([10, 4, high, low]), IpAddr::from(v6)],
        }
    }

    async fn seed_unmarked(&self, name: &HostName) -> Result<Option<()>, Failure> {
        let mut addresses = name.addresses.clone();
        addresses.sort_unstable();
        self.hands().write_name(&service("dns"), &name.name, HeldName { addresses, owner: None });
        for address in &name.addresses {
            self.hands().write_reverse(&service("dns"), *address, &name.name);
        }
        Ok(Some(()))
    }

    async fn seed_other_type(&self, name: &str) -> Result<Option<()>, Failure> {
        self.hands().write_name(&service("dns"), name, HeldName { addresses: Vec::new(), owner: None });
        Ok(Some(()))
    }

    async fn seed_entry(&self, entry: &Entry) -> Result<Option<()>, Failure> {
        self.hands().write_entry(&service("dns"), entry);
        Ok(Some(()))
    }
}

#[async_trait]
impl CmdbHarness for Harness {
    fn cmdb(&self) -> Arc<dyn Cmdb> {
        self.of("cmdb", Access::Granted)
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Cmdb>> {
        Some(self.of("cmdb", Access::WrongCredentials))
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Cmdb>> {
        Some(self.of("cmdb", Access::DeadServer))
    }

    fn fresh(&self) -> NodeRecord {
        let number = self.0.fresh();
        let [high, low] = number.to_be_bytes();
        NodeRecord {
            node: NodeName::new(&format!("c{number}")).expect("a name"),
            host_name: format!("c{number}.conformance.example"),
            addresses: vec![IpAddr::from([10, 5, high, low])],
            rack: None,
            identity: Identity { serial: Some(format!("S{number}")), ..Identity::default() },
            nics: Vec::new(),
        }
    }

    async fn seed_other_fields(&self, record: &NodeRecord) -> Result<Option<()>, Failure> {
        self.hands().write_field(&service("cmdb"), &record.node, "contract", "C-17");
        Ok(Some(()))
    }

    async fn other_fields_are_untouched(&self, record: &NodeRecord) -> Result<(), Failure> {
        let snapshot = self.0.sandbox.snapshot();
        let fields = snapshot.fields.get("cmdb").and_then(|records| records.get(record.node.as_str()));
        match fields.and_then(|fields| fields.get("contract")).map(String::as_str) {
            Some("C-17") => Ok(()),
            other => Err(format!("the field of somebody else is {other:?}").into()),
        }
    }

    async fn seed_unmarked(&self, record: &NodeRecord) -> Result<Option<()>, Failure> {
        let held = HeldRecord { id: format!("nodes/{}", record.node), record: record.clone(), owner: None };
        self.hands().write_record(&service("cmdb"), held);
        Ok(Some(()))
    }

    async fn native(&self, record: &NodeRecord) -> Result<Option<NativeNode>, Failure> {
        let (nics, primary) = self.hands().interfaces(&service("cmdb"), &record.node);
        Ok(Some(NativeNode { nics, primary }))
    }

    async fn seed_native(&self, record: &NodeRecord, nic: &NicRecord) -> Result<(), Failure> {
        self.hands().write_interface(&service("cmdb"), &record.node, nic);
        Ok(())
    }

    async fn change_native_mac(&self, record: &NodeRecord, nic: &NicName, mac: MacAddr) -> Result<(), Failure> {
        self.hands().change_mac(&service("cmdb"), &record.node, nic, mac);
        Ok(())
    }
}

/// The monitoring server, with the node exporter of a running node to scrape.
pub(crate) struct Monitoring(Harness);

impl Monitoring {
    pub(crate) fn new(datacenter: &Arc<Datacenter>) -> Self {
        dip_sandbox::run(async {
            let host = datacenter.host("n1").await.expect("a name");
            let start = Command::new("systemctl").args(["start", "prometheus-node-exporter"]);
            assert!(host.run(&start).await.is_ok_and(|output| output.succeeded()), "the node exporter starts");
        });
        Self(Harness::new(datacenter))
    }
}

#[async_trait]
impl MonitorHarness for Monitoring {
    fn monitor(&self) -> Arc<dyn Monitor> {
        self.0.of("monitoring", Access::Granted)
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Monitor>> {
        Some(self.0.of("monitoring", Access::WrongCredentials))
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Monitor>> {
        Some(self.0.of("monitoring", Access::DeadServer))
    }

    fn fresh(&self) -> Target {
        let number = self.0.0.fresh();
        let [high, low] = number.to_be_bytes();
        Target {
            node: NodeName::new(&format!("m{number}")).expect("a name"),
            address: format!("10.6.{high}.{low}:9100"),
            labels: BTreeMap::new(),
        }
    }

    fn alive(&self) -> Option<String> {
        Some("10.0.0.1:9100".to_owned())
    }

    async fn seed_unmarked(&self, target: &Target) -> Result<Option<()>, Failure> {
        let held = HeldTarget { target: target.clone(), owner: None };
        self.0.hands().write_target(&service("monitoring"), held);
        Ok(Some(()))
    }

    fn expressions(&self) -> (String, String) {
        ("up{job=\"nodes\"} == 0".to_owned(), "up{ == 0".to_owned())
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }
}

#[async_trait]
impl AlertsHarness for Harness {
    fn alerts(&self) -> Arc<dyn Alerts> {
        self.of("alerts", Access::Granted)
    }

    fn silences(&self) -> Arc<dyn Silences> {
        self.0.provider(&Subject::alerts(&us()), Access::Granted)
    }

    fn of_dead_server(&self) -> Option<(Arc<dyn Alerts>, Arc<dyn Silences>)> {
        let silences = self.0.provider(&Subject::alerts(&us()), Access::DeadServer);
        Some((self.of("alerts", Access::DeadServer), silences))
    }

    fn fresh(&self) -> NodeName {
        NodeName::new(&format!("a{}", self.0.fresh())).expect("a name")
    }

    async fn fire(&self, name: &str, node: &NodeName, labels: &BTreeMap<String, String>) -> Result<(), Failure> {
        let (name, node, since) = (name.to_owned(), Some(node.to_string()), Timestamp::now());
        self.hands().fire(&service("alerts"), Alert { name, node, since, summary: None }, labels.clone());
        Ok(())
    }

    async fn seed_foreign(&self, _: &NodeName) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    async fn is_untouched(&self, _: &str) -> Result<bool, Failure> {
        Ok(true)
    }

    async fn ends(&self, node: &NodeName) -> Result<Vec<Timestamp>, Failure> {
        let silences = self.hands().silences(&service("alerts"));
        Ok(silences.into_iter().filter(|silence| silence.node == *node).map(|silence| silence.until).collect())
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}
