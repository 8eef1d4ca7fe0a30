//! An NTP server: chrony that trusts its own clock and never sets it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::command::run;
use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::net::free_port;
use crate::requirement::Requirement;
use crate::scratch::Scratch;

/// A running `chronyd` of stratum 8.
#[derive(Debug)]
pub struct Chrony {
    /// Where it answers NTP.
    pub addr: SocketAddr,
    daemon: Option<Daemon>,
    scratch: Scratch,
}

impl Chrony {
    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If a program is missing or `chronyd` does not start.
    pub async fn start() -> Result<Self, LabError> {
        Self::start_at(free_port()?).await
    }

    /// Starts it on a given address, for hosts that do not reach 127.0.0.1.
    ///
    /// # Errors
    /// If a program is missing or `chronyd` does not start.
    pub async fn start_at(addr: SocketAddr) -> Result<Self, LabError> {
        Requirement::Chrony.check()?;
        Self::start_in(&Scratch::temporary()?, addr).await
    }

    pub(crate) async fn start_in(scratch: &Scratch, addr: SocketAddr) -> Result<Self, LabError> {
        let scratch = scratch.within("chrony")?;
        // chronyd refuses a socket directory that others can enter.
        scratch.protect()?;
        let dir = scratch.dir().display();
        let (ip, port) = (addr.ip(), addr.port());
        let conf = format!(
            "local stratum 8\nallow all\nbindaddress {ip}\nport {port}\ncmdport 0\nbindcmdaddress {dir}/sock\npidfile {dir}/pid\nuser root\n"
        );
        scratch.write("chrony.conf", &conf)?;
        let mut chrony = Self { addr, daemon: None, scratch };
        chrony.restart().await?;
        Ok(chrony)
    }

    /// Starts it again on the same address.
    ///
    /// # Errors
    /// If `chronyd` does not start.
    pub async fn restart(&mut self) -> Result<(), LabError> {
        self.stop();
        let mut line = daemon_command(None, "chronyd");
        // -x: the clock of this machine is not ours to set.
        line.args(["-d", "-x", "-f"]).arg(self.scratch.path("chrony.conf"));
        let mut daemon = Daemon::spawn(&self.scratch, "chronyd", line)?;
        daemon
            .ready(|| async {
                self.chronyc(&["tracking"]).await.is_ok_and(|text| text.contains("Stratum         : 8"))
            })
            .await?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.daemon = None;
    }

    /// Asks it with `chronyc`.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn chronyc(&self, words: &[&str]) -> Result<String, LabError> {
        let socket = self.scratch.path("sock").display().to_string();
        run("chronyc", ["-n", "-h", &socket].iter().chain(words)).await
    }

    /// Asks it for the time as a client would; what the client says about the offset.
    ///
    /// # Errors
    /// If no client gets the time.
    pub async fn query(&self) -> Result<String, LabError> {
        let ip = match self.addr.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            other => other,
        };
        let server = format!("server {ip} port {} iburst", self.addr.port());
        let pid = format!("pidfile {}", self.scratch.path("query.pid").display());
        let line = crate::command::command("sh");
        let mut line = line;
        // The client tells the offset on its standard error.
        line.args(["-c", "exec chronyd -Q -t 10 \"$@\" 2>&1", "chronyd", &server, &pid, "cmdport 0"]);
        crate::command::output(line).await
    }
}
