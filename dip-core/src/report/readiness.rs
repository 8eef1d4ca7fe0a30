//! Ready state as a contract: for each node the facts that make it ready, each known, missing or unknown with the reason.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::engine::Prepared;
use crate::fact::FactKey;
use crate::id::{LayerId, NodeName, SiteName, StepId};
use crate::operation::{Change, Check, Gap};
use crate::site::{NodeState, Site};
use crate::step::{Environment, Place, Step, StepName};
use crate::subject::Subject;

/// The version of the form in which readiness is written.
///
/// | version | written by | read by |
/// |---|---|---|
/// | 1 | 0.1 | 0.1 |
pub const READINESS_VERSION: u32 = 1;

/// Which nodes of a site are at ready state, and what the others lack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Readiness {
    /// The form.
    pub dip_ready: u32,
    /// The site.
    pub site: SiteName,
    /// When it was looked.
    pub at: Timestamp,
    /// The nodes that are wanted at ready state.
    pub nodes: BTreeMap<NodeName, NodeReadiness>,
}

/// How ready one node is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeReadiness {
    /// The node.
    pub node: NodeName,
    /// Whether it is ready.
    pub verdict: Verdict,
    /// The facts that make it ready, by layer. A node of which the site asks nothing has none, and is ready.
    pub facts: Vec<ReadyFact>,
}

/// Whether a node, or several, are ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All facts are known.
    Ready,
    /// Nothing is known to be missing, and somebody who would know of a fact could not be asked.
    NotObserved,
    /// Something is missing.
    NotReady,
}

/// A fact that a node must have to be ready.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadyFact {
    /// The fact. A step that gives none counts under the name of its operation.
    pub fact: FactKey,
    /// The layer that it belongs to.
    pub layer: LayerId,
    /// The step that brings it about.
    pub step: StepName,
    /// What is known of it.
    pub state: FactState,
}

/// What is known of a fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactState {
    /// It is as the site wants it.
    Known {
        /// Its value, where it has one.
        value: Option<Value>,
    },
    /// It is not as the site wants it.
    Missing {
        /// What differs.
        differs: Vec<Change>,
    },
    /// It cannot be told.
    Unknown {
        /// Why, in words.
        why: String,
        /// The kind of the reason.
        reason: Unknown,
    },
}

/// Why a fact cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// It can be seen only once something else has come about.
    Hidden,
    /// Who would know could not be asked.
    NotObserved,
    /// It is somebody else's.
    Foreign,
}

impl Readiness {
    /// What a look at a site tells of its nodes: all facts of the layers of ready state that are about a node itself, its
    /// interfaces, the switch ports and outlets that it hangs on, and its running in its installed system.
    #[must_use]
    pub fn of(seen: &Prepared) -> Self {
        let site = seen.draft.site();
        let owners = Owners::new(site);
        let mut nodes: BTreeMap<NodeName, NodeReadiness> =
            site.ready_nodes().map(|node| (node.name.clone(), NodeReadiness::new(node.name.clone()))).collect();
        for (index, step) in seen.draft.steps().iter().enumerate() {
            if !step.layer.is_ready_state() || is_elsewhere(step) {
                continue;
            }
            let Some(node) = owners.of(step).and_then(|name| nodes.get_mut(name)) else { continue };
            node.add(step, seen.survey.check(StepId::at(index)));
        }
        nodes.values_mut().for_each(NodeReadiness::judge);
        Self { dip_ready: READINESS_VERSION, site: site.name.clone(), at: seen.survey.at(), nodes }
    }

    /// How ready one node is.
    ///
    /// # Errors
    /// Where the site has no such node, or does not want it at ready state.
    pub fn node(&self, site: &Site, name: &str) -> Result<&NodeReadiness, NotAsked> {
        if let Some(node) = self.nodes.get(name) {
            return Ok(node);
        }
        Err(match site.nodes.get(name) {
            Some(node) => NotAsked::Unwanted { node: node.name.clone(), state: node.state },
            None => NotAsked::NoSuchNode { name: name.to_owned(), near: site.nearest_node(name).cloned() },
        })
    }

    /// Whether all of these nodes are ready: what the worst of them is.
    pub fn verdict<'a>(nodes: impl IntoIterator<Item = &'a NodeReadiness>) -> Verdict {
        nodes.into_iter().map(|node| node.verdict).max().unwrap_or(Verdict::Ready)
    }
}

impl NodeReadiness {
    const fn new(node: NodeName) -> Self {
        Self { node, verdict: Verdict::Ready, facts: Vec::new() }
    }

    fn add(&mut self, step: &Step, check: &Check) {
        let of = |fact: FactKey| {
            let state = FactState::of(&fact, check);
            ReadyFact { fact, layer: step.layer, step: step.name.clone(), state }
        };
        match &step.gives[..] {
            [] => {
                let text = format!("{}@{}", step.call.operation(), step.subject);
                self.facts.push(of(text.parse().expect("an operation's name and a subject make a fact")));
            }
            gives => self.facts.extend(gives.iter().cloned().map(of)),
        }
    }

    fn judge(&mut self) {
        self.facts.sort_by(|a, b| (a.layer, &a.fact).cmp(&(b.layer, &b.fact)));
        self.verdict = self.facts.iter().map(|fact| fact.state.verdict()).max().unwrap_or(Verdict::Ready);
        // What is hidden says nothing by itself. Where nothing else is missing it hides behind something that is not the
        // node's own (a server, a switch), or behind what could not be observed.
        let is_unobserved = self.facts.iter().any(|fact| fact.state.verdict() == Verdict::NotObserved);
        let is_hidden =
            self.facts.iter().any(|fact| matches!(fact.state, FactState::Unknown { reason: Unknown::Hidden, .. }));
        if is_hidden && !is_unobserved && self.verdict == Verdict::Ready {
            self.verdict = Verdict::NotReady;
        }
    }

    /// Whether all its facts are known.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self.verdict, Verdict::Ready)
    }

    /// The facts that are not known to be as wanted.
    pub fn missing(&self) -> impl Iterator<Item = &ReadyFact> {
        self.facts.iter().filter(|fact| !matches!(fact.state, FactState::Known { .. }))
    }
}

impl FactState {
    fn of(fact: &FactKey, check: &Check) -> Self {
        match check {
            Check::Holds(facts) => Self::Known { value: facts.raw(fact).cloned() },
            Check::Differs(diff) => Self::Missing { differs: diff.changes().to_vec() },
            Check::Unknown(gap) => Self::Unknown {
                why: gap.to_string(),
                reason: match gap {
                    Gap::Fact(_) | Gap::Environment(_) => Unknown::Hidden,
                    Gap::Unobservable(_) => Unknown::NotObserved,
                    Gap::Foreign(_) => Unknown::Foreign,
                },
            },
        }
    }

    const fn verdict(&self) -> Verdict {
        match self {
            Self::Known { .. } | Self::Unknown { reason: Unknown::Hidden, .. } => Verdict::Ready,
            Self::Unknown { reason: Unknown::NotObserved, .. } => Verdict::NotObserved,
            Self::Missing { .. } | Self::Unknown { reason: Unknown::Foreign, .. } => Verdict::NotReady,
        }
    }
}

/// A boot into anything but the installed system is a way and no end: a node at ready state is not there.
fn is_elsewhere(step: &Step) -> bool {
    step.boot.as_ref().is_some_and(|boot| boot.to != Environment::Installed)
}

/// Which node a subject belongs to.
struct Owners<'a> {
    site: &'a Site,
    linked: HashMap<Subject, &'a NodeName>,
}

impl<'a> Owners<'a> {
    fn new(site: &'a Site) -> Self {
        let mut linked = HashMap::new();
        for node in site.nodes.values() {
            for port in node.nics.values().filter_map(|nic| nic.link.as_ref()) {
                linked.insert(Subject::port(&port.switch, &port.port), &node.name);
            }
            for outlet in &node.outlets {
                let subject = format!("outlet/{outlet}").parse().expect("a kind and a name make a subject");
                linked.insert(subject, &node.name);
            }
        }
        Self { site, linked }
    }

    fn of(&self, step: &'a Step) -> Option<&NodeName> {
        let place = match &step.place {
            Place::In(node, _) => Some(node),
            Place::Anywhere => None,
        };
        let node = step.boot.as_ref().map(|boot| &boot.node).or(place);
        node.or_else(|| self.of_subject(&step.subject))
    }

    fn of_subject(&self, subject: &Subject) -> Option<&NodeName> {
        match subject.kind() {
            "port" | "outlet" => self.linked.get(subject).copied(),
            // Things of the site itself may have the name of a node.
            "cluster" | "network" | "pdu" | "rack" | "service" | "switch" => None,
            // Of a node itself, and of what a node has: `nic/n1/eth0`, or a vendor's own `gpu/n1/0`.
            _ => {
                let name = subject.name().split('/').next().unwrap_or_default();
                self.site.nodes.get_key_value(name).map(|(name, _)| name)
            }
        }
    }
}

/// A node cannot be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// It is not wanted at ready state.
    #[error("node `{node}` is not wanted at ready state: the site file says that it is {}", words(*.state))]
    Unwanted {
        /// The node.
        node: NodeName,
        /// What is wanted of it.
        state: NodeState,
    },
    /// The site does not have it.
    #[error("the site has no node `{name}`{}", near.as_ref().map_or(String::new(), |near| format!("; did you mean `{near}`?")))]
    NoSuchNode {
        /// The name.
        name: String,
        /// The nearest one that it has.
        near: Option<NodeName>,
    },
}

const fn words(state: NodeState) -> &'static str {
    match state {
        NodeState::Ready => "ready",
        NodeState::Maintenance => "in maintenance",
        NodeState::Quarantine => "in quarantine",
        NodeState::Awaited => "not delivered yet",
        NodeState::Absent => "absent",
    }
}

impl fmt::Display for FactState {
    /// `differs: power off → on`, or why it is unknown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known { value: Some(value) } => write!(f, "{value}"),
            Self::Known { value: None } => f.write_str("as wanted"),
            Self::Missing { differs } => {
                f.write_str("differs")?;
                (0..)
                    .zip(differs)
                    .try_for_each(|(index, change)| write!(f, "{} {change}", if index == 0 { ":" } else { "," }))
            }
            Self::Unknown { why, .. } => f.write_str(why),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ready => "ready",
            Self::NotObserved => "not observed",
            Self::NotReady => "not ready",
        })
    }
}
