//! tinyproxy, an HTTP proxy.

use std::net::{IpAddr, SocketAddr};

use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::http;
use crate::net::free_port;
use crate::requirement::Requirement;
use crate::scratch::Scratch;

/// A running proxy that serves everybody.
#[derive(Debug)]
pub struct Tinyproxy {
    /// Where it answers.
    pub addr: SocketAddr,
    _daemon: Daemon,
    _scratch: Scratch,
}

impl Tinyproxy {
    /// Starts it on a free port of an address.
    ///
    /// # Errors
    /// If the program is missing or does not start.
    pub async fn start(address: IpAddr) -> Result<Self, LabError> {
        Requirement::Tinyproxy.check()?;
        let scratch = Scratch::temporary()?;
        let addr = SocketAddr::new(address, free_port()?.port());
        let conf = format!("Listen {address}\nPort {}\nTimeout 60\nMaxClients 10\n", addr.port());
        let file = scratch.write("tinyproxy.conf", &conf)?;
        let mut line = daemon_command(None, "tinyproxy");
        line.arg("-d").arg("-c").arg(file);
        let mut daemon = Daemon::spawn(&scratch, "tinyproxy", line)?;
        daemon.ready(|| async { http::get(addr, "/").await.is_some() }).await?;
        Ok(Self { addr, _daemon: daemon, _scratch: scratch })
    }
}
