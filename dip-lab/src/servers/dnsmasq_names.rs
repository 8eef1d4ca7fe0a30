//! dnsmasq as a DNS server that follows a directory of hosts files.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::net::{accepts, free_port};
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::servers::dns_tools::DnsTools;

/// A running dnsmasq that serves DNS and nothing else.
#[derive(Debug)]
pub struct DnsmasqNames {
    /// UDP and TCP address.
    pub addr: SocketAddr,
    /// The directory that it follows.
    pub hosts_dir: PathBuf,
    _daemon: Daemon,
    scratch: Scratch,
}

impl DnsmasqNames {
    /// Starts it with an empty directory.
    ///
    /// # Errors
    /// If the program is missing or does not start.
    pub async fn start() -> Result<Self, LabError> {
        Requirement::Dnsmasq.check()?;
        let scratch = Scratch::temporary()?.within("dnsmasq")?;
        let hosts_dir = scratch.within("hosts")?.dir().to_path_buf();
        let addr = free_port()?;
        let conf = format!(
            "port={}\nlisten-address={}\nbind-interfaces\nno-resolv\nno-hosts\nhostsdir={}\npid-file={}\nuser=root\n",
            addr.port(),
            addr.ip(),
            hosts_dir.display(),
            scratch.path("pid").display()
        );
        let conf = scratch.write("dnsmasq.conf", &conf)?;
        let mut line = daemon_command(None, "dnsmasq");
        line.arg("-k").arg("-C").arg(conf).arg("--log-facility=-");
        let mut daemon = Daemon::spawn(&scratch, "dnsmasq", line)?;
        daemon.ready(|| accepts(addr)).await?;
        Ok(Self { addr, hosts_dir, _daemon: daemon, scratch })
    }

    /// Asks it with `dig +short`; the lines of the answer.
    ///
    /// # Errors
    /// If `dig` gets no answer.
    pub async fn dig(&self, query: &[&str]) -> Result<String, LabError> {
        DnsTools { addr: self.addr, key: String::new(), scratch: &self.scratch }.dig(query).await
    }
}
