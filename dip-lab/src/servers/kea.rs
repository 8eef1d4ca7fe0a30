//! Kea DHCPv4 with its control agent, on a segment of its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::net::{accepts, free_port};
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::servers::segment::{Lease, Segment};

/// A running Kea.
#[derive(Debug)]
pub struct Kea {
    /// The control agent's HTTP address.
    pub control: SocketAddr,
    /// The control socket of the server itself.
    pub socket: PathBuf,
    _agent: Daemon,
    _server: Daemon,
    segment: Segment,
    _scratch: Scratch,
}

impl Kea {
    /// Starts it on 10.77.0.0/16 with the pool 10.77.100.0 to 10.77.199.255, subnet id 1.
    ///
    /// # Errors
    /// If a program is missing, the user is not root, or Kea does not start.
    pub async fn start() -> Result<Self, LabError> {
        Requirement::Kea.check()?;
        let scratch = Scratch::temporary()?;
        let segment = Segment::create(&scratch).await?;
        let dir = scratch.dir().to_path_buf();
        let socket = scratch.path("kea4.sock");
        let conf = serde_json::json!({ "Dhcp4": {
            "interfaces-config": { "interfaces": [Segment::INTERFACE], "dhcp-socket-type": "raw" },
            "control-socket": { "socket-type": "unix", "socket-name": &socket },
            "lease-database": { "type": "memfile", "persist": false, "lfc-interval": 0 },
            "host-reservation-identifiers": ["hw-address"],
            "valid-lifetime": 600,
            "subnet4": [{
                "id": 1,
                "subnet": "10.77.0.0/16",
                "pools": [{ "pool": "10.77.100.0 - 10.77.199.255" }],
                "option-data": [
                    { "name": "routers", "data": "10.77.0.1" },
                    { "name": "domain-name-servers", "data": "10.77.0.1" },
                ],
                "reservations": [],
            }],
            "loggers": [{ "name": "kea-dhcp4", "severity": "INFO", "output_options": [{ "output": "stdout" }] }],
        }});
        let conf = scratch.write("kea-dhcp4.json", &conf.to_string())?;
        let mut line = daemon_command(Some(segment.namespace()), "kea-dhcp4");
        line.env("KEA_PIDFILE_DIR", &dir).env("KEA_LOCKFILE_DIR", &dir).arg("-c").arg(conf);
        let mut server = Daemon::spawn(&scratch, "kea-dhcp4", line)?;
        server.ready(|| async { tokio::net::UnixStream::connect(&socket).await.is_ok() }).await?;

        let control = free_port()?;
        let conf = serde_json::json!({ "Control-agent": {
            "http-host": control.ip().to_string(),
            "http-port": control.port(),
            "control-sockets": { "dhcp4": { "socket-type": "unix", "socket-name": &socket } },
            "loggers": [{ "name": "kea-ctrl-agent", "severity": "WARN", "output_options": [{ "output": "stdout" }] }],
        }});
        let conf = scratch.write("kea-ctrl-agent.json", &conf.to_string())?;
        let mut line = daemon_command(None, "kea-ctrl-agent");
        line.env("KEA_PIDFILE_DIR", &dir).env("KEA_LOCKFILE_DIR", &dir).arg("-c").arg(conf);
        let mut agent = Daemon::spawn(&scratch, "kea-ctrl-agent", line)?;
        agent.ready(|| async { accepts(control).await }).await?;
        Ok(Self { control, socket, _agent: agent, _server: server, segment, _scratch: scratch })
    }

    /// Lets a real client with this hardware address ask for a lease; `None` if it got nothing.
    ///
    /// # Errors
    /// If the client cannot be plugged in.
    pub async fn lease(&self, mac: &str) -> Result<Option<Lease>, LabError> {
        self.segment.lease(mac).await
    }
}
