//! The steps of this layer on a real host: chrony against a real NTP server, the resolver against BIND, the node exporter.
//!
//! Needs two hosts: the first is the node, the second its NTP server.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use dip_core::conformance::{Failure, Trial, Verdict, not_installed, run_as_tests};
use dip_core::fact::Facts;
use dip_core::fact::opsclients::{CLOCK, METRICS, RESOLVER};
use dip_core::id::{LayerId, NicName, NodeName, ServiceName, SiteName, Symbol};
use dip_core::layer::Layer;
use dip_core::observed::Observed;
use dip_core::operation::{Applied, Check, Context, Operations};
use dip_core::provider::{Host, Providers, sentence};
use dip_core::secret::Secret;
use dip_core::site::{Chosen, Driver, Nic, NicAddress, NicRole, Node, NodeSettings, NodeState, Service, Site};
use dip_core::step::Step;
use dip_core::subject::Subject;
use dip_core::testing::assignment;
use dip_lab::{Bind, BindConfig, Hosts, LabError, Requirement, Zone};
use dip_opsclients::OpsClientsLayer;
use dip_os::providers::ssh::{Elevation, HostKeys, Login, Ssh, Target};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a test can start a runtime");
    if let Err(missing) = Requirement::check_all(&[Requirement::Hosts, Requirement::Bind]) {
        let why = missing.to_string();
        return run_as_tests(&runtime, vec![Trial::new("opsclients", move || async { not_installed(why) })]);
    }
    let lab = match runtime.block_on(Lab::start()) {
        Ok(lab) => Arc::new(lab),
        Err(error) => {
            let why = sentence(&error);
            return run_as_tests(&runtime, vec![Trial::new("opsclients", move || async { Err(why.into()) })]);
        }
    };
    let mut trials = Vec::new();
    macro_rules! trials {
        ($($name:ident),* $(,)?) => {
            $({
                let lab = lab.clone();
                trials.push(Trial::new(stringify!($name), move || async move { $name(&lab).await }));
            })*
        };
    }
    trials![
        a_node_follows_the_site_time,
        a_server_that_is_not_there_is_not_followed,
        a_node_finds_its_own_name_through_the_site_resolver,
        a_name_that_is_not_registered_is_told,
        a_node_serves_its_metrics_to_others,
    ];
    let outcome = run_as_tests(&runtime, trials);
    // Servers and hosts are stopped by their drop.
    drop(lab);
    outcome
}

struct Lab {
    bind: Bind,
    hosts: Hosts,
}

impl Lab {
    async fn start() -> Result<Self, LabError> {
        let hosts = Hosts::start(2).await?;
        let [node, time] = hosts.hosts() else { unreachable!("two hosts were asked for") };
        // A server that trusts its own clock.
        time.ssh("printf 'local stratum 8\\nallow all\\n' >/etc/chrony/conf.d/lab.conf && systemctl restart chrony")
            .await?;
        let [a, b, c, _] = node.address.octets();
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, 1)), 53);
        let zone = Zone::empty("lab.test").with(&format!("n1 60 IN A {}", node.address));
        let bind = Bind::start(BindConfig { addr: Some(address), zones: vec![zone], ..BindConfig::default() }).await?;
        Ok(Self { bind, hosts })
    }

    fn node(&self) -> &dip_lab::Host {
        &self.hosts.hosts()[0]
    }

    fn time(&self) -> &dip_lab::Host {
        &self.hosts.hosts()[1]
    }

    fn bench(&self, time_server: &str, settings: Value) -> Result<Bench, Failure> {
        let host = self.node();
        let target = Target {
            node: "n1".to_owned(),
            address: host.address.to_string(),
            port: 22,
            user: "root".to_owned(),
            login: Login::key(&Secret::new(std::fs::read_to_string(&host.client_key.private)?))?,
            host_keys: HostKeys::parse(&host.host_key.public)?,
            elevation: Elevation::None,
        };
        let mut providers = Providers::new();
        providers.insert::<dyn Host>(&Subject::node(&node_name("n1")), Arc::new(Ssh::new(target)));
        let mut operations = Operations::default();
        OpsClientsLayer.operations(&mut operations);
        let steps = OpsClientsLayer
            .propose(&site("n1", host.address, time_server, settings), &Observed::new())
            .map_err(|notes| format!("{notes:?}"))?;
        let step = steps.into_iter().next().ok_or("no step is proposed")?;
        Ok(Bench { operations, providers, step, cancel: CancellationToken::new() })
    }
}

fn node_name(name: &str) -> NodeName {
    NodeName::new(name).expect("a name")
}

fn site(name: &str, address: Ipv4Addr, time_server: &str, settings: Value) -> Site {
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
    let time = ServiceName::new("time").expect("a name");
    let driver = Driver { kind: Symbol::of("ntp"), settings: json!({ "servers": [time_server] }), origin: None };
    site.services.insert(time.clone(), Service { name: time, driver });
    site
}

struct Bench {
    operations: Operations,
    providers: Providers,
    step: Step,
    cancel: CancellationToken,
}

impl Bench {
    async fn check(&self) -> Result<Check, Failure> {
        let assignment = assignment(&self.step);
        let cx = Context::new(&assignment, &self.providers, &self.cancel);
        Ok(self.operations.load(&self.step.call)?.check(&cx).await?)
    }

    async fn apply(&self) -> Result<Applied, Failure> {
        let assignment = assignment(&self.step);
        let cx = Context::new(&assignment, &self.providers, &self.cancel);
        Ok(self.operations.load(&self.step.call)?.apply(&cx).await?)
    }

    /// Applies as the engine does and looks until it holds or a time is over; the last that was seen.
    async fn settle(&self, patience: Duration) -> Result<Check, Failure> {
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

    /// It differs, is applied twice, holds, and tells its fact.
    async fn comes_true(&self) -> Result<Facts, Failure> {
        match self.check().await? {
            Check::Differs(_) => {}
            other => return Err(format!("a new host cannot be {other:?}").into()),
        }
        self.apply().await?;
        match self.settle(Duration::from_secs(60)).await? {
            Check::Holds(facts) => Ok(facts),
            other => Err(format!("after a minute it is {other:?}").into()),
        }
    }
}

fn n1() -> Subject {
    Subject::node(&node_name("n1"))
}

fn must(holds: bool, sentence: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(sentence().into()) }
}

async fn a_node_follows_the_site_time(lab: &Lab) -> Result<Verdict, Failure> {
    let server = lab.time().address.to_string();
    let bench = lab.bench(&server, json!({"time": {"service": "time", "control_clock": false}}))?;
    let facts = bench.comes_true().await?;
    let source = facts.read::<String>(&CLOCK.of(&n1()))?;
    must(source.as_deref() == Some(&server), || format!("the fact says {source:?}"))?;
    // Seen by the server itself.
    let clients = lab.time().ssh("chronyc -n -c clients").await?;
    must(clients.contains(&lab.node().address.to_string()), || format!("the server's clients are {clients:?}"))?;
    let enabled = lab.node().ssh("systemctl is-enabled chrony").await?;
    must(enabled.trim() == "enabled", || enabled)?;
    Ok(Verdict::Passed)
}

async fn a_server_that_is_not_there_is_not_followed(lab: &Lab) -> Result<Verdict, Failure> {
    // The host's router answers no NTP.
    let nobody = lab.bind.addr.ip().to_string();
    let bench = lab.bench(&nobody, json!({"time": {"service": "time", "control_clock": false}}))?;
    match bench.settle(Duration::from_secs(5)).await? {
        Check::Differs(diff) if diff.to_string() == format!("clock follows nobody → follows {nobody}") => {
            Ok(Verdict::Passed)
        }
        other => Err(format!("nobody answers there, and it tells {other:?}").into()),
    }
}

async fn a_node_finds_its_own_name_through_the_site_resolver(lab: &Lab) -> Result<Verdict, Failure> {
    let server = lab.bind.addr.ip().to_string();
    let bench = lab.bench("10.0.0.1", json!({"resolver": {"servers": [server], "search": ["lab.test"]}}))?;
    let facts = bench.comes_true().await?;
    let name = facts.read::<String>(&RESOLVER.of(&n1()))?;
    must(name.as_deref() == Some("n1.lab.test"), || format!("the fact says {name:?}"))?;
    let seen = lab.node().ssh("getent hosts n1").await?;
    must(seen.starts_with(&lab.node().address.to_string()), || format!("the short name is {seen:?}"))?;
    Ok(Verdict::Passed)
}

async fn a_name_that_is_not_registered_is_told(lab: &Lab) -> Result<Verdict, Failure> {
    let server = lab.bind.addr.ip().to_string();
    let registered = format!("n1.lab.test 60 A {}", lab.node().address);
    lab.bind.update(&["delete n1.lab.test A"]).await?;
    let bench = lab.bench("10.0.0.1", json!({"resolver": {"servers": [server], "search": ["lab.test"]}}))?;
    let unknown = bench.settle(Duration::ZERO).await?;
    lab.bind.update(&[&format!("add {registered}")]).await?;
    let wanted = format!("+ address of n1.lab.test {}", lab.node().address);
    match unknown {
        Check::Differs(diff) if diff.to_string() == wanted => Ok(Verdict::Passed),
        other => Err(format!("the name is gone, and it tells {other:?}").into()),
    }
}

async fn a_node_serves_its_metrics_to_others(lab: &Lab) -> Result<Verdict, Failure> {
    let bench = lab.bench("10.0.0.1", json!({"metrics": {"port": 9177}}))?;
    let facts = bench.comes_true().await?;
    let address = facts.read::<String>(&METRICS.of(&n1()))?.ok_or("there is no fact")?;
    must(address == format!("{}:9177", lab.node().address), || address.clone())?;
    // Asked for from outside, as a monitoring server does.
    let text = fetch(&address).await?;
    must(text.contains("node_boot_time_seconds"), || text.chars().take(200).collect())?;
    Ok(Verdict::Passed)
}

async fn fetch(address: &str) -> Result<String, Failure> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
