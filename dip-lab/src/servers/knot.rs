//! Knot DNS as primary of the caller's zones, with a TSIG key that may update and transfer them.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;

use crate::command::run;
use crate::daemon::Daemon;
use crate::error::LabError;
use crate::net::{accepts, free_port};
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::servers::Zone;
use crate::servers::dns_tools::{DnsTools, zone_file};
use crate::servers::zone_limits::{Transfers, ZoneLimits, enlarge, journals};

/// What Knot shall serve.
#[derive(Debug, Clone)]
pub struct KnotConfig {
    /// The zones.
    pub zones: Vec<Zone>,
    /// Further zones, which nobody may change.
    pub read_only: Vec<Zone>,
    /// The name of the TSIG key.
    pub key_name: String,
    /// The algorithm of the TSIG key: `hmac-sha256` or `hmac-sha512`.
    pub algorithm: &'static str,
    /// What it withholds.
    pub limits: ZoneLimits,
}

impl Default for KnotConfig {
    /// `lab.test`, `10.in-addr.arpa` and `0.0.0.0.3.9.d.f.ip6.arpa`, with the key `dip-key` of hmac-sha512.
    fn default() -> Self {
        let zones = ["lab.test", "10.in-addr.arpa", "0.0.0.0.3.9.d.f.ip6.arpa"];
        Self {
            zones: zones.map(Zone::empty).to_vec(),
            read_only: Vec::new(),
            key_name: "dip-key".to_owned(),
            algorithm: "hmac-sha512",
            limits: ZoneLimits::default(),
        }
    }
}

/// A running `knotd`.
pub struct Knot {
    /// UDP and TCP address.
    pub addr: SocketAddr,
    /// The name of the TSIG key.
    pub key_name: String,
    /// The secret of the TSIG key in base64.
    pub key_secret: String,
    /// The algorithm of the TSIG key.
    pub algorithm: &'static str,
    zones: Vec<String>,
    limits: ZoneLimits,
    daemon: Option<Daemon>,
    scratch: Scratch,
}

impl Knot {
    /// Starts it and waits until it answers for its last zone.
    ///
    /// # Errors
    /// If a program is missing or `knotd` does not start.
    pub async fn start(config: KnotConfig) -> Result<Self, LabError> {
        Requirement::Knot.check()?;
        let scratch = Scratch::temporary()?.within("knot")?;
        let addr = free_port()?;
        let key = run("keymgr", ["-t", &config.key_name, config.algorithm]).await?;
        let key_secret = key
            .lines()
            .find_map(|line| line.trim().strip_prefix("secret: "))
            .ok_or_else(|| LabError::answer("keymgr", "no secret"))?
            .to_owned();
        for zone in config.zones.iter().chain(&config.read_only) {
            scratch.write(&format!("{}.zone", zone.name), &zone_file(zone))?;
        }
        scratch.write("knot.conf", &knot_conf(&scratch, addr, &config, &key_secret))?;
        let KnotConfig { zones, key_name, algorithm, limits, .. } = config;
        let zones = zones.into_iter().map(|zone| zone.name).collect();
        let mut knot = Self { addr, key_name, key_secret, algorithm, zones, limits, daemon: None, scratch };
        knot.restart().await?;
        Ok(knot)
    }

    /// Starts it again on the same address, with the zones as they were left.
    ///
    /// # Errors
    /// If `knotd` does not start.
    pub async fn restart(&mut self) -> Result<(), LabError> {
        self.stop();
        let mut line = self.limits.command(&self.scratch, "knotd")?;
        line.arg("-c").arg(self.scratch.path("knot.conf"));
        let mut daemon = Daemon::spawn(&self.scratch, "knotd", line)?;
        let zone = self.zones.last().cloned().unwrap_or_default();
        daemon
            .ready(|| async {
                accepts(self.addr).await
                    && self.dig(&[&zone, "SOA", "+tries=1", "+time=1"]).await.is_ok_and(|soa| !soa.trim().is_empty())
            })
            .await?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.daemon = None;
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.daemon.as_ref().map(Daemon::pid)
    }

    /// Asks it with `dig +short`; the lines of the answer.
    ///
    /// # Errors
    /// If `dig` gets no answer.
    pub async fn dig(&self, query: &[&str]) -> Result<String, LabError> {
        self.tools().dig(query).await
    }

    /// All records of a zone, by a transfer with the key.
    ///
    /// # Errors
    /// If `dig` gets no answer.
    pub async fn transfer(&self, zone: &str) -> Result<String, LabError> {
        self.tools().transfer(zone).await
    }

    /// Changes records by hand with `nsupdate`, as somebody else would: `add www.lab.test 60 A 192.0.2.1`.
    ///
    /// # Errors
    /// If the update is refused.
    pub async fn update(&self, changes: &[&str]) -> Result<(), LabError> {
        self.tools().update(changes).await
    }

    /// Gives its journals a larger disk, in KiB, where they have one of their own.
    ///
    /// # Errors
    /// If it does not run, or they have none.
    pub async fn enlarge_journal_disk(&self, kib: u32) -> Result<(), LabError> {
        enlarge(self.pid(), &self.scratch, kib).await
    }

    fn tools(&self) -> DnsTools<'_> {
        let key = format!("{}:{}:{}", self.algorithm, self.key_name, self.key_secret);
        DnsTools { addr: self.addr, key, scratch: &self.scratch }
    }
}

impl fmt::Debug for Knot {
    /// Without the secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Knot").field("addr", &self.addr).field("key_name", &self.key_name).finish_non_exhaustive()
    }
}

fn knot_conf(scratch: &Scratch, addr: SocketAddr, config: &KnotConfig, secret: &str) -> String {
    let dir = scratch.dir().display();
    let (key, algorithm) = (&config.key_name, config.algorithm);
    let change = match config.limits.transfers {
        Transfers::ByKey => "transfer, update",
        Transfers::Nobody => "update",
    };
    let largest = config.limits.largest_zone.map(|most| format!("    zone-max-size: {most}\n")).unwrap_or_default();
    let journal = config.limits.journal_disk.map(|_| format!("  journal-db: {}\n", journals(scratch).display()));
    let journal = journal.unwrap_or_default();
    let mut text = format!(
        "server:\n  rundir: {dir}\n  listen: {}@{}\n  udp-workers: 1\n  tcp-workers: 2\n  background-workers: 1\n\
         log:\n  - target: stderr\n    any: info\n\
         database:\n  storage: {dir}\n{journal}\
         key:\n  - id: {key}\n    algorithm: {algorithm}\n    secret: {secret}\n\
         acl:\n  - id: change\n    key: {key}\n    action: [{change}]\n  - id: look\n    key: {key}\n    action: transfer\n\
         template:\n  - id: default\n    storage: {dir}\n    file: \"%s.zone\"\n    acl: change\n    zonefile-sync: -1\n    zonefile-load: difference\n    journal-content: all\n{largest}\
         zone:\n",
        addr.ip(),
        addr.port()
    );
    for zone in &config.zones {
        let _ = writeln!(text, "  - domain: {}", zone.name);
    }
    for zone in &config.read_only {
        let _ = writeln!(text, "  - domain: {}\n    acl: look", zone.name);
    }
    text
}
