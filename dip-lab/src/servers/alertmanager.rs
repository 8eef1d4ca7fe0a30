//! Alertmanager, alone.

use std::net::SocketAddr;

use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::http;
use crate::net::free_port;
use crate::requirement::Requirement;
use crate::scratch::Scratch;

/// A running Alertmanager that calls nobody.
#[derive(Debug)]
pub struct Alertmanager {
    /// Its HTTP address.
    pub addr: SocketAddr,
    daemon: Option<Daemon>,
    scratch: Scratch,
}

impl Alertmanager {
    /// Starts it on a free port of 127.0.0.1, without alerts or silences.
    ///
    /// # Errors
    /// If a program is missing or Alertmanager does not start.
    pub async fn start() -> Result<Self, LabError> {
        Requirement::Alertmanager.check()?;
        let scratch = Scratch::temporary()?;
        let conf = "route: {receiver: nobody, group_wait: 1s}\nreceivers: [{name: nobody}]\n";
        scratch.write("alertmanager.yml", conf)?;
        let mut alertmanager = Self { addr: free_port()?, daemon: None, scratch };
        alertmanager.restart().await?;
        Ok(alertmanager)
    }

    /// Starts it again on the same address, with what it kept on disk.
    ///
    /// # Errors
    /// If Alertmanager does not start.
    pub async fn restart(&mut self) -> Result<(), LabError> {
        self.stop();
        let mut line = daemon_command(None, "prometheus-alertmanager");
        line.arg(format!("--config.file={}", self.scratch.path("alertmanager.yml").display()))
            .arg(format!("--storage.path={}", self.scratch.path("data").display()))
            .arg(format!("--web.listen-address={}", self.addr))
            // It is alone: no port for a cluster, no search for others.
            .arg("--cluster.listen-address=")
            .arg("--log.level=warn");
        let mut daemon = Daemon::spawn(&self.scratch, "alertmanager", line)?;
        daemon.ready(|| http::is_ready(self.addr, "/-/ready")).await?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.daemon = None;
    }
}
