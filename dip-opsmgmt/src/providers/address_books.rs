//! What the DNS servers and CMDBs of a site know of who holds addresses.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::id::ServiceName;
use dip_core::provider::{AddressHolder, ErrorKind, Holder, Inventory, Ipam, ProviderError, Providers};
use dip_core::site::Site;
use dip_core::subject::Subject;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::provider::{Cmdb, Dns, HeldName};

/// Registers an address book for each DNS and CMDB service of the site that has a provider already.
pub fn beside(site: &Site, providers: &mut Providers) {
    let of_networks = site.networks.values().filter_map(|network| network.domain.clone());
    let domains: BTreeSet<String> = site.domain.iter().cloned().chain(of_networks).collect();
    for service in site.services.keys() {
        let subject = Subject::service(service);
        if let Ok(dns) = providers.find::<dyn Dns>(&subject) {
            let book = DnsBook { service: service.clone(), dns, domains: domains.clone() };
            providers.insert::<dyn Ipam>(&subject, Arc::new(book));
        }
        if let Ok(cmdb) = providers.find::<dyn Cmdb>(&subject) {
            if let Some(inventory) = cmdb.inventory() {
                providers.insert::<dyn Inventory>(&subject, inventory);
            }
            providers.insert::<dyn Ipam>(&subject, Arc::new(CmdbBook { service: service.clone(), cmdb }));
        }
    }
}

/// So many addresses are looked up at the same time: most servers here gather them into one message.
const AT_ONCE: usize = 256;

/// The reverse names of addresses, and the names of the site's domains that have them.
struct DnsBook {
    service: ServiceName,
    dns: Arc<dyn Dns>,
    domains: BTreeSet<String>,
}

#[async_trait]
impl Ipam for DnsBook {
    async fn holders(&self, addresses: &[IpAddr]) -> Result<Vec<(IpAddr, AddressHolder)>, ProviderError> {
        let listed = self.listed().await?;
        let mut forward: HashMap<IpAddr, BTreeMap<&str, &HeldName>> = HashMap::new();
        for (name, held) in &listed {
            for address in &held.addresses {
                forward.entry(*address).or_default().insert(name, held);
            }
        }
        let of = |address: &IpAddr| self.held(*address, forward.remove(address).unwrap_or_default());
        let all: Vec<_> = stream::iter(addresses.iter().map(of)).buffered(AT_ONCE).try_collect().await?;
        Ok(all.into_iter().flatten().collect())
    }
}

impl DnsBook {
    /// Who has an address: those whose names lead to it, and those whom it leads to.
    async fn held(
        &self,
        address: IpAddr,
        forward: BTreeMap<&str, &HeldName>,
    ) -> Result<Vec<(IpAddr, AddressHolder)>, ProviderError> {
        let names = forward.into_iter().map(|(name, held)| (name.to_owned(), Holder::from(held.owner.clone())));
        let mut names: BTreeMap<String, Holder> = names.collect();
        for name in self.dns.reverse(address).await? {
            let Entry::Vacant(unknown) = names.entry(name) else { continue };
            // A name outside of the service's zones carries nobody's mark there.
            let held = match self.dns.name(unknown.key()).await {
                Err(error) if error.kind() == ErrorKind::Invalid => None,
                other => other?,
            };
            unknown.insert(Holder::from(held.and_then(|held| held.owner)));
        }
        let holder = |(name, holder)| {
            let record = format!("the name {name} in `{}`", self.service);
            (address, AddressHolder { record, mac: None, name: Some(name), holder })
        };
        Ok(names.into_iter().map(holder).collect())
    }

    /// The names of the site's domains, as far as the service lets them be listed: without that only reverse names tell who
    /// has an address.
    async fn listed(&self) -> Result<BTreeMap<String, HeldName>, ProviderError> {
        let mut all = BTreeMap::new();
        for domain in &self.domains {
            match self.dns.names(domain).await {
                Ok(names) => all.extend(names),
                Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Invalid) => {
                    tracing::debug!(service = %self.service, %domain, %error, "its names cannot be listed");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }
}

/// The records of a CMDB.
struct CmdbBook {
    service: ServiceName,
    cmdb: Arc<dyn Cmdb>,
}

#[async_trait]
impl Ipam for CmdbBook {
    async fn holders(&self, addresses: &[IpAddr]) -> Result<Vec<(IpAddr, AddressHolder)>, ProviderError> {
        let wanted: HashSet<&IpAddr> = addresses.iter().collect();
        let mut all = Vec::new();
        if let Some(ipam) = self.cmdb.ipam() {
            all.extend(ipam.holders(addresses).await?);
        }
        for held in self.cmdb.list().await? {
            for address in held.record.addresses.iter().filter(|address| wanted.contains(address)) {
                let record = format!("the record {} of {} in `{}`", held.id, held.record.node, self.service);
                let name = Some(held.record.node.to_string());
                let holder = Holder::from(held.owner.clone());
                all.push((*address, AddressHolder { record, mac: None, name, holder }));
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{HeldRecord, MockCmdb, MockDns, NodeRecord};
    use crate::testing::{site, site_name};
    use dip_core::hardware::Identity;
    use dip_core::id::NodeName;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 1, 0, last])
    }

    async fn told(providers: &Providers, service: &str) -> Vec<String> {
        let subject = Subject::service(&ServiceName::new(service).expect("a name"));
        let book = providers.find::<dyn Ipam>(&subject).expect("it has one");
        let held = book.holders(&[address(11), address(12), address(13)]).await.expect("it answers");
        held.iter().map(|(address, holder)| format!("{address} {holder}")).collect()
    }

    #[tokio::test]
    async fn names_and_records_tell_who_has_an_address() {
        let mut dns = MockDns::new();
        let held = |last| HeldName { addresses: vec![address(last)], owner: None };
        dns.expect_names().returning(move |_| Ok(vec![("printer.lab.example".to_owned(), held(11))]));
        dns.expect_reverse()
            .returning(|of| Ok(if of == address(12) { vec!["old.lab.example".to_owned()] } else { Vec::new() }));
        dns.expect_name().returning(|_| Ok(Some(HeldName { addresses: Vec::new(), owner: Some(site_name("other")) })));
        let mut cmdb = MockCmdb::new();
        cmdb.expect_ipam().returning(|| None);
        cmdb.expect_inventory().returning(|| None);
        cmdb.expect_list().returning(|| {
            let node = NodeName::new("sw7").expect("a name");
            let (host_name, identity) = ("sw7.lab.example".to_owned(), Identity::default());
            let record =
                NodeRecord { node, host_name, addresses: vec![address(13)], rack: None, identity, nics: Vec::new() };
            Ok(vec![HeldRecord { id: "cmdb/sw7.yaml".to_owned(), record, owner: None }])
        });
        let site = site(&["rfc2136", "directory"]);
        let mut providers = Providers::new();
        let subject = |name| Subject::service(&ServiceName::new(name).expect("a name"));
        providers.insert::<dyn Dns>(&subject("service0"), Arc::new(dns));
        providers.insert::<dyn Cmdb>(&subject("service1"), Arc::new(cmdb));
        beside(&site, &mut providers);
        assert_eq!(
            told(&providers, "service0").await,
            [
                "10.1.0.11 the name printer.lab.example in `service0`, which carries nobody's mark",
                "10.1.0.12 the name old.lab.example in `service0`, which carries the mark of site `other`",
            ]
        );
        assert_eq!(
            told(&providers, "service1").await,
            ["10.1.0.13 the record cmdb/sw7.yaml of sw7 in `service1`, which carries nobody's mark"]
        );
    }
}
