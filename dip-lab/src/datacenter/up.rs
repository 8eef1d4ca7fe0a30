//! Builds a datacenter and takes it down.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::command::run;
use crate::datacenter::layout::{BmcProtocol, LabNode, Layout};
use crate::error::LabError;
use crate::hosts::{Host, HostConfig, Network, SshKey};
use crate::ledger::{Entry, Ledger};
use crate::net::sum_in_kernel;
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::servers::{
    Bind, BindConfig, BmcUser, Chrony, Dnsmasq, DnsmasqSetup, IpmiSim, IpmiSimConfig, Ovs, Prometheus, RedfishSystem,
    SushyEmulator, Tls, Zone,
};
use crate::subnet::Subnet;

const VLAN: u16 = 100;
const WRONG_VLAN: u16 = 999;
const BRIDGE: &str = "sw1";
const FORWARD_ZONE: &str = "lab.test";
/// fd93::/32
const REVERSE_ZONE_V6: &str = "0.0.0.0.3.9.d.f.ip6.arpa";
const NODES: u8 = 3;
/// The node whose BMC speaks Redfish; the others speak IPMI.
const REDFISH_NODE: u8 = 3;
const REDFISH_PORT: u16 = 443;

/// Three hosts n1, n2, n3, switched off, their switch ports p1, p2, p3 in the wrong VLAN, and the services of a site.
#[derive(Debug)]
pub struct Datacenter {
    /// Where everything is.
    pub layout: Layout,
    /// DNS.
    pub bind: Bind,
    /// DHCP: only who has a reservation gets an address.
    pub dnsmasq: Dnsmasq,
    /// Time.
    pub chrony: Chrony,
    /// Monitoring.
    pub prometheus: Prometheus,
    /// The switch.
    pub ovs: Ovs,
    /// The BMCs of n1 and n2.
    pub ipmi: Vec<IpmiSim>,
    /// The BMC of n3.
    pub redfish: SushyEmulator,
    /// The hosts, in the order of their names.
    pub hosts: Vec<Host>,
    subnet: Subnet,
    scratch: Scratch,
}

impl Datacenter {
    /// What the machine must have.
    pub const NEEDS: &'static [Requirement] = &[
        Requirement::Bind,
        Requirement::Chrony,
        Requirement::Dnsmasq,
        Requirement::Hosts,
        Requirement::Ipmi,
        Requirement::OpenVSwitch,
        Requirement::Prometheus,
        Requirement::Redfish,
    ];

    /// Builds a datacenter that lives as long as the value.
    ///
    /// # Errors
    /// If something is missing, the user is not root, or a server does not start.
    pub async fn up() -> Result<Self, LabError> {
        Requirement::check_all(Self::NEEDS)?;
        Self::build(Scratch::temporary()?).await
    }

    /// Builds a datacenter in a directory, which stays up after this process has ended, and writes its site file.
    ///
    /// # Errors
    /// If one is up there already, something is missing, the user is not root, or a server does not start;
    /// what was started is taken down then.
    pub async fn up_in(dir: &Path) -> Result<Layout, LabError> {
        Requirement::check_all(Self::NEEDS)?;
        if dir.join("ledger").exists() {
            return Err(LabError::AlreadyUp { path: dir.to_path_buf() });
        }
        let lab = Self::build(Scratch::at(dir)?).await?;
        lab.layout.write_site()?;
        lab.scratch.keep();
        Ok(lab.layout.clone())
    }

    /// Takes down the datacenter in a directory, with its directory; one that is not up is no error.
    ///
    /// # Errors
    /// If the directory cannot be removed.
    pub fn down_in(dir: &Path) -> Result<(), LabError> {
        if !dir.exists() {
            return Ok(());
        }
        Ledger::at(dir).clear();
        std::fs::remove_dir_all(dir).map_err(|source| LabError::file("remove", dir, source))
    }

    /// A host by name.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| host.name == name)
    }

    async fn build(scratch: Scratch) -> Result<Self, LabError> {
        let subnet = Subnet::reserve(&scratch).await?;
        let ovs = Ovs::start_in(&scratch, subnet.namespace()).await?;
        ovs.add_bridge(BRIDGE).await?;
        plug_in_services(&scratch, &subnet, &ovs).await?;

        let secrets = scratch.within("secrets")?;
        let client = SshKey::generate(&secrets.path("ssh_key")).await?;
        let mut hosts = Vec::new();
        for number in 1..=NODES {
            let port = format!("p{number}");
            let name = format!("n{number}");
            let config = HostConfig {
                name: &name,
                namespace: format!("{}-{name}", subnet.name()),
                peer: &port,
                peer_in: Some(subnet.namespace()),
                mac: subnet.mac(number),
                address: subnet.address(10 + number),
                network: Network::Dhcp,
                client: &client,
                overlays: &[],
            };
            let host = Host::create(&scratch, config).await?;
            subnet.namespace().ip(&["link", "set", &port, "up"]).await?;
            ovs.add_port(BRIDGE, &port, WRONG_VLAN).await?;
            hosts.push(host);
        }

        let addr = |host: u8, port: u16| SocketAddr::new(IpAddr::V4(subnet.address(host)), port);
        let router = subnet.address(1);
        let reverse_zone = format!("{}.93.10.in-addr.arpa", subnet.number());
        let zones = [FORWARD_ZONE, &reverse_zone, REVERSE_ZONE_V6].map(Zone::empty).to_vec();
        let config = BindConfig { addr: Some(addr(2, 53)), zones, ..BindConfig::default() };
        let bind = Bind::start_in(&scratch, config).await?;
        let setup = DnsmasqSetup {
            interface: subnet.name().to_owned(),
            // Static: without a reservation there is no address.
            range: format!("{},static,255.255.255.0,10m", subnet.address(0)),
            router,
            name_server: subnet.address(2),
            lines: "",
        };
        let dnsmasq = Dnsmasq::start_in(&scratch, setup, None).await?;
        let chrony = Chrony::start_in(&scratch, addr(3, 123)).await?;
        let targets = scratch.within("targets")?;
        let prometheus = Prometheus::start_in(&scratch, addr(1, 9090), targets.dir()).await?;

        let mut ipmi = Vec::new();
        let mut nodes = Vec::new();
        let mut systems = Vec::new();
        for (number, host) in (1..=NODES).zip(&hosts) {
            let bmc = addr(200 + number, if number == REDFISH_NODE { REDFISH_PORT } else { 623 });
            let mut config = IpmiSimConfig::named(&host.name);
            config.addr = Some(bmc);
            let uuid = dashed(&config.guid);
            let (serial, port) = (config.serial.clone(), format!("p{number}"));
            let bmc_protocol = if number == REDFISH_NODE {
                systems.push(RedfishSystem {
                    name: host.name.clone(),
                    uuid: uuid.clone(),
                    serial: serial.clone(),
                    mac: host.mac.clone(),
                    node: host.node().clone(),
                });
                BmcProtocol::Redfish
            } else {
                ipmi.push(IpmiSim::start(config, host.node()).await?);
                BmcProtocol::Ipmi
            };
            nodes.push(LabNode {
                name: host.name.clone(),
                mac: host.mac.clone(),
                address: host.address,
                port,
                bmc_protocol,
                bmc,
                serial,
                uuid,
                host_key: host.host_key.public.clone(),
                host_key_fingerprint: host.host_key.fingerprint.clone(),
            });
        }
        let redfish =
            SushyEmulator::start_in(&scratch, addr(200 + REDFISH_NODE, REDFISH_PORT), systems, Tls::SelfSigned).await?;

        secrets.protect()?;
        secrets.write("tsig", &format!("{}\n", bind.key_secret))?;
        secrets.write("bmc_password", &format!("{}\n", BmcUser::admin().password))?;
        let layout = Layout {
            version: Layout::VERSION,
            dir: scratch.dir().to_path_buf(),
            network: format!("{}/24", subnet.address(0)),
            router,
            range: (subnet.address(11), subnet.address(99)),
            vlan: VLAN,
            wrong_vlan: WRONG_VLAN,
            bridge: BRIDGE.to_owned(),
            ovsdb: ovs.db,
            dns: bind.addr,
            forward_zone: FORWARD_ZONE.to_owned(),
            reverse_zone,
            reverse_zone_v6: REVERSE_ZONE_V6.to_owned(),
            tsig_name: bind.key_name.clone(),
            ntp: chrony.addr,
            prometheus: prometheus.addr,
            targets_dir: targets.dir().to_path_buf(),
            dhcp_hosts_dir: dnsmasq.hosts_dir.clone(),
            dhcp_lease_file: dnsmasq.lease_file.clone(),
            dhcp_pid_file: dnsmasq.pid_file.clone(),
            cmdb_dir: scratch.within("cmdb")?.dir().to_path_buf(),
            secrets_dir: secrets.dir().to_path_buf(),
            redfish_fingerprint: redfish.certificate_fingerprint.clone().unwrap_or_default(),
            bmc_user: BmcUser::admin().name,
            nodes,
        };
        layout.save()?;
        Ok(Self { layout, bind, dnsmasq, chrony, prometheus, ovs, ipmi, redfish, hosts, subnet, scratch })
    }
}

impl Drop for Datacenter {
    fn drop(&mut self) {
        if self.scratch.kept() {
            return;
        }
        // Hosts first: they would wait for their network while it is taken from them.
        for host in &self.hosts {
            host.node().pull_the_plug();
        }
        let _ = crate::command::command("ip").args(["link", "delete", self.subnet.name()]).status();
    }
}

/// The cable between the switch and the root namespace, which has all addresses of services and BMCs.
async fn plug_in_services(scratch: &Scratch, subnet: &Subnet, ovs: &Ovs) -> Result<(), LabError> {
    let name = subnet.name();
    scratch.record(&Entry::Link(name.to_owned()))?;
    run("ip", ["link", "add", name, "type", "veth", "peer", "name", "uplink", "netns", subnet.namespace().name()])
        .await?;
    sum_in_kernel(None, name).await?;
    for host in [1, 2, 3].into_iter().chain((1..=NODES).map(|number| 200 + number)) {
        run("ip", ["address", "add", &format!("{}/24", subnet.address(host)), "dev", name]).await?;
    }
    run("ip", ["link", "set", name, "up"]).await?;
    subnet.namespace().ip(&["link", "set", "uplink", "up"]).await?;
    ovs.add_port(BRIDGE, "uplink", VLAN).await
}

/// 32 digits as a UUID.
fn dashed(guid: &str) -> String {
    let parts = [&guid[..8], &guid[8..12], &guid[12..16], &guid[16..20], &guid[20..]];
    parts.join("-")
}
