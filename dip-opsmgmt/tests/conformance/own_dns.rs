//! A provider as a user writes one for a DNS service that dip does not know, here a table in memory; it passes all trials.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial};
use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, ProviderError};
use dip_opsmgmt::conformance::{self, DnsHarness};
use dip_opsmgmt::provider::{Dns, Entry, HeldName, HostName};

#[derive(Default)]
struct Table {
    names: BTreeMap<String, HeldName>,
    reverse: BTreeMap<IpAddr, String>,
}

#[derive(Default)]
struct OwnDns(Mutex<Table>);

impl OwnDns {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn must_be(&self, owner: &SiteName, name: &str, action: &str) -> Result<(), ProviderError> {
        match self.names.get(name) {
            Some(held) if held.owner.as_ref() != Some(owner) => {
                let holder = held.owner.as_ref().map_or("nobody's mark", SiteName::as_str);
                Err(ProviderError::new(ErrorKind::Conflict, "own", action).advise(format!("{name} carries {holder}")))
            }
            _ => Ok(()),
        }
    }

    fn forget(&mut self, name: &str) {
        self.names.remove(name);
        self.reverse.retain(|_, reverse| reverse != name);
    }
}

#[async_trait]
impl Dns for OwnDns {
    async fn name(&self, name: &str) -> Result<Option<HeldName>, ProviderError> {
        Ok(self.table().names.get(name).cloned())
    }

    async fn reverse(&self, address: IpAddr) -> Result<Vec<String>, ProviderError> {
        Ok(self.table().reverse.get(&address).cloned().into_iter().collect())
    }

    async fn ensure(&self, wanted: &HostName, owner: &SiteName) -> Result<(), ProviderError> {
        let mut table = self.table();
        let reverse = wanted.addresses.iter().filter_map(|address| table.reverse.get(address));
        for name in reverse.chain([&wanted.name]) {
            table.must_be(owner, name, "register")?;
        }
        table.forget(&wanted.name);
        let mut addresses = wanted.addresses.clone();
        addresses.sort_unstable();
        table.reverse.extend(addresses.iter().map(|address| (*address, wanted.name.clone())));
        table.names.insert(wanted.name.clone(), HeldName { addresses, owner: Some(owner.clone()) });
        Ok(())
    }

    async fn remove(&self, name: &str, owner: &SiteName) -> Result<(), ProviderError> {
        let mut table = self.table();
        table.must_be(owner, name, "remove")?;
        table.forget(name);
        Ok(())
    }
}

struct Rig {
    dns: Arc<OwnDns>,
    numbers: std::sync::atomic::AtomicU16,
}

pub(crate) fn trials() -> Vec<Trial> {
    let rig = Rig { dns: Arc::default(), numbers: Default::default() };
    conformance::dns(Arc::new(rig)).into_iter().map(|trial| trial.on("own dns")).collect()
}

#[async_trait]
impl DnsHarness for Rig {
    fn dns(&self) -> Arc<dyn Dns> {
        Arc::clone(&self.dns) as Arc<dyn Dns>
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Dns>> {
        None
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Dns>> {
        None
    }

    fn fresh(&self) -> HostName {
        let number = self.numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let [high, low] = number.to_be_bytes();
        let addresses = vec![IpAddr::from([10, 4, high, low]), IpAddr::from([0xfd93, 0, 0, 0, 0, 0, 4, number])];
        HostName { name: format!("h{number}.own.test"), addresses }
    }

    async fn seed_unmarked(&self, name: &HostName) -> Result<Option<()>, Failure> {
        let mut table = self.dns.table();
        table.reverse.extend(name.addresses.iter().map(|address| (*address, name.name.clone())));
        let mut addresses = name.addresses.clone();
        addresses.sort_unstable();
        table.names.insert(name.name.clone(), HeldName { addresses, owner: None });
        Ok(Some(()))
    }

    async fn seed_other_type(&self, name: &str) -> Result<Option<()>, Failure> {
        self.dns.table().names.insert(name.to_owned(), HeldName { addresses: Vec::new(), owner: None });
        Ok(Some(()))
    }

    async fn seed_entry(&self, _: &Entry) -> Result<Option<()>, Failure> {
        Ok(None)
    }
}
