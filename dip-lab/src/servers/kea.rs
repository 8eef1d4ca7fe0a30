//! Kea, DHCPv4 and DHCPv6, on a segment of its own, with its control agent or by HTTP of its own; its hosts in PostgreSQL where that is wanted.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::certificate::Authority;
use crate::daemon::{Daemon, daemon_command};
use crate::door::Door;
use crate::error::LabError;
use crate::net::{accepts, free_port};
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::servers::kea_config::KeaConfig;
use crate::servers::kea_release::KeaRelease;
use crate::servers::kea_socket::exchange;
use crate::servers::postgres::Postgres;
use crate::servers::segment::{BootQuestion, Lease, Lease6, Segment};

/// The file with the password of who asks over HTTP.
const PASSWORD: &str = "password";

/// Where a Kea has its reservations, and what writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeaHosts {
    /// In its configuration.
    Configuration,
    /// In a database, which is written by SQL.
    Database,
    /// In a database, which its hook `host_cmds` writes.
    Hook,
}

/// Whom a client of Kea trusts over TLS, and whom it shows itself as: files of PEM.
#[derive(Debug, Clone)]
pub struct KeaTls {
    /// The certificate of the authority.
    pub root: PathBuf,
    /// One that it signed for the client.
    pub certificate: PathBuf,
    /// The key of that.
    pub key: PathBuf,
}

/// A running Kea.
#[derive(Debug)]
pub struct Kea {
    /// Which one it is.
    pub release: KeaRelease,
    /// Where its reservations are.
    pub hosts: KeaHosts,
    /// Where its servers take commands over HTTP, DHCPv4 first: the control agent before both, or each server itself, the second over TLS.
    pub control: [String; 2],
    /// What takes part in TLS.
    pub tls: KeaTls,
    /// The control socket of the DHCPv4 server itself.
    pub socket: PathBuf,
    socket6: PathBuf,
    /// The file that the DHCPv4 server was started with.
    pub file: PathBuf,
    /// The database of its hosts, where it has one.
    pub database: Option<Postgres>,
    _front: Front,
    server: Daemon,
    _server6: Daemon,
    segment: Segment,
    /// Of its own files alone.
    scratch: Scratch,
}

/// What leads to its servers over HTTP.
#[derive(Debug)]
enum Front {
    Agent { _agent: Daemon },
    Servers { _doors: [Door; 2] },
}

impl Kea {
    /// The user that it knows over HTTP, and the password.
    pub const LOGIN: (&'static str, &'static str) = ("dip", "kea-secret");

    /// Starts it on 10.77.0.0/16 with the pool 10.77.100.0 to 10.77.199.255, subnet id 1; and on fd77::/64 (id 1) with the pool
    /// fd77::100 to fd77::1ff. Behind a relay are 10.78.0.0/16 (id 2) and 2001:db8::/64 (id 2), each in a shared
    /// network `floor`.
    ///
    /// # Errors
    /// If a program is missing, the user is not root, or Kea does not start.
    pub async fn start(release: KeaRelease) -> Result<Self, LabError> {
        Self::start_on(release, KeaHosts::Configuration, None, Scratch::temporary()?).await
    }

    /// The same with a hosts backend in a PostgreSQL of its own.
    ///
    /// # Errors
    /// If a program is missing, the user is not root, or one of them does not start.
    pub async fn start_with_database(release: KeaRelease) -> Result<Self, LabError> {
        Self::start_on_database(release, KeaHosts::Database).await
    }

    /// The same with the hook `host_cmds`, which Kea has since 3.0.
    ///
    /// # Errors
    /// If a program is missing, the user is not root, or one of them does not start.
    pub async fn start_with_hook() -> Result<Self, LabError> {
        Self::start_on_database(KeaRelease::V3_0, KeaHosts::Hook).await
    }

    async fn start_on_database(release: KeaRelease, hosts: KeaHosts) -> Result<Self, LabError> {
        Requirement::check_all(&[release.requirement(), Requirement::KeaPostgres])?;
        let scratch = Scratch::temporary()?;
        let database = Postgres::start(&scratch).await?;
        database.prepare_for_kea(&release.scripts()).await?;
        Self::start_on(release, hosts, Some(database), scratch).await
    }

    async fn start_on(
        release: KeaRelease,
        hosts: KeaHosts,
        database: Option<Postgres>,
        scratch: Scratch,
    ) -> Result<Self, LabError> {
        release.requirement().check()?;
        let segment = Segment::create(&scratch).await?;
        // Kea 3.0 listens at no socket that others may come to. Its database must not be in there, which belongs to another user.
        let scratch = scratch.within("kea")?;
        scratch.protect()?;
        let (socket, socket6) = (scratch.path("kea4.sock"), scratch.path("kea6.sock"));
        let loopback = std::net::Ipv4Addr::LOCALHOST.into();
        let authority = Authority::make(&scratch).await?;
        let shown = authority.sign(&scratch, loopback).await?;
        let client = authority.sign(&scratch.within("client")?, loopback).await?;
        let conf = KeaConfig {
            release,
            hosts,
            database: database.as_ref(),
            root: &authority.root,
            shown: &shown,
            dir: scratch.dir(),
        };
        scratch.write(PASSWORD, Self::LOGIN.1)?;
        let file = scratch.write("kea-dhcp4.json", &conf.v4(&socket)?.to_string())?;
        let file6 = scratch.write("kea-dhcp6.json", &conf.v6(&socket6)?.to_string())?;
        let server6 = serve(release, &scratch, &segment, "kea-dhcp6", &file6, &socket6).await?;
        let server = serve(release, &scratch, &segment, "kea-dhcp4", &file, &socket).await?;
        let (front, control) = match release {
            KeaRelease::V2_2 => agent(&scratch, [&socket, &socket6]).await?,
            KeaRelease::V3_0 => {
                let door = |port| Door::open(segment.namespace(), (loopback, port).into());
                let doors = [door(KeaConfig::HTTP_PORT)?, door(KeaConfig::HTTPS_PORT)?];
                let control = [format!("http://{}/", doors[0].addr), format!("https://{}/", doors[1].addr)];
                (Front::Servers { _doors: doors }, control)
            }
        };
        Ok(Self {
            release,
            hosts,
            control,
            tls: KeaTls { root: authority.root, certificate: client.certificate, key: client.key },
            socket,
            socket6,
            file,
            database,
            _front: front,
            server,
            _server6: server6,
            segment,
            scratch,
        })
    }

    /// Who may ask over HTTP.
    pub(crate) fn authentication(dir: &Path) -> Value {
        let password = dir.join(PASSWORD);
        json!({ "type": "basic", "realm": "kea", "clients": [{ "user": Self::LOGIN.0, "password-file": password }] })
    }

    /// Where its clients are.
    pub(crate) fn segment(&self) -> &Segment {
        &self.segment
    }

    /// The process id of the DHCPv4 server.
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Stops the DHCPv4 server.
    pub fn stop(&mut self) {
        self.server.stop();
    }

    /// Starts the DHCPv4 server again with what its file says now, killed or stopped as it was.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn restart(&mut self) -> Result<(), LabError> {
        self.stop();
        // The socket of one that was killed is left behind.
        let _ = std::fs::remove_file(&self.socket);
        self.server = serve(self.release, &self.scratch, &self.segment, "kea-dhcp4", &self.file, &self.socket).await?;
        Ok(())
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

    /// Lets a real DHCPv6 client with this hardware address, and a DUID of its own or one of that address, ask for a lease, and for what to
    /// boot if it says what it is; `None` if it got nothing.
    ///
    /// # Errors
    /// If the client cannot be plugged in.
    pub async fn ask6(
        &self,
        mac: &str,
        duid: Option<&[u8]>,
        says: Option<BootQuestion>,
    ) -> Result<Option<Lease6>, LabError> {
        self.segment.ask6(mac, duid, says).await
    }

    /// Lets a real DHCPv6 client in 2001:db8::/64 ask by a relay, and for what to boot if it says what it is; `None` if it got nothing.
    ///
    /// # Errors
    /// If the relay or the client cannot be plugged in.
    pub async fn ask6_behind_relay(&self, mac: &str, says: Option<BootQuestion>) -> Result<Option<Lease6>, LabError> {
        self.segment.ask6_behind_relay(mac, says).await
    }

    /// What the DHCPv4 server runs, as `config-set` takes it.
    ///
    /// # Errors
    /// If it does not answer with success.
    pub async fn config(&self) -> Result<Value, LabError> {
        self.command("config-get", json!({})).await.map(without_hash)
    }

    /// The same for the DHCPv6 server.
    ///
    /// # Errors
    /// If it does not answer with success.
    pub async fn config6(&self) -> Result<Value, LabError> {
        self.command6("config-get", json!({})).await.map(without_hash)
    }

    /// Sends a command to the DHCPv4 server as an administrator does, by its socket.
    ///
    /// # Errors
    /// If it does not answer with success.
    pub async fn command(&self, name: &str, arguments: Value) -> Result<Value, LabError> {
        command("kea-dhcp4", &self.socket, name, arguments).await
    }

    /// The same for the DHCPv6 server.
    ///
    /// # Errors
    /// If it does not answer with success.
    pub async fn command6(&self, name: &str, arguments: Value) -> Result<Value, LabError> {
        command("kea-dhcp6", &self.socket6, name, arguments).await
    }
}

/// Kea 2.4 and later tell a hash beside their configuration, and take none.
fn without_hash(mut told: Value) -> Value {
    if let Some(told) = told.as_object_mut() {
        told.remove("hash");
    }
    told
}

async fn command(server: &'static str, socket: &Path, name: &str, arguments: Value) -> Result<Value, LabError> {
    let answer = exchange(socket, &json!({ "command": name, "arguments": arguments })).await;
    let answer = answer.map_err(|error| LabError::answer(server, error.to_string()))?;
    let mut told: Value = serde_json::from_str(&answer).unwrap_or_default();
    if told["result"] == 0 { Ok(told["arguments"].take()) } else { Err(LabError::answer(server, answer)) }
}

async fn serve(
    release: KeaRelease,
    scratch: &Scratch,
    segment: &Segment,
    program: &str,
    file: &Path,
    socket: &Path,
) -> Result<Daemon, LabError> {
    let mut line = release.command(segment.namespace(), program, scratch.dir())?;
    line.arg("-c").arg(file);
    let mut server = Daemon::spawn(scratch, program, line)?;
    // It answers when all that it was configured with is open.
    let ask = json!({ "command": "version-get" });
    server.ready(|| async { exchange(socket, &ask).await.is_ok_and(|told| !told.is_empty()) }).await?;
    Ok(server)
}

/// The control agent of Kea before 3.0, and where it answers for both servers.
async fn agent(scratch: &Scratch, [socket, socket6]: [&Path; 2]) -> Result<(Front, [String; 2]), LabError> {
    let control = free_port()?;
    let conf = json!({ "Control-agent": {
        "http-host": control.ip().to_string(),
        "http-port": control.port(),
        "authentication": Kea::authentication(scratch.dir()),
        "control-sockets": {
            "dhcp4": { "socket-type": "unix", "socket-name": socket },
            "dhcp6": { "socket-type": "unix", "socket-name": socket6 },
        },
        "loggers": [{ "name": "kea-ctrl-agent", "severity": "WARN", "output_options": [{ "output": "stdout" }] }],
    }});
    let conf = scratch.write("kea-ctrl-agent.json", &conf.to_string())?;
    let mut line = daemon_command(None, "kea-ctrl-agent");
    line.env("KEA_PIDFILE_DIR", scratch.dir()).env("KEA_LOCKFILE_DIR", scratch.dir()).arg("-c").arg(conf);
    let mut agent = Daemon::spawn(scratch, "kea-ctrl-agent", line)?;
    agent.ready(|| async { accepts(control).await }).await?;
    let url = format!("http://{control}/");
    Ok((Front::Agent { _agent: agent }, [url.clone(), url]))
}
