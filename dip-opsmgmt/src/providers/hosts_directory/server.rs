//! The names of a directory of hosts files. dnsmasq reads a file as soon as it is renamed into the directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::id::SiteName;
use dip_core::provider::{Carry, ErrorKind, Gather, ProviderError};
use tokio::task::spawn_blocking;

use super::book::{Book, Held, Index, file_name};
use crate::provider::{Dns, HeldName, HostName};
use crate::providers::dns_name::{is_below, plain};
use crate::providers::{blocking, file};
use crate::settings::HostsDirectorySettings;

const PRODUCT: &str = "dnsmasq_hosts";

/// The names of a directory of hosts files; each site has a file of its own in it.
#[derive(Debug)]
pub struct HostsDirectory {
    path: Arc<Path>,
    reads: Gather<(), Read>,
    changes: Gather<Change, Changed>,
}

/// What one caller wants of the directory, and what that is called in errors.
#[derive(Debug, Clone)]
struct Change {
    wish: Wish,
    owner: SiteName,
    action: String,
}

#[derive(Debug, Clone)]
enum Wish {
    Ensure(HostName),
    Remove(String),
}

type Changed = Result<(), ProviderError>;

type Read = Result<Arc<Index>, Arc<io::Error>>;

impl HostsDirectory {
    /// A provider for the directory of the settings.
    #[must_use]
    pub fn new(settings: HostsDirectorySettings) -> Self {
        Self { path: settings.path.into(), reads: Gather::new(), changes: Gather::new() }
    }

    /// What stands in all files now; whoever asks at the same time shares it.
    async fn index(&self, action: &str) -> Result<Arc<Index>, ProviderError> {
        let read = self.reads.join("", (), self).await;
        read.map_err(|error| file::failed(PRODUCT, action, &self.path, file::copied(&error)))
    }

    async fn change(&self, wish: Wish, owner: &SiteName, action: String) -> Changed {
        self.changes.join("", Change { wish, owner: owner.clone(), action }, self).await
    }
}

#[async_trait]
impl Dns for HostsDirectory {
    async fn name(&self, name: &str) -> Result<Option<HeldName>, ProviderError> {
        Ok(self.index(&format!("look up {name}")).await?.names.get(&plain(name)).cloned())
    }

    async fn reverse(&self, address: IpAddr) -> Result<Vec<String>, ProviderError> {
        let index = self.index(&format!("look up the name of {address}")).await?;
        Ok(index.reverse.get(&address).into_iter().flatten().cloned().collect())
    }

    async fn owned(&self, domain: &str, owner: &SiteName) -> Result<Vec<String>, ProviderError> {
        let mut names = self.names(domain).await?;
        names.retain(|(_, held)| held.owner.as_ref() == Some(owner));
        Ok(names.into_iter().map(|(name, _)| name).collect())
    }

    async fn names(&self, domain: &str) -> Result<Vec<(String, HeldName)>, ProviderError> {
        let domain = plain(domain);
        let index = self.index(&format!("list all names below {domain}")).await?;
        let names = index.names.iter().filter(|(name, _)| is_below(name, &domain));
        Ok(names.map(|(name, held)| (name.clone(), held.clone())).collect())
    }

    async fn ensure(&self, wanted: &HostName, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("register {}", wanted.name);
        let wanted = HostName { name: plain(&wanted.name), addresses: wanted.addresses.clone() };
        self.change(Wish::Ensure(wanted), owner, action).await
    }

    async fn remove(&self, name: &str, owner: &SiteName) -> Result<(), ProviderError> {
        self.change(Wish::Remove(plain(name)), owner, format!("remove {name}")).await
    }
}

#[async_trait]
impl Carry<(), Read> for HostsDirectory {
    async fn carry(&self, _: &str, items: &[Arc<()>]) -> Vec<Read> {
        let path = Arc::clone(&self.path);
        let read = spawn_blocking(move || read(&path).map(|book| book.index())).await;
        let read = read.unwrap_or_else(|error| Err(io::Error::other(error)));
        vec![read.map(Arc::new).map_err(Arc::new); items.len()]
    }
}

#[async_trait]
impl Carry<Change, Changed> for HostsDirectory {
    async fn carry(&self, _: &str, items: &[Arc<Change>]) -> Vec<Changed> {
        let (path, changes) = (Arc::clone(&self.path), items.to_vec());
        let actions = items.iter().map(|item| item.action.as_str());
        blocking::all(PRODUCT, actions, move || write(&path, &changes)).await
    }
}

/// Makes all changes in one go: every site's file is written once.
fn write(path: &Path, changes: &[Arc<Change>]) -> Vec<Changed> {
    let failed = |error: &io::Error, change: &Change| file::failed(PRODUCT, &change.action, path, file::copied(error));
    // Another dip may write at the same time.
    let opened = file::lock(path).and_then(|lock| Ok((lock, read(path)?)));
    let (_lock, mut book) = match opened {
        Ok(opened) => opened,
        Err(error) => return changes.iter().map(|change| Err(failed(&error, change))).collect(),
    };
    let mut changed: Vec<Changed> = Vec::new();
    for change in changes {
        let made = match &change.wish {
            Wish::Ensure(wanted) => book.ensure(wanted, &change.owner),
            Wish::Remove(name) => book.remove(name, &change.owner),
        };
        changed.push(made.map_err(|held| conflict(change, &held)));
    }
    let sites: BTreeSet<&SiteName> = changes.iter().map(|change| &change.owner).collect();
    let broken: BTreeMap<&SiteName, io::Error> =
        sites.into_iter().filter_map(|site| Some((site, keep(path, site, &book).err()?))).collect();
    for (change, changed) in changes.iter().zip(&mut changed) {
        if let (Some(error), Ok(())) = (broken.get(&change.owner), &changed) {
            *changed = Err(failed(error, change));
        }
    }
    changed
}

/// Writes a site's file, if it differs.
fn keep(path: &Path, site: &SiteName, book: &Book) -> io::Result<()> {
    let place = path.join(file_name(site));
    let (before, after) = (file::read(&place)?, book.write(site));
    if before.as_deref() == Some(&*after) || (before.is_none() && !after.lines().any(|line| !line.starts_with('#'))) {
        return Ok(());
    }
    match file::replace(&place, before.as_deref(), &after)? {
        true => Ok(()),
        false => Err(io::Error::other("somebody else changes the file at the same time")),
    }
}

/// Reads all files, as dnsmasq does: not those that begin with a dot or `#`, or end with `~` or `#`.
fn read(path: &Path) -> io::Result<Book> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let passed_over = name.starts_with(['.', '#']) || name.ends_with(['~', '#']);
        if !passed_over && !entry.file_type()?.is_dir() {
            files.push(entry.path());
        }
    }
    files.sort_unstable();
    let mut book = Book::default();
    for text in files.iter().filter_map(|file| file::read(file).transpose()) {
        book.read(&text?);
    }
    Ok(book)
}

fn conflict(change: &Change, held: &Held) -> ProviderError {
    ProviderError::new(ErrorKind::Conflict, PRODUCT, &change.action).advise(format!(
        "{} carries {}; remove it there, or give the node another name or address",
        held.what, held.holder
    ))
}
