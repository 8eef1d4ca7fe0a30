//! PowerDNS on sqlite with its HTTP API, primary of the caller's zones.

use std::fmt::{self, Write as _};
use std::net::SocketAddr;

use crate::command::run;
use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::net::{accepts, free_ports};
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::servers::Zone;
use crate::servers::dns_tools::{DnsTools, zone_file};

/// The API key of the lab.
const API_KEY: &str = "lab-api-key";

/// A running `pdns_server`.
pub struct PowerDns {
    /// UDP and TCP address of its DNS.
    pub addr: SocketAddr,
    /// Where its API answers.
    pub api: SocketAddr,
    /// The key of its API.
    pub api_key: String,
    zones: Vec<String>,
    daemon: Option<Daemon>,
    scratch: Scratch,
}

impl PowerDns {
    /// Starts it with these zones, and waits until it answers for the last one.
    ///
    /// # Errors
    /// If a program is missing or `pdns_server` does not start.
    pub async fn start(zones: &[Zone]) -> Result<Self, LabError> {
        Requirement::PowerDns.check()?;
        let scratch = Scratch::temporary()?.within("pdns")?;
        let ports = free_ports(2)?;
        let (addr, api) = (ports[0], ports[1]);
        scratch.write("pdns.conf", &pdns_conf(&scratch, addr, api))?;
        let database = scratch.path("pdns.sqlite3");
        let schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql";
        run("sqlite3", [database.as_os_str(), format!(".read {schema}").as_ref()]).await?;
        let config = format!("--config-dir={}", scratch.dir().display());
        for zone in zones {
            let file = scratch.write(&format!("{}.zone", zone.name), &zone_file(zone))?;
            run("pdnsutil", [config.as_ref(), "load-zone".as_ref(), zone.name.as_ref(), file.as_os_str()]).await?;
        }
        let zones = zones.iter().map(|zone| zone.name.clone()).collect();
        let mut server = Self { addr, api, api_key: API_KEY.to_owned(), zones, daemon: None, scratch };
        server.restart().await?;
        Ok(server)
    }

    /// Starts it again on the same addresses, with the zones as they were left.
    ///
    /// # Errors
    /// If `pdns_server` does not start.
    pub async fn restart(&mut self) -> Result<(), LabError> {
        self.stop();
        let mut line = daemon_command(None, "pdns_server");
        line.arg(format!("--config-dir={}", self.scratch.dir().display()));
        let mut daemon = Daemon::spawn(&self.scratch, "pdns_server", line)?;
        let zone = self.zones.last().cloned().unwrap_or_default();
        daemon
            .ready(|| async {
                accepts(self.api).await
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

    /// The file of its database.
    pub fn database(&self) -> std::path::PathBuf {
        self.scratch.path("pdns.sqlite3")
    }

    /// Asks it with `dig +short`; the lines of the answer.
    ///
    /// # Errors
    /// If `dig` gets no answer.
    pub async fn dig(&self, query: &[&str]) -> Result<String, LabError> {
        DnsTools { addr: self.addr, key: String::new(), scratch: &self.scratch }.dig(query).await
    }

    /// All records of a zone, as `pdnsutil` lists them.
    ///
    /// # Errors
    /// If the zone cannot be listed.
    pub async fn list(&self, zone: &str) -> Result<String, LabError> {
        let config = format!("--config-dir={}", self.scratch.dir().display());
        run("pdnsutil", [config.as_str(), "list-zone", zone]).await
    }

    /// Adds a record by hand with `pdnsutil`, as somebody else would: zone, name below it, type, TTL, content.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn add(&self, record: [&str; 5]) -> Result<(), LabError> {
        let config = format!("--config-dir={}", self.scratch.dir().display());
        run("pdnsutil", [config.as_str(), "add-record"].into_iter().chain(record)).await?;
        // Another process has written: what the server remembers of queries is older.
        run("pdns_control", [config.as_str(), "purge"]).await?;
        Ok(())
    }
}

impl fmt::Debug for PowerDns {
    /// Without the key.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PowerDns").field("addr", &self.addr).field("api", &self.api).finish_non_exhaustive()
    }
}

fn pdns_conf(scratch: &Scratch, addr: SocketAddr, api: SocketAddr) -> String {
    let dir = scratch.dir().display();
    let mut text = String::new();
    let _ = write!(
        text,
        "launch=gsqlite3\ngsqlite3-database={dir}/pdns.sqlite3\nsocket-dir={dir}\nlocal-address={}\nlocal-port={}\n\
         api=yes\napi-key={API_KEY}\nwebserver=yes\nwebserver-address={}\nwebserver-port={}\n\
         webserver-allow-from=127.0.0.1\nprimary=no\nguardian=no\ndaemon=no\ndisable-syslog=yes\ncache-ttl=0\n\
         query-cache-ttl=0\nnegquery-cache-ttl=0\nzone-cache-refresh-interval=0\nsecurity-poll-suffix=\n",
        addr.ip(),
        addr.port(),
        api.ip(),
        api.port()
    );
    text
}
