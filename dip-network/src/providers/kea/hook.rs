//! Reservations by Kea's hook `libdhcp_host_cmds.so`: each goes into the server's hosts database by a command of its own, and holds at once.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::provider::ErrorKind;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio::sync::Mutex;

use super::super::failure::Failure;
use super::book::Book;
use super::client::{Server, Servers};
use super::config::{self, Config};
use super::entry::{Entry, Family, Standing, SubnetId};
use super::host_cmds::{self, Identifier, Updates};
use super::known::Known;
use super::store::{Ask, Store, Written};
use super::turns::{Turn, waves};

/// How many commands are on their way at once. A server takes one after the other: some that wait keep it from idling while an answer
/// travels, and more would only keep its own clients waiting.
const AT_ONCE: usize = 8;

/// The servers with the hook.
pub(super) struct Hook {
    servers: Arc<Servers>,
    read: Mutex<Read>,
}

/// What was read last: what each server says of itself, and what is stored.
#[derive(Default)]
struct Read {
    told: Vec<(Config, Updates)>,
    stored: Vec<Entry>,
    /// By what Kea knows each of them.
    clients: Vec<Identifier>,
}

impl Hook {
    pub(super) fn new(servers: Arc<Servers>) -> Self {
        Self { servers, read: Mutex::default() }
    }

    /// Makes one change where what is there is still what it is made for. The moment between that look and the command cannot be closed
    /// from outside.
    async fn make(&self, read: &Read, turn: &Turn) -> Result<Written, Failure> {
        let (Turn::Remove(entry) | Turn::Change(entry, _) | Turn::Add(entry)) = turn;
        let mut all = self.servers.iter().zip(&read.told);
        let Some((server, (config, _))) = all.find(|(server, _)| server.family == entry.family) else {
            // A book of these servers has no other entries.
            return Ok(Written::Overtaken);
        };
        let (Turn::Remove(before) | Turn::Change(before, _)) = turn else {
            let item = config::item(entry);
            let client = Identifier::of(&item);
            let added = host_cmds::add(server, entry.subnet, item).await;
            return made(server, entry, client.as_ref(), added).await;
        };
        let Some((number, client)) = read.client(before) else { return Ok(Written::Overtaken) };
        let found = host_cmds::of_client(server, before.subnet, client).await?;
        let is_same = |item: &Value| says(config.entry(before.subnet, item, number), before);
        match (turn, found) {
            (Turn::Remove(_), None) => Ok(Written::Done),
            (Turn::Remove(_), Some(item)) if is_same(&item) => {
                host_cmds::delete(server, before.subnet, client).await.map(|()| Written::Done)
            }
            (Turn::Change(_, after), Some(item)) if is_same(&item) => {
                let mut changed = item.clone();
                config::write(&mut changed, after);
                let updated = host_cmds::update(server, before.subnet, changed).await;
                if let Err(refused) = &updated {
                    if host_cmds::is_absent(refused) {
                        return Ok(Written::Overtaken);
                    }
                    put_back(server, before.subnet, client, item, refused).await?;
                }
                made(server, after, None, updated).await
            }
            _ => Ok(Written::Overtaken),
        }
    }
}

impl Read {
    /// By what Kea knows the client of a stored entry, and the number of that.
    fn client(&self, entry: &Entry) -> Option<(i64, &Identifier)> {
        let Standing::Stored(number) = entry.standing else { return None };
        Some((number, self.clients.get(usize::try_from(number).ok()?)?))
    }
}

#[async_trait]
impl Store for Hook {
    /// All that is stored: the commands cannot look for an interface that is noted beside a DUID.
    async fn read(&self, _: &[Ask]) -> Result<Book, Failure> {
        let known = Known::ask(&self.servers).await?;
        let mut read = Read::default();
        for (server, config) in self.servers.iter().zip(known.configs()) {
            let updates = host_cmds::loaded(server).await?;
            if !config.has_hosts_database() {
                return Err(without_database(server));
            }
            let mut subnets: Vec<SubnetId> = config.subnets().iter().map(|subnet| subnet.id).collect();
            subnets.push(SubnetId::GLOBAL);
            let lists = stream::iter(subnets)
                .map(|subnet| async move { Ok::<_, Failure>((subnet, host_cmds::all(server, subnet).await?)) });
            let lists: Vec<(SubnetId, Vec<Value>)> = lists.buffered(AT_ONCE).try_collect().await?;
            for (subnet, item) in lists.iter().flat_map(|(subnet, list)| list.iter().map(|item| (*subnet, item))) {
                let Some(client) = Identifier::of(item) else { continue };
                let number = i64::try_from(read.stored.len()).expect("fewer reservations than 2^63");
                read.stored.push(config.entry(subnet, item, number));
                read.clients.push(client);
            }
            read.told.push((config.clone(), updates));
        }
        let book = known.book(read.stored.iter().cloned());
        *self.read.lock().await = read;
        Ok(book)
    }

    async fn write(&self, book: &Book) -> Result<Written, Failure> {
        let read = self.read.lock().await;
        let waves = waves(book, &read.stored);
        let is_changed = |family: Family| {
            let mut turns = waves.iter().flatten();
            turns.any(|turn| matches!(turn, Turn::Change(before, _) if before.family == family))
        };
        let servers = self.servers.iter().zip(&read.told);
        let mut old = servers.filter(|(_, (_, updates))| *updates == Updates::Unknown).map(|(server, _)| server);
        if let Some(server) = old.find(|server| is_changed(server.family)) {
            return Err(without_update(server));
        }
        for wave in &waves {
            let ended = Mutex::new(Ok(Written::Done));
            // What is on its way when one is refused goes on to its end; nothing more is sent.
            let made = stream::iter(wave).for_each_concurrent(AT_ONCE, |turn| async {
                if *ended.lock().await != Ok(Written::Done) {
                    return;
                }
                let made = self.make(&read, turn).await;
                let mut ended = ended.lock().await;
                if *ended == Ok(Written::Done) {
                    *ended = made;
                }
            });
            made.await;
            if ended.into_inner()? == Written::Overtaken {
                return Ok(Written::Overtaken);
            }
        }
        Ok(Written::Done)
    }

    async fn settle(&self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Puts a reservation back whose update was refused: a Kea with several threads, as 3.0 has by default, removes it in one transaction and
/// adds the new one in another (`PgSqlHostDataSource::update` of 3.0.3: each half takes a connection of its own).
async fn put_back(
    server: &Server,
    subnet: SubnetId,
    client: &Identifier,
    item: Value,
    refused: &Failure,
) -> Result<(), Failure> {
    if refused.kind == ErrorKind::Unreachable {
        return Ok(());
    }
    let back = match host_cmds::of_client(server, subnet, client).await {
        Ok(None) => host_cmds::add(server, subnet, item.clone()).await,
        Ok(Some(_)) => Ok(()),
        Err(failure) => Err(failure),
    };
    back.map_err(|failure| {
        let lost = "Kea may have removed the reservation by that, and it could not be put back";
        let why = format!("{}; {lost}: {}: {item}", refused.why, failure.why);
        Failure { why, ..failure }
    })
}

/// What came of a command that writes. What is refused because somebody else took the client or an address meanwhile has to be read again.
async fn made(
    server: &Server,
    entry: &Entry,
    new: Option<&Identifier>,
    ended: Result<(), Failure>,
) -> Result<Written, Failure> {
    let failure = match ended {
        Ok(()) => return Ok(Written::Done),
        Err(failure) if failure.kind != ErrorKind::Invalid => return Err(failure),
        Err(failure) => failure,
    };
    if let Some(client) = new
        && host_cmds::of_client(server, entry.subnet, client).await?.is_some()
    {
        return Ok(Written::Overtaken);
    }
    for address in &entry.addresses {
        let held = host_cmds::of_address(server, entry.subnet, *address).await?;
        if held.is_some_and(|item| config::client(&item) != entry.client) {
            return Ok(Written::Overtaken);
        }
    }
    Err(failure)
}

/// Whether what is found says what was read; Kea tells addresses in any order.
fn says(found: Entry, before: &Entry) -> bool {
    let sorted = |entry: &Entry| {
        let mut addresses = entry.addresses.clone();
        addresses.sort_unstable();
        addresses
    };
    let addresses = sorted(before);
    let found = Entry { standing: before.standing, fate: before.fate, addresses: sorted(&found), ..found };
    found == Entry { addresses, ..before.clone() }
}

fn without_database(server: &Server) -> Failure {
    let why = format!("{server} has no `hosts-databases`, which its hook `libdhcp_host_cmds.so` writes into");
    Failure::new(ErrorKind::Unsupported, why).advise("add them to its configuration, or leave out `backend: hook`")
}

fn without_update(server: &Server) -> Failure {
    let why =
        format!("{server} has no `reservation-update`: its reservations can be added and removed, and not changed");
    let advice = "use Kea 2.4 or later; to remove a reservation and to add it anew would leave its client without one, and lose what else it says";
    Failure::new(ErrorKind::Unsupported, why).advise(advice)
}
