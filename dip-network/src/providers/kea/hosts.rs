//! Reservations in the PostgreSQL database of Kea's hosts backend, which Kea asks for every client: what is inserted holds at once.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::provider::{ErrorKind, sentence};
use dip_core::secret::Secrets;
use dip_core::site::{Endpoint, EndpointError};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::config::Config as Target;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client as Database, NoTls};

use super::super::failure::Failure;
use super::book::Book;
use super::client::Servers;
use super::entry::Entry;
use super::known::Known;
use super::rows::{Matter, entries};
use super::sheet::Sheet;
use super::store::{Ask, Store, Written};
use crate::settings::HostsDatabase;

/// 10,000 reservations take a second; the rest is for a busy machine, or for somebody who holds the table.
const PATIENCE: Duration = Duration::from_secs(30);

/// The database, and the servers that use it.
pub(super) struct Hosts {
    servers: Arc<Servers>,
    target: Target,
    shown: String,
    connection: Mutex<Option<Database>>,
    /// What Kea said of itself last.
    known: Mutex<Option<Known>>,
    /// What was looked at last, and what was there.
    read: Mutex<(Matter, Vec<Entry>)>,
}

/// Where PostgreSQL listens whose address names no port.
const DEFAULT_PORT: u16 = 5432;

impl Hosts {
    pub(super) fn new(servers: Arc<Servers>, settings: &HostsDatabase, secrets: &dyn Secrets) -> Result<Self, String> {
        let mut target = Target::new();
        target.dbname(&settings.name).user(&settings.user).application_name("dip").connect_timeout(PATIENCE);
        match settings.address.strip_prefix("unix:") {
            Some(directory) => drop(target.host_path(directory)),
            None => {
                let address: Endpoint = settings.address.parse().map_err(|error: EndpointError| error.to_string())?;
                target.host(address.host()).port(address.port().unwrap_or(DEFAULT_PORT));
            }
        }
        if let Some(password) = &settings.password {
            target.password(secrets.resolve(password).map_err(|error| sentence(&error))?.expose());
        }
        let shown = format!("the database `{}` at {}", settings.name, settings.address);
        Ok(Self {
            servers,
            target,
            shown,
            connection: Mutex::default(),
            known: Mutex::default(),
            read: Mutex::default(),
        })
    }

    /// What Kea says of itself now. Where it is away, what it said last: it will read from the database when it comes back, and need
    /// not be there meanwhile.
    async fn known(&self) -> Result<Known, Failure> {
        let mut kept = self.known.lock().await;
        match (Known::ask(&self.servers).await, &*kept) {
            (Ok(known), _) => Ok(kept.insert(known).clone()),
            (Err(failure), Some(known)) if failure.kind == ErrorKind::Unreachable => {
                tracing::warn!(%failure, "Kea is away: its reservations go on by what it said of its subnets before");
                Ok(known.clone())
            }
            (Err(failure), _) => Err(failure),
        }
    }

    async fn connect(&self) -> Result<Database, Failure> {
        let connected = timeout(PATIENCE, self.target.connect(NoTls)).await.map_err(|_| self.silent())?;
        let (database, connection) = connected.map_err(|error| self.failed(&error))?;
        // It ends when the client is dropped; what went wrong with it is told to whoever waits for an answer.
        tokio::spawn(async move { drop(connection.await) });
        Ok(database)
    }

    /// What the database says of an error, in the words that the engine can act on.
    fn failed(&self, error: &tokio_postgres::Error) -> Failure {
        let why = format!("{}: {}", self.shown, sentence(error));
        let Some(code) = error.code() else {
            return Failure::new(ErrorKind::Unreachable, why)
                .advise("start PostgreSQL, or correct the address of `hosts_database`");
        };
        let class = &code.code()[..2];
        if class == "28" || *code == SqlState::INSUFFICIENT_PRIVILEGE {
            Failure::new(ErrorKind::Denied, why)
                .advise("let this user log in, and read and write the tables `hosts` and `ipv6_reservations`")
        } else if *code == SqlState::INVALID_CATALOG_NAME || *code == SqlState::UNDEFINED_TABLE {
            Failure::new(ErrorKind::NotFound, why).advise("name the database that `kea-admin db-init pgsql` prepared")
        } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
            Failure::new(ErrorKind::Denied, why)
                .advise("it takes no changes: name the primary as `hosts_database`, and not a standby")
        } else if *code == SqlState::UNIQUE_VIOLATION {
            Failure::new(ErrorKind::Conflict, why).advise("see who else writes reservations into this database")
        // 53: out of disk, memory or connections; 55 and 40: somebody holds what we need; 57: it shuts down or starts.
        } else if matches!(class, "53" | "55" | "40" | "57") {
            Failure::new(ErrorKind::Busy, why)
        } else {
            Failure::new(ErrorKind::Unexpected, why).advise("see whether its schema is one of Kea 2.2 or later")
        }
    }

    fn silent(&self) -> Failure {
        let why = format!("{} did not answer within {} seconds", self.shown, PATIENCE.as_secs());
        Failure::new(ErrorKind::Unreachable, why).advise("see what keeps it busy")
    }

    /// Runs on the connection that is there, or on a new one; it is kept only where all went well.
    async fn on<T>(
        &self,
        work: impl AsyncFnOnce(&mut Database) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Failure> {
        let mut kept = self.connection.lock().await;
        let mut database = match kept.take().filter(|database| !database.is_closed()) {
            Some(database) => database,
            None => self.connect().await?,
        };
        let done = timeout(PATIENCE, work(&mut database)).await.map_err(|_| self.silent())?;
        let done = done.map_err(|error| self.failed(&error))?;
        *kept = Some(database);
        Ok(done)
    }
}

#[async_trait]
impl Store for Hosts {
    async fn read(&self, asks: &[Ask]) -> Result<Book, Failure> {
        let known = self.known().await?;
        let matter = Matter::of(asks);
        let rows = self.on(async |database| matter.select(&*database).await).await?;
        let stored = entries(&rows);
        let book = known.book(stored.iter().cloned());
        *self.read.lock().await = (matter, stored);
        Ok(book)
    }

    async fn write(&self, book: &Book) -> Result<Written, Failure> {
        let (sheet, read) = (Sheet::of(book), self.read.lock().await);
        let (matter, before) = &*read;
        self.on(async |database| {
            let transaction = database.transaction().await?;
            // Kea and everybody else may go on to read; who writes waits until this is done.
            transaction.batch_execute("LOCK TABLE hosts IN SHARE ROW EXCLUSIVE MODE").await?;
            if entries(&matter.select(&transaction).await?) != *before {
                return Ok(Written::Overtaken);
            }
            sheet.write(&transaction).await?;
            transaction.commit().await?;
            Ok(Written::Done)
        })
        .await
    }

    async fn settle(&self) -> Result<(), Failure> {
        Ok(())
    }
}
