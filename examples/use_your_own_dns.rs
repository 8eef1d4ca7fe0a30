//! How does dip use a DNS service that it does not know? Implement one trait, and register it in place of the site's.
//!
//! `cargo run --example use_your_own_dns`

#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::collections::BTreeMap;
use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use dip::core::id::SiteName;
use dip::core::journal::MemoryJournal;
use dip::core::plan::render;
use dip::core::provider::{ErrorKind, ProviderError};
use dip::core::site::{Format, Lock, Site, Source};
use dip::core::subject::Subject;
use dip::opsmgmt::provider::{Dns, HeldName, HostName};
use dip::sandbox::Sandbox;
use dip::{Engine, Observed, Outcome, Planner, Stop};

/// Our DNS service: a table. Yours calls its own interface here. The same provider passes all trials of
/// `dip_opsmgmt::conformance::dns` in dip's own tests.
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
    /// A name that is not ours is never changed, and who holds it is told.
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

/// Two machines that are known by name and nothing else: no BMC, no system that dip manages.
const SITE: &str = "
version: 1
site: lab
domain: lab.example
networks:
  prod: {prefixes: [{prefix: 10.1.0.0/24, ranges: [10.1.0.10-10.1.0.99]}]}
services:
  names: {kind: dns}
nodes:
  web{n:1..2}:
    nics: {eth0: {mac: '52:54:00:00:00:{n:02x}', network: prod}}
";

fn main() -> Result<(), Box<dyn Error>> {
    let layers = dip::layers();
    let source = Source::new("site.yaml", Format::Yaml, SITE);
    let site = Arc::new(Site::parse(&[source], &layers.settings(), &Lock::default())?.site);
    let sandbox = Sandbox::new(&site, 1);
    let (mut providers, clock) = (sandbox.providers(), sandbox.clock());

    // The one line that matters: the service `names` of the site is our table now.
    let table = Arc::new(OwnDns::default());
    let service = site.services.keys().next().ok_or("the site has no service")?;
    providers.insert::<dyn Dns>(&Subject::service(service), Arc::clone(&table) as Arc<dyn Dns>);

    sandbox.block_on(async {
        let plan = Planner::new(&layers, &providers)
            .clock(&clock)
            .prepare(Arc::clone(&site), &mut Observed::new())
            .await?
            .plan;
        print!("{}", render::text(&plan));
        let engine = Engine::new(layers.operations(), providers.clone()).clock(Arc::new(clock));
        let report = engine.run("names", plan, Arc::new(MemoryJournal::new()), &Stop::new()).await?;
        print!("{report}");
        assert_eq!(report.outcome, Outcome::Ready);
        for (name, held) in &table.table().names {
            println!("{name} {:?}", held.addresses);
        }
        assert_eq!(table.table().names.len(), site.nodes.len());
        Ok(())
    })
}
