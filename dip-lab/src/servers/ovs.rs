//! Open vSwitch in a namespace, with the userspace datapath, configured over OVSDB.

use std::net::SocketAddr;

use crate::command::{command, output, run};
use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::namespace::Namespace;
use crate::net::{accepts, free_port};
use crate::requirement::Requirement;
use crate::scratch::Scratch;

/// A running `ovsdb-server` and `ovs-vswitchd`.
#[derive(Debug)]
pub struct Ovs {
    /// The database over TCP, in the root namespace.
    pub db: SocketAddr,
    vswitchd: Option<Daemon>,
    ovsdb: Option<Daemon>,
    own: Option<Namespace>,
    namespace: String,
    scratch: Scratch,
}

impl Ovs {
    /// Starts an empty switch in a namespace of its own.
    ///
    /// # Errors
    /// If a program is missing, the user is not root, or a daemon does not start.
    pub async fn start() -> Result<Self, LabError> {
        Requirement::OpenVSwitch.check()?;
        let scratch = Scratch::temporary()?;
        let namespace = Namespace::create(&scratch).await?;
        let mut ovs = Self::start_in(&scratch, &namespace).await?;
        ovs.own = Some(namespace);
        Ok(ovs)
    }

    /// Starts the switch in the namespace; its database is reached from the root namespace.
    pub(crate) async fn start_in(scratch: &Scratch, namespace: &Namespace) -> Result<Self, LabError> {
        let scratch = scratch.within("ovs")?;
        let db = free_port()?;
        let file = scratch.path("conf.db");
        let schema = "/usr/share/openvswitch/vswitch.ovsschema".as_ref();
        run("ovsdb-tool", ["create".as_ref(), file.as_os_str(), schema]).await?;
        let mut ovs =
            Self { db, vswitchd: None, ovsdb: None, own: None, namespace: namespace.name().to_owned(), scratch };
        ovs.start_database().await?;
        ovs.vsctl_in(&["--no-wait", "init"]).await?;

        let mut line = daemon_command(Some(namespace), "ovs-vswitchd");
        ovs.environment(&mut line);
        line.arg(ovs.socket())
            .arg("--disable-system")
            .arg(format!("--unixctl={}", ovs.scratch.path("vswitchd.ctl").display()));
        let mut vswitchd = Daemon::spawn(&ovs.scratch, "ovs-vswitchd", line)?;
        vswitchd
            .ready(|| async {
                ovs.vsctl_in(&["--timeout=1", "get", "Open_vSwitch", ".", "cur_cfg"]).await.is_ok()
                    && ovs.vsctl_in(&["--timeout=1", "set", "Open_vSwitch", ".", "external_ids:lab=up"]).await.is_ok()
            })
            .await?;
        ovs.vswitchd = Some(vswitchd);
        Ok(ovs)
    }

    async fn start_database(&mut self) -> Result<(), LabError> {
        let mut line = daemon_command(None, "ovsdb-server");
        self.environment(&mut line);
        line.arg(self.scratch.path("conf.db"))
            .arg(format!("--remote=punix:{}", self.scratch.path("db.sock").display()))
            .arg(format!("--remote=ptcp:{}:{}", self.db.port(), self.db.ip()))
            .arg(format!("--unixctl={}", self.scratch.path("ovsdb.ctl").display()));
        let mut ovsdb = Daemon::spawn(&self.scratch, "ovsdb-server", line)?;
        ovsdb.ready(|| async { accepts(self.db).await }).await?;
        self.ovsdb = Some(ovsdb);
        Ok(())
    }

    /// Stops the database; the switch goes on forwarding.
    pub fn stop_database(&mut self) {
        self.ovsdb = None;
    }

    /// Starts the database again on the same port.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn restart_database(&mut self) -> Result<(), LabError> {
        self.stop_database();
        self.start_database().await
    }

    /// Asks or changes it with `ovs-vsctl` over TCP, as other people would.
    ///
    /// # Errors
    /// If `ovs-vsctl` fails.
    pub async fn vsctl(&self, words: &[&str]) -> Result<String, LabError> {
        let db = format!("--db=tcp:{}", self.db);
        Ok(run("ovs-vsctl", [db.as_str(), "--timeout=20"].iter().chain(words)).await?.trim().to_owned())
    }

    /// Adds a switch of the userspace datapath.
    ///
    /// # Errors
    /// If `ovs-vsctl` fails.
    pub async fn add_bridge(&self, bridge: &str) -> Result<(), LabError> {
        self.vsctl(&["add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev"]).await?;
        Ok(())
    }

    /// Adds an interface that exists in the switch's namespace as an access port.
    ///
    /// # Errors
    /// If `ovs-vsctl` fails.
    pub async fn add_port(&self, bridge: &str, port: &str, vlan: u16) -> Result<(), LabError> {
        self.vsctl(&["add-port", bridge, port, &format!("tag={vlan}")]).await?;
        Ok(())
    }

    /// Adds an access port with an interface that the switch makes itself, for tests that need no host on it.
    ///
    /// # Errors
    /// If `ovs-vsctl` fails.
    pub async fn add_internal_port(&self, bridge: &str, port: &str, vlan: u16) -> Result<(), LabError> {
        let tag = format!("tag={vlan}");
        self.vsctl(&["add-port", bridge, port, &tag, "--", "set", "interface", port, "type=internal"]).await?;
        Ok(())
    }

    /// The VLAN of an access port, if it has one.
    ///
    /// # Errors
    /// If there is no such port.
    pub async fn port_vlan(&self, port: &str) -> Result<Option<u16>, LabError> {
        Ok(self.vsctl(&["get", "port", port, "tag"]).await?.parse().ok())
    }

    /// Lays a cable to another switch; both ends become interfaces of that name in the switches' namespaces, and ports of no bridge.
    ///
    /// # Errors
    /// If it cannot be laid.
    pub async fn cable(&self, end: &str, other: &Self, other_end: &str) -> Result<(), LabError> {
        let (here, there) = (self.namespace.as_str(), other.namespace.as_str());
        run("ip", ["-n", here, "link", "add", end, "type", "veth", "peer", "name", other_end, "netns", there]).await?;
        for (namespace, end) in [(here, end), (there, other_end)] {
            run("ip", ["-n", namespace, "link", "set", end, "up"]).await?;
        }
        Ok(())
    }

    /// Asks the switch itself with `ovs-appctl`: what it does now, and not what its database says.
    ///
    /// # Errors
    /// If `ovs-appctl` fails.
    pub async fn appctl(&self, words: &[&str]) -> Result<String, LabError> {
        let target = format!("--target={}", self.scratch.path("vswitchd.ctl").display());
        Ok(run("ovs-appctl", [target.as_str(), "--timeout=10"].iter().chain(words)).await?.trim().to_owned())
    }

    /// The namespace that the interfaces of the switch are in.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    fn socket(&self) -> String {
        format!("unix:{}", self.scratch.path("db.sock").display())
    }

    fn environment(&self, line: &mut std::process::Command) {
        for name in ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"] {
            line.env(name, self.scratch.dir());
        }
    }

    async fn vsctl_in(&self, words: &[&str]) -> Result<String, LabError> {
        let mut line = command("ovs-vsctl");
        line.arg(format!("--db={}", self.socket())).args(words);
        output(line).await
    }
}
