//! Which of the addresses that were chosen only now somebody else holds: they are passed over before anything is planned.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnetwork::IpNetwork;

use crate::id::ServiceName;
use crate::provider::{AddressPool, Ipam, ProviderError, Providers};
use crate::site::{Chosen, Lock, Nic, NicAddress, Node, Site, after};
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
    let new: BTreeMap<IpAddr, (String, &Node, &Nic)> = chosen_anew(site, before)
        .map(|(address, node, nic)| (address.address, (site.host_name(node), node, nic)))
        .collect();
    if new.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut used = used_in_pools(site, before, providers).await;
    let Ok(ipam) = providers.find::<dyn Ipam>(&Subject::addresses(&site.name)) else { return Ok(used) };
    let mut addresses: BTreeSet<IpAddr> = new.keys().copied().collect();
    addresses.extend(used.keys());
    let mut theirs = BTreeMap::new();
    for (address, held) in ipam.holders(&addresses.into_iter().collect::<Vec<_>>()).await? {
        let is_own = match new.get(&address) {
            Some((host_name, node, nic)) => held.is_own(&site.name, nic.mac, &[host_name, node.name.as_str()]),
            None => held.is_own(&site.name, None, &[]),
        };
        // What is the site's own, or the machine's itself, is not free and may be chosen all the same.
        if is_own {
            used.remove(&address);
        } else {
            theirs.insert(address, held.to_string());
        }
    }
    used.extend(theirs);
    Ok(used)
}

/// The addresses that the lock did not have before.
fn chosen_anew<'a>(site: &'a Site, before: &Lock) -> impl Iterator<Item = (&'a NicAddress, &'a Node, &'a Nic)> {
    let known: BTreeSet<IpAddr> = before.addresses.values().flatten().copied().collect();
    let nics = site.ready_nodes().flat_map(|node| node.nics.values().map(move |nic| (node, nic)));
    let all = nics.flat_map(|(node, nic)| nic.addresses.iter().map(move |address| (address, node, nic)));
    all.filter(move |(address, ..)| address.chosen == Chosen::Range && !known.contains(&address.address))
}

/// Where a service says which addresses are free: all that are not, up to the last one that is needed, so that the next choice
/// is of free ones alone.
async fn used_in_pools(site: &Site, before: &Lock, providers: &Providers) -> BTreeMap<IpAddr, String> {
    let mut wanted: BTreeMap<(&ServiceName, IpNetwork), BTreeSet<IpAddr>> = BTreeMap::new();
    let prefixes = || site.networks.values().flat_map(|network| &network.prefixes);
    for (address, ..) in chosen_anew(site, before) {
        let from = prefixes().find(|prefix| prefix.prefix == address.prefix).and_then(|prefix| prefix.from.as_ref());
        if let Some(service) = from {
            wanted.entry((service, address.prefix)).or_default().insert(address.address);
        }
    }
    let mut used = BTreeMap::new();
    for ((service, prefix), wanted) in wanted {
        let Ok(pool) = providers.find::<dyn AddressPool>(&Subject::service(service)) else { continue };
        let free: BTreeSet<IpAddr> = match pool.free(prefix, wanted.len()).await {
            Ok(free) => free.into_iter().collect(),
            // Whoever takes addresses there is told so; others may still know who holds them.
            Err(error) => {
                tracing::warn!(%service, %error, "it cannot be asked which addresses are free");
                continue;
            }
        };
        let (Some(first), Some(last)) = (wanted.first(), free.last()) else { continue };
        let between = std::iter::successors(Some(*first), |address| after(*address));
        let taken = between.take_while(|address| address <= last).filter(|address| !free.contains(address));
        used.extend(taken.map(|address| (address, format!("`{service}`, where it is not free"))));
    }
    used
}
