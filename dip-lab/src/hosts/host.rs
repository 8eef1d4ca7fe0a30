//! One host.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::cache::Overlay;
use crate::command::{command, output};
use crate::error::LabError;
use crate::hosts::boot::{Network, lay_over, power_on_script};
use crate::hosts::key::SshKey;
use crate::namespace::Namespace;
use crate::net::sum_in_kernel;
use crate::ready::until;
use crate::scratch::Scratch;
use crate::servers::{NodeDirectory, PowerState};

/// How long a boot may take on a busy machine; a quiet one needs 3 s.
const BOOT: Duration = Duration::from_secs(60);

/// What makes a host.
#[derive(Debug)]
pub(crate) struct HostConfig<'a> {
    pub(crate) name: &'a str,
    /// Unique on the machine; also the machine name for systemd-nspawn.
    pub(crate) namespace: String,
    /// The end of its cable, an interface of `peer_in` (or of the root namespace).
    pub(crate) peer: &'a str,
    pub(crate) peer_in: Option<&'a Namespace>,
    pub(crate) mac: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) network: Network,
    pub(crate) client: &'a SshKey,
    /// What it has beside the base root.
    pub(crate) overlays: &'a [Overlay],
}

/// A host with a network card, a disk (an overlay of the base root) and an SSH host key.
#[derive(Debug)]
pub struct Host {
    /// The name that the lab knows it by; the host itself is `unnamed` at first.
    pub name: String,
    /// The address that it is going to have.
    pub address: Ipv4Addr,
    /// The hardware address of `eth0`.
    pub mac: String,
    /// Its SSH host key.
    pub host_key: SshKey,
    /// The key that may log in as root.
    pub client_key: SshKey,
    node: NodeDirectory,
    _namespace: Namespace,
}

impl Host {
    /// Makes a host that is switched off.
    pub(crate) async fn create(scratch: &Scratch, config: HostConfig<'_>) -> Result<Self, LabError> {
        let HostConfig { name, namespace, peer, peer_in, mac, address, network, client, overlays } = config;
        let namespace = Namespace::named(scratch, &namespace).await?;
        let cable =
            ["link", "add", peer, "type", "veth", "peer", "name", "eth0", "address", &mac, "netns", namespace.name()];
        match peer_in {
            Some(switch) => switch.ip(&cable).await.map(drop)?,
            None => crate::command::run("ip", cable).await.map(drop)?,
        }
        sum_in_kernel(Some(&namespace), "eth0").await?;
        let own = scratch.within(name)?;
        for dir in ["work", "root"] {
            own.within(dir)?;
        }
        let upper = own.within("upper")?;
        let host_key = SshKey::generate(&upper.path("etc/ssh/ssh_host_ed25519_key")).await?;
        lay_over(upper.dir(), network, &client.public)?;
        let script = power_on_script(own.dir(), overlays, namespace.name());
        let node = NodeDirectory::create(scratch, name, &script)?;
        // The known-hosts file of other people's clients.
        own.write("known_hosts", &format!("{address} {}\n", host_key.public))?;
        Ok(Self {
            name: name.to_owned(),
            address,
            mac,
            host_key,
            client_key: client.clone(),
            node,
            _namespace: namespace,
        })
    }

    /// The directory by which BMC simulators switch it.
    pub fn node(&self) -> &NodeDirectory {
        &self.node
    }

    /// Switches it on without a BMC, and waits until it answers SSH.
    ///
    /// # Errors
    /// If it does not answer in time.
    pub async fn power_on(&self) -> Result<(), LabError> {
        self.node.switch_on().await?;
        self.wait_for_ssh().await
    }

    /// Switches it off without a BMC, as by the plug.
    ///
    /// # Errors
    /// If the hook fails.
    pub async fn power_off(&self) -> Result<(), LabError> {
        self.node.switch_off().await
    }

    /// Waits until it answers SSH.
    ///
    /// # Errors
    /// If it does not answer in time; the end of its console is told.
    pub async fn wait_for_ssh(&self) -> Result<(), LabError> {
        if until(BOOT, || async { self.ssh("true").await.is_ok() }).await {
            return Ok(());
        }
        let log = self.node.dir().join("node.log");
        let console = std::fs::read(&log).unwrap_or_default();
        let console = String::from_utf8_lossy(&console);
        let lines: Vec<&str> = console.lines().collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n");
        let power = if self.node.power() == PowerState::On { "on" } else { "off" };
        Err(LabError::NotReady { server: format!("host {} (power {power})", self.name), waited: BOOT, log, tail })
    }

    /// Runs a command on it as root over SSH, with its host key pinned; what it printed.
    ///
    /// # Errors
    /// If it cannot be reached or the command fails.
    pub async fn ssh(&self, script: &str) -> Result<String, LabError> {
        let mut line = command("ssh");
        line.arg("-i").arg(&self.client_key.private);
        line.arg("-o").arg(format!("UserKnownHostsFile={}", self.node.dir().join("known_hosts").display()));
        for option in
            ["StrictHostKeyChecking=yes", "BatchMode=yes", "ConnectTimeout=3", "IdentitiesOnly=yes", "LogLevel=ERROR"]
        {
            line.args(["-o", option]);
        }
        line.arg(format!("root@{}", self.address)).arg(script);
        output(line).await
    }
}
