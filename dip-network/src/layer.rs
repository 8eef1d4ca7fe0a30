//! The layer itself: which servers it connects and which steps it proposes.

use async_trait::async_trait;
use dip_core::fact::FactRegistry;
use dip_core::fact::network::{CABLE, PORT_VLAN, RESERVATION, SAVED, TAKEN};
use dip_core::id::LayerId;
use dip_core::layer::{ConnectError, Layer, Note};
use dip_core::observed::Observed;
use dip_core::operation::{Operation as _, OperationError, Operations};
use dip_core::orphan::{HeldRecord, Leftovers};
use dip_core::provider::Providers;
use dip_core::secret::Secrets;
use dip_core::site::{Chosen, Limit, Nic, NicAddress, Node, Service, SettingsSchema, Site};
use dip_core::step::{Boot, Need, Step};
use dip_core::subject::Subject;
use ipnetwork::IpNetwork;

use crate::leftovers;
use crate::provider::Reservation;
use crate::settings::{self, DHCP_KINDS, DhcpScope, ISC_DHCPD, KEA};
use crate::steps::{
    GiveAddressBack, PORT, ReleaseAddress, ReleasePort, ReserveAddress, SaveSwitch, SetPort, TakeAddress, TraceCable,
};
use crate::wiring::{save_switches, set_port, trace_cable};

/// How many reservations go into one change of Kea: its configuration is set anew for each, which takes 2 s where it has 10,000.
const GATHERED: u32 = 1000;

/// How many steps work on dnsmasq's files at once: one of them writes, for some milliseconds, while the others look, are verified or
/// have their intent written down.
const IN_LINE: u32 = 16;

/// Layer 1, shared infrastructure: switch ports and DHCP reservations.
#[derive(Debug, Clone, Copy, Default)]
pub struct NetworkLayer;

#[async_trait]
impl Layer for NetworkLayer {
    fn id(&self) -> LayerId {
        LayerId::Network
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&PORT_VLAN, "The VLANs of a switch port, as the switch itself tells them.");
        known.declare(&PORT, "A switch port of whose VLANs the site says nothing is otherwise as it wants.");
        known.declare(&CABLE, "Where an interface is cabled to, as LLDP tells it.");
        known.declare(&SAVED, "A switch would start with the configuration that it runs.");
        known.declare(&RESERVATION, "The addresses that the site's DHCP server keeps for an interface.");
        known.declare(
            &TAKEN,
            "The addresses of an interface that are reserved for it where the site's addresses are kept.",
        );
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<SetPort>();
        known.register::<SaveSwitch>();
        known.register::<TraceCable>();
        known.register::<ReserveAddress>();
        known.register::<ReleasePort>();
        known.register::<ReleaseAddress>();
        known.register::<TakeAddress>();
        known.register::<GiveAddressBack>();
    }

    fn settings(&self) -> SettingsSchema {
        settings::schema()
    }

    fn connect(&self, site: &Site, secrets: &dyn Secrets, providers: &mut Providers) -> Result<(), Vec<ConnectError>> {
        let errors = crate::providers::connect(site, secrets, providers);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn combine(&self, site: &Site, providers: &mut Providers) {
        crate::providers::beside(site, providers);
    }

    fn propose(&self, site: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let mut notes = Vec::new();
        let dhcp: Vec<_> = site
            .services_of(DHCP_KINDS)
            .filter_map(|service| match service.driver.read::<DhcpScope>() {
                Ok(scope) => Some((service, scope)),
                Err(error) => {
                    let text = format!("`networks` and `boot` of service `{}` cannot be read: {error}", service.name);
                    notes.push(Note { text, origin: service.driver.origin.clone() });
                    None
                }
            })
            .collect();
        let mut steps = Vec::new();
        for node in site.ready_nodes() {
            for nic in node.nics.values() {
                steps.extend(trace_cable(site, node, nic));
                steps.extend(set_port(site, node, nic));
                let taken = take_address(site, node, nic);
                let need = taken.as_ref().map(|_| Need::fact(TAKEN.of(&Subject::nic(&node.name, &nic.name))));
                steps.extend(taken);
                match reserve_address(site, &dhcp, node, nic) {
                    // A server must not give out what may still be refused.
                    Ok(step) => steps.extend(step.map(|step| need.into_iter().fold(step, Step::need))),
                    Err(note) => notes.push(note),
                }
            }
        }
        steps.extend(save_switches(site, &steps));
        if notes.is_empty() { Ok(steps) } else { Err(notes) }
    }

    fn remove(&self, site: &Site, step: &Step) -> Option<Step> {
        if let Some(SetPort { port, site, .. }) = step.call.as_operation() {
            return Some(ReleasePort { port, site }.step());
        }
        if let Some(TakeAddress { node, nic, addresses, site, .. }) = step.call.as_operation() {
            return Some(GiveAddressBack { node, nic, addresses, site }.step());
        }
        let ReserveAddress { service, node, nic, reservation, site: owner, .. } = step.call.as_operation()?;
        let mac = reservation.mac;
        // A card that went into another node keeps what that node reserves for it.
        let went_on = site.ready_nodes().flat_map(|node| node.nics.values()).any(|nic| nic.mac == Some(mac));
        (!went_on).then(|| ReleaseAddress { service, node, nic, mac, site: owner }.step())
    }

    async fn leftovers(&self, site: &Site, providers: &Providers) -> Leftovers {
        leftovers::leftovers(site, providers).await
    }

    async fn held(&self, step: &Step, providers: &Providers) -> Result<Option<HeldRecord>, OperationError> {
        leftovers::held(step, providers).await
    }

    async fn disown(&self, step: &Step, providers: &Providers) -> Result<(), OperationError> {
        leftovers::disown(step, providers).await
    }

    fn limits(&self, site: &Site) -> Vec<Limit> {
        let alone =
            |lock: String, reason: &str| Limit { lock: lock.into(), capacity: 1, reason: reason.into(), origin: None };
        let services = site.services_of(DHCP_KINDS).map(|service| {
            let lock = format!("service/{}", service.name);
            let (capacity, reason) = match service.driver.kind.as_str() {
                KEA => (
                    GATHERED,
                    "what is asked for while a change is under way becomes one change, and more of it would only wait longer",
                ),
                ISC_DHCPD => return alone(lock, "two changes at once could give one address to two interfaces"),
                _ => (IN_LINE, "its files are changed one after the other, and more would only wait longer in line"),
            };
            Limit { lock: lock.into(), capacity, reason: reason.into(), origin: None }
        });
        let switches = site.switches.keys().map(|switch| {
            alone(format!("switch/{switch}"), "two changes of one switch at once are refused or lost by many")
        });
        let pdus = site.pdus.keys().map(|pdu| {
            alone(
                format!("pdu/{pdu}"),
                "the management card of a PDU answers one at a time, and drops what it has no time for",
            )
        });
        services.chain(switches).chain(pdus).collect()
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

/// The addresses that were chosen from prefixes of a service are reserved there.
fn take_address(site: &Site, node: &Node, nic: &Nic) -> Option<Step> {
    let network = site.networks.get(nic.network.as_ref()?)?;
    let kept = |given: &NicAddress| {
        let of = network.prefixes.iter().find(|prefix| prefix.prefix == given.prefix)?;
        Some((of.from.clone()?, IpNetwork::new(given.address, given.prefix.prefix()).ok()?))
    };
    let chosen = nic.addresses.iter().filter(|given| given.chosen == Chosen::Range);
    let addresses: Vec<_> = chosen.filter_map(kept).collect();
    let step = TakeAddress {
        node: node.name.clone(),
        nic: nic.name.clone(),
        mac: nic.mac,
        host_name: site.host_name(node),
        addresses,
        site: site.name.clone(),
    };
    (!step.addresses.is_empty()).then(|| step.step(nic.origin.clone()))
}

/// The addresses of an interface are kept in the one DHCP service of its network, where there is one.
fn reserve_address(site: &Site, dhcp: &[(&Service, DhcpScope)], node: &Node, nic: &Nic) -> Result<Option<Step>, Note> {
    let (Some(mac), false) = (nic.mac, nic.addresses.is_empty()) else { return Ok(None) };
    let serves = |scope: &DhcpScope| {
        scope.networks.is_empty() || nic.network.as_ref().is_some_and(|network| scope.networks.contains(network))
    };
    let mut serving = dhcp.iter().filter(|(_, scope)| serves(scope));
    let Some((service, scope)) = serving.next() else { return Ok(None) };
    if let Some((other, _)) = serving.next() {
        let text = format!(
            "both `{}` and `{}` serve DHCP to interface `{}` of node `{}`; say in their `networks` which networks each of them serves",
            service.name, other.name, nic.name, node.name
        );
        return Err(Note { text, origin: nic.origin.clone() });
    }
    // One DHCP client must not rename a node that has another interface: only the primary one tells the name.
    let primary = node.primary_nic().is_some_and(|primary| primary.name == nic.name);
    let addresses: Vec<_> = nic.addresses.iter().map(|address| address.address).collect();
    let reservation = Reservation {
        mac,
        host_name: primary.then(|| node.name.as_str().split('.').next().unwrap_or_default().to_owned()),
        duid: nic.duid.clone(),
        boot: scope.boot.as_ref().and_then(|boot| boot.told_to(&addresses)),
        addresses,
    };
    let step = ReserveAddress {
        service: service.name.clone(),
        node: node.name.clone(),
        nic: nic.name.clone(),
        host_name: Some(site.host_name(node)),
        reservation,
        site: site.name.clone(),
        ownership: site.claims.ownership(ReserveAddress::NAME, &Subject::nic(&node.name, &nic.name)),
    };
    Ok(Some(step.step(nic.origin.clone())))
}

#[cfg(test)]
mod tests {
    use dip_core::id::NetworkName;
    use dip_core::provider::sentence;
    use dip_core::secret::LocalSecrets;
    use dip_core::site::NodeState;

    use super::*;
    use crate::testing::{add_dhcp, site};

    fn proposed(site: &Site) -> Vec<String> {
        let steps = NetworkLayer.propose(site, &Observed::new()).expect("nothing is wrong");
        steps.iter().map(|step| step.name.to_string()).collect()
    }

    fn nic(site: &mut Site) -> &mut Nic {
        site.nodes.values_mut().flat_map(|node| node.nics.values_mut()).next().expect("there is one")
    }

    const SET: &str = "network.set_port port/sw1/7";
    const RESERVE: &str = "network.reserve_address nic/n1.a/eth0";

    #[test]
    fn a_cabled_interface_gets_its_port_tagged_and_its_addresses_reserved() {
        assert_eq!(proposed(&site()), [SET, RESERVE]);
    }

    #[test]
    fn the_reservation_names_the_host_without_its_domain() {
        let steps = NetworkLayer.propose(&site(), &Observed::new()).expect("nothing is wrong");
        let input: ReserveAddress = serde_json::from_str(steps[1].call.input()).expect("its own input");
        assert_eq!(input.reservation.host_name.as_deref(), Some("n1"));
        assert_eq!(input.site.as_str(), "lab");
    }

    #[test]
    fn a_port_that_nobody_asked_for_is_left_alone() {
        let mut unlinked = site();
        nic(&mut unlinked).link = None;
        assert_eq!(proposed(&unlinked), [RESERVE]);
        let mut unmanaged = site();
        nic(&mut unmanaged).link = Some("sw2/7".parse().expect("a port"));
        assert_eq!(proposed(&unmanaged), [RESERVE]);
        let mut untagged = site();
        nic(&mut untagged).network = NetworkName::new("flat").ok();
        assert_eq!(proposed(&untagged), [RESERVE]);
    }

    #[test]
    fn a_port_that_the_file_describes_is_set_as_described() {
        let mut site = site();
        let wanted = dip_core::site::Port { mtu: 9000.try_into().ok(), ..Default::default() };
        site.ports.insert("sw1/7".parse().expect("a port"), wanted.clone());
        let steps = NetworkLayer.propose(&site, &Observed::new()).expect("nothing is wrong");
        let input: SetPort = steps[0].call.as_operation().expect("its own input");
        assert_eq!(input.wanted, wanted);
        assert_eq!(steps[0].gives, [PORT.of(&steps[0].subject)], "nothing is said of its VLANs");
    }

    #[test]
    fn cables_are_traced_and_the_switch_is_saved_where_the_site_says_so() {
        let mut site = site();
        let switch = site.switches.get_mut("sw1").expect("it is there");
        switch.cabling = dip_core::site::Cabling::Lldp;
        let driver = switch.driver.as_mut().expect("it is managed");
        driver.kind = dip_core::id::Symbol::of("netconf");
        driver.settings = serde_json::json!({"save": true});
        const TRACE: &str = "network.trace_cable nic/n1.a/eth0";
        assert_eq!(proposed(&site), [TRACE, SET, RESERVE, "network.save_switch switch/sw1"]);
        let steps = NetworkLayer.propose(&site, &Observed::new()).expect("nothing is wrong");
        assert_eq!(steps[1].needs.iter().flat_map(|need| need.facts()).collect::<Vec<_>>(), [&steps[0].gives[0]]);
        assert_eq!(steps[3].needs.iter().flat_map(|need| need.facts()).collect::<Vec<_>>(), [&steps[1].gives[0]]);
        // A switch that hears nothing is heard by the node, once that runs.
        site.switches.values_mut().flat_map(|switch| &mut switch.driver).for_each(|driver| {
            driver.kind = dip_core::id::Symbol::of("openvswitch");
        });
        let steps = NetworkLayer.propose(&site, &Observed::new()).expect("nothing is wrong");
        assert!(matches!(steps[0].place, dip_core::step::Place::In(..)), "{:?}", steps[0].place);
        assert!(steps[1].needs.is_empty(), "the node may need its port before it runs and hears: {:?}", steps[1].needs);
    }

    #[test]
    fn an_interface_without_mac_or_address_has_no_reservation() {
        let mut without = site();
        nic(&mut without).mac = None;
        assert_eq!(proposed(&without), [SET]);
        let mut without = site();
        nic(&mut without).addresses.clear();
        assert_eq!(proposed(&without), [SET]);
        let mut without = site();
        without.services.clear();
        assert_eq!(proposed(&without), [SET]);
    }

    #[test]
    fn only_nodes_that_are_wanted_ready_get_steps() {
        for state in [NodeState::Maintenance, NodeState::Quarantine, NodeState::Absent] {
            let mut site = site();
            site.nodes.values_mut().for_each(|node| node.state = state);
            assert!(proposed(&site).is_empty(), "{state:?}");
        }
    }

    #[test]
    fn two_dhcp_services_for_one_network_are_told_and_networks_part_them() {
        let mut site = site();
        add_dhcp(&mut site, "other", &[]);
        let notes = NetworkLayer.propose(&site, &Observed::new()).expect_err("both would serve it");
        assert_eq!(notes.len(), 1);
        assert!(notes[0].text.contains("both `dhcp` and `other` serve DHCP to interface `eth0`"), "{}", notes[0]);
        add_dhcp(&mut site, "other", &["flat"]);
        assert_eq!(proposed(&site), [SET, RESERVE]);
    }

    #[tokio::test]
    async fn every_known_kind_is_connected_and_all_faults_are_told_at_once() {
        let mut site = site();
        let mut providers = Providers::new();
        let secrets = LocalSecrets::new("/".as_ref());
        NetworkLayer.connect(&site, &secrets, &mut providers).expect("nothing is wrong");
        assert_eq!(providers.len(), 3, "DHCP, switch, and where machines are");
        NetworkLayer.combine(&site, &mut providers);
        assert_eq!(providers.len(), 4, "what stands on those of all layers: who holds addresses");

        for switch in site.switches.values_mut() {
            switch.driver.iter_mut().for_each(|driver| driver.settings = serde_json::json!({"address": "10.0.0.1"}));
        }
        for service in site.services.values_mut() {
            service.driver.settings = serde_json::json!({"hosts_directory": "/d"});
        }
        let errors = NetworkLayer.connect(&site, &secrets, &mut Providers::new()).expect_err("both are wrong");
        let told: Vec<_> = errors.iter().map(|error| sentence(error)).collect();
        assert_eq!(told[0], "service `dhcp` cannot be used: missing field `pid_file`");
        assert!(told[1].starts_with("switch `sw1` cannot be used: `10.0.0.1` is not the address"), "{}", told[1]);
    }

    #[test]
    fn what_its_servers_bear_is_said_with_the_reason_for_every_lock_of_its_steps() {
        let site = site();
        let limits = NetworkLayer.limits(&site);
        for step in NetworkLayer.propose(&site, &Observed::new()).expect("nothing is wrong") {
            for lock in &step.locks {
                let limit = limits.iter().find(|limit| limit.lock == *lock.name());
                let bears = if lock.name().as_str().starts_with("service/") { IN_LINE } else { 1 };
                assert!(limit.is_some_and(|limit| limit.capacity == bears && !limit.reason.is_empty()), "{lock}");
            }
        }
    }

    #[test]
    fn every_operation_and_fact_of_its_steps_is_declared() {
        let (mut operations, mut facts) = (Operations::default(), FactRegistry::default());
        NetworkLayer.operations(&mut operations);
        NetworkLayer.facts(&mut facts);
        for step in NetworkLayer.propose(&site(), &Observed::new()).expect("nothing is wrong") {
            assert!(operations.load(&step.call).is_ok(), "{}", step.name);
            assert!(step.gives.iter().all(|key| facts.knows(key.name())), "{}", step.name);
        }
    }
}
