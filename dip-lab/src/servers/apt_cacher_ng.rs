//! apt-cacher-ng, a proxy for packages.

use std::net::{IpAddr, SocketAddr};

use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::http;
use crate::net::free_port;
use crate::requirement::Requirement;
use crate::scratch::Scratch;

/// A running proxy with an empty cache.
#[derive(Debug)]
pub struct AptCacherNg {
    /// Where it answers.
    pub addr: SocketAddr,
    _daemon: Daemon,
    _scratch: Scratch,
}

impl AptCacherNg {
    /// Starts it on a free port of an address.
    ///
    /// # Errors
    /// If the program is missing or does not start.
    pub async fn start(address: IpAddr) -> Result<Self, LabError> {
        Requirement::AptCacherNg.check()?;
        let scratch = Scratch::temporary()?;
        let addr = SocketAddr::new(address, free_port()?.port());
        let dir = scratch.dir().display();
        let conf = format!(
            "CacheDir: {dir}/cache\nLogDir: {dir}/log\nSocketPath: {dir}/socket\nPort: {}\nBindAddress: {address}\nForeGround: 1\nReportPage: acng-report.html\n",
            addr.port()
        );
        for name in ["cache", "log"] {
            scratch.within(name)?;
        }
        let directory = scratch.within("conf")?;
        directory.write("acng.conf", &conf)?;
        let mut line = daemon_command(None, "apt-cacher-ng");
        line.arg("-c").arg(directory.dir());
        let mut daemon = Daemon::spawn(&scratch, "apt-cacher-ng", line)?;
        daemon.ready(|| async { http::get(addr, "/acng-report.html").await.is_some() }).await?;
        Ok(Self { addr, _daemon: daemon, _scratch: scratch })
    }
}
