//! dnsmasq as the site's DHCP server, with a directory of reservations.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::servers::segment::{BootQuestion, Lease, Segment};

/// A running dnsmasq that serves DHCP and nothing else.
#[derive(Debug)]
pub struct Dnsmasq {
    /// Each file holds reservations, one a line: `02:00:00:00:00:01,10.77.1.1,n1`. Additions are seen at once, removals after HUP.
    pub hosts_dir: PathBuf,
    /// What its administrator adds to that; taken when it starts.
    pub added: PathBuf,
    /// The leases that were given.
    pub lease_file: PathBuf,
    /// Where its process id is, for HUP.
    pub pid_file: PathBuf,
    daemon: Option<Daemon>,
    setup: DnsmasqSetup,
    segment: Option<Segment>,
    scratch: Scratch,
}

/// Where it serves.
#[derive(Debug, Clone)]
pub(crate) struct DnsmasqSetup {
    pub(crate) interface: String,
    /// The rest of `dhcp-range=`: `10.77.100.0,10.77.199.255,255.255.0.0,10m`.
    pub(crate) range: String,
    pub(crate) router: Ipv4Addr,
    pub(crate) name_server: Ipv4Addr,
    /// Further lines of its configuration.
    pub(crate) lines: &'static str,
}

impl Dnsmasq {
    /// Starts it on a segment of its own (10.77.0.0/16, dynamic range 10.77.100.0 to 10.77.199.255).
    ///
    /// # Errors
    /// If a program is missing, the user is not root, or dnsmasq does not start.
    pub async fn start() -> Result<Self, LabError> {
        Self::start_with("").await
    }

    /// The same with further lines of configuration.
    pub(crate) async fn start_with(lines: &'static str) -> Result<Self, LabError> {
        Requirement::Dnsmasq.check()?;
        let scratch = Scratch::temporary()?;
        let segment = Segment::create(&scratch).await?;
        let setup = DnsmasqSetup {
            interface: Segment::INTERFACE.to_owned(),
            range: "10.77.100.0,10.77.199.255,255.255.0.0,10m".to_owned(),
            router: Segment::ADDRESS,
            name_server: Segment::ADDRESS,
            lines,
        };
        Self::start_in(&scratch, setup, Some(segment)).await
    }

    pub(crate) async fn start_in(
        scratch: &Scratch,
        setup: DnsmasqSetup,
        segment: Option<Segment>,
    ) -> Result<Self, LabError> {
        let scratch = scratch.within("dnsmasq")?;
        let hosts_dir = scratch.within("hosts.d")?.dir().to_path_buf();
        let mut dnsmasq = Self {
            hosts_dir,
            added: scratch.write("added.conf", setup.lines)?,
            lease_file: scratch.path("leases"),
            pid_file: scratch.path("pid"),
            daemon: None,
            setup,
            segment,
            scratch,
        };
        dnsmasq.restart().await?;
        Ok(dnsmasq)
    }

    /// Starts it again with the same directory and leases.
    ///
    /// # Errors
    /// If dnsmasq does not start.
    pub async fn restart(&mut self) -> Result<(), LabError> {
        self.stop();
        let _ = std::fs::remove_file(&self.pid_file);
        let DnsmasqSetup { interface, range, router, name_server, .. } = &self.setup;
        let conf = format!(
            "port=0\ninterface={interface}\nexcept-interface=lo\nbind-interfaces\ndhcp-authoritative\ndhcp-range={range}\n\
             dhcp-option=option:router,{router}\ndhcp-option=option:dns-server,{name_server}\n\
             dhcp-hostsdir={}\ndhcp-leasefile={}\npid-file={}\nno-ping\nlog-dhcp\nuser=root\nconf-file={}\n",
            self.hosts_dir.display(),
            self.lease_file.display(),
            self.pid_file.display(),
            self.added.display()
        );
        let conf = self.scratch.write("dnsmasq.conf", &conf)?;
        let mut line = daemon_command(self.segment.as_ref().map(Segment::namespace), "dnsmasq");
        line.arg("-k").arg("-C").arg(conf).arg("--log-facility=-");
        let mut daemon = Daemon::spawn(&self.scratch, "dnsmasq", line)?;
        // The process id is written after the sockets are open.
        daemon.ready(|| async { pid_in(&self.pid_file).is_some() }).await?;
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

    /// Lets it read its reservations again (HUP).
    ///
    /// # Errors
    /// If it does not run.
    pub fn reload(&self) -> Result<(), LabError> {
        let pid = self.pid().and_then(|pid| i32::try_from(pid).ok()).and_then(rustix::process::Pid::from_raw);
        let sent = pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::HUP));
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(LabError::answer("dnsmasq", error.to_string())),
            None => Err(LabError::answer("dnsmasq", "it does not run")),
        }
    }

    /// Lets a real client with this hardware address ask for a lease; `None` if it got nothing.
    ///
    /// # Errors
    /// If the client cannot be plugged in.
    pub async fn lease(&self, mac: &str) -> Result<Option<Lease>, LabError> {
        self.ask(mac, None).await
    }

    /// Where its clients are plugged in, if it serves a segment of its own.
    pub(crate) fn segment(&self) -> Option<&Segment> {
        self.segment.as_ref()
    }

    /// Lets a real client with this hardware address ask for a lease, and for what to boot if it says what it is; `None` if it got
    /// nothing.
    ///
    /// # Errors
    /// If the client cannot be plugged in.
    pub async fn ask(&self, mac: &str, says: Option<BootQuestion>) -> Result<Option<Lease>, LabError> {
        match &self.segment {
            Some(segment) => segment.ask(mac, says).await,
            None => Err(LabError::answer("dnsmasq", "it serves a datacenter: its hosts are the clients")),
        }
    }

    /// What the server itself has written about its leases.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub fn leases(&self) -> Result<String, LabError> {
        std::fs::read_to_string(&self.lease_file).map_err(|source| LabError::file("read", &self.lease_file, source))
    }
}

fn pid_in(file: &Path) -> Option<u32> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}
