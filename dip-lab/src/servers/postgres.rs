//! A PostgreSQL of its own, by its socket and by TCP; for Kea with its tables in it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::command::{command, output};
use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::net::free_port;
use crate::requirement::{find_program, is_root};
use crate::scratch::{Scratch, write};

/// What its superusers may do without a password, others may do with one.
const ACCESS: &str = "local all postgres trust\nlocal all all scram-sha-256\n\
                      host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";

/// A running PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The directory of its socket.
    pub directory: PathBuf,
    daemon: Daemon,
    scratch: Scratch,
}

impl Postgres {
    /// The database of Kea's hosts.
    pub const DATABASE: &'static str = "kea";
    /// A user that may read and write Kea's reservations and nothing else, and its password.
    pub const LOGIN: (&'static str, &'static str) = ("dip", "dip-secret");
    /// The user that may do everything, without a password.
    pub(crate) const SUPERUSER: &'static str = "postgres";
    const OWNER: (&'static str, &'static str) = ("kea", "kea-secret");

    pub(crate) async fn start(scratch: &Scratch) -> Result<Self, LabError> {
        let scratch = scratch.within("postgres")?;
        let directory = scratch.dir().to_path_buf();
        if is_root() {
            let mut line = command("chown");
            line.arg(Self::SUPERUSER).arg(&directory);
            output(line).await?;
        }
        let data = directory.join("data");
        let mut line = as_its_user(command, "initdb", &directory);
        line.args(["--username", Self::SUPERUSER, "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]);
        line.arg("--pgdata").arg(&data);
        output(line).await?;
        write(&data.join("pg_hba.conf"), ACCESS)?;
        let addr = free_port()?;
        let daemon = Self::serve(&scratch, addr)?;
        let mut postgres = Self { addr, directory, daemon, scratch };
        postgres.ready().await?;
        Ok(postgres)
    }

    fn serve(scratch: &Scratch, addr: SocketAddr) -> Result<Daemon, LabError> {
        let directory = scratch.dir();
        let mut line = as_its_user(|program| daemon_command(None, program), "postgres", directory);
        line.arg("-D").arg(directory.join("data")).arg("-k").arg(directory).args([
            "-h",
            "127.0.0.1",
            "-p",
            &addr.port().to_string(),
        ]);
        // What it loses when the machine stops is a laboratory.
        for speed in ["fsync=off", "synchronous_commit=off", "full_page_writes=off"] {
            line.args(["-c", speed]);
        }
        Daemon::spawn(scratch, "postgres", line)
    }

    /// Kills it, whatever it is doing.
    ///
    /// # Errors
    /// If it does not run.
    pub fn kill(&mut self) -> Result<(), LabError> {
        self.daemon.kill()
    }

    /// Starts it again with the same data.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn restart(&mut self) -> Result<(), LabError> {
        self.daemon.stop();
        self.daemon = Self::serve(&self.scratch, self.addr)?;
        self.ready().await
    }

    async fn ready(&mut self) -> Result<(), LabError> {
        let connection = self.connection();
        let probe = || async {
            let mut line = command("psql");
            line.args(&connection).args(["--dbname=postgres", "--command=SELECT 1"]);
            output(line).await.is_ok()
        };
        self.daemon.ready(probe).await
    }

    /// What its programs are told to reach it as the superuser.
    pub(crate) fn connection(&self) -> [String; 3] {
        [
            format!("--host={}", self.addr.ip()),
            format!("--port={}", self.addr.port()),
            format!("--username={}", Self::SUPERUSER),
        ]
    }

    /// Runs SQL as its superuser and gives what it tells, unadorned.
    ///
    /// # Errors
    /// If the SQL is refused.
    pub async fn sql(&self, database: &str, sql: &str) -> Result<String, LabError> {
        let mut line = command("psql");
        line.args(self.connection());
        line.args(["-v", "ON_ERROR_STOP=1", "-qAt", "-d", database, "-c", sql]);
        output(line).await
    }

    /// Somebody who runs SQL in a transaction and does not end it, until he is dropped.
    ///
    /// # Errors
    /// If the client cannot be started.
    pub fn hold(&self, sql: &str) -> Result<impl Drop + use<>, LabError> {
        let mut line = daemon_command(None, "psql");
        line.args(self.connection()).args(["-q", "-d", Self::DATABASE, "-c"]);
        line.arg(format!("BEGIN; {sql}; SELECT pg_sleep(600)"));
        Daemon::spawn(&self.scratch, "psql", line)
    }

    /// Makes the tables by a release's own scripts.
    pub(crate) async fn prepare_for_kea(&self, scripts: &Path) -> Result<(), LabError> {
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
            "-d",
        ]);
        line.arg(scripts);
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

/// A program of PostgreSQL as a user whom it accepts, which root is not. That user may not see where the test runs.
fn as_its_user(line: impl FnOnce(&str) -> Command, program: &str, directory: &Path) -> Command {
    let mut line = if is_root() {
        let mut line = line("setpriv");
        line.args(["--reuid", Postgres::SUPERUSER, "--regid", Postgres::SUPERUSER, "--clear-groups"]);
        line.arg(find_program(program).unwrap_or_else(|| program.into()));
        line
    } else {
        line(program)
    };
    line.current_dir(directory);
    line
}
