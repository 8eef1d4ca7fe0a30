//! Where everything in a datacenter is: what a test or a site file needs to know.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::LabError;
use crate::scratch::write;

/// Addresses, names and files of a datacenter; stored as `lab.json` in its directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Raised when a field changes its meaning.
    pub version: u32,
    /// Directory of the datacenter.
    pub dir: PathBuf,
    /// The network as a prefix: `10.93.0.0/24`.
    pub network: String,
    /// The root namespace's own address, which is the router too.
    pub router: Ipv4Addr,
    /// The first and last address that nodes may have.
    pub range: (Ipv4Addr, Ipv4Addr),
    /// The VLAN that DHCP, DNS and NTP are in.
    pub vlan: u16,
    /// The VLAN that the ports of nodes are in at first.
    pub wrong_vlan: u16,
    /// The bridge of Open vSwitch.
    pub bridge: String,
    /// OVSDB over TCP.
    pub ovsdb: SocketAddr,
    /// BIND, UDP and TCP.
    pub dns: SocketAddr,
    /// The forward zone.
    pub forward_zone: String,
    /// The reverse zone for IPv4.
    pub reverse_zone: String,
    /// The reverse zone for IPv6, that of fd93::/32; the hosts themselves have IPv4 alone.
    pub reverse_zone_v6: String,
    /// The name of the TSIG key.
    pub tsig_name: String,
    /// The NTP server.
    pub ntp: SocketAddr,
    /// Prometheus over HTTP.
    pub prometheus: SocketAddr,
    /// The directory of Prometheus' target files.
    pub targets_dir: PathBuf,
    /// The directory of dnsmasq's reservations.
    pub dhcp_hosts_dir: PathBuf,
    /// The leases of dnsmasq.
    pub dhcp_lease_file: PathBuf,
    /// The process id of dnsmasq, for HUP.
    pub dhcp_pid_file: PathBuf,
    /// An empty directory for a CMDB made of files.
    pub cmdb_dir: PathBuf,
    /// Files with the secrets: `tsig`, `bmc_password`, `ssh_key`.
    pub secrets_dir: PathBuf,
    /// The SHA-256 fingerprint of the Redfish BMC's certificate: 64 hexadecimal digits.
    pub redfish_fingerprint: String,
    /// The user name of all BMCs.
    pub bmc_user: String,
    /// The nodes.
    pub nodes: Vec<LabNode>,
}

/// One node of a datacenter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabNode {
    /// The name.
    pub name: String,
    /// The hardware address of `eth0`.
    pub mac: String,
    /// The address that a DHCP reservation shall give it.
    pub address: Ipv4Addr,
    /// The port of the switch.
    pub port: String,
    /// What its BMC speaks.
    pub bmc_protocol: BmcProtocol,
    /// Where its BMC listens.
    pub bmc: SocketAddr,
    /// The serial number that its BMC tells.
    pub serial: String,
    /// The UUID that its BMC tells.
    pub uuid: String,
    /// The SSH host key: `ssh-ed25519 AAAA...`.
    pub host_key: String,
    /// The SSH host key's fingerprint: `SHA256:...`.
    pub host_key_fingerprint: String,
}

/// What a BMC of the lab speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BmcProtocol {
    /// IPMI 2.0 over UDP.
    Ipmi,
    /// Redfish over HTTPS, with a certificate that it signed itself.
    Redfish,
}

impl Layout {
    pub(crate) const VERSION: u32 = 1;

    /// Reads the layout of a datacenter that is up.
    ///
    /// # Errors
    /// If none is up in the directory.
    pub fn load(dir: &Path) -> Result<Self, LabError> {
        let file = dir.join("lab.json");
        let text = std::fs::read_to_string(&file).map_err(|_| LabError::NoLab { path: dir.to_path_buf() })?;
        serde_json::from_str(&text).map_err(|source| LabError::file("read", file, source.into()))
    }

    pub(crate) fn save(&self) -> Result<(), LabError> {
        let text =
            serde_json::to_string_pretty(self).map_err(|source| LabError::file("write", &self.dir, source.into()))?;
        write(&self.dir.join("lab.json"), &text).map(drop)
    }

    /// A file with a secret.
    pub fn secret_file(&self, name: &str) -> PathBuf {
        self.secrets_dir.join(name)
    }
}
