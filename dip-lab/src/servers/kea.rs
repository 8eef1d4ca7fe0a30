//! Kea, DHCPv4 and DHCPv6, with its control agent, on a segment of its own; its hosts in PostgreSQL where that is wanted.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::net::{accepts, free_port};
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::servers::kea_host_cmds::{HostCommandsAge, KeaHostCommands, Service};
use crate::servers::kea_socket::exchange;
use crate::servers::postgres::Postgres;
use crate::servers::segment::{BootQuestion, Lease, Lease6, Segment};

/// What the control agent finds in the place of Kea's servers.
#[derive(Debug, Clone, Copy)]
enum Before {
    Nothing,
    HostCommands,
}

/// A running Kea.
#[derive(Debug)]
pub struct Kea {
    /// The control agent's HTTP address.
    pub control: SocketAddr,
    /// The control socket of the DHCPv4 server itself.
    pub socket: PathBuf,
    socket6: PathBuf,
    /// The file that the DHCPv4 server was started with.
    pub file: PathBuf,
    /// The database of its hosts, where it has one.
    pub database: Option<Postgres>,
    /// The stand-in for the hook `host_cmds` before both of its servers, DHCPv4 first, where there is one.
    pub host_commands: Option<[KeaHostCommands; 2]>,
    _agent: Daemon,
    server: Daemon,
    _server6: Daemon,
    segment: Segment,
    scratch: Scratch,
}

impl Kea {
    /// The user that the control agent knows, and the password.
    pub const LOGIN: (&'static str, &'static str) = ("dip", "kea-secret");

    /// Starts it on 10.77.0.0/16 with the pool 10.77.100.0 to 10.77.199.255, subnet id 1; and on fd77::/64 (id 1) with the pool
    /// fd77::100 to fd77::1ff. Behind a relay are 10.78.0.0/16 (id 2) and 2001:db8::/64 (id 2), each in a shared
    /// network `floor`.
    ///
    /// # Errors
    /// If a program is missing, the user is not root, or Kea does not start.
    pub async fn start() -> Result<Self, LabError> {
        Self::start_on(None, Scratch::temporary()?, Before::Nothing).await
    }

    /// The same with a hosts backend in a PostgreSQL of its own.
    ///
    /// # Errors
    /// If a program is missing, the user is not root, or one of them does not start.
    pub async fn start_with_database() -> Result<Self, LabError> {
        Self::start_on_database(Before::Nothing).await
    }

    /// The same, and the control agent finds a stand-in for the hook `host_cmds` before both servers.
    ///
    /// # Errors
    /// If a program is missing, the user is not root, or one of them does not start.
    pub async fn start_with_host_commands() -> Result<Self, LabError> {
        Self::start_on_database(Before::HostCommands).await
    }

    async fn start_on_database(before: Before) -> Result<Self, LabError> {
        Requirement::KeaPostgres.check()?;
        let scratch = Scratch::temporary()?;
        let database = Postgres::start(&scratch).await?;
        database.prepare_for_kea().await?;
        Self::start_on(Some(database), scratch, before).await
    }

    async fn start_on(database: Option<Postgres>, scratch: Scratch, before: Before) -> Result<Self, LabError> {
        Requirement::Kea.check()?;
        let segment = Segment::create(&scratch).await?;
        let (socket, socket6) = (scratch.path("kea4.sock"), scratch.path("kea6.sock"));
        let mut v4 = json!({
            "interfaces-config": { "interfaces": [Segment::INTERFACE], "dhcp-socket-type": "raw" },
            "host-reservation-identifiers": ["hw-address", "circuit-id"],
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
            "shared-networks": [{ "name": "floor", "subnet4": [{ "id": 2, "subnet": "10.78.0.0/16" }] }],
        });
        let mut v6 = json!({
            // dhclient takes no address that is preferred for longer than it is valid.
            "preferred-lifetime": 300,
            // A relay sends to the address.
            "interfaces-config": { "interfaces": [Segment::INTERFACE, format!("{}/{}", Segment::INTERFACE, Segment::ADDRESS6)] },
            "host-reservation-identifiers": ["hw-address", "duid"],
            // Else it keeps its own DUID in a directory of the whole machine.
            "server-id": { "type": "EN", "enterprise-id": 2495, "identifier": "0123456789", "persist": false },
            "subnet6": [
                {
                    "id": 1,
                    "subnet": "fd77::/64",
                    "interface": Segment::INTERFACE,
                    "pools": [{ "pool": "fd77::100 - fd77::1ff" }],
                },
            ],
            "shared-networks": [{ "name": "floor", "subnet6": [{ "id": 2, "subnet": "2001:db8::/64" }] }],
        });
        for (conf, socket, name) in [(&mut v4, &socket, "kea-dhcp4"), (&mut v6, &socket6, "kea-dhcp6")] {
            conf["control-socket"] = json!({ "socket-type": "unix", "socket-name": socket });
            // Leases that are in memory alone are forgotten whenever a configuration is set.
            let leases = scratch.path(&format!("{name}.leases"));
            conf["lease-database"] = json!({ "type": "memfile", "name": leases, "lfc-interval": 0 });
            conf["valid-lifetime"] = json!(600);
            conf["loggers"] = json!([{ "name": name, "severity": "INFO", "output_options": [{ "output": "stdout" }] }]);
            if let Some(hook) = lease_commands() {
                conf["hooks-libraries"] = json!([{ "library": hook }]);
            }
            if let Some(database) = &database {
                conf["hosts-database"] = database.hosts_database();
            }
        }
        let file = scratch.write("kea-dhcp4.json", &json!({ "Dhcp4": v4 }).to_string())?;
        let file6 = scratch.write("kea-dhcp6.json", &json!({ "Dhcp6": v6 }).to_string())?;
        let server6 = serve(&scratch, &segment, "kea-dhcp6", &file6, &socket6).await?;

        let host_commands = match (before, &database) {
            (Before::HostCommands, Some(database)) => {
                let hook = |kea: &Path, service, name| {
                    KeaHostCommands::before(kea, service, database, name, HostCommandsAge::Current)
                };
                Some([hook(&socket, Service::Dhcp4, "hook4.sock")?, hook(&socket6, Service::Dhcp6, "hook6.sock")?])
            }
            _ => None,
        };
        let [front, front6] = match &host_commands {
            Some([v4, v6]) => [&v4.socket, &v6.socket],
            None => [&socket, &socket6],
        };
        let control = free_port()?;
        let (user, password) = Self::LOGIN;
        let conf = json!({ "Control-agent": {
            "http-host": control.ip().to_string(),
            "http-port": control.port(),
            "authentication": {
                "type": "basic", "realm": "kea", "clients": [{ "user": user, "password": password }],
            },
            "control-sockets": {
                "dhcp4": { "socket-type": "unix", "socket-name": front },
                "dhcp6": { "socket-type": "unix", "socket-name": front6 },
            },
            "loggers": [{ "name": "kea-ctrl-agent", "severity": "WARN", "output_options": [{ "output": "stdout" }] }],
        }});
        let conf = scratch.write("kea-ctrl-agent.json", &conf.to_string())?;
        let mut line = daemon_command(None, "kea-ctrl-agent");
        line.env("KEA_PIDFILE_DIR", scratch.dir()).env("KEA_LOCKFILE_DIR", scratch.dir()).arg("-c").arg(conf);
        let mut agent = Daemon::spawn(&scratch, "kea-ctrl-agent", line)?;
        agent.ready(|| async { accepts(control).await }).await?;
        let server = serve(&scratch, &segment, "kea-dhcp4", &file, &socket).await?;
        Ok(Self {
            control,
            socket,
            socket6,
            file,
            database,
            host_commands,
            _agent: agent,
            server,
            _server6: server6,
            segment,
            scratch,
        })
    }

    /// A further stand-in for the hook `host_cmds` of the DHCPv4 server, which listens beside Kea's socket under this name.
    ///
    /// # Errors
    /// If there is no database, or something listens there.
    pub fn host_commands(&self, name: &str, age: HostCommandsAge) -> Result<KeaHostCommands, LabError> {
        let database =
            self.database.as_ref().ok_or_else(|| LabError::answer("kea", "it has no database".to_owned()))?;
        KeaHostCommands::before(&self.socket, Service::Dhcp4, database, name, age)
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
        self.server = serve(&self.scratch, &self.segment, "kea-dhcp4", &self.file, &self.socket).await?;
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

async fn command(server: &'static str, socket: &Path, name: &str, arguments: Value) -> Result<Value, LabError> {
    let answer = exchange(socket, &json!({ "command": name, "arguments": arguments })).await;
    let answer = answer.map_err(|error| LabError::answer(server, error.to_string()))?;
    let mut told: Value = serde_json::from_str(&answer).unwrap_or_default();
    if told["result"] == 0 { Ok(told["arguments"].take()) } else { Err(LabError::answer(server, answer)) }
}

async fn serve(
    scratch: &Scratch,
    segment: &Segment,
    program: &str,
    file: &Path,
    socket: &Path,
) -> Result<Daemon, LabError> {
    let mut line = daemon_command(Some(segment.namespace()), program);
    line.env("KEA_PIDFILE_DIR", scratch.dir()).env("KEA_LOCKFILE_DIR", scratch.dir()).arg("-c").arg(file);
    let mut server = Daemon::spawn(scratch, program, line)?;
    server.ready(|| async { tokio::net::UnixStream::connect(socket).await.is_ok() }).await?;
    Ok(server)
}

/// The hook that tells leases, below the directory of this machine's architecture.
fn lease_commands() -> Option<PathBuf> {
    let dirs = std::fs::read_dir("/usr/lib").ok()?.flatten();
    dirs.map(|dir| dir.path().join("kea/hooks/libdhcp_lease_cmds.so")).find(|hook| hook.exists())
}
