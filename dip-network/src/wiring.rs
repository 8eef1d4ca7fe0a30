//! The steps that the links of a site ask for: ports, cables, and what switches start with.

use std::collections::BTreeMap;

use dip_core::fact::FactKey;
use dip_core::fact::network::CABLE;
use dip_core::id::SwitchName;
use dip_core::site::{Cabling, Nic, Node, Port, PortRef, Site};
use dip_core::step::{Need, Place, Step};
use dip_core::subject::Subject;

use crate::settings::{MUTE_SWITCH_KINDS, SwitchScope};
use crate::steps::{SaveSwitch, SetPort, TraceCable, Witness};

/// The port of an interface becomes what the site says of it, or else an access port of the interface's network, where the switch
/// is managed at all.
pub(crate) fn set_port(site: &Site, node: &Node, nic: &Nic) -> Option<Step> {
    let port = nic.link.as_ref()?;
    site.switches.get(&port.switch)?.driver.as_ref()?;
    let wanted = match site.ports.get(port) {
        Some(wanted) => wanted.clone(),
        None => Port::access(site.networks.get(nic.network.as_ref()?)?.vlan?),
    };
    let step = SetPort { port: port.clone(), wanted, site: site.name.clone() }.step(nic.origin.clone());
    // A port that somebody else hangs on is not changed for this interface. What only the running node hears cannot be waited for:
    // it may need the port to come so far.
    let heard_before = trace_cable(site, node, nic).is_some_and(|trace| trace.place == Place::Anywhere);
    let cable = CABLE.of(&Subject::nic(&node.name, &nic.name));
    Some(if heard_before { step.need(Need::IfGiven(cable)) } else { step })
}

/// The cable of an interface is compared with the site file, where its switch says so and its MAC address is known.
pub(crate) fn trace_cable(site: &Site, node: &Node, nic: &Nic) -> Option<Step> {
    let (link, mac) = (nic.link.clone()?, nic.mac?);
    compared(site, &link)?;
    let witness = if tells(site, &link.switch) {
        // Two cables of a node that were swapped end at its own switches; to ask all of a site would take long.
        let links = node.nics.values().filter_map(|nic| nic.link.as_ref());
        let others = links.map(|link| &link.switch).filter(|switch| **switch != link.switch && tells(site, switch));
        let mut switches: Vec<_> = others.cloned().collect();
        switches.sort();
        switches.dedup();
        switches.insert(0, link.switch.clone());
        Witness::Switches(switches)
    } else {
        Witness::Node
    };
    let (node_name, host_name) = (node.name.clone(), site.host_name(node));
    let step = TraceCable { node: node_name, nic: nic.name.clone(), mac, host_name, link, witness };
    Some(step.step(nic.origin.clone()))
}

fn compared(site: &Site, link: &PortRef) -> Option<()> {
    (site.switches.get(&link.switch)?.cabling == Cabling::Lldp).then_some(())
}

/// Whether a switch is asked what it hears: it is managed, and not of a kind that cannot tell.
fn tells(site: &Site, switch: &SwitchName) -> bool {
    let Some(switch) = site.switches.get(switch) else { return false };
    let driver = switch.driver.as_ref().filter(|driver| !MUTE_SWITCH_KINDS.contains(&driver.kind.as_str()));
    switch.cabling == Cabling::Lldp && driver.is_some()
}

/// What switches run is saved once their ports are as wanted, where the site says so.
pub(crate) fn save_switches(site: &Site, steps: &[Step]) -> Vec<Step> {
    let mut ports: BTreeMap<SwitchName, Vec<FactKey>> = BTreeMap::new();
    for step in steps {
        if let Some(SetPort { port, .. }) = step.call.as_operation() {
            ports.entry(port.switch).or_default().extend(step.gives.iter().cloned());
        }
    }
    let saved = |(name, ports): (SwitchName, Vec<FactKey>)| {
        let switch = site.switches.get(&name)?;
        let scope: SwitchScope = switch.driver.as_ref()?.read().ok()?;
        scope.save.then(|| SaveSwitch { switch: name }.step(ports, switch.origin.clone()))
    };
    ports.into_iter().filter_map(saved).collect()
}
