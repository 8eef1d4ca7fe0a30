//! A cluster of etcd members on this machine, for what needs a cluster and no hosts.

use std::net::SocketAddr;

use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::http;
use crate::net::free_port;
use crate::requirement::Requirement;
use crate::scratch::Scratch;

/// A running etcd cluster on 127.0.0.1, without TLS.
#[derive(Debug)]
pub struct Etcd {
    /// The members' names and client addresses.
    pub members: Vec<(String, SocketAddr)>,
    daemons: Vec<Option<Daemon>>,
}

impl Etcd {
    /// Starts so many members on free ports and waits for their quorum.
    ///
    /// # Errors
    /// If a program is missing or the cluster does not come up.
    pub async fn start(count: usize) -> Result<Self, LabError> {
        Requirement::Etcd.check()?;
        let scratch = Scratch::temporary()?;
        let mut members = Vec::new();
        for index in 1..=count {
            members.push((format!("n{index}"), free_port()?, free_port()?));
        }
        let all: Vec<String> = members.iter().map(|(name, _, peer)| format!("{name}=http://{peer}")).collect();
        let mut daemons = Vec::new();
        for (name, client, peer) in &members {
            let mut line = daemon_command(None, "etcd");
            line.args(["--name", name, "--data-dir"])
                .arg(scratch.path(&format!("{name}.data")))
                .arg(format!("--listen-client-urls=http://{client}"))
                .arg(format!("--advertise-client-urls=http://{client}"))
                .arg(format!("--listen-peer-urls=http://{peer}"))
                .arg(format!("--initial-advertise-peer-urls=http://{peer}"))
                .arg(format!("--initial-cluster={}", all.join(",")));
            daemons.push(Daemon::spawn(&scratch, name, line)?);
        }
        for (daemon, (_, client, _)) in daemons.iter_mut().zip(&members) {
            daemon.ready(async || http::get(*client, "/health").await.is_some_and(|(status, _)| status == 200)).await?;
        }
        let members = members.into_iter().map(|(name, client, _)| (name, client)).collect();
        Ok(Self { members, daemons: daemons.into_iter().map(Some).collect() })
    }

    /// Stops one member.
    pub fn stop(&mut self, index: usize) {
        if let Some(daemon) = self.daemons.get_mut(index) {
            *daemon = None;
        }
    }
}
