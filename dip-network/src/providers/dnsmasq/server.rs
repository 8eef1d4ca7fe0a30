//! The provider: reservations as files, checked against what others hold, and told to the server.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::MacAddr;
use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, Holder, ProviderError};
use tokio::sync::Mutex;

use super::directory::{Directory, FileError, Listing, Look, Record};
use super::process::{Dead, NotSent, Process};
use super::{entry, leases};
use crate::provider::{Dhcp, Held, Reservation};
use crate::settings::DnsmasqSettings;

const NAME: &str = "dnsmasq";

/// The reservations of a dnsmasq that runs on this machine.
///
/// A reservation may hold one IPv4 address and any number of IPv6 addresses. An IPv6 client is known by its MAC
/// address only where dnsmasq can see it, which is so on the same link.
#[derive(Clone)]
pub struct Dnsmasq {
    shared: Arc<Shared>,
}

struct Shared {
    settings: DnsmasqSettings,
    // Held for the whole of a verb: one looks at what all hold before it writes, so no two may run at once.
    directory: Arc<Mutex<Directory>>,
}

impl fmt::Debug for Dnsmasq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dnsmasq").field("settings", &self.shared.settings).finish()
    }
}

impl Dnsmasq {
    /// A provider for a server; nothing is read before the first call.
    #[must_use]
    pub fn new(settings: DnsmasqSettings) -> Self {
        let directory = Directory::new(settings.hosts_directory.clone(), settings.hosts_files.clone());
        Self { shared: Arc::new(Shared { settings, directory: Arc::new(Mutex::new(directory)) }) }
    }

    /// Runs file work where it may block. Once begun it goes on to its end, also where the caller is cancelled.
    async fn on_files<T: Send + 'static>(
        &self,
        action: String,
        work: impl FnOnce(&Verb<'_>, &mut Directory) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let shared = Arc::clone(&self.shared);
        let told = action.clone();
        // A verb that panicked left the files in a state that the next one reads anew.
        let mut directory = Arc::clone(&self.shared.directory).lock_owned().await;
        tokio::task::spawn_blocking(move || {
            let verb = Verb { action: &action, settings: &shared.settings };
            work(&verb, &mut directory)
        })
        .await
        .unwrap_or_else(|stopped| Err(ProviderError::new(ErrorKind::Unexpected, NAME, told).because(stopped)))
    }
}

#[async_trait]
impl Dhcp for Dnsmasq {
    async fn reservation(&self, mac: MacAddr) -> Result<Option<Held>, ProviderError> {
        self.on_files(format!("look up the reservation of {mac}"), move |verb, directory| {
            verb.server()?;
            let listing = verb.list(directory, Look::At(mac))?;
            let holders = || listing.iter().filter(|record| record.holds_mac(mac));
            // Somebody else's entry beside ours decides: it must be told, not hidden.
            let record = holders().find(|record| record.owner.is_none()).or_else(|| holders().next());
            // An interrupted change counts as absent: the server may still go by what was there before.
            let record = record.filter(|record| record.owner.is_none() || !listing.stale.contains(&mac));
            Ok(record.and_then(|record| record.held().find(|held| held.reservation.mac == mac)))
        })
        .await
    }

    async fn leases(&self, mac: MacAddr) -> Result<Vec<IpAddr>, ProviderError> {
        self.on_files(format!("look up the leases of {mac}"), move |verb, _| {
            let Some(file) = &verb.settings.lease_file else { return Ok(Vec::new()) };
            match std::fs::read_to_string(file) {
                Ok(text) => Ok(leases::of(&text, mac, jiff::Timestamp::now())),
                // It writes the file with the first lease.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
                Err(error) => {
                    let advice = format!("`lease_file` is {}, which must be readable where dip runs", file.display());
                    Err(verb.error(ErrorKind::Denied).because(error).advise(advice))
                }
            }
        })
        .await
    }

    async fn reserve(&self, reservation: &Reservation, owner: &SiteName) -> Result<(), ProviderError> {
        let (wanted, owner) = (reservation.clone(), owner.clone());
        self.on_files(format!("reserve addresses for {}", wanted.mac), move |verb, directory| {
            verb.accepts(&wanted)?;
            let server = verb.server()?;
            let listing = verb.list(directory, Look::At(wanted.mac))?;
            verb.refuse_foreign(
                &listing,
                |record| {
                    if record.holds_mac(wanted.mac) {
                        return Some(wanted.mac.to_string());
                    }
                    let duid = wanted.needed_duid().filter(|duid| record.entry.duids.contains(duid));
                    let shared = record.shared_address(&wanted.addresses).map(|address| address.to_string());
                    shared.or_else(|| duid.map(|duid| format!("the DUID {duid}")))
                },
                &owner,
            )?;
            let mut change = Change { verb, directory, server, told: listing.stale.clone() };
            for former in listing.iter().filter(|record| !record.holds_mac(wanted.mac)) {
                if former.shared_address(&wanted.addresses).is_some() {
                    change.take(former, &wanted.addresses, &Holder::Site(owner.clone()))?;
                }
            }
            let held =
                listing.iter().find(|record| record.holds_mac(wanted.mac)).and_then(|record| record.held().next());
            let same = held.is_some_and(|held| held.reservation.agrees_with(&wanted));
            if !same {
                change.put(&wanted, &Holder::Site(owner))?;
            }
            change.tell()
        })
        .await
    }

    async fn release(&self, mac: MacAddr, owner: &SiteName) -> Result<(), ProviderError> {
        let owner = owner.clone();
        self.on_files(format!("release the reservation of {mac}"), move |verb, directory| {
            let server = verb.server()?;
            let listing = verb.list(directory, Look::At(mac))?;
            verb.refuse_foreign(&listing, |record| record.holds_mac(mac).then(|| mac.to_string()), &owner)?;
            let mut change = Change { verb, directory, server, told: listing.stale.clone() };
            if change.directory.has(mac) {
                change.drop(mac)?;
            }
            change.tell()
        })
        .await
    }

    async fn claim(&self, mac: MacAddr, from: &Holder, owner: &SiteName) -> Result<(), ProviderError> {
        let (from, to) = (from.clone(), Holder::Site(owner.clone()));
        self.on_files(format!("claim the reservation of {mac}"), move |verb, directory| {
            verb.hand_over(directory, mac, &from, &to)
        })
        .await
    }

    async fn disown(&self, mac: MacAddr, owner: &SiteName) -> Result<(), ProviderError> {
        let from = Holder::Site(owner.clone());
        self.on_files(format!("take the mark off the reservation of {mac}"), move |verb, directory| {
            verb.hand_over(directory, mac, &from, &Holder::Nobody)
        })
        .await
    }

    async fn list(&self) -> Result<Vec<Held>, ProviderError> {
        self.on_files("list its reservations".to_owned(), |verb, directory| {
            verb.server()?;
            let mut all: Vec<_> = verb.list(directory, Look::All)?.iter().flat_map(Record::held).collect();
            all.sort_by_key(|held| held.reservation.mac);
            Ok(all)
        })
        .await
    }
}

/// A change of files that the server has to be told of.
struct Change<'a> {
    verb: &'a Verb<'a>,
    directory: &'a Directory,
    server: Process,
    told: Vec<MacAddr>,
}

impl Change<'_> {
    /// Writes a file of ours. A new one is seen by the server itself; a changed one is noted before, so that a crash
    /// between the change and the signal is mended by the next call.
    fn put(&mut self, wanted: &Reservation, owner: &Holder) -> Result<(), ProviderError> {
        if self.directory.has(wanted.mac) {
            self.note(wanted.mac)?;
        }
        self.directory.write(wanted, owner).map_err(|error| self.verb.file(error))
    }

    fn drop(&mut self, mac: MacAddr) -> Result<(), ProviderError> {
        self.note(mac)?;
        self.directory.remove(mac).map_err(|error| self.verb.file(error))
    }

    /// Takes addresses from another reservation of ours.
    fn take(&mut self, former: &Record, addresses: &[IpAddr], owner: &Holder) -> Result<(), ProviderError> {
        for mut held in former.held() {
            held.reservation.addresses.retain(|address| !addresses.contains(address));
            if held.reservation.addresses.is_empty() {
                self.drop(held.reservation.mac)?;
            } else {
                self.put(&held.reservation, owner)?;
            }
        }
        Ok(())
    }

    fn note(&mut self, mac: MacAddr) -> Result<(), ProviderError> {
        self.told.push(mac);
        self.directory.mark_stale(mac).map_err(|error| self.verb.file(error))
    }

    /// Tells the server of all that changed, once.
    fn tell(self) -> Result<(), ProviderError> {
        if self.told.is_empty() {
            return Ok(());
        }
        self.server.reload().map_err(|error| self.verb.signal(error))?;
        self.told.iter().try_for_each(|mac| self.directory.clear_stale(*mac)).map_err(|error| self.verb.file(error))
    }
}

/// One verb, for the words of its errors.
struct Verb<'a> {
    action: &'a str,
    settings: &'a DnsmasqSettings,
}

impl Verb<'_> {
    fn error(&self, kind: ErrorKind) -> ProviderError {
        ProviderError::new(kind, NAME, self.action)
    }

    /// The server must live: reservations in the files of a dead one are kept by nobody.
    fn server(&self) -> Result<Process, ProviderError> {
        Process::find(&self.settings.pid_file).map_err(|dead| {
            let denied =
                matches!(&dead, Dead::NoFile { source, .. } if source.kind() == io::ErrorKind::PermissionDenied);
            let kind = if denied { ErrorKind::Denied } else { ErrorKind::Unreachable };
            self.error(kind).because(dead).advise("start dnsmasq, or correct `pid_file`")
        })
    }

    fn list(&self, directory: &mut Directory, look: Look) -> Result<Listing, ProviderError> {
        directory.list(look).map_err(|error| self.file(error))
    }

    /// What this server cannot hold is told before anything is written: dnsmasq would only log it.
    fn accepts(&self, wanted: &Reservation) -> Result<(), ProviderError> {
        let v4 = wanted.addresses.iter().filter(|address| address.is_ipv4()).count();
        if wanted.addresses.is_empty() || v4 > 1 {
            let advice = "give the interface one IPv4 address, IPv6 addresses, or both";
            return Err(self.error(ErrorKind::Invalid).advise(advice));
        }
        if wanted.boot.is_some() {
            // An entry of its directory can only be told apart by a tag (`set:`), and 2.90 ends at the next HUP after a client of such an
            // entry was answered: it frees the tag together with what it was chained to.
            let why = "dnsmasq cannot be told boot files for single entries while it runs";
            let advice = "take `boot` out of this service, and add `dhcp-boot` lines for `tag:known` to dnsmasq's configuration (docs/dhcp-dnsmasq.md)";
            return Err(self.error(ErrorKind::Unsupported).advise(format!("{why}; {advice}")));
        }
        match &wanted.host_name {
            Some(name) if !entry::is_host_name(name) => Err(self.error(ErrorKind::Invalid).advise(format!(
                "dnsmasq does not read `{name}` as a host name; rename the node to letters, digits and `-` that are not a time or a keyword"
            ))),
            _ => Ok(()),
        }
    }

    /// What another site or a person holds is left alone.
    fn refuse_foreign(
        &self,
        listing: &Listing,
        held: impl Fn(&Record) -> Option<String>,
        owner: &SiteName,
    ) -> Result<(), ProviderError> {
        let foreign = listing.iter().filter(|record| record.owner.as_ref() != Some(owner));
        match foreign.filter_map(|record| Some((record, held(record)?))).next() {
            None => Ok(()),
            Some((record, what)) => {
                let whose = match &record.owner {
                    Some(site) => format!("site `{site}`"),
                    None => "an entry without a mark of dip".to_owned(),
                };
                let file = shown(&record.file);
                Err(self
                    .error(ErrorKind::Conflict)
                    .advise(format!("{what} is held by {whose} in {file}; remove it there first")))
            }
        }
    }

    /// Lets the reservation of an interface carry another mark, or none. An entry in somebody's file moves into one of our own.
    fn hand_over(
        &self,
        directory: &mut Directory,
        mac: MacAddr,
        from: &Holder,
        to: &Holder,
    ) -> Result<(), ProviderError> {
        let server = self.server()?;
        let listing = self.list(directory, Look::At(mac))?;
        let conflict = |file: &Path, what: &str| {
            self.error(ErrorKind::Conflict).advise(format!("the entry of {mac} in {} {what}", shown(file)))
        };
        let (own, theirs): (Vec<&Record>, Vec<&Record>) = listing
            .iter()
            .filter(|record| record.holds_mac(mac))
            .partition(|record| directory.is_of(&record.file, mac));
        let Some(record) = theirs.first().or(own.first()) else { return Ok(()) };
        if let [first, second, ..] = theirs[..] {
            return Err(conflict(&first.file, &format!("stands in {} too; take one of them out", shown(&second.file))));
        }
        let holder = Holder::from(record.owner.clone());
        if holder == *to {
            return Ok(());
        }
        if holder != *from {
            return Err(conflict(&record.file, &format!("carries {holder}")));
        }
        if !theirs.is_empty() {
            if !directory.holds(&record.file) {
                return Err(conflict(&record.file, "is not in the directory that dip writes to; move it there first"));
            }
            if !directory.is_plain(&record.file, mac).map_err(|error| self.file(error))? {
                let what = "has tags, a lease time or further interfaces, which dip would lose; make it a line of its own with MAC, addresses and name";
                return Err(conflict(&record.file, what));
            }
        }
        let Some(held) = record.held().find(|held| held.reservation.mac == mac) else { return Ok(()) };
        let mut change = Change { verb: self, directory, server, told: listing.stale.clone() };
        // Ours first: whatever happens in between, the interface keeps its addresses.
        change.put(&held.reservation, to)?;
        if !theirs.is_empty() {
            change.note(mac)?;
            directory.take_line(&record.file, mac).map_err(|error| self.file(error))?;
        }
        change.tell()
    }

    fn file(&self, error: FileError) -> ProviderError {
        match error.source.kind() {
            io::ErrorKind::PermissionDenied => self
                .error(ErrorKind::Denied)
                .because(error)
                .advise("let this user write to dnsmasq's directory of DHCP hosts"),
            io::ErrorKind::NotFound => self
                .error(ErrorKind::NotFound)
                .because(error)
                .advise("name the directory that dnsmasq was given as `dhcp-hostsdir`, and files that exist"),
            io::ErrorKind::StorageFull => self.error(ErrorKind::Busy).because(error).advise("make room on the disk"),
            _ => self.error(ErrorKind::Unexpected).because(error),
        }
    }

    fn signal(&self, error: NotSent) -> ProviderError {
        if error.is_denied() {
            self.error(ErrorKind::Denied)
                .because(error)
                .advise("let this user signal dnsmasq: run dip as its user or as root")
        } else {
            self.error(ErrorKind::Unreachable).because(error)
        }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
