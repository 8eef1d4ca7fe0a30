//! BIND as primary of the caller's zones, with a TSIG key that may update and transfer them.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;

use crate::command::run;
use crate::daemon::Daemon;
use crate::error::LabError;
use crate::net::{accepts, free_port};
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::servers::dns_tools::{DnsTools, zone_file};
use crate::servers::zone_limits::{Transfers, ZoneLimits, enlarge, journals};

/// A zone and the records that it starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// The name of the zone without the last dot: `lab.test`, `93.10.in-addr.arpa`.
    pub name: String,
    /// Records in master file syntax, names relative to the zone: `www 60 IN A 192.0.2.1`.
    pub records: Vec<String>,
}

impl Zone {
    /// A zone with nothing but its SOA and NS records.
    pub fn empty(name: &str) -> Self {
        Self { name: name.to_owned(), records: Vec::new() }
    }

    /// The same zone with one more record.
    #[must_use]
    pub fn with(mut self, record: &str) -> Self {
        self.records.push(record.to_owned());
        self
    }
}

/// What BIND shall serve.
#[derive(Debug, Clone)]
pub struct BindConfig {
    /// Where it listens; `None` is a free port of 127.0.0.1.
    pub addr: Option<SocketAddr>,
    /// The zones.
    pub zones: Vec<Zone>,
    /// The name of the TSIG key.
    pub key_name: String,
    /// The algorithm of the TSIG key: `hmac-sha256` or `hmac-sha512`.
    pub algorithm: &'static str,
    /// Further zones, which nobody may change.
    pub read_only: Vec<Zone>,
    /// What it withholds.
    pub limits: ZoneLimits,
}

impl Default for BindConfig {
    /// `lab.test`, `10.in-addr.arpa` and `0.0.0.0.3.9.d.f.ip6.arpa`, with the key `dip-key`.
    fn default() -> Self {
        let zones = ["lab.test", "10.in-addr.arpa", "0.0.0.0.3.9.d.f.ip6.arpa"];
        Self {
            addr: None,
            zones: zones.map(Zone::empty).to_vec(),
            key_name: "dip-key".to_owned(),
            algorithm: "hmac-sha256",
            read_only: Vec::new(),
            limits: ZoneLimits::default(),
        }
    }
}

/// A running `named`.
pub struct Bind {
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

impl Bind {
    /// Starts it and waits until it answers for its last zone.
    ///
    /// # Errors
    /// If a program is missing or `named` does not start.
    pub async fn start(config: BindConfig) -> Result<Self, LabError> {
        Requirement::Bind.check()?;
        Self::start_in(&Scratch::temporary()?, config).await
    }

    pub(crate) async fn start_in(scratch: &Scratch, config: BindConfig) -> Result<Self, LabError> {
        let scratch = scratch.within("bind")?;
        let addr = config.addr.map_or_else(free_port, Ok)?;
        let key = run("tsig-keygen", ["-a", config.algorithm, &config.key_name]).await?;
        let key_secret = key
            .split('"')
            .nth(3)
            .filter(|secret| !secret.is_empty())
            .ok_or_else(|| LabError::answer("tsig-keygen", "no secret"))?
            .to_owned();
        scratch.write("key.conf", &key)?;
        for zone in config.zones.iter().chain(&config.read_only) {
            scratch.write(&format!("{}.zone", zone.name), &zone_file(zone))?;
        }
        scratch.write("named.conf", &named_conf(&scratch, addr, &config))?;
        let zones = config.zones.into_iter().map(|zone| zone.name).collect();
        let mut bind = Self {
            addr,
            key_name: config.key_name,
            key_secret,
            algorithm: config.algorithm,
            zones,
            limits: config.limits,
            daemon: None,
            scratch,
        };
        bind.restart().await?;
        Ok(bind)
    }

    /// Starts it again on the same address, with the zones as they were left.
    ///
    /// # Errors
    /// If `named` does not start.
    pub async fn restart(&mut self) -> Result<(), LabError> {
        self.stop();
        let mut line = self.limits.command(&self.scratch, "named")?;
        line.arg("-c").arg(self.scratch.path("named.conf")).args(["-g", "-n", "1"]);
        let mut daemon = Daemon::spawn(&self.scratch, "named", line)?;
        let zone = self.zones.last().cloned().unwrap_or_else(|| "localhost".to_owned());
        daemon
            .ready(|| async {
                accepts(self.addr).await
                    && self.dig(&[&zone, "SOA", "+tries=1", "+time=1"]).await.is_ok_and(|soa| !soa.trim().is_empty())
            })
            .await?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Stops it; `named` writes its zones first.
    pub fn stop(&mut self) {
        self.daemon = None;
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

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.daemon.as_ref().map(Daemon::pid)
    }

    /// Gives its journals a larger disk, in KiB, where they have one of their own.
    ///
    /// # Errors
    /// If it does not run, or they have none.
    pub async fn enlarge_journal_disk(&self, kib: u32) -> Result<(), LabError> {
        enlarge(self.pid(), &self.scratch, kib).await
    }

    /// The directory of its zone files and journals.
    pub fn directory(&self) -> &std::path::Path {
        self.scratch.dir()
    }

    fn tools(&self) -> DnsTools<'_> {
        let key = format!("{}:{}:{}", self.algorithm, self.key_name, self.key_secret);
        DnsTools { addr: self.addr, key, scratch: &self.scratch }
    }
}

impl fmt::Debug for Bind {
    /// Without the secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Bind").field("addr", &self.addr).field("key_name", &self.key_name).finish_non_exhaustive()
    }
}

fn named_conf(scratch: &Scratch, addr: SocketAddr, config: &BindConfig) -> String {
    let dir = scratch.dir().display();
    let (v4, v6) = match addr {
        SocketAddr::V4(addr) => (format!("{{ {}; }}", addr.ip()), "{ none; }".to_owned()),
        SocketAddr::V6(addr) => ("{ none; }".to_owned(), format!("{{ {}; }}", addr.ip())),
    };
    let port = addr.port();
    let key = &config.key_name;
    let transfers = match config.limits.transfers {
        Transfers::ByKey => format!("key \"{key}\""),
        Transfers::Nobody => "none".to_owned(),
    };
    let mut text = format!(
        r#"include "{dir}/key.conf";
options {{
  directory "{dir}";
  listen-on port {port} {v4};
  listen-on-v6 port {port} {v6};
  pid-file "{dir}/named.pid";
  session-keyfile "{dir}/session.key";
  managed-keys-directory "{dir}";
  recursion no; dnssec-validation no; notify no;
  allow-transfer {{ {transfers}; }};
}};
controls {{ }};
"#
    );
    for zone in &config.zones {
        let name = &zone.name;
        let largest = config.limits.largest_zone.map(|most| format!("max-records {most};")).unwrap_or_default();
        let journal = config.limits.journal_disk.map(|_| journals(scratch).join(name));
        let journal = journal.map(|path| format!("journal \"{}.jnl\";", path.display())).unwrap_or_default();
        let _ = writeln!(
            text,
            r#"zone "{name}" {{ type primary; file "{name}.zone"; allow-update {{ key "{key}"; }}; {largest} {journal} }};"#
        );
    }
    for zone in &config.read_only {
        let name = &zone.name;
        let _ = writeln!(text, r#"zone "{name}" {{ type primary; file "{name}.zone"; }};"#);
    }
    text
}
