//! What the site has in its DNS, CMDB and monitoring that nothing asks for any more.

use std::collections::BTreeSet;

use dip_core::orphan::{Leftovers, Orphan, Unlisted};
use dip_core::provider::{ErrorKind, ProviderError, Providers, sentence};
use dip_core::site::{Service, Site};
use dip_core::subject::Subject;

use crate::naming::Naming;
use crate::provider::{Cmdb, Dns, Monitor};
use crate::settings::{CMDB_KINDS, DNS_KINDS, MONITOR_KINDS, OpsMgmtSettings};
use crate::steps::made;

/// The records with the site's mark that are of no node of its file. A node that is absent has its own plan.
pub(crate) async fn leftovers(site: &Site, providers: &Providers) -> Leftovers {
    let mut found = Leftovers::default();
    for service in site.services_of(DNS_KINDS) {
        keep(&mut found, service, names(site, service, providers).await);
    }
    for service in site.services_of(CMDB_KINDS) {
        keep(&mut found, service, records(site, service, providers).await);
    }
    for service in site.services_of(MONITOR_KINDS) {
        keep(&mut found, service, targets(site, service, providers).await);
    }
    found
}

fn keep(found: &mut Leftovers, service: &Service, told: Result<Vec<(String, String)>, ProviderError>) {
    let service = service.name.to_string();
    match told {
        Ok(records) => {
            let orphan = |(of, what)| Orphan { of, service: service.clone(), what };
            found.orphans.extend(records.into_iter().map(orphan));
        }
        Err(error) => found.unlisted.push(Unlisted { service, why: sentence(&error) }),
    }
}

async fn names(site: &Site, service: &Service, providers: &Providers) -> Result<Vec<(String, String)>, ProviderError> {
    let Ok(dns) = providers.find::<dyn Dns>(&Subject::service(&service.name)) else { return Ok(Vec::new()) };
    let mut known: BTreeSet<String> =
        site.nodes.values().map(|node| site.host_name(node).to_ascii_lowercase()).collect();
    let naming = Naming::of(site, service).map_err(|error| {
        ProviderError::new(ErrorKind::Invalid, "dns", "list what is left over").because(error).advise("look at `names`")
    })?;
    for node in site.nodes.values() {
        known.extend(naming.names(node, &OpsMgmtSettings::of(node)).all().map(str::to_owned));
    }
    let domains = site.networks.values().filter_map(|network| network.domain.as_ref()).chain(&site.domain);
    let mut orphans = BTreeSet::new();
    for domain in domains.map(|domain| domain.to_ascii_lowercase()).collect::<BTreeSet<_>>() {
        orphans.extend(dns.owned(&domain, &site.name).await?.into_iter().filter(|name| !known.contains(name)));
    }
    let mut told = Vec::new();
    for name in orphans {
        let of = name.split('.').next().unwrap_or_default().to_owned();
        // Those at a name that other nodes share would be seen by nobody.
        let made = made(&*dns, &name, &site.name).await?.unwrap_or_default();
        told.push((of.clone(), format!("name {name}")));
        told.extend(made.into_iter().map(|entry| (of.clone(), format!("record {entry}"))));
    }
    Ok(told)
}

async fn records(
    site: &Site,
    service: &Service,
    providers: &Providers,
) -> Result<Vec<(String, String)>, ProviderError> {
    let Ok(cmdb) = providers.find::<dyn Cmdb>(&Subject::service(&service.name)) else { return Ok(Vec::new()) };
    let ours = cmdb.list().await?.into_iter().filter(|held| held.owner.as_ref() == Some(&site.name));
    let orphans = ours.filter(|held| !site.nodes.contains_key(&held.record.node));
    Ok(orphans.map(|held| (held.record.node.to_string(), format!("record {}", held.id))).collect())
}

async fn targets(
    site: &Site,
    service: &Service,
    providers: &Providers,
) -> Result<Vec<(String, String)>, ProviderError> {
    let Ok(monitor) = providers.find::<dyn Monitor>(&Subject::service(&service.name)) else { return Ok(Vec::new()) };
    let owned = monitor.owned(&site.name).await?.into_iter();
    let orphans = owned.filter(|target| !site.nodes.contains_key(&target.node));
    Ok(orphans.map(|target| (target.node.to_string(), format!("target {}", target.address))).collect())
}
