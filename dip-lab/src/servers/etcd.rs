//! A cluster of etcd members on 127.0.0.1, without TLS.

use std::net::SocketAddr;

use crate::command::run;
use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::http;
use crate::net::free_ports;
use crate::requirement::Requirement;
use crate::scratch::Scratch;

/// A running cluster with members `n1`, `n2` ...
#[derive(Debug)]
pub struct Etcd {
    /// The name and the client address of each member.
    pub members: Vec<(String, SocketAddr)>,
    peers: Vec<SocketAddr>,
    daemons: Vec<Option<Daemon>>,
    scratch: Scratch,
}

impl Etcd {
    /// Starts a cluster and waits until every member says that it is healthy, so that there is a quorum.
    ///
    /// # Errors
    /// If a program is missing or a member does not start.
    pub async fn start(count: usize) -> Result<Self, LabError> {
        Requirement::Etcd.check()?;
        let mut clients = free_ports(2 * count)?;
        let peers = clients.split_off(count);
        let members =
            clients.into_iter().enumerate().map(|(index, client)| (format!("n{}", index + 1), client)).collect();
        let mut cluster = Self { members, peers, daemons: Vec::new(), scratch: Scratch::temporary()? };
        // No member is healthy before a majority runs: start all, then wait for all.
        for index in 0..count {
            let daemon = cluster.spawn(index)?;
            cluster.daemons.push(Some(daemon));
        }
        for index in 0..count {
            cluster.healthy(index).await?;
        }
        Ok(cluster)
    }

    /// Stops a member, counted from 0.
    pub fn stop(&mut self, index: usize) {
        if let Some(daemon) = self.daemons.get_mut(index) {
            *daemon = None;
        }
    }

    /// Starts a member again, with its data and on its addresses, and waits until it is healthy.
    ///
    /// # Errors
    /// If it does not start, or the cluster has no quorum.
    pub async fn restart(&mut self, index: usize) -> Result<(), LabError> {
        self.stop(index);
        let daemon = self.spawn(index)?;
        if let Some(slot) = self.daemons.get_mut(index) {
            *slot = Some(daemon);
        }
        self.healthy(index).await
    }

    /// Asks the cluster with `etcdctl` (API 3).
    ///
    /// # Errors
    /// If `etcdctl` fails.
    pub async fn etcdctl(&self, words: &[&str]) -> Result<String, LabError> {
        let endpoints: Vec<String> = self.members.iter().map(|(_, client)| format!("http://{client}")).collect();
        let endpoints = format!("ETCDCTL_ENDPOINTS={}", endpoints.join(","));
        run("env", ["ETCDCTL_API=3", &endpoints, "etcdctl"].iter().chain(words)).await
    }

    fn spawn(&self, index: usize) -> Result<Daemon, LabError> {
        let ((name, client), peer) = (&self.members[index], self.peers[index]);
        let initial: Vec<String> =
            self.members.iter().zip(&self.peers).map(|((name, _), peer)| format!("{name}=http://{peer}")).collect();
        let mut line = daemon_command(None, "etcd");
        line.args(["--name", name, "--logger", "zap", "--log-level", "warn", "--initial-cluster-state", "new"])
            .arg("--data-dir")
            .arg(self.scratch.path(&format!("{name}.data")))
            .args([
                "--listen-client-urls",
                &format!("http://{client}"),
                "--advertise-client-urls",
                &format!("http://{client}"),
            ])
            .args([
                "--listen-peer-urls",
                &format!("http://{peer}"),
                "--initial-advertise-peer-urls",
                &format!("http://{peer}"),
            ])
            .args(["--initial-cluster", &initial.join(",")]);
        Daemon::spawn(&self.scratch, &format!("etcd-{name}"), line)
    }

    async fn healthy(&mut self, index: usize) -> Result<(), LabError> {
        let client = self.members[index].1;
        match self.daemons.get_mut(index).and_then(Option::as_mut) {
            Some(daemon) => daemon.ready(|| http::is_ready(client, "/health")).await,
            None => Ok(()),
        }
    }
}
