//! Runs the steps that the layer proposes for a site, as the engine does: check, apply, check until it holds.

use std::time::{Duration, Instant};

use dip_core::conformance::Failure;
use dip_core::fact::Facts;
use dip_core::fact::opsclients::METRICS;
use dip_core::id::{LayerId, NetworkName, NicName, NodeName, ServiceName, SiteName, Symbol};
use dip_core::layer::Layer;
use dip_core::observed::Observed;
use dip_core::operation::{Assignment, Check, Context, Operations};
use dip_core::provider::Providers;
use dip_core::secret::LocalSecrets;
use dip_core::site::{Chosen, Driver, Network, Nic, NicAddress, NicRole, Node, NodeSettings, NodeState, Service, Site};
use dip_core::step::Step;
use dip_core::subject::Subject;
use dip_core::testing::assignment;
use dip_opsmgmt::OpsMgmtLayer;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A site with one node `n1.lab.test` that serves metrics, and one service.
pub(crate) fn site(name: &SiteName, kind: &'static str, settings: Value, addresses: &[&str]) -> Result<Site, Failure> {
    let mut site = Site::new(name.clone());
    site.domain = Some("lab.test".to_owned());
    let network = NetworkName::new("prod")?;
    let prod =
        Network { name: network.clone(), vlan: None, domain: None, prefixes: Vec::new(), via: None, origin: None };
    site.networks.insert(network.clone(), prod);
    let addresses = addresses
        .iter()
        .map(|address| {
            Ok(NicAddress {
                address: address.parse()?,
                prefix: "10.0.0.0/8".parse()?,
                router: None,
                chosen: Chosen::Site,
            })
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let nic = Nic {
        name: NicName::new("eth0")?,
        role: NicRole::Primary,
        mac: None,
        duid: None,
        pci: None,
        link: None,
        network: Some(network),
        addresses,
        origin: None,
    };
    let mut settings_of_node = NodeSettings::default();
    settings_of_node.layers.insert(LayerId::OpsClients, json!({"metrics": {}}));
    let node = Node {
        name: NodeName::new("n1")?,
        state: NodeState::Ready,
        rack: None,
        profiles: Vec::new(),
        serial: Some("007".to_owned()),
        bmc: None,
        nics: [(nic.name.clone(), nic)].into(),
        outlets: Vec::new(),
        disks: Default::default(),
        settings: settings_of_node,
        origin: None,
    };
    site.nodes.insert(node.name.clone(), node);
    let driver = Driver { kind: Symbol::of(kind), settings, origin: None };
    let service = Service { name: ServiceName::new("service")?, driver };
    site.services.insert(service.name.clone(), service);
    Ok(site)
}

/// The site's providers, connected by the layer, and the one step that it proposes.
pub(crate) fn connect(site: &Site) -> Result<(Providers, Step), Failure> {
    let (providers, mut steps) = connect_all(site)?;
    match (steps.pop(), steps.is_empty()) {
        (Some(step), true) => Ok((providers, step)),
        (step, _) => Err(format!("{step:?} is not the only step").into()),
    }
}

/// The site's providers, connected by the layer, and all steps that it proposes.
pub(crate) fn connect_all(site: &Site) -> Result<(Providers, Vec<Step>), Failure> {
    let mut providers = Providers::new();
    if let Err(mut errors) = OpsMgmtLayer.connect(site, &LocalSecrets::new("/".as_ref()), &mut providers) {
        return Err(errors.pop().map_or_else(|| "no error was told".into(), Into::into));
    }
    let steps = OpsMgmtLayer.propose(site, &Observed::new()).map_err(|notes| format!("{notes:?}"))?;
    Ok((providers, steps))
}

/// One check of a step, to which the node's metrics are at `metrics`.
pub(crate) async fn check(step: &Step, providers: &Providers, metrics: &str) -> Result<Check, Failure> {
    let (operations, assignment, cancel) = parts(step, metrics);
    let operation = operations.load(&step.call)?;
    Ok(operation.check(&Context::new(&assignment, providers, &cancel)).await?)
}

/// Check, apply, check: it must differ first and hold afterwards, and give what the step promises.
pub(crate) async fn bring_about(step: &Step, providers: &Providers, metrics: &str) -> Result<Facts, Failure> {
    let before = check(step, providers, metrics).await?;
    if !matches!(before, Check::Differs(_)) {
        return Err(format!("before, {} is {before:?}", step.name).into());
    }
    let (operations, assignment, cancel) = parts(step, metrics);
    operations.load(&step.call)?.apply(&Context::new(&assignment, providers, &cancel)).await?;
    let start = Instant::now();
    loop {
        match check(step, providers, metrics).await? {
            Check::Holds(facts) if step.gives.iter().all(|key| facts.contains(key)) => return Ok(facts),
            after if start.elapsed() > Duration::from_secs(20) => {
                return Err(format!("afterwards, {} is {after:?}", step.name).into());
            }
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

fn parts(step: &Step, metrics: &str) -> (Operations, Assignment, CancellationToken) {
    let mut operations = Operations::default();
    OpsMgmtLayer.operations(&mut operations);
    let node = Subject::node(&NodeName::new("n1").expect("a plain word is a name"));
    let assignment = Assignment { facts: Facts::new().with(&METRICS, &node, &metrics.to_owned()), ..assignment(step) };
    (operations, assignment, CancellationToken::new())
}
