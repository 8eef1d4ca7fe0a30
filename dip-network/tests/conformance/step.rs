//! Runs the steps that the layer proposes for a site, as the engine does: check, apply, check.

use dip_core::conformance::Failure;
use dip_core::fact::Facts;
use dip_core::id::{NetworkName, NicName, NodeName, ServiceName, SiteName, SwitchName, Symbol};
use dip_core::layer::Layer;
use dip_core::observed::Observed;
use dip_core::operation::{Assignment, Check, Context, Operations};
use dip_core::provider::Providers;
use dip_core::secret::LocalSecrets;
use dip_core::site::{
    Cabling, Chosen, Driver, Network, Nic, NicAddress, NicRole, Node, NodeSettings, NodeState, Service, Site, Switch,
};
use dip_core::step::Step;
use dip_core::testing::assignment;
use dip_network::NetworkLayer;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// A site with one node, whose one interface is in the network `prod`, VLAN 20.
pub(crate) fn site() -> Result<Site, Failure> {
    let mut site = Site::new(SiteName::new("conformance")?);
    let network = NetworkName::new("prod")?;
    let prod = Network {
        name: network.clone(),
        vlan: Some(20.try_into()?),
        domain: None,
        prefixes: Vec::new(),
        via: None,
        origin: None,
    };
    site.networks.insert(network.clone(), prod);
    let nic = Nic {
        name: NicName::new("eth0")?,
        role: NicRole::Primary,
        mac: None,
        duid: None,
        pci: None,
        link: None,
        network: Some(network),
        addresses: Vec::new(),
        origin: None,
    };
    let node = Node {
        name: NodeName::new("n1")?,
        state: NodeState::Ready,
        rack: None,
        profiles: Vec::new(),
        serial: None,
        bmc: None,
        nics: [(nic.name.clone(), nic)].into(),
        outlets: Vec::new(),
        disks: Default::default(),
        settings: NodeSettings::default(),
        origin: None,
    };
    site.nodes.insert(node.name.clone(), node);
    Ok(site)
}

/// The site with a managed switch, and the interface cabled to one of its ports.
pub(crate) fn with_switch(mut site: Site, kind: &'static str, settings: Value, port: &str) -> Result<Site, Failure> {
    let driver = Some(Driver { kind: Symbol::of(kind), settings, origin: None });
    let (name, cabling) = (SwitchName::new("sw1")?, Cabling::default());
    let switch = Switch { name, rack: None, ports: Vec::new(), peer: None, cabling, driver, origin: None };
    site.switches.insert(switch.name.clone(), switch);
    let link = format!("sw1/{port}").parse()?;
    nic(&mut site)?.link = Some(link);
    Ok(site)
}

/// The site with a DHCP service, and the interface with a MAC address and an address.
pub(crate) fn with_dhcp(
    mut site: Site,
    kind: &'static str,
    settings: Value,
    mac: &str,
    address: &str,
) -> Result<Site, Failure> {
    let driver = Driver { kind: Symbol::of(kind), settings, origin: None };
    let service = Service { name: ServiceName::new("dhcp")?, driver };
    site.services.insert(service.name.clone(), service);
    let address =
        NicAddress { address: address.parse()?, prefix: "10.77.0.0/16".parse()?, router: None, chosen: Chosen::Site };
    let nic = nic(&mut site)?;
    nic.mac = Some(mac.parse()?);
    nic.addresses = vec![address];
    Ok(site)
}

fn nic(site: &mut Site) -> Result<&mut Nic, Failure> {
    let node = site.nodes.values_mut().next().ok_or("the site has a node")?;
    node.nics.values_mut().next().ok_or_else(|| "the node has an interface".into())
}

/// The site's providers, connected by the layer.
pub(crate) fn connect(site: &Site) -> Result<Providers, Failure> {
    let mut providers = Providers::new();
    match NetworkLayer.connect(site, &LocalSecrets::new("/".as_ref()), &mut providers) {
        Ok(()) => {
            NetworkLayer.combine(site, &mut providers);
            Ok(providers)
        }
        Err(mut errors) => Err(errors.pop().map_or_else(|| "no error was told".into(), Into::into)),
    }
}

/// The steps that the layer proposes.
pub(crate) fn propose(site: &Site) -> Result<Vec<Step>, Failure> {
    NetworkLayer.propose(site, &Observed::new()).map_err(|notes| format!("{notes:?}").into())
}

/// One check of a step.
pub(crate) async fn check(step: &Step, providers: &Providers) -> Result<Check, Failure> {
    let (operations, assignment, cancel) = parts(step);
    let operation = operations.load(&step.call)?;
    Ok(operation.check(&Context::new(&assignment, providers, &cancel)).await?)
}

/// One apply of a step.
pub(crate) async fn apply(step: &Step, providers: &Providers) -> Result<(), Failure> {
    let (operations, assignment, cancel) = parts(step);
    let operation = operations.load(&step.call)?;
    operation.apply(&Context::new(&assignment, providers, &cancel)).await?;
    Ok(())
}

/// Check, apply, check: it must differ first and hold afterwards, and give what the step promises.
pub(crate) async fn bring_about(step: &Step, providers: &Providers) -> Result<Facts, Failure> {
    let before = check(step, providers).await?;
    if !matches!(before, Check::Differs(_)) {
        return Err(format!("before, {} is {before:?}", step.name).into());
    }
    apply(step, providers).await?;
    match check(step, providers).await? {
        Check::Holds(facts) if step.gives.iter().all(|key| facts.contains(key)) => Ok(facts),
        after => Err(format!("afterwards, {} is {after:?}", step.name).into()),
    }
}

fn parts(step: &Step) -> (Operations, Assignment, CancellationToken) {
    let mut operations = Operations::default();
    NetworkLayer.operations(&mut operations);
    let assignment = assignment(step);
    (operations, assignment, CancellationToken::new())
}
