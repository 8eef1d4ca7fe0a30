//! Budgets: how many members of a cluster or a rollout may be away at once, who goes first, and which steps take from it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{PlanFault, PlannedBoot, PlannedStep};
use crate::id::{ClusterName, NodeName, StepId, Symbol};
use crate::operation::Call;
use crate::site::{ClusterPolicy, Node, NodeState, Origin, Pause, Site, Spread, domains_of};
use crate::step::{Environment, Hazard, Step, StepName};
use crate::subject::Subject;

/// How many of a set of nodes may be away at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// Whose it is, in words: `cluster store`, `rollout web`.
    pub name: Symbol,
    /// The nodes that it protects.
    pub members: Vec<Member>,
    /// How many of them may be away at once; any number where nothing is said.
    pub max_unavailable: Option<u32>,
    /// The failure domain within which those that are away at once must be.
    pub spread: Option<Spread>,
    /// The looks that must all tell that all is well before somebody is taken away.
    pub watches: Vec<Watch>,
    /// Where the site file asks for it.
    pub origin: Option<Origin>,
    /// Who goes first, and when a person is asked.
    policy: ClusterPolicy,
    whose: Whose,
}

/// Whom a budget protects.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Whose {
    /// All nodes that are wanted at ready state.
    Everybody,
    Cluster(ClusterName),
    Rollout(Symbol),
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everybody => f.write_str("everybody"),
            Self::Cluster(name) => write!(f, "cluster {name}"),
            Self::Rollout(name) => write!(f, "rollout {name}"),
        }
    }
}

impl Whose {
    /// Whether a member of a cluster that serves again is one of them again.
    fn counts_member_of(&self, cluster: &str) -> bool {
        match self {
            Self::Everybody => true,
            Self::Cluster(own) => own.as_str() == cluster,
            // Its nodes serve when they run; what runs on them is not asked.
            Self::Rollout(_) => false,
        }
    }
}

/// A node that a budget protects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The node.
    pub node: NodeName,
    /// What fails together with it, where the policy says `spread`.
    pub domains: BTreeSet<String>,
    /// How it is when the plan is made.
    pub presence: Presence,
    /// The boots of it in the plan, in their order.
    pub boots: Vec<u32>,
    /// The steps of the plan that say that it serves.
    pub serves: Vec<StepId>,
}

/// How a member is when the plan is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It serves.
    Up,
    /// It does not; the plan brings it up.
    Down,
    /// It does not, and the plan leaves it alone: it is in maintenance or quarantine.
    Out,
}

/// A look at the health of those whom a budget protects: the check of a step of the draft, or of an operation that a layer names
/// for it ([`Layer::gates`](crate::layer::Layer::gates)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// Whose budget it is: `cluster/store`, `rollout/web`.
    pub subject: Subject,
    /// The step that it is the check of.
    pub step: StepName,
    /// What is called.
    pub call: Call,
}

/// What a step does to the members of a budget while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Take {
    pub(crate) budget: u32,
    pub(crate) member: u32,
    pub(crate) effect: Effect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It takes the member away.
    Disrupts,
    /// It brings it back.
    Restores,
}

/// Members that go together, and those who wait for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    /// The budget.
    pub budget: u32,
    /// Its number among the waves of the budget, from 1.
    pub number: u32,
    /// Its nodes.
    pub nodes: Vec<NodeName>,
    /// Whether a person must say that the next one may go.
    pub pause: bool,
    pub(crate) first: Vec<StepId>,
    pub(crate) then: Vec<StepId>,
}

/// The budgets of a plan.
#[derive(Debug, Clone, Default)]
pub struct Budgets {
    list: Vec<Budget>,
    takes: HashMap<StepId, Vec<Take>>,
    waves: Vec<Wave>,
}

impl Budgets {
    /// The budgets that steps of the plan take from.
    #[must_use]
    pub fn list(&self) -> &[Budget] {
        &self.list
    }

    /// The waves in which members go.
    #[must_use]
    pub fn waves(&self) -> &[Wave] {
        &self.waves
    }

    /// A wave in words: `wave 1 of rollout web: n1, n2`.
    pub(super) fn wave_words(&self, index: u32) -> String {
        let wave = &self.waves[index as usize];
        let nodes = wave.nodes.iter().map(ToString::to_string).collect();
        format!("wave {} of {}: {}", wave.number, self.list[wave.budget as usize].name, shorten(nodes))
    }

    /// Which policy lets the nodes of a wave go first, and what would change that.
    pub(super) fn wave_reason(&self, index: u32) -> String {
        let wave = &self.waves[index as usize];
        let of = &self.list[wave.budget as usize];
        let key = if wave.number == 1 && of.policy.canary.is_some() { "canary" } else { "wave" };
        let place = of.origin.as_ref().map_or_else(String::new, |origin| format!(" at {origin}"));
        format!(
            "`{key}` of {}{place} lets those nodes go first; take it out there, or name the nodes in the order in which they \
             need each other",
            of.name
        )
    }

    pub(crate) fn takes(&self, step: StepId) -> &[Take] {
        self.takes.get(&step).map_or(&[], Vec::as_slice)
    }

    /// The budgets of a site, and what these steps and boots do to their members.
    pub(super) fn of(site: &Site, steps: &[PlannedStep], boots: &[PlannedBoot], watches: &[Watch]) -> Self {
        let mut all = Self { list: budgets(site, watches), ..Self::default() };
        if all.list.is_empty() {
            return all;
        }
        all.count(site, steps, boots);
        all.line_up(steps);
        all
    }

    /// One budget of all nodes that are wanted at ready state, which bars nobody: which steps take which of them away, and
    /// what brings them back.
    pub(crate) fn of_everybody(plan: &super::Plan) -> Self {
        let site = plan.site();
        let nodes: Vec<&NodeName> = site.ready_nodes().map(|node| &node.name).collect();
        let policy = ClusterPolicy::default();
        let list = vec![budget(site, Whose::Everybody, &nodes, &policy, Vec::new(), None)];
        let mut all = Self { list, ..Self::default() };
        all.count(site, plan.steps(), plan.boots());
        all
    }

    /// The steps that take something.
    pub(crate) fn takers(&self) -> impl Iterator<Item = (StepId, &[Take])> {
        self.takes.iter().map(|(step, takes)| (*step, takes.as_slice()))
    }

    fn count(&mut self, site: &Site, steps: &[PlannedStep], boots: &[PlannedBoot]) {
        let mut members: HashMap<NodeName, Vec<(u32, u32)>> = HashMap::new();
        for (budget, of) in (0..).zip(&self.list) {
            for (member, node) in (0..).zip(&of.members) {
                members.entry(node.node.clone()).or_default().push((budget, member));
            }
        }
        let behind = Behind::of(site);
        for (index, boot) in (0..).zip(boots) {
            for &(budget, member) in members.get(&boot.boot.node).into_iter().flatten() {
                let of = &mut self.list[budget as usize].members[member as usize];
                if of.boots.is_empty() && boot.boot.from != Some(Environment::Installed) && of.presence == Presence::Up
                {
                    of.presence = Presence::Down;
                }
                of.boots.push(index);
            }
        }
        for (id, planned) in (0..steps.len()).map(StepId::at).zip(steps) {
            let step = &planned.step;
            let disrupts = step.hazard >= Hazard::Disrupts;
            let serves = step.subject.kind() == "member";
            if !(disrupts || serves || step.boot.is_some()) {
                continue;
            }
            for node in behind.nodes(step) {
                for &(budget, member) in members.get(&node).into_iter().flatten() {
                    let effect = if disrupts { Effect::Disrupts } else { Effect::Restores };
                    self.takes.entry(id).or_default().push(Take { budget, member, effect });
                    let of = &mut self.list[budget as usize];
                    if serves && of.whose.counts_member_of(cluster_of(&step.subject)) {
                        let of = &mut of.members[member as usize];
                        of.serves.push(id);
                        if of.presence == Presence::Up && !matches!(planned.reading, super::Reading::Follows(_)) {
                            of.presence = Presence::Down;
                        }
                    }
                }
            }
        }
        // What a step takes of one budget stands together.
        self.takes.values_mut().for_each(|takes| takes.sort_by_key(|take| (take.budget, take.member)));
    }

    /// Who goes in which wave: members that serve now and are to be disrupted, in the order in which the site names them.
    fn line_up(&mut self, steps: &[PlannedStep]) {
        let mut touched: Vec<Vec<(Vec<StepId>, Vec<StepId>)>> =
            self.list.iter().map(|of| vec![Default::default(); of.members.len()]).collect();
        for step in (0..steps.len()).map(StepId::at) {
            for take in self.takes.get(&step).into_iter().flatten() {
                let (all, first) = &mut touched[take.budget as usize][take.member as usize];
                all.push(step);
                if take.effect == Effect::Disrupts {
                    first.push(step);
                }
            }
        }
        for (budget, of) in (0..).zip(&self.list) {
            let policy = &of.policy;
            if policy.canary.is_none() && policy.wave.is_none() {
                continue;
            }
            let going: Vec<usize> = (0..of.members.len())
                .filter(|&member| {
                    of.members[member].presence == Presence::Up && !touched[budget as usize][member].1.is_empty()
                })
                .collect();
            let groups = groups(&going, policy);
            let steps_of = |group: &[usize], first: bool| -> Vec<StepId> {
                let of = group.iter().map(|&member| &touched[budget as usize][member]);
                of.flat_map(|(all, disrupting)| if first { disrupting } else { all }).copied().collect()
            };
            for (number, pair) in (1..).zip(groups.windows(2)) {
                let pause = match policy.pause {
                    Pause::Never => false,
                    Pause::AfterCanary => number == 1,
                    Pause::EachWave => true,
                };
                self.waves.push(Wave {
                    budget,
                    number,
                    nodes: pair[0].iter().map(|&member| of.members[member].node.clone()).collect(),
                    pause,
                    first: steps_of(&pair[0], false),
                    then: steps_of(&pair[1], true),
                });
            }
        }
    }

    /// What can never be kept: a step that takes away more members at once than may ever be away, those counted that are
    /// out for other reasons.
    pub(super) fn faults(&self, steps: &[PlannedStep]) -> Vec<PlanFault> {
        let mut faults = Vec::new();
        let mut told: BTreeSet<u32> = BTreeSet::new();
        for step in (0..steps.len()).map(StepId::at) {
            let takes = self.takes(step).iter().filter(|take| take.effect == Effect::Disrupts);
            let mut away: BTreeMap<u32, u32> = BTreeMap::new();
            for take in takes {
                let of = &self.list[take.budget as usize];
                if of.members[take.member as usize].presence == Presence::Up {
                    *away.entry(take.budget).or_default() += 1;
                }
            }
            for (budget, taken) in away {
                let of = &self.list[budget as usize];
                let out: Vec<NodeName> = of.out().cloned().collect();
                let Some(max) = of.max_unavailable else { continue };
                if taken as usize + out.len() > max as usize && told.insert(budget) {
                    faults.push(PlanFault::Budget {
                        budget: of.name.clone(),
                        step: steps[step.index()].step.name.clone(),
                        takes: taken,
                        max,
                        out,
                        origin: of.origin.clone(),
                    });
                }
            }
        }
        faults
    }
}

impl Budget {
    /// The members that are away and stay so, whatever the plan does.
    pub(crate) fn out(&self) -> impl Iterator<Item = &NodeName> {
        self.members.iter().filter(|member| member.presence == Presence::Out).map(|member| &member.node)
    }
}

/// The first of many names, and how many more there are.
pub(super) fn shorten(mut members: Vec<String>) -> String {
    const SHOWN: usize = 5;
    let more = members.len().saturating_sub(SHOWN);
    members.truncate(SHOWN);
    let mut text = members.join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// The first as many as the canary says, then waves.
fn groups(going: &[usize], policy: &ClusterPolicy) -> Vec<Vec<usize>> {
    let canary = usize::from(policy.canary.unwrap_or(0)).min(going.len());
    let rest = going.len() - canary;
    let wave = policy.wave.or(policy.max_unavailable).map_or(rest, usize::from).max(1);
    let (first, rest) = going.split_at(canary);
    let first = (!first.is_empty()).then(|| first.to_vec());
    first.into_iter().chain(rest.chunks(wave).map(<[usize]>::to_vec)).collect()
}

fn cluster_of(member: &Subject) -> &str {
    member.name().split_once('/').map_or(member.name(), |(cluster, _)| cluster)
}

fn budgets(site: &Site, watches: &[Watch]) -> Vec<Budget> {
    let mut list = Vec::new();
    let of = |subject: &Subject| watches.iter().filter(|watch| watch.subject == *subject).cloned().collect::<Vec<_>>();
    for cluster in site.clusters.values().filter(|cluster| says_anything(&cluster.policy)) {
        let mut nodes: Vec<&NodeName> = Vec::new();
        for node in cluster.members.values().flatten() {
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        let subject = Subject::cluster(&cluster.name);
        let whose = Whose::Cluster(cluster.name.clone());
        list.push(budget(site, whose, &nodes, &cluster.policy, of(&subject), cluster.origin.clone()));
    }
    for rollout in site.conduct.rollouts.values() {
        let nodes: Vec<&NodeName> = rollout.nodes.iter().collect();
        let whose = Whose::Rollout(rollout.name.clone());
        let subject = Subject::rollout(&rollout.name);
        list.push(budget(site, whose, &nodes, &rollout.policy, of(&subject), rollout.origin.clone()));
    }
    list
}

fn says_anything(policy: &ClusterPolicy) -> bool {
    let counts = policy.max_unavailable.is_some() || policy.canary.is_some() || policy.wave.is_some();
    counts || policy.spread.is_some() || !policy.alerts.is_empty()
}

fn budget(
    site: &Site,
    whose: Whose,
    nodes: &[&NodeName],
    policy: &ClusterPolicy,
    watches: Vec<Watch>,
    origin: Option<Origin>,
) -> Budget {
    let member = |node: &Node| Member {
        node: node.name.clone(),
        domains: policy.spread.map(|spread| domains_of(node, spread)).unwrap_or_default(),
        presence: if node.state == NodeState::Ready { Presence::Up } else { Presence::Out },
        boots: Vec::new(),
        serves: Vec::new(),
    };
    // One that is wanted gone is no member any more.
    let members = nodes.iter().filter_map(|name| site.nodes.get(*name)).filter(|node| node.state != NodeState::Absent);
    Budget {
        name: whose.to_string().into(),
        members: members.map(member).collect(),
        max_unavailable: policy.max_unavailable.map(u32::from),
        spread: policy.spread,
        watches,
        origin,
        policy: policy.clone(),
        whose,
    }
}

/// Which nodes are behind a port, a switch, an outlet or a PDU.
struct Behind(BTreeMap<String, BTreeSet<NodeName>>);

impl Behind {
    fn of(site: &Site) -> Self {
        let mut behind: BTreeMap<String, BTreeSet<NodeName>> = BTreeMap::new();
        for node in site.ready_nodes() {
            let mut add = |subject: String| behind.entry(subject).or_default().insert(node.name.clone());
            for link in node.nics.values().filter_map(|nic| nic.link.as_ref()) {
                add(format!("port/{link}"));
                add(format!("switch/{}", link.switch));
            }
            for outlet in &node.outlets {
                add(format!("outlet/{outlet}"));
                add(format!("pdu/{}", outlet.pdu));
            }
        }
        Self(behind)
    }

    /// The nodes that a step is about.
    fn nodes(&self, step: &Step) -> Vec<NodeName> {
        if let Some(boot) = &step.boot {
            return vec![boot.node.clone()];
        }
        let subject = &step.subject;
        let named = match subject.kind() {
            "node" => Some(subject.name()),
            "nic" => subject.name().split_once('/').map(|(node, _)| node),
            "member" => subject.name().split_once('/').map(|(_, node)| node),
            _ => None,
        };
        match named.map(NodeName::new) {
            Some(Ok(node)) => vec![node],
            _ => self.0.get(&subject.to_string()).into_iter().flatten().cloned().collect(),
        }
    }
}

/// Whether a cluster or a rollout has a budget.
pub(super) fn is_guarded(site: &Site, subject: &Subject) -> bool {
    let mut clusters = site.clusters.values().filter(|cluster| says_anything(&cluster.policy));
    let mut rollouts = site.conduct.rollouts.values();
    clusters.any(|cluster| Subject::cluster(&cluster.name) == *subject)
        || rollouts.any(|rollout| Subject::rollout(&rollout.name) == *subject)
}

/// The looks at the clusters of a draft that have a budget: the checks of the steps that tell their quorum.
pub(super) fn watches<'a>(site: &Site, steps: impl IntoIterator<Item = &'a Step>) -> Vec<Watch> {
    let guarded: BTreeSet<Subject> = site
        .clusters
        .values()
        .filter(|cluster| says_anything(&cluster.policy))
        .map(|cluster| Subject::cluster(&cluster.name))
        .collect();
    if guarded.is_empty() {
        return Vec::new();
    }
    let quorum = crate::fact::cluster::QUORUM.name();
    let tells = |step: &&Step| {
        guarded.contains(&step.subject) && step.gives.iter().any(|fact| fact.name() == quorum && !fact.is_gone())
    };
    let watch = |step: &Step| Watch { subject: step.subject.clone(), step: step.name.clone(), call: step.call.clone() };
    steps.into_iter().filter(tells).map(watch).collect()
}
