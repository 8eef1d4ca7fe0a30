//! Reservations in the configuration of Kea's servers: read, changed, tried, set, and saved, with an eye on who else changes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use dip_core::provider::ErrorKind;
use serde_json::Value;
use tokio::sync::Mutex;

use super::super::failure::Failure;
use super::book::Book;
use super::classes::Classes;
use super::client::{Server, Servers};
use super::config::Config;
use super::store::{Ask, Store, Written};

/// The servers, and what they said when they were last read.
#[derive(Debug)]
pub(super) struct Configuration {
    servers: Arc<Servers>,
    read: Mutex<Vec<Read>>,
    /// Whether all that we set is in the servers' files. A run before this one may have been killed between the two.
    saved: AtomicBool,
}

#[derive(Debug)]
struct Read {
    config: Config,
    hash: Option<Value>,
}

impl Configuration {
    pub(super) fn new(servers: Arc<Servers>) -> Self {
        Self { servers, read: Mutex::default(), saved: AtomicBool::new(false) }
    }

    async fn save(&self) -> Result<(), Failure> {
        for server in self.servers.iter() {
            server.command("config-write", None).await.map_err(|failure| match failure.kind {
                ErrorKind::Invalid => Failure { kind: ErrorKind::Denied, ..failure }
                    .advise("let Kea write its configuration file, or the reservations are lost when it starts anew"),
                _ => failure,
            })?;
        }
        self.saved.store(true, Ordering::Relaxed);
        Ok(())
    }
}

#[async_trait]
impl Store for Configuration {
    async fn read(&self, _: &[Ask]) -> Result<Book, Failure> {
        let mut read = Vec::new();
        for server in self.servers.iter() {
            read.push(look(server).await?);
        }
        let subnets = read.iter().flat_map(|read| read.config.subnets()).collect();
        let book = Book::new(subnets, read.iter().flat_map(|read| read.config.entries()))
            .with_classes(classes(read.iter().map(|read| &read.config)));
        *self.read.lock().await = read;
        Ok(book)
    }

    async fn write(&self, book: &Book) -> Result<Written, Failure> {
        let before = self.read.lock().await;
        let mut changed = Vec::new();
        for (server, read) in self.servers.iter().zip(before.iter()) {
            let mut config = read.config.clone();
            if config.apply(book) {
                // A server that refuses must do so before the other one is changed.
                server.command("config-test", Some(config.arguments())).await?;
                changed.push((server, read, config));
            }
        }
        for (server, read, _) in &changed {
            if is_overtaken(server, read).await? {
                return Ok(Written::Overtaken);
            }
        }
        self.saved.store(false, Ordering::Relaxed);
        for (server, _, config) in &changed {
            server.command("config-set", Some(config.arguments())).await?;
        }
        self.save().await?;
        Ok(Written::Done)
    }

    async fn settle(&self) -> Result<(), Failure> {
        if self.saved.load(Ordering::Relaxed) { Ok(()) } else { self.save().await }
    }
}

pub(super) async fn config(server: &Server) -> Result<(Config, Option<Value>), Failure> {
    let arguments = server.command("config-get", None).await?.unwrap_or_default();
    let hash = arguments.get("hash").cloned();
    let config = Config::new(server.family, arguments).ok_or_else(|| {
        let why = format!("{server} tells no configuration of {}", server.service());
        Failure::new(ErrorKind::Unexpected, why).advise("see whether `dhcp4` and `dhcp6` are exchanged")
    })?;
    Ok((config, hash))
}

/// The classes of the servers.
pub(super) fn classes<'c>(configs: impl Iterator<Item = &'c Config>) -> Classes {
    configs.map(Config::classes).reduce(Classes::and).unwrap_or_default()
}

async fn look(server: &Server) -> Result<Read, Failure> {
    let (config, hash) = config(server).await?;
    Ok(Read { config, hash })
}

/// Whether somebody changed the configuration since it was read: by its hash where Kea tells one (2.4 and later), else by itself.
async fn is_overtaken(server: &Server, read: &Read) -> Result<bool, Failure> {
    if let Some(hash) = &read.hash {
        let now = server.command("config-hash-get", None).await?.unwrap_or_default();
        return Ok(now.get("hash") != Some(hash));
    }
    Ok(look(server).await?.config != read.config)
}
