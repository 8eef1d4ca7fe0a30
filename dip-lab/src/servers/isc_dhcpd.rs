//! ISC dhcpd, with OMAPI, on a segment of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;

use crate::daemon::{Daemon, daemon_command};
use crate::door::Door;
use crate::error::LabError;
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::servers::segment::{BootQuestion, Lease, Segment};

/// A running ISC dhcpd (DHCPv4).
#[derive(Debug)]
pub struct IscDhcpd {
    /// Where OMAPI is reached from outside of its namespace.
    pub omapi: SocketAddr,
    /// What it was started with.
    pub file: PathBuf,
    /// Its leases, and the hosts that were made by OMAPI.
    pub lease_file: PathBuf,
    daemon: Option<Daemon>,
    _door: Door,
    segment: Segment,
    scratch: Scratch,
}

impl IscDhcpd {
    /// The keys that it knows: name, algorithm and secret. The first is the one that OMAPI takes.
    pub const KEYS: [(&'static str, &'static str, &'static str); 2] = [
        ("dip-key", "hmac-md5", "ZGlwLW9tYXBpLXNlY3JldA=="),
        ("other-key", "hmac-sha256", "b3RoZXItc2VjcmV0LXRoYXQtaXMtbG9uZw=="),
    ];
    /// A host that its configuration declares: name, hardware address, address.
    pub const DECLARED: (&'static str, &'static str, Ipv4Addr) =
        ("printer", "02:d1:70:00:ff:01", Ipv4Addr::new(10, 77, 2, 1));
    const PORT: u16 = 7911;

    /// Starts it on a segment of its own (10.77.0.0/16, dynamic range 10.77.100.0 to 10.77.199.255); behind a relay is 10.78.0.0/16.
    ///
    /// # Errors
    /// If a program is missing, the user is not root, or dhcpd does not start.
    pub async fn start() -> Result<Self, LabError> {
        Self::start_with_key(0).await
    }

    /// The same with another one of its [`KEYS`](Self::KEYS) for OMAPI.
    ///
    /// # Errors
    /// If a program is missing, the user is not root, or dhcpd does not start.
    pub async fn start_with_key(key: usize) -> Result<Self, LabError> {
        Requirement::IscDhcpd.check()?;
        let scratch = Scratch::temporary()?;
        let segment = Segment::create(&scratch).await?;
        let keys: String = Self::KEYS
            .iter()
            .map(|(name, algorithm, secret)| format!("key {name} {{ algorithm {algorithm}; secret \"{secret}\"; }}\n"))
            .collect();
        let (host, mac, address) = Self::DECLARED;
        let conf = format!(
            "{keys}omapi-port {port};\nomapi-key {key};\nauthoritative;\nddns-update-style none;\nping-check false;\n\
             default-lease-time 600;\n\
             subnet 10.77.0.0 netmask 255.255.0.0 {{\n  range 10.77.100.0 10.77.199.255;\n  option routers {router};\n}}\n\
             subnet 10.78.0.0 netmask 255.255.0.0 {{ }}\n\
             host {host} {{\n  hardware ethernet {mac};\n  fixed-address {address};\n}}\n",
            port = Self::PORT,
            key = Self::KEYS[key].0,
            router = Segment::ADDRESS,
        );
        let file = scratch.write("dhcpd.conf", &conf)?;
        let lease_file = scratch.write("dhcpd.leases", "")?;
        let door = Door::open(segment.namespace(), SocketAddr::from((Ipv4Addr::LOCALHOST, Self::PORT)))?;
        let mut server = Self { omapi: door.addr, file, lease_file, daemon: None, _door: door, segment, scratch };
        server.restart().await?;
        Ok(server)
    }

    /// Starts it again with the same files.
    ///
    /// # Errors
    /// If dhcpd does not start.
    pub async fn restart(&mut self) -> Result<(), LabError> {
        self.stop();
        let pid_file = self.scratch.path("dhcpd.pid");
        let _ = std::fs::remove_file(&pid_file);
        let mut line = daemon_command(Some(self.segment.namespace()), "dhcpd");
        line.args(["-4", "-f", "-d", "-cf"]).arg(&self.file).arg("-lf").arg(&self.lease_file);
        line.arg("-pf").arg(&pid_file).arg(Segment::INTERFACE);
        let mut daemon = Daemon::spawn(&self.scratch, "dhcpd", line)?;
        // It opens the port of OMAPI before it writes its process id, and hears clients before that.
        daemon.ready(|| async { std::fs::read_to_string(&pid_file).is_ok_and(|pid| pid.ends_with('\n')) }).await?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.daemon = None;
    }

    /// Lets a real client with this hardware address ask for a lease; `None` if it got nothing.
    ///
    /// # Errors
    /// If the client cannot be plugged in.
    pub async fn lease(&self, mac: &str) -> Result<Option<Lease>, LabError> {
        self.segment.lease(mac).await
    }

    /// Lets a real client with this hardware address ask for a lease, and for what to boot if it says what it is; `None` if it got
    /// nothing.
    ///
    /// # Errors
    /// If the client cannot be plugged in.
    pub async fn ask(&self, mac: &str, says: Option<BootQuestion>) -> Result<Option<Lease>, LabError> {
        self.segment.ask(mac, says).await
    }

    /// Lets a real client in 10.78.0.0/16 ask by a relay, and for what to boot if it says what it is; `None` if it got nothing.
    ///
    /// # Errors
    /// If the relay or the client cannot be plugged in.
    pub async fn ask_behind_relay(&self, mac: &str, says: Option<BootQuestion>) -> Result<Option<Lease>, LabError> {
        self.segment.ask_behind_relay(mac, says).await
    }

    /// Lets a person who has the key type into `omshell`, connected; what it prints.
    ///
    /// # Errors
    /// If it cannot be run.
    pub async fn omshell(&self, typed: &str) -> Result<String, LabError> {
        use std::io::Write;
        let (name, algorithm, secret) = Self::KEYS[0];
        let all = format!(
            "server 127.0.0.1\nport {}\nkey-algorithm {algorithm}\nkey {name} {secret}\nconnect\n{typed}\n",
            Self::PORT
        );
        let mut line = self.segment.namespace().command("omshell");
        line.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let failed = |error: std::io::Error| LabError::answer("omshell", error.to_string());
        tokio::task::spawn_blocking(move || {
            let mut child = line.spawn().map_err(failed)?;
            // It ends where its input does.
            child.stdin.take().map_or(Ok(()), |mut input| input.write_all(all.as_bytes())).map_err(failed)?;
            let told = child.wait_with_output().map_err(failed)?;
            Ok(String::from_utf8_lossy(&told.stdout).into_owned())
        })
        .await
        .map_err(|error| LabError::answer("omshell", error.to_string()))?
    }
}
