//! Nautobot, a CMDB with its PostgreSQL and Redis: restored from a dump that the setup made once.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use crate::cache::Cache;
use crate::command::{command, output, output_within};
use crate::daemon::{Daemon, daemon_command};
use crate::error::LabError;
use crate::http;
use crate::net::{accepts, free_port};
use crate::requirement::Requirement;
use crate::scratch::Scratch;
use crate::servers::Postgres;

const CONFIG: &str = include_str!("../files/nautobot_config.py");
const SEED: &str = include_str!("../files/nautobot_seed.py");

/// It imports for six seconds on an idle processor, and tests start it beside builds.
const START: Duration = Duration::from_secs(120);

/// Making all tables takes seven seconds of an idle processor, ten thousand devices about as long.
const SHELL: Duration = Duration::from_secs(300);

/// A running Nautobot with one location `lab`, a role and a device type `server`, and the custom field `dip` (JSON) of devices.
#[derive(Debug)]
pub struct Nautobot {
    /// Its HTTP address.
    pub addr: SocketAddr,
    /// The token of a user who may do everything.
    pub token: &'static str,
    /// The token of a user who may do nothing.
    pub powerless_token: &'static str,
    web: Option<Daemon>,
    stores: Stores,
}

impl Nautobot {
    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If a program or the dump is missing, or a server does not start.
    pub async fn start() -> Result<Self, LabError> {
        Requirement::Nautobot.check()?;
        let stores = Stores::start().await?;
        let mut restore = command("pg_restore");
        restore.args(["--no-owner", "--jobs=2", "--dbname=nautobot"]).args(stores.postgres.connection());
        restore.arg(Cache::open().nautobot_dump());
        output(restore).await?;
        let (token, powerless_token) =
            ("0123456789abcdef0123456789abcdef01234567", "ffffffffffffffffffffffffffffffffffffffff");
        let mut nautobot = Self { addr: free_port()?, token, powerless_token, web: None, stores };
        nautobot.restart().await?;
        Ok(nautobot)
    }

    /// Makes the dump that every start restores: tables, users, and what a device needs.
    ///
    /// # Errors
    /// If a program is missing or fails.
    pub async fn make_dump() -> Result<(), LabError> {
        let stores = Stores::start().await?;
        // Shell code and not a command of its own: Nautobot takes seconds to start, and so it does once.
        let mut seed = stores.nautobot();
        seed.args(["shell", "-v", "0", "--command", SEED]);
        output_within(seed, SHELL).await?;
        let dump = Cache::open().nautobot_dump();
        // A file with the final name is always whole.
        let part = dump.with_extension("part");
        let mut line = command("pg_dump");
        line.args(["--format=custom", "--dbname=nautobot"]).args(stores.postgres.connection()).arg("--file").arg(&part);
        output(line).await?;
        std::fs::rename(&part, &dump).map_err(|source| LabError::file("rename", &part, source))
    }

    /// Starts it again on the same address, with all that it kept.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn restart(&mut self) -> Result<(), LabError> {
        self.stop();
        let mut line = self.stores.nautobot_daemon();
        line.args(["start", "--ini"]).arg(self.stores.scratch.write("uwsgi.ini", &uwsgi(self.addr))?);
        let mut web = Daemon::spawn(&self.stores.scratch, "nautobot", line)?;
        web.ready_within(START, || async {
            // Without a token it says no, which says that it is there.
            http::get(self.addr, "/api/").await.is_some_and(|(status, _)| status == 200 || status == 403)
        })
        .await?;
        self.web = Some(web);
        Ok(())
    }

    /// Stops it; what it kept stays.
    fn stop(&mut self) {
        self.web = None;
    }

    /// Its URL without a path: `http://127.0.0.1:8000`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Runs Python in its shell, past its REST API: for ten thousand devices at once.
    ///
    /// # Errors
    /// If the code fails.
    pub async fn python(&self, code: &str) -> Result<String, LabError> {
        let mut line = self.stores.nautobot();
        line.args(["shell", "-v", "0", "--command", code]);
        output_within(line, SHELL).await
    }
}

/// Two processes with two threads each, as a small site would run it.
fn uwsgi(addr: SocketAddr) -> String {
    format!(
        "[uwsgi]\nhttp-socket = {addr}\nmodule = nautobot.core.wsgi:application\nmaster = true\nprocesses = 2\n\
         threads = 2\nenable-threads = true\nsingle-interpreter = true\nneed-app = true\ndie-on-term = true\n\
         buffer-size = 65536\nlisten = 64\ndisable-logging = true\n"
    )
}

/// PostgreSQL and Redis, both without a thought for power cuts.
#[derive(Debug)]
struct Stores {
    postgres: Postgres,
    redis: SocketAddr,
    scratch: Scratch,
    _cache: Daemon,
}

impl Stores {
    async fn start() -> Result<Self, LabError> {
        let scratch = Scratch::temporary()?.within("nautobot")?;
        scratch.write("nautobot_config.py", CONFIG)?;
        let postgres = Postgres::start(&scratch).await?;
        let redis = free_port()?;
        let mut line = daemon_command(None, "redis-server");
        line.args(["--bind", "127.0.0.1", "--port", &redis.port().to_string(), "--save", "", "--appendonly", "no"]);
        line.current_dir(scratch.dir());
        let mut cache = Daemon::spawn(&scratch, "redis", line)?;
        cache.ready(|| accepts(redis)).await?;
        let mut create = command("createdb");
        create.args(postgres.connection()).arg("nautobot");
        output(create).await?;
        Ok(Self { postgres, redis, scratch, _cache: cache })
    }

    fn nautobot(&self) -> Command {
        self.environment(Command::new(Cache::open().nautobot_program("nautobot-server")))
    }

    fn nautobot_daemon(&self) -> Command {
        self.environment(daemon_command(None, Cache::open().nautobot_program("nautobot-server")))
    }

    fn environment(&self, mut line: Command) -> Command {
        line.env("NAUTOBOT_ROOT", self.scratch.dir())
            .env("NAUTOBOT_CONFIG", self.scratch.path("nautobot_config.py"))
            .env("LAB_POSTGRES_PORT", self.postgres.addr.port().to_string())
            .env("LAB_REDIS_PORT", self.redis.port().to_string())
            .current_dir(self.scratch.dir());
        line
    }
}
