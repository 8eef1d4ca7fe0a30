//! Two machines at one cable, each with an lldpd: a switch, and a node that hears it.

use std::path::PathBuf;
use std::time::Duration;

use crate::command::run;
use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::namespace::Namespace;
use crate::ready::until;
use crate::requirement::Requirement;
use crate::scratch::Scratch;

/// Neighbours are heard within a second of the first frame; a busy machine takes longer to start both.
const HEARD: Duration = Duration::from_secs(15);

/// An lldpd in a namespace of its own.
#[derive(Debug)]
pub struct Lldpd {
    namespace: Namespace,
    socket: PathBuf,
    daemon: Option<Daemon>,
}

impl Lldpd {
    async fn start(scratch: &Scratch, namespace: Namespace, system: &str) -> Result<Self, LabError> {
        let scratch = scratch.within(system)?;
        let config =
            format!("configure system hostname {system}\nconfigure lldp tx-interval 1\nconfigure lldp tx-hold 4\n");
        let config = scratch.write("lldpd.conf", &config)?;
        let socket = scratch.path("lldpd.sock");
        // Its user must open the socket below the directory.
        let mut line = daemon_command(Some(&namespace), "lldpd");
        line.arg("-d").arg("-u").arg(&socket).args(["-I", "*,!lo", "-O"]).arg(config);
        let mut daemon = Daemon::spawn(&scratch, "lldpd", line)?;
        daemon.ready(|| async { socket.exists() }).await?;
        Ok(Self { namespace, socket, daemon: Some(daemon) })
    }

    /// What its command prints: `lldpcli -f json show neighbors details`.
    ///
    /// # Errors
    /// If the command fails.
    pub async fn lldpcli(&self, words: &[&str]) -> Result<String, LabError> {
        let socket = self.socket.display().to_string();
        run("lldpcli", ["-u", socket.as_str()].iter().chain(words)).await
    }

    /// The namespace that it hears in.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Ends it: nobody hears it any more.
    pub fn stop(&mut self) {
        self.daemon = None;
    }
}

/// A switch and a node at one cable.
#[derive(Debug)]
pub struct LldpSegment {
    /// The switch.
    pub switch: Lldpd,
    /// The node, whose interface is `eth0`.
    pub node: Lldpd,
}

impl LldpSegment {
    /// Cables `eth0` of a node, with this MAC address, to a port of a switch, and waits until each hears the other.
    ///
    /// # Errors
    /// If a program is missing, the user is not root, or they do not hear each other.
    pub async fn start(switch: &str, port: &str, node: &str, mac: &str) -> Result<Self, LabError> {
        Requirement::Lldpd.check()?;
        let scratch = Scratch::temporary()?;
        let (at_switch, at_node) = (Namespace::create(&scratch).await?, Namespace::create(&scratch).await?);
        let cable =
            ["link", "add", port, "type", "veth", "peer", "name", "eth0", "address", mac, "netns", at_node.name()];
        at_switch.ip(&cable).await?;
        at_switch.ip(&["link", "set", port, "up"]).await?;
        at_node.ip(&["link", "set", "eth0", "up"]).await?;
        let segment = Self {
            switch: Lldpd::start(&scratch, at_switch, switch).await?,
            node: Lldpd::start(&scratch, at_node, node).await?,
        };
        // A switch names its ports; by itself lldpd tells their MAC addresses.
        segment.switch.lldpcli(&["configure", "lldp", "portidsubtype", "ifname"]).await?;
        let hears = async |who: &Lldpd, whom: &str| {
            who.lldpcli(&["show", "neighbors"]).await.is_ok_and(|told| told.contains(whom))
        };
        let heard = until(HEARD, || async { hears(&segment.node, switch).await && hears(&segment.switch, node).await });
        if heard.await { Ok(segment) } else { Err(LabError::answer("lldpd", "they do not hear each other")) }
    }
}
