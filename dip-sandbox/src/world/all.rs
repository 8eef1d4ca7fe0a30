//! All of it together, behind one short lock for each part; no lock is held while another is taken.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dip_core::hardware::PowerState;
use dip_core::id::{ClusterName, NodeName, PduName, ServiceName, SwitchName};
use dip_core::secret::{MemoryStore, Secret, SecretRef};
use dip_core::site::Site;
use dip_core::subject::Subject;
use dip_network::settings::DHCP_KINDS;
use dip_opsmgmt::settings::{ALERT_KINDS, CMDB_KINDS, DNS_KINDS, MONITOR_KINDS};

use super::machine::{Surroundings, WithMains};
use super::management::Management;
use super::{Alarms, Rulebook};
use super::{Cables, Keeper, Keys, Machine, Names, Outlets, Parts, Ports, Records, Reservations, Targets, Wiring};
use crate::draw::Draw;
use crate::fault::{Board, Fault, Hit};
use crate::ledger::Ledger;
use crate::linux::Linux;
use crate::log::{Log, Phase};
use crate::time::{Pace, Time};

/// The simulated datacenter.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) time: Time,
    pub(crate) draw: Draw,
    /// The passwords that dip gave to controllers.
    pub(crate) secrets: Arc<MemoryStore>,
    pub(crate) faults: Board,
    pub(crate) log: Log,
    pub(crate) ledger: Ledger,
    /// By their names; in a hash table, because every request looks here several times.
    nodes: HashMap<NodeName, Cell>,
    /// Nodes by their addresses and fully qualified names.
    known_as: HashMap<String, NodeName>,
    switches: BTreeMap<SwitchName, Mutex<Ports>>,
    cables: Mutex<Cables>,
    pdus: BTreeMap<PduName, Mutex<Outlets>>,
    dhcp: BTreeMap<ServiceName, Mutex<Reservations>>,
    dns: BTreeMap<ServiceName, Mutex<Names>>,
    cmdbs: BTreeMap<ServiceName, Mutex<Records>>,
    monitors: BTreeMap<ServiceName, Mutex<Targets>>,
    rules: BTreeMap<ServiceName, Mutex<Rulebook>>,
    alarms: BTreeMap<ServiceName, Mutex<Alarms>>,
    clusters: BTreeMap<ClusterName, Mutex<Keys>>,
    /// The BMCs that are of a maker.
    #[cfg(feature = "models")]
    models: Mutex<BTreeMap<NodeName, Arc<dip_firmware::models::Model<super::Body>>>>,
}

#[derive(Debug)]
struct Cell {
    subject: Subject,
    wiring: Wiring,
    machine: Mutex<Machine>,
}

impl World {
    pub(crate) fn new(site: &Site, seed: u64, pace: Pace) -> Self {
        let draw = Draw::new(seed);
        let nodes: HashMap<_, _> = site
            .nodes
            .values()
            .map(|node| {
                // Where only outlets can switch it, it is set to start with them.
                let by_outlets = node.bmc.is_none() && !node.outlets.is_empty();
                let with_mains = if by_outlets { WithMains::Starts } else { WithMains::StaysOff };
                let machine = Machine::new(Linux::default()).when_mains_comes(with_mains);
                let cell = Cell {
                    subject: Subject::node(&node.name),
                    wiring: Wiring::of(site, node),
                    machine: Mutex::new(
                        machine
                            .managed_by(Management::new(node.name.as_str()))
                            .with(Parts::of(node, draw), shipped(node)),
                    ),
                };
                (node.name.clone(), cell)
            })
            .collect();
        let mut known_as = HashMap::new();
        for name in site.nodes.keys() {
            let cell = &nodes[name];
            known_as.insert(cell.wiring.host_name.clone(), name.clone());
            for address in cell.wiring.wires.iter().flat_map(|wire| &wire.addresses) {
                known_as.insert(address.to_string(), name.clone());
            }
        }
        let mut pdus: BTreeMap<_, _> = site.pdus.values().map(|pdu| (pdu.name.clone(), Outlets::of(pdu))).collect();
        // A machine that starts with mains and is off has none.
        for link in site.nodes.values().filter(|node| node.bmc.is_none()).flat_map(|node| &node.outlets) {
            if let Some(outlets) = pdus.get_mut(&link.pdu) {
                outlets.set(link.outlet, PowerState::Off);
            }
        }
        Self {
            site: site.clone(),
            time: Time::new(pace),
            draw,
            secrets: Arc::new(MemoryStore::new()),
            faults: Board::default(),
            log: Log::default(),
            ledger: Ledger::default(),
            nodes,
            known_as,
            switches: Ports::of(site).into_iter().map(|(name, ports)| (name, Mutex::new(ports))).collect(),
            pdus: pdus.into_iter().map(|(name, outlets)| (name, Mutex::new(outlets))).collect(),
            cables: Mutex::default(),
            dhcp: services(site, DHCP_KINDS),
            dns: services(site, DNS_KINDS),
            cmdbs: services(site, CMDB_KINDS),
            monitors: services(site, MONITOR_KINDS),
            rules: services(site, MONITOR_KINDS),
            alarms: services(site, ALERT_KINDS),
            clusters: site.clusters.keys().map(|name| (name.clone(), Mutex::default())).collect(),
            #[cfg(feature = "models")]
            models: Mutex::default(),
        }
    }

    /// Fits the BMC of a maker into the machine of a node that has one.
    #[cfg(feature = "models")]
    pub(crate) fn fit_bmc(self: &Arc<Self>, node: &NodeName, maker: dip_firmware::models::Maker, firmware: &str) {
        if self.nodes.contains_key(node) {
            self.machine(node, |machine| machine.management.fit(firmware));
            let model = dip_firmware::models::Model::new(maker, super::Body::new(self, node.clone()));
            lock(&self.models).insert(node.clone(), Arc::new(model));
        }
    }

    /// The BMC of a node, where it is of a maker.
    #[cfg(feature = "models")]
    pub(crate) fn model(&self, node: &NodeName) -> Option<Arc<dip_firmware::models::Model<super::Body>>> {
        lock(&self.models).get(node).cloned()
    }

    /// Looks at a machine of the site, or changes it, as it is now.
    ///
    /// # Panics
    /// For a node that the site does not have; providers are made only for those that it has.
    pub(crate) fn machine<T>(&self, node: &NodeName, act: impl FnOnce(&mut Machine) -> T) -> T {
        self.machine_at(node, |machine, _, _| act(machine))
    }

    /// As [`Self::machine`], with the time and the surroundings.
    pub(crate) fn machine_at<T>(
        &self,
        node: &NodeName,
        act: impl FnOnce(&mut Machine, Duration, Surroundings<'_>) -> T,
    ) -> T {
        let cell = self.cell(node);
        let now = self.time.now();
        let around = Surroundings {
            subject: &cell.subject,
            draw: self.draw,
            faults: &self.faults,
            log: &self.log,
            ledger: &self.ledger,
        };
        let mut machine = lock(&cell.machine);
        machine.settle(now, around);
        act(&mut machine, now, around)
    }

    /// Lets a fault of somebody bite, and tells the log the first time.
    pub(crate) fn bite(&self, subject: &Subject, wanted: impl Fn(&Fault) -> bool) -> Option<Hit> {
        let now = self.time.now();
        let hit = self.faults.bite(subject, now, wanted)?;
        if hit.first {
            self.log.tell(now, subject, Phase::Bit, hit.fault.to_string());
        }
        Some(hit)
    }

    /// Takes a power command for a machine.
    pub(crate) fn request_power(&self, node: &NodeName, action: dip_core::provider::PowerAction) {
        self.machine_at(node, |machine, now, around| machine.request(action, now, around));
    }

    /// Presses the power button of a machine until it is so.
    pub(crate) fn press(&self, node: &NodeName, to: PowerState) {
        if self.nodes.contains_key(node) {
            self.machine_at(node, |machine, now, around| machine.press(to, now, around));
        }
    }

    /// The UUID that a machine's maker gave it.
    pub(crate) fn machine_uuid(&self, node: &NodeName) -> String {
        self.machine(node, |machine| machine.parts.uuid.clone())
    }

    pub(crate) fn wiring(&self, node: &NodeName) -> &Wiring {
        &self.cell(node).wiring
    }

    fn cell(&self, node: &NodeName) -> &Cell {
        self.nodes.get(node).expect("providers are made for the site's nodes only")
    }

    /// The ports of a managed switch.
    pub(crate) fn switch<T>(&self, switch: &SwitchName, act: impl FnOnce(&mut Ports) -> T) -> Option<T> {
        let now = self.time.now();
        self.switches.get(switch).map(|ports| {
            let mut ports = lock(ports);
            ports.settle(now);
            act(&mut ports)
        })
    }

    /// Where cables really end.
    pub(crate) fn cables<T>(&self, act: impl FnOnce(&mut Cables) -> T) -> T {
        act(&mut lock(&self.cables))
    }

    pub(crate) fn switch_names(&self) -> impl Iterator<Item = &SwitchName> {
        self.switches.keys()
    }

    /// The outlets of a PDU.
    pub(crate) fn outlets<T>(&self, pdu: &PduName, act: impl FnOnce(&mut Outlets) -> T) -> Option<T> {
        self.pdus.get(pdu).map(|outlets| act(&mut lock(outlets)))
    }

    /// The reservations of a DHCP server.
    pub(crate) fn reservations<T>(&self, service: &ServiceName, act: impl FnOnce(&mut Reservations) -> T) -> Option<T> {
        self.dhcp.get(service).map(|reservations| act(&mut lock(reservations)))
    }

    pub(crate) fn dhcp_names(&self) -> impl Iterator<Item = &ServiceName> {
        self.dhcp.keys()
    }

    /// The names in a DNS server.
    pub(crate) fn names<T>(&self, service: &ServiceName, act: impl FnOnce(&mut Names) -> T) -> Option<T> {
        self.dns.get(service).map(|names| act(&mut lock(names)))
    }

    /// The records of a CMDB.
    pub(crate) fn records<T>(&self, service: &ServiceName, act: impl FnOnce(&mut Records) -> T) -> Option<T> {
        self.cmdbs.get(service).map(|records| act(&mut lock(records)))
    }

    pub(crate) fn cmdb_names(&self) -> impl Iterator<Item = &ServiceName> {
        self.cmdbs.keys()
    }

    /// The targets of a monitoring server.
    pub(crate) fn targets<T>(&self, service: &ServiceName, act: impl FnOnce(&mut Targets) -> T) -> Option<T> {
        self.monitors.get(service).map(|targets| act(&mut lock(targets)))
    }

    /// The rules of a monitoring server.
    pub(crate) fn rules<T>(&self, service: &ServiceName, act: impl FnOnce(&mut Rulebook) -> T) -> Option<T> {
        self.rules.get(service).map(|rules| act(&mut lock(rules)))
    }

    /// What fires and is silenced in an Alertmanager.
    pub(crate) fn alarms<T>(&self, service: &ServiceName, act: impl FnOnce(&mut Alarms) -> T) -> Option<T> {
        self.alarms.get(service).map(|alarms| act(&mut lock(alarms)))
    }

    pub(crate) fn alarm_names(&self) -> impl Iterator<Item = &ServiceName> {
        self.alarms.keys()
    }

    pub(crate) fn monitor_names(&self) -> impl Iterator<Item = &ServiceName> {
        self.monitors.keys()
    }

    /// The node that has an address or a fully qualified name.
    pub(crate) fn node_at(&self, host: &str) -> Option<&NodeName> {
        self.known_as.get(host)
    }

    pub(crate) fn dns_names(&self) -> impl Iterator<Item = &ServiceName> {
        self.dns.keys()
    }

    /// The keys of a cluster.
    pub(crate) fn keys<T>(&self, cluster: &ClusterName, act: impl FnOnce(&mut Keys) -> T) -> Option<T> {
        self.clusters.get(cluster).map(|keys| act(&mut lock(keys)))
    }

    /// Mains reaches a machine as long as one of its outlets has power.
    pub(crate) fn feed(&self, pdu: &PduName, outlet: u16) {
        let fed = |node: &NodeName| {
            self.wiring(node).outlets.iter().any(|link| {
                self.outlets(&link.pdu, |outlets| outlets.state(link.outlet) == Some(PowerState::On)).unwrap_or(true)
            })
        };
        let on_it = |wiring: &Wiring| wiring.outlets.iter().any(|link| link.pdu == *pdu && link.outlet == outlet);
        // In the order of the site: a seed must not depend on a hash table.
        for node in self.site.nodes.keys().filter(|node| on_it(self.wiring(node))) {
            let fed = fed(node);
            self.machine_at(node, |machine, now, around| {
                machine.feed(fed, now, around);
                if !fed {
                    around.faults.mend(around.subject, now, |fault| matches!(fault, Fault::BmcHangs { .. }));
                }
            });
        }
    }
}

/// The password that controllers are shipped with where dip keeps the one that they get: each has its own, as on a label.
pub(crate) fn factory_password(node: &NodeName) -> Secret {
    Secret::new(format!("factory-{node}"))
}

fn shipped(node: &dip_core::site::Node) -> Keeper {
    let Some(bmc) = &node.bmc else { return Keeper::default() };
    let kept = matches!(bmc.password, SecretRef::Store(_));
    Keeper::shipped(&bmc.user, kept.then(|| factory_password(&node.name)))
}

/// One part of the world for each service of these kinds.
pub(super) fn services<T: Default>(site: &Site, kinds: &[&str]) -> BTreeMap<ServiceName, Mutex<T>> {
    site.services_of(kinds).map(|service| (service.name.clone(), Mutex::default())).collect()
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic elsewhere fails its own test; the state itself is changed in single steps and stays whole.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
