//! What is lost when one thing of a site goes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::Thing;
use super::loss::{Failed, Fate, Loss};
use super::quorum::Votes;
use super::thing::{count, fold, places};
use super::uses::{self, Uses};
use crate::id::{NetworkName, NodeName, ServiceName};
use crate::layer::Layers;
use crate::plan::render::wrap;
use crate::site::{Cluster, Node, NodeState, Origin, Site};

/// What is lost when one thing of a site goes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Impact {
    /// The thing.
    pub subject: Thing,
    /// Where it stands in the site file.
    pub origin: Option<Origin>,
    /// What follows; what is lost comes first.
    pub effects: Vec<Effect>,
}

/// One thing that follows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// How bad it is.
    pub gravity: Gravity,
    /// What it is.
    pub kind: EffectKind,
    /// It as a sentence, without the names of the nodes.
    pub sentence: String,
    /// The nodes that it is about.
    pub nodes: Vec<NodeName>,
    /// What to do, so that it would not follow.
    pub advice: Option<String>,
    /// The places in the site file that make it follow.
    pub origins: Vec<Origin>,
}

/// How bad something is that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gravity {
    /// It is gone.
    Lost,
    /// It is there, and the next failure takes it.
    AtRisk,
}

/// What can follow when a thing goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    /// Nodes are gone with it.
    Gone,
    /// Nodes have no power: all their outlets are lost.
    NoPower,
    /// Nodes are fed by one outlet that is left.
    NoSpareFeed,
    /// Nodes have no link to a network.
    CutOff(NetworkName),
    /// Nodes have fewer links to a network.
    FewerLinks(NetworkName),
    /// BMCs cannot be reached.
    BmcUnreachable(NetworkName),
    /// A network cannot be reached, because its way leads through a node that is gone.
    NoWay(NetworkName),
    /// A cluster has no quorum.
    QuorumLost(Votes),
    /// A cluster has a quorum, and more members are away than its policy allows, or the next one takes it.
    MembersAway(Votes),
    /// A service is gone for those who use it.
    ServiceLost(ServiceName),
    /// Some of the servers of a service are gone.
    FewerServers(ServiceName),
    /// Who uses a service could not be told in full.
    NotKnown,
}

impl Impact {
    /// What is lost when a thing of a site goes. Nothing is looked at: it is what the site file says.
    ///
    /// `layers` tell who uses which service.
    #[must_use]
    pub fn of(site: &Site, layers: &Layers, thing: &Thing) -> Self {
        let failed = Failed::with(site, thing);
        let present = site.nodes.values().filter(|node| node.state != NodeState::Absent);
        let losses: Vec<(&Node, Loss<'_>)> = present.map(|node| (node, failed.loss(node))).collect();
        let mut effects = Vec::new();
        nodes(&losses, &mut effects);
        networks(&losses, &mut effects);
        ways(site, &failed, &losses, &mut effects);
        let away: BTreeSet<&NodeName> =
            losses.iter().filter(|(_, loss)| loss.is_away()).map(|(node, _)| &node.name).collect();
        effects.extend(site.clusters.values().filter_map(|cluster| self::cluster(site, cluster, &away)));
        services(site, layers, thing, &failed, &away, &mut effects);
        // What is told first of what is equally bad stays first.
        effects.sort_by_key(|effect| effect.gravity);
        Self { subject: thing.clone(), origin: thing.origin(site).cloned(), effects }
    }

    /// How many nodes are lost to those who rely on them: gone, without power or cut off from a network.
    #[must_use]
    pub fn nodes_lost(&self) -> usize {
        let takes = |kind: &EffectKind| matches!(kind, EffectKind::Gone | EffectKind::NoPower | EffectKind::CutOff(_));
        let nodes = self.effects.iter().filter(|effect| takes(&effect.kind)).flat_map(|effect| &effect.nodes);
        nodes.collect::<BTreeSet<_>>().len()
    }
}

fn nodes(losses: &[(&Node, Loss<'_>)], effects: &mut Vec<Effect>) {
    let of = |fits: fn(&Loss<'_>) -> bool| -> Vec<&Node> {
        losses.iter().filter(|(_, loss)| fits(loss)).map(|(node, _)| *node).collect()
    };
    let gone = of(|loss| loss.fate == Fate::Gone);
    effects.extend(about(&gone, Gravity::Lost, EffectKind::Gone, format!("{} gone", are(gone.len())), None));
    let dark = of(|loss| loss.fate == Fate::Stands && loss.feeds.all_lost());
    let words = format!("{} without power: no outlet is left", are(dark.len()));
    let advice = "feed each from a second PDU: add an outlet of it to `outlets`";
    effects.extend(about(&dark, Gravity::Lost, EffectKind::NoPower, words, Some(advice)));
    let bare = of(|loss| loss.fate == Fate::Stands && loss.feeds.lost > 0 && loss.feeds.left == 1);
    let words = format!("{} on one outlet, with no spare", are(bare.len()));
    effects.extend(about(&bare, Gravity::AtRisk, EffectKind::NoSpareFeed, words, None));
}

fn networks(losses: &[(&Node, Loss<'_>)], effects: &mut Vec<Effect>) {
    let mut cut_off: BTreeMap<&NetworkName, Vec<&Node>> = BTreeMap::new();
    let mut fewer: BTreeMap<&NetworkName, Vec<&Node>> = BTreeMap::new();
    for (node, loss) in losses.iter().filter(|(_, loss)| !loss.is_down()) {
        for (network, links) in &loss.networks {
            if links.all_lost() {
                cut_off.entry(network).or_default().push(node);
            } else if links.some_lost() {
                fewer.entry(network).or_default().push(node);
            }
        }
    }
    for (network, nodes) in cut_off {
        let words = format!("{} cut off from network `{network}`: no link to it is left", are(nodes.len()));
        let advice = "cable a second interface in that network to another switch";
        effects.extend(about(&nodes, Gravity::Lost, EffectKind::CutOff(network.clone()), words, Some(advice)));
    }
    for (network, nodes) in fewer {
        let words = format!("{} on fewer links to network `{network}`, and not cut off", are(nodes.len()));
        effects.extend(about(&nodes, Gravity::AtRisk, EffectKind::FewerLinks(network.clone()), words, None));
    }
}

/// BMCs in a network that is gone, and networks whose way leads through a node that is.
fn ways(site: &Site, failed: &Failed<'_>, losses: &[(&Node, Loss<'_>)], effects: &mut Vec<Effect>) {
    for network in failed.networks.iter().filter_map(|name| site.networks.get(*name)) {
        let inside = |node: &&Node| {
            let address = node.bmc.as_ref().and_then(|bmc| uses::address_in(&bmc.address));
            address.is_some_and(|address| network.prefixes.iter().any(|prefix| prefix.prefix.contains(address)))
        };
        let nodes: Vec<&Node> = losses.iter().map(|(node, _)| *node).filter(inside).collect();
        let words = format!(
            "{} cannot be switched on or off: the BMC address is in network `{}`",
            count(nodes.len(), "node"),
            network.name
        );
        effects.extend(about(&nodes, Gravity::Lost, EffectKind::BmcUnreachable(network.name.clone()), words, None));
    }
    for (node, _) in losses.iter().filter(|(_, loss)| loss.is_away()) {
        for network in site.networks.values().filter(|network| network.via.as_deref() == Some(node.name.as_str())) {
            effects.push(Effect {
                gravity: Gravity::Lost,
                kind: EffectKind::NoWay(network.name.clone()),
                sentence: format!(
                    "network `{}` cannot be reached: its way leads through `{}`",
                    network.name, node.name
                ),
                nodes: vec![node.name.clone()],
                advice: None,
                origins: places([network.origin.as_ref()]),
            });
        }
    }
}

fn cluster(site: &Site, cluster: &Cluster, away: &BTreeSet<&NodeName>) -> Option<Effect> {
    let votes = Votes::of(site, cluster, |name| away.contains(name));
    if votes.away.is_empty() {
        return None;
    }
    let allowed = cluster.policy.max_unavailable.map(usize::from);
    let gone = votes.members - votes.left();
    let name = &cluster.name;
    let (left, of, needed) = (votes.left(), votes.members, votes.needed);
    let are = if left == 1 { "is" } else { "are" };
    let mut sentence = if !votes.had_quorum() {
        format!("cluster `{name}` had no quorum before, and now {left} of {of} members {are} left ({needed} needed)")
    } else if votes.has_quorum() {
        format!("cluster `{name}` keeps its quorum: {left} of {of} members {are} left, {needed} needed")
    } else {
        format!("cluster `{name}` loses its quorum: {left} of {of} members {are} left, {needed} needed")
    };
    if votes.has_quorum() && votes.left() == needed {
        sentence.push_str(", and the next one takes it");
    }
    if !votes.not_ready.is_empty() {
        sentence.push_str(&format!("; {} not wanted at ready state anyway", are_members(votes.not_ready.len())));
    }
    let is_over = allowed.is_some_and(|allowed| gone > allowed);
    if let Some(allowed) = allowed.filter(|_| is_over) {
        sentence.push_str(&format!("; {gone} are away, and its policy allows {allowed}"));
    }
    let gravity = if votes.has_quorum() && !is_over { Gravity::AtRisk } else { Gravity::Lost };
    let advice = match (votes.has_quorum(), is_over) {
        (false, _) => Some("spread its members so that less than half of them go with any one thing".to_owned()),
        (true, true) => Some("nothing may be disrupted there until they are back".to_owned()),
        (true, false) => None,
    };
    let origins = places([cluster.origin.as_ref()]);
    let nodes = votes.away.clone();
    let kind = if votes.has_quorum() { EffectKind::MembersAway(votes) } else { EffectKind::QuorumLost(votes) };
    Some(Effect { gravity, kind, sentence, nodes, advice, origins })
}

/// The services that are gone: the thing itself, or those whose servers are nodes or in networks that are.
fn services(
    site: &Site,
    layers: &Layers,
    thing: &Thing,
    failed: &Failed<'_>,
    away: &BTreeSet<&NodeName>,
    effects: &mut Vec<Effect>,
) {
    let hosts = uses::hosts(site);
    let in_failed = |address| {
        let prefixes = failed.networks.iter().filter_map(|name| site.networks.get(*name));
        prefixes.flat_map(|network| &network.prefixes).any(|prefix| prefix.prefix.contains(address))
    };
    let mut lost: Vec<(&ServiceName, Gravity)> = Vec::new();
    for (name, service) in &site.services {
        if matches!(thing, Thing::Service(other) if other == name) {
            lost.push((name, Gravity::Lost));
            continue;
        }
        let servers = uses::addresses_of(service);
        let is_lost = |address: &&std::net::IpAddr| {
            hosts.get(*address).is_some_and(|node| away.contains(*node)) || in_failed(**address)
        };
        match servers.iter().filter(is_lost).count() {
            0 => {}
            all if all == servers.len() => lost.push((name, Gravity::Lost)),
            _ => lost.push((name, Gravity::AtRisk)),
        }
    }
    if lost.is_empty() {
        return;
    }
    let uses = Uses::of(site, layers);
    for (name, gravity) in lost {
        let users = uses.of.get(name);
        let named = users.into_iter().flat_map(|users| users.nodes.values()).flatten();
        let nodes: BTreeSet<NodeName> = named.cloned().collect();
        let origin = site.services.get(name).and_then(|service| service.driver.origin.as_ref());
        let (kind, how) = match gravity {
            Gravity::Lost => (EffectKind::ServiceLost(name.clone()), "is gone"),
            Gravity::AtRisk => (EffectKind::FewerServers(name.clone()), "has fewer servers"),
        };
        let sentence = format!("service `{name}` {how}{}", used_by(users, site, layers, name));
        effects.push(Effect {
            gravity,
            kind,
            sentence,
            nodes: nodes.into_iter().collect(),
            advice: None,
            origins: places([origin]),
        });
    }
    effects.extend(uses.gaps.into_iter().map(|gap| Effect {
        gravity: Gravity::AtRisk,
        kind: EffectKind::NotKnown,
        sentence: format!("not all users of services are known: {gap}"),
        nodes: Vec::new(),
        advice: Some("put right what `dip plan` tells of this site, and ask again".to_owned()),
        origins: Vec::new(),
    }));
}

fn used_by(users: Option<&uses::Users>, site: &Site, layers: &Layers, name: &ServiceName) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (profile, nodes) in users.into_iter().flat_map(|users| &users.nodes) {
        let nodes = count(nodes.len(), "node");
        parts.push(match profile {
            Some(profile) => format!("the settings of {nodes} through profile `{profile}`"),
            None => format!("the settings of {nodes} by name"),
        });
    }
    for (operation, subjects) in users.into_iter().flat_map(|users| &users.steps) {
        parts.push(format!("`{operation}` of {} ({})", subjects.len(), fold(subjects)));
    }
    let schema = layers.settings();
    let networks = site.services.get(name).map(|service| uses::networks_of(service, &schema)).unwrap_or_default();
    if !networks.is_empty() {
        parts.push(format!("{}: {}", if networks.len() == 1 { "network" } else { "networks" }, networks.join(", ")));
    }
    if parts.is_empty() {
        ", and nothing at this site uses it".to_owned()
    } else {
        format!(" for {}", parts.join("; "))
    }
}

fn about(
    nodes: &[&Node],
    gravity: Gravity,
    kind: EffectKind,
    sentence: String,
    advice: Option<&str>,
) -> Option<Effect> {
    (!nodes.is_empty()).then(|| Effect {
        gravity,
        kind,
        sentence,
        nodes: nodes.iter().map(|node| node.name.clone()).collect(),
        advice: advice.map(str::to_owned),
        origins: places(nodes.iter().map(|node| node.origin.as_ref())),
    })
}

fn are_members(members: usize) -> String {
    format!("{} {}", count(members, "member"), if members == 1 { "is" } else { "are" })
}

fn are(nodes: usize) -> String {
    format!("{} {}", count(nodes, "node"), if nodes == 1 { "is" } else { "are" })
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thing = &self.subject;
        let at = self.origin.as_ref().map_or_else(String::new, |origin| format!(" ({origin})"));
        if self.effects.is_empty() {
            let words = format!("Nothing of this site is lost with {} `{}`{at}.", thing.noun(), thing.name());
            return f.write_str(&wrap("", &words, 0));
        }
        writeln!(f, "When {} `{}` goes{at}:", thing.noun(), thing.name())?;
        for effect in &self.effects {
            let head = match effect.gravity {
                Gravity::Lost => "\nlost     ",
                Gravity::AtRisk => "\nat risk  ",
            };
            f.write_str(&wrap(head, &effect.sentence, 9))?;
            if !effect.nodes.is_empty() {
                f.write_str(&wrap("         ", &fold(effect.nodes.iter().map(NodeName::as_str)), 9))?;
            }
            f.write_str(&wrapped_places(&effect.origins, 9))?;
            if let Some(advice) = &effect.advice {
                f.write_str(&wrap("         → ", advice, 11))?;
            }
        }
        Ok(())
    }
}

/// `at site.yaml:59:3, site.yaml:66:3 and 2 more places`; nothing where there is none.
pub(super) fn wrapped_places(origins: &[Origin], indent: usize) -> String {
    const SHOWN: usize = 3;
    if origins.is_empty() {
        return String::new();
    }
    let more = origins.len().saturating_sub(SHOWN);
    let mut text = format!("at {}", origins.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", "));
    if more > 0 {
        text.push_str(&format!(" and {}", count(more, "more place")));
    }
    wrap(&" ".repeat(indent), &text, indent)
}
