//! Which of the addresses that were chosen only now somebody else holds: they are passed over before anything is planned.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::provider::{Ipam, ProviderError, Providers};
use crate::site::{Chosen, Lock, Site};
use crate::subject::Subject;

/// The addresses that dip took from ranges, that the lock did not have before, and that somebody else holds; who. Reads only.
///
/// A site that is loaded again with them [passed over](crate::site::Definition::load_passing_over) has the next free ones. What
/// stood in the lock before is not among them: nobody is moved, and a plan tells the conflict instead.
///
/// # Errors
/// Where the site's [`Ipam`] cannot be asked.
pub async fn held_by_others(
    site: &Site,
    before: &Lock,
    providers: &Providers,
) -> Result<BTreeMap<IpAddr, String>, ProviderError> {
    let Ok(ipam) = providers.find::<dyn Ipam>(&Subject::addresses(&site.name)) else { return Ok(BTreeMap::new()) };
    let known: BTreeSet<&IpAddr> = before.addresses.values().flatten().collect();
    let mut new = BTreeMap::new();
    for node in site.ready_nodes() {
        for nic in node.nics.values() {
            let chosen = nic.addresses.iter().filter(|address| address.chosen == Chosen::Range);
            let unknown = chosen.map(|address| address.address).filter(|address| !known.contains(address));
            new.extend(unknown.map(|address| (address, (site.host_name(node), node.name.as_str(), nic.mac))));
        }
    }
    if new.is_empty() {
        return Ok(BTreeMap::new());
    }
    let addresses: Vec<IpAddr> = new.keys().copied().collect();
    let holders = ipam.holders(&addresses).await?.into_iter();
    let theirs = holders.filter(|(address, held)| {
        new.get(address).is_some_and(|(host_name, node, mac)| !held.is_own(&site.name, *mac, &[host_name, node]))
    });
    Ok(theirs.map(|(address, held)| (address, held.to_string())).collect())
}
