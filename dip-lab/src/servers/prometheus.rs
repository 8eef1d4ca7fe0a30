//! Prometheus with targets from files.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::http;
use crate::net::free_port;
use crate::requirement::Requirement;
use crate::scratch::Scratch;

/// A running Prometheus that scrapes every second.
#[derive(Debug)]
pub struct Prometheus {
    /// Its HTTP address.
    pub addr: SocketAddr,
    /// Every `*.json` in it is a list of targets (`file_sd`).
    pub targets_dir: PathBuf,
    /// Every `*.yml` in it is a file of rules.
    pub rules_dir: PathBuf,
    /// A list of targets that it asks for over HTTP (`http_sd`) while somebody listens there.
    pub http_sd: SocketAddr,
    daemon: Option<Daemon>,
    scratch: Scratch,
}

impl Prometheus {
    /// Starts it on a free port of 127.0.0.1, with an empty directory of targets.
    ///
    /// # Errors
    /// If a program is missing or Prometheus does not start.
    pub async fn start() -> Result<Self, LabError> {
        Requirement::Prometheus.check()?;
        let scratch = Scratch::temporary()?;
        let targets = scratch.within("targets")?.dir().to_path_buf();
        Self::start_in(&scratch, free_port()?, &targets).await
    }

    pub(crate) async fn start_in(scratch: &Scratch, addr: SocketAddr, targets: &Path) -> Result<Self, LabError> {
        let scratch = scratch.within("prometheus")?;
        let rules = scratch.within("rules")?.dir().to_path_buf();
        let http_sd = free_port()?;
        let conf = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
             rule_files: ['{}/*.yml']\nscrape_configs:\n  - job_name: nodes\n    \
             file_sd_configs: [{{files: ['{}/*.json'], refresh_interval: 1s}}]\n    \
             http_sd_configs: [{{url: 'http://{http_sd}/targets.json', refresh_interval: 1s}}]\n",
            rules.display(),
            targets.display()
        );
        scratch.write("prometheus.yml", &conf)?;
        let mut prometheus =
            Self { addr, targets_dir: targets.to_path_buf(), rules_dir: rules, http_sd, daemon: None, scratch };
        prometheus.restart().await?;
        Ok(prometheus)
    }

    /// Starts it again on the same address.
    ///
    /// # Errors
    /// If Prometheus does not start.
    pub async fn restart(&mut self) -> Result<(), LabError> {
        self.stop();
        let mut line = daemon_command(None, "prometheus");
        line.arg(format!("--config.file={}", self.scratch.path("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", self.scratch.path("data").display()))
            .arg(format!("--web.listen-address={}", self.addr))
            .arg("--web.enable-lifecycle")
            .arg("--log.level=warn");
        let mut daemon = Daemon::spawn(&self.scratch, "prometheus", line)?;
        daemon.ready(|| http::is_ready(self.addr, "/-/ready")).await?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.daemon = None;
    }
}
