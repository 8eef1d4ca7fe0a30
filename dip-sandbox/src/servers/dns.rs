//! A simulated DNS server.

use std::collections::BTreeSet;
use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::id::{ServiceName, SiteName};
use dip_core::provider::{Holder, ProviderError};
use dip_opsmgmt::provider::{Dns, Entry, HeldEntries, HeldName, HostName};

use crate::line::{Intent, Line};
use crate::world::{ForeignName, Names};

#[derive(Debug)]
pub(crate) struct SandboxDns {
    line: Line,
    name: ServiceName,
}

impl SandboxDns {
    pub(crate) const fn new(line: Line, name: ServiceName) -> Self {
        Self { line, name }
    }

    fn act<T: Default>(&self, act: impl FnOnce(&mut Names) -> T) -> T {
        self.line.world().names(&self.name, act).unwrap_or_default()
    }

    async fn change(
        &self,
        action: String,
        name: &str,
        change: impl FnOnce(&mut Names) -> Result<bool, ForeignName> + Send,
    ) -> Result<(), ProviderError> {
        self.line.carry(Intent::Change, &action).await?;
        match self.act(|names| Some(change(names))).unwrap_or(Ok(false)) {
            Ok(changed) => {
                if changed {
                    self.line.world().ledger.count(self.line.subject(), format!("change the name {name}"));
                }
                Ok(())
            }
            Err(foreign) => Err(self.line.conflict(action, &foreign)),
        }
    }
}

#[async_trait]
impl Dns for SandboxDns {
    async fn name(&self, name: &str) -> Result<Option<HeldName>, ProviderError> {
        self.line.carry(Intent::Look, &format!("look up {name}")).await?;
        Ok(self.act(|names| names.find(name)))
    }

    async fn reverse(&self, address: IpAddr) -> Result<Vec<String>, ProviderError> {
        self.line.carry(Intent::Look, &format!("look up {address}")).await?;
        Ok(self.act(|names| names.reverse(address)))
    }

    async fn ensure(&self, wanted: &HostName, owner: &SiteName) -> Result<(), ProviderError> {
        self.change(format!("register {}", wanted.name), &wanted.name, |names| names.ensure(wanted, owner)).await
    }

    async fn ensure_all(&self, names: &[HostName], entries: &[Entry], owner: &SiteName) -> Result<(), ProviderError> {
        let all = names.iter().map(|name| name.name.as_str()).chain(entries.iter().map(|entry| entry.name.as_str()));
        let all = all.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ");
        self.change(format!("register {all}"), &all, |held| held.ensure_all(names, entries, owner)).await
    }

    async fn entries(&self, name: &str) -> Result<Option<HeldEntries>, ProviderError> {
        self.line.carry(Intent::Look, &format!("look up the further records of {name}")).await?;
        Ok(self.act(|names| names.entries(name)))
    }

    async fn made(&self, first: &str, owner: &SiteName) -> Result<Option<Vec<Entry>>, ProviderError> {
        self.line.carry(Intent::Look, &format!("look up what was made for {first}")).await?;
        Ok(self.act(|names| names.made(first, owner)))
    }

    async fn remove_entries(&self, entries: &[Entry], owner: &SiteName) -> Result<(), ProviderError> {
        let all = entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        self.change(format!("remove {all}"), &all, |names| Ok(names.remove_entries(entries, owner))).await
    }

    async fn owned(&self, domain: &str, owner: &SiteName) -> Result<Vec<String>, ProviderError> {
        self.line.carry(Intent::Look, &format!("list the names of {owner} below {domain}")).await?;
        Ok(self.act(|names| names.marked_below(domain, owner)))
    }

    async fn names(&self, domain: &str) -> Result<Vec<(String, HeldName)>, ProviderError> {
        self.line.carry(Intent::Look, &format!("list all names below {domain}")).await?;
        Ok(self.act(|names| names.below(domain)))
    }

    async fn claim(&self, name: &str, from: &Holder, owner: &SiteName) -> Result<(), ProviderError> {
        let to = Holder::Site(owner.clone());
        self.change(format!("claim {name}"), name, |names| names.hand_over(name, from, &to)).await
    }

    async fn disown(&self, name: &str, owner: &SiteName) -> Result<(), ProviderError> {
        let from = Holder::Site(owner.clone());
        let action = format!("take the mark off {name}");
        self.change(action, name, |names| names.hand_over(name, &from, &Holder::Nobody)).await
    }

    async fn remove(&self, name: &str, owner: &SiteName) -> Result<(), ProviderError> {
        self.change(format!("remove {name}"), name, |names| names.remove(name, owner)).await
    }
}
