//! Several hosts on one bridge that the root namespace reaches, for tests that need a host and no datacenter.

use std::net::Ipv4Addr;
use std::path::Path;

use crate::cache::Overlay;
use crate::command::run;
use crate::error::LabError;
use crate::hosts::boot::Network;
use crate::hosts::host::{Host, HostConfig};
use crate::hosts::key::SshKey;
use crate::ledger::Entry;
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::subnet::Subnet;

/// Hosts `h1`, `h2` ... with static addresses, switched on.
#[derive(Debug)]
pub struct Hosts {
    /// The address of the root namespace on their bridge: servers that listen there are reached by the hosts.
    pub router: Ipv4Addr,
    hosts: Vec<Host>,
    bridge: String,
    _subnet: Subnet,
    _scratch: Scratch,
}

impl Hosts {
    /// Starts some hosts and waits until all answer SSH.
    ///
    /// # Errors
    /// If something is missing, the user is not root, or a host does not boot.
    pub async fn start(count: u8) -> Result<Self, LabError> {
        Self::start_with(&vec![&[][..]; usize::from(count)]).await
    }

    /// The same, each host with software beside the base root.
    ///
    /// # Errors
    /// If something is missing, the user is not root, or a host does not boot.
    pub async fn start_with(software: &[&[Overlay]]) -> Result<Self, LabError> {
        Requirement::Hosts.check()?;
        for overlay in software.iter().copied().flatten() {
            Requirement::from(*overlay).check()?;
        }
        let scratch = Scratch::temporary()?;
        let subnet = Subnet::reserve(&scratch).await?;
        let bridge = subnet.name().to_owned();
        let router = subnet.address(1);
        scratch.record(&Entry::Link(bridge.clone()))?;
        run("ip", ["link", "add", &bridge, "type", "bridge"]).await?;
        run("ip", ["address", "add", &format!("{router}/24"), "dev", &bridge]).await?;
        run("ip", ["link", "set", &bridge, "up"]).await?;
        let client = SshKey::generate(&scratch.path("client_key")).await?;
        let mut hosts = Vec::new();
        for (number, overlays) in (1_u8..).zip(software) {
            let address = subnet.address(10 + number);
            let name = format!("h{number}");
            let peer = format!("{bridge}-{name}");
            let config = HostConfig {
                name: &name,
                namespace: peer.clone(),
                peer: &peer,
                peer_in: None,
                mac: subnet.mac(number),
                address,
                network: Network::Static { address, router },
                client: &client,
                overlays,
            };
            let host = Host::create(&scratch, config).await?;
            run("ip", ["link", "set", &peer, "master", &bridge, "up"]).await?;
            hosts.push(host);
        }
        let all = Self { router, hosts, bridge, _subnet: subnet, _scratch: scratch };
        for host in &all.hosts {
            host.node().switch_on().await?;
        }
        for host in &all.hosts {
            host.wait_for_ssh().await?;
        }
        Ok(all)
    }

    /// The hosts.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for host in &self.hosts {
            host.node().pull_the_plug();
        }
        if Path::new("/sys/class/net").join(&self.bridge).exists() {
            let _ = crate::command::command("ip").args(["link", "delete", &self.bridge]).status();
        }
    }
}
