//! dhcpd's files, where dip can read them: what OMAPI does not tell.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use dip_core::hardware::MacAddr;
use dip_core::provider::{ErrorKind, Holder};

use super::super::failure::Failure;
use super::super::kept::Kept;
use super::declarations::{self, Declared};
use super::host::Marked;
use crate::provider::{Held, Reservation};

/// The files of the settings, in the order in which what they say holds.
#[derive(Debug, Clone)]
pub(super) struct Files {
    hosts: Vec<PathBuf>,
    leases: Option<PathBuf>,
    read: Arc<Mutex<Kept<Vec<Declared>>>>,
}

/// A host of a file.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) declared: Declared,
    pub(super) file: Arc<PathBuf>,
}

impl Files {
    pub(super) fn new(hosts: Vec<PathBuf>, leases: Option<PathBuf>) -> Self {
        Self { hosts, leases, read: Arc::new(Mutex::new(Kept::new())) }
    }

    /// Whether all hosts that were made by OMAPI can be seen here.
    pub(super) const fn are_whole(&self) -> bool {
        self.leases.is_some()
    }

    /// The hosts that are there now.
    pub(super) async fn read(&self) -> Result<Vec<Entry>, Failure> {
        let files: Vec<PathBuf> = self.hosts.iter().chain(&self.leases).cloned().collect();
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let kept = Arc::clone(&self.read);
        let read = tokio::task::spawn_blocking(move || {
            // Whoever panicked has put nothing in that is not a file's.
            entries(&files, &mut kept.lock().unwrap_or_else(PoisonError::into_inner))
        });
        read.await.unwrap_or_else(|stopped| Err(Failure::new(ErrorKind::Unexpected, stopped.to_string())))
    }
}

impl Entry {
    pub(super) fn holder(&self) -> Holder {
        Holder::from(Marked::read(&self.declared.name).map(|marked| marked.site))
    }

    pub(super) fn holds(&self, mac: MacAddr, address: Option<Ipv4Addr>) -> bool {
        self.declared.macs.contains(&mac) || address.is_some_and(|address| self.declared.addresses.contains(&address))
    }

    pub(super) fn held(&self) -> impl Iterator<Item = Held> {
        let marked = Marked::read(&self.declared.name);
        let owner = marked.as_ref().map(|marked| marked.site.clone());
        let (host_name, boot) =
            marked.map_or_else(|| (self.declared.host_name.clone(), None), |marked| (marked.host_name, marked.boot));
        self.declared.macs.iter().map(move |mac| Held {
            reservation: Reservation {
                mac: *mac,
                addresses: self.declared.addresses.iter().copied().map(Into::into).collect(),
                host_name: host_name.clone(),
                duid: None,
                boot: boot.clone(),
            },
            owner: owner.clone(),
        })
    }
}

fn entries(files: &[PathBuf], kept: &mut Kept<Vec<Declared>>) -> Result<Vec<Entry>, Failure> {
    let mut hosts = BTreeMap::new();
    for file in files {
        let all = match kept.read(file, declarations::read) {
            Ok(all) => all,
            Err(error) => {
                let kind = match error.kind() {
                    io::ErrorKind::PermissionDenied => ErrorKind::Denied,
                    io::ErrorKind::NotFound => ErrorKind::NotFound,
                    _ => ErrorKind::Unexpected,
                };
                let why = format!("{} cannot be read: {error}", file.display());
                return Err(
                    Failure::new(kind, why).advise("let dip read it, or correct `hosts_files` and `lease_file`")
                );
            }
        };
        let at = Arc::new(file.clone());
        // What is said later of a name holds: a lease file begins with what the configuration had.
        for declared in all.iter() {
            if declared.deleted {
                hosts.remove(&declared.name);
            } else {
                let entry = Entry { declared: declared.clone(), file: Arc::clone(&at) };
                hosts.insert(declared.name.clone(), entry);
            }
        }
    }
    Ok(hosts.into_values().collect())
}
