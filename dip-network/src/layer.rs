//! The layer itself: which servers it connects and which steps it proposes.

use dip_core::fact::FactRegistry;
use dip_core::fact::network::{PORT_VLAN, RESERVATION};
use dip_core::id::LayerId;
use dip_core::layer::{ConnectError, Layer, Note};
use dip_core::observed::Observed;
use dip_core::operation::Operations;
use dip_core::provider::Providers;
use dip_core::secret::Secrets;
use dip_core::site::{Nic, Node, Service, SettingsSchema, Site};
use dip_core::step::{Boot, Step};

use crate::provider::Reservation;
use crate::settings::{self, DHCP_KINDS, DhcpScope};
use crate::steps::{ReserveAddress, TagPort};

/// Layer 1, shared infrastructure: switch ports and DHCP reservations.
#[derive(Debug, Clone, Copy, Default)]
pub struct NetworkLayer;

impl Layer for NetworkLayer {
    fn id(&self) -> LayerId {
        LayerId::Network
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&PORT_VLAN, "The access VLAN of a switch port, as the switch itself tells it.");
        known.declare(&RESERVATION, "The addresses that the site's DHCP server keeps for an interface.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<TagPort>();
        known.register::<ReserveAddress>();
    }

    fn settings(&self) -> SettingsSchema {
        settings::schema()
    }

    fn connect(&self, site: &Site, _: &dyn Secrets, providers: &mut Providers) -> Result<(), Vec<ConnectError>> {
        let errors = crate::providers::connect(site, providers);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn propose(&self, site: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let mut notes = Vec::new();
        let dhcp: Vec<_> = site
            .services_of(DHCP_KINDS)
            .filter_map(|service| match service.driver.read::<DhcpScope>() {
                Ok(scope) => Some((service, scope)),
                Err(error) => {
                    let text = format!("the networks of service `{}` cannot be read: {error}", service.name);
                    notes.push(Note { text, origin: service.driver.origin.clone() });
                    None
                }
            })
            .collect();
        let mut steps = Vec::new();
        for node in site.ready_nodes() {
            for nic in node.nics.values() {
                steps.extend(tag_port(site, nic));
                match reserve_address(site, &dhcp, node, nic) {
                    Ok(step) => steps.extend(step),
                    Err(note) => notes.push(note),
                }
            }
        }
        if notes.is_empty() { Ok(steps) } else { Err(notes) }
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

/// The port of an interface goes into the VLAN of the interface's network, where the switch is managed at all.
fn tag_port(site: &Site, nic: &Nic) -> Option<Step> {
    let port = nic.link.as_ref()?;
    site.switches.get(&port.switch)?.driver.as_ref()?;
    let vlan = site.networks.get(nic.network.as_ref()?)?.vlan?;
    Some(TagPort { port: port.clone(), vlan, site: site.name.clone() }.step(nic.origin.clone()))
}

/// The addresses of an interface are kept in the one DHCP service of its network, where there is one.
fn reserve_address(
    site: &Site,
    dhcp: &[(&Service, DhcpScope)],
    node: &Node,
    nic: &Nic,
) -> Result<Option<Step>, Note> {
    let (Some(mac), false) = (nic.mac, nic.addresses.is_empty()) else { return Ok(None) };
    let serves = |scope: &DhcpScope| {
        scope.networks.is_empty() || nic.network.as_ref().is_some_and(|network| scope.networks.contains(network))
    };
    let mut serving = dhcp.iter().filter(|(_, scope)| serves(scope)).map(|(service, _)| *service);
    let Some(service) = serving.next() else { return Ok(None) };
    if let Some(other) = serving.next() {
        let text = format!(
            "both `{}` and `{}` serve DHCP to interface `{}` of node `{}`; say in their `networks` which networks each of them serves",
            service.name, other.name, nic.name, node.name
        );
        return Err(Note { text, origin: nic.origin.clone() });
    }
    // One DHCP client must not rename a node that has another interface: only the primary one tells the name.
    let primary = node.primary_nic().is_some_and(|primary| primary.name == nic.name);
    let reservation = Reservation {
        mac,
        addresses: nic.addresses.iter().map(|address| address.address).collect(),
        host_name: primary.then(|| node.name.as_str().split('.').next().unwrap_or_default().to_owned()),
    };
    let step = ReserveAddress {
        service: service.name.clone(),
        node: node.name.clone(),
        nic: nic.name.clone(),
        reservation,
        site: site.name.clone(),
    };
    Ok(Some(step.step(nic.origin.clone())))
}
