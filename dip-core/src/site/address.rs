//! Chooses addresses from ranges: the same ones as before where that is possible, else the first that are free.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;

use super::network::Placed;
use super::report::{Raw, Report};
use super::{Chosen, Lock, NicAddress, Node, NodeState, Prefix};
use crate::id::{NetworkName, NodeName};

/// Gives every interface that is in a network an address of each IP version that has ranges where its node stands, if
/// the site file gives none. Nodes are served in the order of their names; what the lock holds is never moved while it
/// is still valid, so that a further node takes from nobody. What an absent node has stays with it until its removal is
/// done and whoever removed it [releases](Lock::release) it: it may still run.
pub(crate) fn choose(
    nodes: &mut BTreeMap<NodeName, Node>,
    networks: &BTreeMap<NetworkName, Placed>,
    lock: &Lock,
    report: &mut Report<'_>,
) -> Lock {
    let mut chooser = Chooser { networks, lock, taken: HashSet::new(), kept: HashMap::new(), cursors: HashMap::new() };
    chooser.take_given(nodes);
    let wishes = wishes(nodes, networks);
    chooser.keep_locked(&wishes);
    chooser.pass_over_held();
    let (vanished, absent) = chooser.reserve_vanished(&wishes, nodes);

    let mut new = Lock::default();
    let mut rooms: BTreeMap<(NetworkName, usize), Room> = BTreeMap::new();
    let mut reclaimed: HashSet<String> = HashSet::new();
    for wish in &wishes {
        let room = rooms.entry((wish.network.clone(), wish.prefixes[0])).or_default();
        room.needed += 1;
        let free = chooser.serve(wish).or_else(|| chooser.reclaim(wish, &vanished, &mut reclaimed));
        let Some((address, index)) = free else {
            room.missing += 1;
            continue;
        };
        let Some(prefix) = networks.get(&wish.network).and_then(|placed| placed.network.prefixes.get(index)) else {
            continue;
        };
        let nic = nodes.get_mut(&wish.node).and_then(|node| node.nics.get_mut(wish.nic.as_str()));
        if let Some(nic) = nic {
            let (prefix, router) = (prefix.prefix, prefix.router);
            nic.addresses.push(NicAddress { address, prefix, router, chosen: Chosen::Range });
        }
        new.addresses.entry(wish.key.clone()).or_default().push(address);
    }
    let held = |network: &NetworkName| {
        let ends = format!("/{network}");
        absent.iter().filter(|(key, _)| key.ends_with(&ends)).map(|(_, addresses)| addresses.len()).sum::<usize>()
    };
    tell_missing(&rooms, held, networks, report);
    // Whoever takes an absent node away must know what it had.
    for (key, addresses) in &absent {
        let mut parts = key.splitn(3, '/');
        let (Some(node), Some(nic), Some(network)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let Some(placed) = networks.get(network) else { continue };
        let Some(nic) = nodes.get_mut(node).and_then(|node| node.nics.get_mut(nic)) else { continue };
        for address in addresses {
            let of = placed.network.prefixes.iter().find(|prefix| prefix.prefix.contains(*address));
            let Some(Prefix { prefix, router, .. }) = of else { continue };
            let (address, prefix, router) = (*address, *prefix, *router);
            nic.addresses.push(NicAddress { address, prefix, router, chosen: Chosen::Range });
        }
    }
    for (key, addresses) in vanished.into_iter().chain(absent) {
        if !reclaimed.contains(&key) {
            new.addresses.entry(key).or_default().extend(addresses);
        }
    }
    new
}

/// How many addresses are needed from the ranges of a prefix, and how many of them are not there.
#[derive(Debug, Clone, Copy, Default)]
struct Room {
    needed: usize,
    missing: usize,
}

/// What the lock holds for interfaces, by their keys.
type Kept = BTreeMap<String, Vec<IpAddr>>;

/// An interface that needs an address of one IP version.
struct Wish {
    key: String,
    node: NodeName,
    nic: String,
    network: NetworkName,
    version: Version,
    /// The prefixes of that version with ranges, where the node stands; never empty.
    prefixes: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Version {
    V4,
    V6,
}

impl Version {
    const fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

fn wishes(nodes: &BTreeMap<NodeName, Node>, networks: &BTreeMap<NetworkName, Placed>) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for node in nodes.values().filter(|node| node.state != NodeState::Absent) {
        for nic in node.nics.values() {
            let Some((name, placed)) = nic.network.as_ref().and_then(|name| networks.get_key_value(name)) else {
                continue;
            };
            for version in [Version::V4, Version::V6] {
                if nic.addresses.iter().any(|given| Version::of(given.address) == version) {
                    continue;
                }
                let fits =
                    |prefix: &Prefix| !prefix.ranges.is_empty() && Version::of(prefix.prefix.network()) == version;
                let usable = placed.usable(node.rack.as_ref()).filter(|(_, prefix)| fits(prefix));
                let prefixes: Vec<usize> = usable.map(|(index, _)| index).collect();
                if !prefixes.is_empty() {
                    let key = format!("{}/{}/{name}", node.name, nic.name);
                    let (node, nic) = (node.name.clone(), nic.name.as_str().to_owned());
                    wishes.push(Wish { key, node, nic, network: name.clone(), version, prefixes });
                }
            }
        }
    }
    wishes
}

struct Chooser<'a> {
    networks: &'a BTreeMap<NetworkName, Placed>,
    lock: &'a Lock,
    taken: HashSet<(NetworkName, IpAddr)>,
    /// What the lock says for each wish.
    kept: HashMap<(String, Version), (IpAddr, usize)>,
    /// Where to look on in each range: what is taken stays taken, so that no address is looked at twice.
    cursors: HashMap<(NetworkName, usize, usize), Option<IpAddr>>,
}

impl Chooser<'_> {
    fn take_given(&mut self, nodes: &BTreeMap<NodeName, Node>) {
        for (name, placed) in self.networks {
            let routers = placed.network.prefixes.iter().filter_map(|prefix| prefix.router);
            self.taken.extend(routers.map(|router| (name.clone(), router)));
        }
        for nic in nodes.values().filter(|node| node.state != NodeState::Absent).flat_map(|node| node.nics.values()) {
            if let Some(network) = &nic.network {
                self.taken.extend(nic.addresses.iter().map(|given| (network.clone(), given.address)));
            }
        }
    }

    fn keep_locked(&mut self, wishes: &[Wish]) {
        for wish in wishes {
            let locked = self.lock.addresses.get(&wish.key).into_iter().flatten().copied();
            for address in locked.filter(|address| Version::of(*address) == wish.version) {
                let Some(index) = self.valid(wish, address) else { continue };
                if self.taken.insert((wish.network.clone(), address)) {
                    self.kept.insert((wish.key.clone(), wish.version), (address, index));
                    break;
                }
            }
        }
    }

    /// Nobody is given what somebody else held when it was chosen; nobody loses it either, who had it before.
    fn pass_over_held(&mut self) {
        let held = self.lock.held.keys();
        let of_all = held.flat_map(|address| self.networks.keys().map(|network| (network.clone(), *address)));
        self.taken.extend(of_all);
    }

    /// The prefix of a wish that a locked address still fits.
    fn valid(&self, wish: &Wish, address: IpAddr) -> Option<usize> {
        let prefixes = &self.networks.get(&wish.network)?.network.prefixes;
        let fits = |index: &&usize| {
            prefixes.get(**index).is_some_and(|prefix| {
                prefix.ranges.iter().any(|range| (range.first..=range.last).contains(&address))
                    && !is_special(prefix.prefix, address)
            })
        };
        wish.prefixes.iter().find(fits).copied()
    }

    /// Holds the addresses of nodes that are not there any more, and of those that are absent.
    fn reserve_vanished(&mut self, wishes: &[Wish], nodes: &BTreeMap<NodeName, Node>) -> (Kept, Kept) {
        let wished: HashSet<&str> = wishes.iter().map(|wish| wish.key.as_str()).collect();
        let (mut vanished, mut absent) = (Kept::new(), Kept::new());
        for (key, addresses) in &self.lock.addresses {
            if wished.contains(key.as_str()) {
                continue;
            }
            let network = key.rsplit_once('/').and_then(|(_, network)| NetworkName::new(network).ok());
            let Some(network) = network.filter(|network| self.networks.contains_key(network)) else { continue };
            let free = |address: &&IpAddr| self.taken.insert((network.clone(), **address));
            let held: Vec<IpAddr> = addresses.iter().filter(free).copied().collect();
            if held.is_empty() {
                continue;
            }
            let node = key.split_once('/').and_then(|(node, _)| nodes.get(node));
            let kept =
                if node.is_some_and(|node| node.state == NodeState::Absent) { &mut absent } else { &mut vanished };
            kept.insert(key.clone(), held);
        }
        (vanished, absent)
    }

    fn serve(&mut self, wish: &Wish) -> Option<(IpAddr, usize)> {
        if let Some(kept) = self.kept.get(&(wish.key.clone(), wish.version)) {
            return Some(*kept);
        }
        let prefixes = &self.networks.get(&wish.network)?.network.prefixes;
        for index in &wish.prefixes {
            let prefix = prefixes.get(*index)?;
            for (number, range) in prefix.ranges.iter().enumerate() {
                let cursor = self.cursors.entry((wish.network.clone(), *index, number)).or_insert(Some(range.first));
                while let Some(address) = *cursor {
                    *cursor = after(address).filter(|next| *next <= range.last);
                    if !is_special(prefix.prefix, address) && self.taken.insert((wish.network.clone(), address)) {
                        return Some((address, *index));
                    }
                }
            }
        }
        None
    }

    /// Takes the address of a vanished node, as all others are taken.
    fn reclaim(
        &self,
        wish: &Wish,
        vanished: &BTreeMap<String, Vec<IpAddr>>,
        reclaimed: &mut HashSet<String>,
    ) -> Option<(IpAddr, usize)> {
        let ends = format!("/{}", wish.network);
        let of_network = vanished.iter().filter(|(key, _)| key.ends_with(&ends) && !reclaimed.contains(*key));
        let (key, found) = of_network
            .flat_map(|(key, addresses)| addresses.iter().map(move |address| (key, *address)))
            .find_map(|(key, address)| Some((key, (address, self.valid(wish, address)?))))?;
        reclaimed.insert(key.clone());
        Some(found)
    }
}

/// The address after another one.
pub(crate) fn after(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => u32::from(address).checked_add(1).map(|next| IpAddr::V4(Ipv4Addr::from(next))),
        IpAddr::V6(address) => u128::from(address).checked_add(1).map(|next| IpAddr::V6(Ipv6Addr::from(next))),
    }
}

/// Whether an address of a prefix means the network itself or everybody in it. In IPv6 the first one is the anycast
/// address of its routers (RFC 4291, section 2.6.1). Prefixes of two addresses or one have none (RFC 3021, RFC 6164).
#[must_use]
pub fn is_special(prefix: IpNetwork, address: IpAddr) -> bool {
    match prefix {
        IpNetwork::V4(v4) => v4.prefix() < 31 && (address == v4.network() || address == v4.broadcast()),
        IpNetwork::V6(v6) => v6.prefix() < 127 && address == v6.network(),
    }
}

fn tell_missing(
    rooms: &BTreeMap<(NetworkName, usize), Room>,
    held: impl Fn(&NetworkName) -> usize,
    networks: &BTreeMap<NetworkName, Placed>,
    report: &mut Report<'_>,
) {
    for ((name, index), room) in rooms.iter().filter(|(_, room)| room.missing > 0) {
        let Some(placed) = networks.get(name) else { continue };
        let Some(mark) = placed.ranges.get(*index).and_then(|marks| marks.last()).copied() else { continue };
        report.tell("exhausted", mark, || {
            let Room { needed, missing } = *room;
            let are =
                |count: usize| if count == 1 { "1 address is".to_owned() } else { format!("{count} addresses are") };
            let message = format!(
                "the ranges of the network `{name}` are used up: {} needed, {} left for them, and {missing} {} missing",
                are(needed),
                are(needed - missing),
                if missing == 1 { "is" } else { "are" },
            );
            let raw = Raw::at(mark, message).label(format!("make room for {missing} more"));
            match held(name) {
                0 => raw,
                held => {
                    raw.advice(format!("{} held by absent nodes until they are removed: `dip apply` first", are(held)))
                }
            }
        });
    }
}
