//! A PostgreSQL of its own, by its socket and by TCP with a password, with Kea's tables in it.

use std::net::SocketAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::command::{command, output};
use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::net::free_port;
use crate::requirement::Requirement;
use crate::scratch::{Scratch, write};

/// Where Debian keeps the programs of the server, which are in nobody's `PATH`.
const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";
/// What its superuser may do without a password, others may do with one.
const ACCESS: &str = "local all postgres trust\nlocal all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n";

/// A running PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The directory of its socket.
    pub directory: PathBuf,
    _daemon: Daemon,
}

impl Postgres {
    /// The database of Kea's hosts.
    pub const DATABASE: &'static str = "kea";
    /// A user that may read and write Kea's reservations and nothing else, and its password.
    pub const LOGIN: (&'static str, &'static str) = ("dip", "dip-secret");
    const OWNER: (&'static str, &'static str) = ("kea", "kea-secret");

    pub(crate) async fn start(scratch: &Scratch) -> Result<Self, LabError> {
        Requirement::KeaPostgres.check()?;
        let scratch = scratch.within("postgres")?;
        let directory = scratch.dir().to_path_buf();
        // It refuses to run as root.
        let owner = |what: &str| -> Result<u32, LabError> {
            let told = Command::new("id").args([what, "postgres"]).output();
            let told = told.map_err(|error| LabError::answer("id", error.to_string()))?;
            let told = String::from_utf8_lossy(&told.stdout).trim().to_owned();
            told.parse().map_err(|_| LabError::answer("id", told))
        };
        let (user, group) = (owner("-u")?, owner("-g")?);
        chown(&directory, Some(user), Some(group)).map_err(|source| LabError::file("give away", &directory, source))?;
        let data = directory.join("data");
        let mut line = command("setpriv");
        line.args(as_postgres()).arg(program("initdb")).arg("-D").arg(&data).args(["-A", "trust", "--no-sync"]);
        output(line).await?;
        write(&data.join("pg_hba.conf"), ACCESS)?;
        let addr = free_port()?;
        let mut line = daemon_command(None, "setpriv");
        line.args(as_postgres()).arg(program("postgres")).arg("-D").arg(&data).arg("-k").arg(&directory);
        line.args(["-h", "127.0.0.1", "-p", &addr.port().to_string()]);
        // What it loses when the machine stops is a laboratory.
        line.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
        let mut daemon = Daemon::spawn(&scratch, "postgres", line)?;
        let ask = |directory: PathBuf| async move {
            let mut line = command("psql");
            line.arg("-h").arg(&directory).args(["-p", &addr.port().to_string(), "-U", "postgres", "-c", "SELECT 1"]);
            output(line).await.is_ok()
        };
        daemon.ready(|| ask(directory.clone())).await?;
        Ok(Self { addr, directory, _daemon: daemon })
    }

    /// Runs SQL as its superuser and gives what it tells, unadorned.
    ///
    /// # Errors
    /// If the SQL is refused.
    pub async fn sql(&self, database: &str, sql: &str) -> Result<String, LabError> {
        let mut line = command("psql");
        line.arg("-h").arg(&self.directory).args(["-p", &self.addr.port().to_string(), "-U", "postgres"]);
        line.args(["-v", "ON_ERROR_STOP=1", "-qAt", "-d", database, "-c", sql]);
        output(line).await
    }

    pub(crate) async fn prepare_for_kea(&self) -> Result<(), LabError> {
        let (owner, password) = Self::OWNER;
        self.sql("postgres", &format!("CREATE USER {owner} PASSWORD '{password}'")).await?;
        self.sql("postgres", &format!("CREATE DATABASE {} OWNER {owner}", Self::DATABASE)).await?;
        let mut line = command("kea-admin");
        let port = self.addr.port().to_string();
        line.args([
            "db-init",
            "pgsql",
            "-h",
            "127.0.0.1",
            "-P",
            &port,
            "-u",
            owner,
            "-p",
            password,
            "-n",
            Self::DATABASE,
        ]);
        output(line).await?;
        let (user, password) = Self::LOGIN;
        let rights = format!(
            "CREATE USER {user} PASSWORD '{password}';
             GRANT SELECT, INSERT, UPDATE, DELETE ON hosts, ipv6_reservations TO {user};
             GRANT USAGE ON SEQUENCE hosts_host_id_seq, ipv6_reservations_reservation_id_seq TO {user};"
        );
        self.sql(Self::DATABASE, &rights).await.map(drop)
    }

    /// What Kea's configuration says of it. Kea may run in a namespace: it is asked by the socket, which is a file.
    pub(crate) fn hosts_database(&self) -> Value {
        let (user, password) = Self::OWNER;
        json!({
            "type": "postgresql", "name": Self::DATABASE, "host": &self.directory, "port": self.addr.port(),
            "user": user, "password": password,
        })
    }
}

fn program(name: &str) -> PathBuf {
    Path::new(PROGRAMS).join(name)
}

fn as_postgres() -> [&'static str; 3] {
    ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
}
