//! Three hosts, a name server, and a node's steps among them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dip_core::conformance::Failure;
use dip_core::fact::Facts;
use dip_core::id::{LayerId, NicName, NodeName, ServiceName, SiteName, Symbol};
use dip_core::layer::Layer;
use dip_core::observed::Observed;
use dip_core::operation::{Applied, Check, Context, Operations};
use dip_core::provider::{Host, Providers, sentence};
use dip_core::secret::{LocalSecrets, Secret};
use dip_core::site::{Chosen, Driver, Nic, NicAddress, NicRole, Node, NodeSettings, NodeState, Service, Site};
use dip_core::step::Step;
use dip_core::subject::Subject;
use dip_core::testing::assignment;
use dip_lab::{Bind, BindConfig, Hosts, Overlay, PuppetServer, Requirement, Zone};
use dip_opsclients::OpsClientsLayer;
use dip_os::providers::ssh::{Elevation, HostKeys, Login, Ssh, Target};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub(crate) struct Lab {
    pub(crate) bind: Bind,
    hosts: Hosts,
    /// Keys and playbooks of the trials.
    pub(crate) files: PathBuf,
}

impl Lab {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let there = |overlays: &[Overlay]| -> Vec<Overlay> {
            overlays.iter().copied().filter(|overlay| Requirement::from(*overlay).check().is_ok()).collect()
        };
        let node = there(&[Overlay::Salt, Overlay::Ohai, Overlay::Rpm]);
        let repository = there(&[Overlay::Rpm]);
        let servers = there(&[Overlay::PuppetServer, Overlay::Salt]);
        let hosts = Hosts::start_with(&[&node, &repository, &servers]).await?;
        let [node, time, server] = hosts.hosts() else { unreachable!("three hosts were asked for") };
        // What takes longest begins first, and others are tried meanwhile.
        if servers.contains(&Overlay::PuppetServer) {
            PuppetServer::on(server).begin("puppet.lab.test").await?;
        }
        // A server that trusts its own clock.
        time.ssh("printf 'local stratum 8\\nallow all\\n' >/etc/chrony/conf.d/lab.conf && systemctl restart chrony")
            .await?;
        let [a, b, c, _] = node.address.octets();
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, 1)), 53);
        let zone = Zone::empty("lab.test").with(&format!("n1 60 IN A {}", node.address));
        let bind = Bind::start(BindConfig { addr: Some(address), zones: vec![zone], ..BindConfig::default() }).await?;
        let files = std::env::temp_dir().join(format!("dip-opsclients-{}", std::process::id()));
        std::fs::create_dir_all(&files)?;
        Ok(Self { bind, hosts, files })
    }

    pub(crate) fn node(&self) -> &dip_lab::Host {
        &self.hosts.hosts()[0]
    }

    pub(crate) fn time(&self) -> &dip_lab::Host {
        &self.hosts.hosts()[1]
    }

    /// The host of the configuration systems that have servers.
    pub(crate) fn server(&self) -> &dip_lab::Host {
        &self.hosts.hosts()[2]
    }

    /// The lab's own address on the network of the hosts; nothing but names is served there.
    pub(crate) fn router(&self) -> Ipv4Addr {
        self.hosts.router
    }

    pub(crate) fn address(&self, host: &dip_lab::Host) -> String {
        host.address.to_string()
    }

    /// A host of the lab as dip reaches it.
    pub(crate) fn host(&self, host: &dip_lab::Host) -> Result<Arc<dyn Host>, Failure> {
        let target = Target {
            node: host.name.clone(),
            address: host.address.to_string(),
            port: 22,
            user: "root".to_owned(),
            login: Login::key(&Secret::new(std::fs::read_to_string(&host.client_key.private)?))?,
            host_keys: HostKeys::parse(&host.host_key.public)?,
            elevation: Elevation::None,
        };
        Ok(Arc::new(Ssh::new(target)))
    }

    pub(crate) fn bench(&self, time_server: &str, settings: Value) -> Result<Bench, Failure> {
        self.bench_with(json!({"time": {"kind": "ntp", "servers": [time_server]}}), settings)
    }

    /// The first step that settings of the node `n1` ask for, among the providers of these services; `n2` and `n3` are the other hosts.
    pub(crate) fn bench_with(&self, services: Value, settings: Value) -> Result<Bench, Failure> {
        let mut providers = Providers::new();
        for (name, host) in [("n1", self.node()), ("n2", self.time()), ("n3", self.server())] {
            providers.insert::<dyn Host>(&Subject::node(&node_name(name)), self.host(host)?);
        }
        let site = site("n1", self.node().address, services, settings);
        let connected = OpsClientsLayer.connect(&site, &LocalSecrets::new(&self.files), &mut providers);
        connected.map_err(|errors| errors.iter().map(|error| sentence(error)).collect::<Vec<_>>().join("; "))?;
        OpsClientsLayer.combine(&site, &mut providers);
        let mut operations = Operations::default();
        OpsClientsLayer.operations(&mut operations);
        let steps = OpsClientsLayer.propose(&site, &Observed::new()).map_err(|notes| format!("{notes:?}"))?;
        let step = steps.into_iter().next().ok_or("no step is proposed")?;
        Ok(Bench { operations, providers, step, cancel: CancellationToken::new() })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.files);
    }
}

pub(crate) fn node_name(name: &str) -> NodeName {
    NodeName::new(name).expect("a name")
}

fn site(name: &str, address: Ipv4Addr, services: Value, settings: Value) -> Site {
    let eth0 = NicName::new("eth0").expect("a name");
    let address = NicAddress {
        address: IpAddr::V4(address),
        prefix: format!("{address}/24").parse().expect("a prefix"),
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
    let node = Node {
        name: node_name(name),
        state: NodeState::Ready,
        rack: None,
        profiles: Vec::new(),
        serial: None,
        bmc: None,
        nics: BTreeMap::from([(eth0, nic)]),
        outlets: Vec::new(),
        disks: BTreeMap::new(),
        settings: NodeSettings { layers: BTreeMap::from([(LayerId::OpsClients, settings)]), origins: BTreeMap::new() },
        origin: None,
    };
    let mut site = Site::new(SiteName::new("lab").expect("a name"));
    site.domain = Some("lab.test".to_owned());
    site.nodes.insert(node.name.clone(), node);
    for (name, settings) in services.as_object().into_iter().flatten() {
        let name = ServiceName::new(name).expect("a name");
        let mut settings = settings.clone();
        let kind = settings.as_object_mut().and_then(|fields| fields.remove("kind"));
        let kind = Symbol::from(kind.as_ref().and_then(Value::as_str).expect("a kind").to_owned());
        let driver = Driver { kind, settings, origin: None };
        site.services.insert(name.clone(), Service { name, driver });
    }
    site
}

pub(crate) struct Bench {
    operations: Operations,
    pub(crate) providers: Providers,
    step: Step,
    cancel: CancellationToken,
}

impl Bench {
    pub(crate) async fn check(&self) -> Result<Check, Failure> {
        let assignment = assignment(&self.step);
        let cx = Context::new(&assignment, &self.providers, &self.cancel);
        Ok(self.operations.load(&self.step.call)?.check(&cx).await?)
    }

    pub(crate) async fn apply(&self) -> Result<Applied, Failure> {
        let assignment = assignment(&self.step);
        let cx = Context::new(&assignment, &self.providers, &self.cancel);
        Ok(self.operations.load(&self.step.call)?.apply(&cx).await?)
    }

    /// Applies as the engine does and looks until it holds or a time is over; the last that was seen.
    pub(crate) async fn settle(&self, patience: Duration) -> Result<Check, Failure> {
        let (Applied::Wait { poll, .. } | Applied::Watch { poll, .. }) = self.apply().await? else {
            return Err("it must be waited for".into());
        };
        let end = tokio::time::Instant::now() + patience;
        loop {
            match self.check().await? {
                Check::Holds(facts) => return Ok(Check::Holds(facts)),
                other if tokio::time::Instant::now() > end => return Ok(other),
                _ => tokio::time::sleep(poll).await,
            }
        }
    }

    /// It differs, is applied twice, is waited for, holds, and tells its fact.
    pub(crate) async fn comes_true(&self) -> Result<Facts, Failure> {
        self.differs().await?;
        self.apply().await?;
        match self.settle(Duration::from_secs(60)).await? {
            Check::Holds(facts) => Ok(facts),
            other => Err(format!("after a minute it is {other:?}").into()),
        }
    }

    /// It differs, is done twice, holds at once, and tells its fact.
    pub(crate) async fn is_done_at_once(&self) -> Result<Facts, Failure> {
        self.differs().await?;
        for _ in 0..2 {
            let applied = self.apply().await?;
            must(applied == Applied::Done, || format!("it is not done at once: {applied:?}"))?;
        }
        match self.check().await? {
            Check::Holds(facts) => Ok(facts),
            other => Err(format!("it was done, and is {other:?}").into()),
        }
    }

    async fn differs(&self) -> Result<(), Failure> {
        match self.check().await? {
            Check::Differs(_) => Ok(()),
            other => Err(format!("a new host cannot be {other:?}").into()),
        }
    }
}

pub(crate) fn n1() -> Subject {
    Subject::node(&node_name("n1"))
}

pub(crate) fn must(holds: bool, sentence: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(sentence().into()) }
}
