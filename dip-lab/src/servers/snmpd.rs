//! A PDU that speaks SNMP: net-snmp's `snmpd`, whose outlets switch real processes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::json;

use crate::command::run;
use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::net::free_port;
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::servers::node_directory::NodeDirectory;
use crate::servers::segment::make_executable;

const AGENT: &str = include_str!("../files/pdu_agent");

/// Which PDU it is.
#[derive(Debug, Clone)]
pub struct PduConfig {
    /// The product: `apc-rpdu`, `apc-rpdu2`, `raritan-pdu2`, `servertech-sentry3` or `servertech-sentry4`.
    pub product: &'static str,
    /// What it tells as its `sysObjectID`.
    pub object_id: &'static str,
    /// How many outlets it has.
    pub outlets: u16,
    /// What is plugged into them.
    pub plugged: BTreeMap<u16, NodeDirectory>,
}

/// A running PDU. Its outlets are called `outlet-01` and so on, and each with power carries 287 W at 1.25 A and 230 V.
#[derive(Debug)]
pub struct SnmpPdu {
    /// Where it listens (UDP).
    pub addr: SocketAddr,
    daemon: Option<Daemon>,
    scratch: Scratch,
}

impl SnmpPdu {
    /// The community that may read and write.
    pub const COMMUNITY: &'static str = "lab-private";
    /// The community that may only read.
    pub const READ_COMMUNITY: &'static str = "lab-public";
    /// The user with SHA-256 and AES-128.
    pub const USER: &'static str = "dip";
    /// The user with SHA-1 and AES-128.
    pub const SHA1_USER: &'static str = "dip-sha1";
    /// The user that may only read, with SHA-256 and AES-128.
    pub const READ_USER: &'static str = "watcher";
    /// The authentication password of all users.
    pub const AUTH_PASSWORD: &'static str = "lab-auth-password";
    /// The privacy password of all users.
    pub const PRIVACY_PASSWORD: &'static str = "lab-privacy-password";

    /// Starts a PDU on a free port of 127.0.0.1; all its outlets have power.
    ///
    /// # Errors
    /// If a program is missing or `snmpd` does not start.
    pub async fn start(config: PduConfig) -> Result<Self, LabError> {
        Requirement::Snmp.check()?;
        let scratch = Scratch::temporary()?.within("pdu")?;
        let addr = free_port()?;
        let agent = scratch.write("pdu_agent", AGENT)?;
        make_executable(&agent)?;
        let hook = |(outlet, node): (&u16, &NodeDirectory)| (outlet.to_string(), json!([node.hook(), node.dir()]));
        let description = json!({
            "product": config.product,
            "object_id": config.object_id,
            "outlets": config.outlets,
            "cycle_seconds": 1,
            "plugged": config.plugged.iter().map(hook).collect::<serde_json::Map<_, _>>(),
        });
        scratch.write("pdu.json", &description.to_string())?;
        for node in config.plugged.values() {
            node.switch_on().await?;
        }
        let mut pdu = Self { addr, daemon: None, scratch };
        pdu.scratch.write("snmpd.conf", &pdu.conf())?;
        pdu.restart().await?;
        Ok(pdu)
    }

    /// Starts it again on the same address, as after a restart of its management card: outlets stay as they are, and the count of
    /// its boots goes up.
    ///
    /// # Errors
    /// If `snmpd` does not start.
    pub async fn restart(&mut self) -> Result<(), LabError> {
        self.stop();
        let state = self.scratch.within("state")?;
        let mut line = daemon_command(None, "snmpd");
        // No MIBs: names are numbers here. Its own persistent files, read by this very path, and nobody else's configuration. (`-C`
        // would leave the persistent ones out: each start would be the first of another engine.) Its own system group is left out,
        // so that the PDU can say what it is.
        line.env("MIBS", "").env("SNMP_PERSISTENT_DIR", state.dir()).env("SNMPCONFPATH", state.dir());
        line.args(["-f", "-Lo", "-I", "-system_mib", "-c"]).arg(self.scratch.path("snmpd.conf"));
        line.arg("-p").arg(self.scratch.path("snmpd.pid"));
        let mut daemon = Daemon::spawn(&self.scratch, "snmpd", line)?;
        daemon.ready(|| async { self.get("1.3.6.1.2.1.1.2.0").await.is_ok() }).await?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Starts another management card on the same address: it has another engine, and the same users.
    ///
    /// # Errors
    /// If `snmpd` does not start.
    pub async fn replace_card(&mut self) -> Result<(), LabError> {
        self.stop();
        let state = self.scratch.path("state");
        std::fs::remove_dir_all(&state).map_err(|source| LabError::file("remove", &state, source))?;
        self.restart().await
    }

    /// Stops the agent; outlets stay as they are.
    pub fn stop(&mut self) {
        self.daemon = None;
    }

    /// Asks it with `snmpget`, version 2c.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn get(&self, oid: &str) -> Result<String, LabError> {
        let address = format!("udp:{}", self.addr);
        run(
            "snmpget",
            ["-v2c", "-c", Self::READ_COMMUNITY, "-t", "1", "-r", "2", "-On", "-Oqv", "-m", "", &address, oid],
        )
        .await
    }

    /// Writes a number with `snmpset`, version 2c.
    ///
    /// # Errors
    /// If it does not answer, or refuses.
    pub async fn set(&self, community: &str, oid: &str, number: i32) -> Result<String, LabError> {
        let (address, number) = (format!("udp:{}", self.addr), number.to_string());
        let args = ["-v2c", "-c", community, "-r", "0", "-On", "-Oqv", "-m", "", &address, oid, "i", &number];
        run("snmpset", args).await
    }

    /// What was written to it, one a line: the instance and the value.
    pub fn writes(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.scratch.path("writes.log")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn conf(&self) -> String {
        let mut text = format!("agentaddress udp:{}\n", self.addr);
        let _ = writeln!(text, "rwcommunity {} 127.0.0.1", Self::COMMUNITY);
        let _ = writeln!(text, "rocommunity {} 127.0.0.1", Self::READ_COMMUNITY);
        for (user, digest, right) in [
            (Self::USER, "SHA-256", "rwuser"),
            (Self::SHA1_USER, "SHA", "rwuser"),
            (Self::READ_USER, "SHA-256", "rouser"),
        ] {
            let (auth, privacy) = (Self::AUTH_PASSWORD, Self::PRIVACY_PASSWORD);
            let _ = writeln!(text, "createUser {user} {digest} {auth} AES {privacy}\n{right} {user} priv");
        }
        let agent = format!("{} {}", self.scratch.path("pdu_agent").display(), self.scratch.dir().display());
        for tree in ["1.3.6.1.2.1.1.2", "1.3.6.1.4.1.318", "1.3.6.1.4.1.13742", "1.3.6.1.4.1.1718"] {
            let _ = writeln!(text, "pass_persist .{tree} {agent}");
        }
        text
    }
}
