//! How does dip use a DNS service that it does not know? Implement one trait, and register it in place of the site's.
//!
//! `cargo run --example use_your_own_dns`

#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::collections::BTreeMap;
use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

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

/// Our DNS service: a table. Yours calls its own interface here.
#[derive(Debug, Default)]
struct Table(Mutex<BTreeMap<String, HeldName>>);

impl Table {
    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, HeldName>> {
        self.0.lock().expect("nobody panics with the lock")
    }

    /// A name that is not ours is never changed.
    fn refuse_foreign(&self, name: &str, owner: &SiteName) -> Result<(), ProviderError> {
        match self.rows().get(name) {
            Some(held) if held.owner.as_ref() != Some(owner) => {
                Err(ProviderError::new(ErrorKind::Conflict, "table", format!("change {name}"))
                    .advise("it is somebody else's"))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Dns for Table {
    async fn name(&self, name: &str) -> Result<Option<HeldName>, ProviderError> {
        Ok(self.rows().get(name).cloned())
    }

    async fn reverse(&self, address: IpAddr) -> Result<Vec<String>, ProviderError> {
        Ok(self
            .rows()
            .iter()
            .filter(|(_, held)| held.addresses.contains(&address))
            .map(|(name, _)| name.clone())
            .collect())
    }

    async fn ensure(&self, wanted: &HostName, owner: &SiteName) -> Result<(), ProviderError> {
        self.refuse_foreign(&wanted.name, owner)?;
        let mut addresses = wanted.addresses.clone();
        addresses.sort();
        self.rows().insert(wanted.name.clone(), HeldName { addresses, owner: Some(owner.clone()) });
        Ok(())
    }

    async fn remove(&self, name: &str, owner: &SiteName) -> Result<(), ProviderError> {
        self.refuse_foreign(name, owner)?;
        self.rows().remove(name);
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
    let table = Arc::new(Table::default());
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
        for (name, held) in &*table.rows() {
            println!("{name} {:?}", held.addresses);
        }
        assert_eq!(table.rows().len(), site.nodes.len());
        Ok(())
    })
}
