//! A site, what is to be done at it, and how the world takes it: all from a seed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use dip_core::engine::Limits;
use dip_core::fact::cluster::QUORUM;
use dip_core::id::{ClusterName, NodeName, RoleName};
use dip_core::provider::ErrorKind;
use dip_core::site::{Cluster, ClusterPolicy, Driver, Format, Limit, Lock as LockFile, SettingsSchema, Site, Source};
use dip_core::step::{Environment, Hazard, Lock, Need, Step};
use dip_core::subject::Subject;

use super::draw::Draw;
use crate::toy::{Stage, is_set, node, set};

/// How a thing takes it when it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Luck {
    Fine,
    Refused(usize),
    Foreign,
    Busy(usize),
    Lost,
    NeverTrue,
    Slow(u64),
    Silent(u64, usize),
    Panics,
}

#[derive(Debug)]
pub(super) struct Case {
    pub(super) nodes: Vec<NodeName>,
    pub(super) lucks: BTreeMap<String, Luck>,
    pub(super) limits: Limits,
    site: Site,
    steps: Vec<Step>,
    there: Vec<String>,
    runs: BTreeMap<NodeName, Environment>,
    takes: Duration,
}

const PLACES: [Environment; 4] =
    [Environment::Off, Environment::Discovery, Environment::Rescue, Environment::Installed];

impl Case {
    pub(super) fn new(draw: &mut Draw) -> Self {
        let nodes: Vec<NodeName> = (1..=2 + draw.below(4)).map(|n| node(&format!("n{n}"))).collect();
        let mut site = site(draw, &nodes);
        let has_cluster = draw.once_in(4);
        if has_cluster {
            add_cluster(draw, &mut site, &nodes);
        }
        let mut case = Self {
            lucks: BTreeMap::new(),
            limits: limits(draw),
            site,
            steps: Vec::new(),
            there: Vec::new(),
            runs: BTreeMap::new(),
            takes: Duration::from_secs(draw.below(4)),
            nodes,
        };
        // Some sites are calm, some are not.
        let rate = draw.of(&[0, 2, 4, 9]);
        for index in 0..2 + draw.index(9) {
            let step = case.step(draw, index);
            case.add(draw, index, rate, step);
        }
        if has_cluster {
            case.add_quorum(draw, rate);
        }
        for node in &case.nodes {
            if let Some(place) =
                draw.of(&[Some(Environment::Installed), Some(Environment::Installed), Some(Environment::Off), None])
            {
                case.runs.insert(node.clone(), place);
            }
        }
        case
    }

    fn add(&mut self, draw: &mut Draw, index: usize, rate: u64, step: Step) {
        let luck = if draw.below(20) < rate { bad_luck(draw) } else { Luck::Fine };
        self.lucks.insert(name(index), luck);
        if draw.once_in(8) {
            self.there.push(name(index));
        }
        self.steps.push(step);
    }

    fn step(&self, draw: &mut Draw, index: usize) -> Step {
        let mut step = set(&name(index), &[]);
        let before: Vec<usize> = (0..index).collect();
        for _ in 0..draw.below(3) {
            let facts: Vec<_> = draw.some(&before, 3).into_iter().map(|index| is_set(&name(index))).collect();
            step = match draw.below(6) {
                _ if facts.is_empty() => step,
                0 | 1 => step.need(Need::AtLeast { count: 1 + draw.index(facts.len()), facts }),
                2 => step.need(Need::AllIfGiven(facts)),
                3 => step.need(Need::IfGiven(is_set(&name(draw.index(index + 1) + draw.index(2) * 100)))),
                _ => step.need(Need::All(facts)),
            };
        }
        for lock in draw.some(&[0, 1, 2], 2) {
            step =
                step.lock(Lock::new(format!("lock{lock}")).weighing(1 + u32::try_from(draw.below(3)).expect("small")));
        }
        let at = self.nodes[draw.index(self.nodes.len())].clone();
        // Waves need several nodes that are disrupted.
        match draw.below(6) {
            0..=2 => {
                step = step.about(Subject::node(&at)).hazard(Hazard::Disrupts);
            }
            3 => step = step.hazard(Hazard::Disrupts),
            _ => {}
        }
        match draw.below(10) {
            0 => step.in_environment(&at, draw.of(&PLACES)),
            1 => step.in_environment(&at, Environment::Installed),
            2 if index > 0 => step.after_boot(&at, Environment::Installed, is_set(&name(draw.index(index)))),
            _ => step,
        }
    }

    /// The step that tells that the cluster is well, which it mostly is from the start.
    fn add_quorum(&mut self, draw: &mut Draw, rate: u64) {
        let cluster = Subject::cluster(&ClusterName::new("store").expect("a name"));
        let needs: Vec<String> = draw.some(&[0, 1], 1).into_iter().map(name).collect();
        let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
        self.steps.push(set("quorum", &needs).about(cluster.clone()).give(QUORUM.of(&cluster)));
        let luck = if draw.below(20) < rate { bad_luck(draw) } else { Luck::Fine };
        self.lucks.insert("quorum".to_owned(), luck);
        if !draw.once_in(2) {
            self.there.push("quorum".to_owned());
        }
    }

    pub(super) fn stage(&self) -> Stage {
        let stage = Stage::new(self.steps.clone()).at(self.site.clone());
        stage.change(|world| {
            world.takes = self.takes;
            world.nodes.extend(self.runs.clone());
            world.things.extend(self.there.iter().cloned());
            for (name, luck) in self.lucks.clone() {
                match luck {
                    Luck::Fine => {}
                    Luck::Refused(times) => drop(world.fails.insert(name, (times, ErrorKind::Denied))),
                    Luck::Foreign => drop(world.fails.insert(name, (usize::MAX, ErrorKind::Conflict))),
                    Luck::Busy(times) => drop(world.fails.insert(name, (times, ErrorKind::Busy))),
                    Luck::Lost => drop(world.loses.insert(name, 1)),
                    Luck::NeverTrue => drop(world.loses.insert(name, usize::MAX)),
                    Luck::Slow(seconds) => drop(world.slow.insert(name, Duration::from_secs(seconds))),
                    Luck::Silent(seconds, looks) => {
                        world.silent.insert(name.clone(), looks);
                        world.slow.insert(name, Duration::from_secs(seconds));
                    }
                    Luck::Panics => drop(world.panics.insert(name)),
                }
            }
        });
        stage
    }
}

pub(super) fn name(index: usize) -> String {
    format!("t{index}")
}

fn bad_luck(draw: &mut Draw) -> Luck {
    match draw.below(12) {
        0 => Luck::Refused(usize::MAX),
        1 => Luck::Refused(1),
        2 => Luck::Foreign,
        3 | 4 => Luck::Busy(1 + draw.index(3)),
        5 => Luck::Lost,
        6 => Luck::NeverTrue,
        7 | 8 => Luck::Slow(1 + draw.below(20)),
        9 => Luck::Slow(200),
        10 => Luck::Silent(1 + draw.below(20), 1 + draw.index(2)),
        _ if draw.once_in(3) => Luck::Panics,
        _ => Luck::Busy(1),
    }
}

fn limits(draw: &mut Draw) -> Limits {
    let mut limits = Limits { workers: 1 + draw.index(4), ..Limits::default() };
    for lock in 1..3 {
        let capacity = 1 + u32::try_from(draw.below(4)).expect("small");
        let reason = format!("it bears {capacity}");
        limits = limits.with(Limit { lock: format!("lock{lock}").into(), capacity, reason, origin: None });
    }
    limits
}

fn policy(draw: &mut Draw) -> String {
    let mut said = Vec::new();
    if !draw.once_in(4) {
        said.push(format!("max_unavailable: {}", 1 + draw.below(3)));
    }
    if draw.once_in(3) {
        said.push("spread: rack".to_owned());
    }
    let has_canary = draw.once_in(2);
    if has_canary {
        said.push("canary: 1".to_owned());
    }
    if draw.once_in(3) {
        said.push(format!("wave: {}", 1 + draw.below(2)));
    }
    if draw.once_in(3) {
        said.push(format!("pause: {}", if has_canary { draw.of(&["after_canary", "each_wave"]) } else { "each_wave" }));
    }
    said.join(", ")
}

fn site(draw: &mut Draw, nodes: &[NodeName]) -> Site {
    let mut text = "version: 1\nsite: toy\nracks: {r1: , r2: }\nnodes:\n".to_owned();
    for (index, node) in nodes.iter().enumerate() {
        let state = if draw.once_in(15) { ", state: maintenance" } else { "" };
        let _ = writeln!(text, "  {node}: {{rack: r{}{state}}}", 1 + index % 2);
    }
    text.push_str("conduct:\n  ceilings: {}\n");
    let last = nodes.len();
    if draw.once_in(2) {
        let said = policy(draw);
        let comma = if said.is_empty() { "" } else { ", " };
        let _ = writeln!(text, "  rollouts: {{web: {{nodes: [\"n{{1..{last}}}\"]{comma}{said}}}}}");
    }
    if draw.once_in(6) {
        let from = draw.below(24);
        let until = (from + 1 + draw.below(12)) % 24;
        let days = "days: [mon, tue, wed, thu, fri, sat, sun]";
        let _ =
            writeln!(text, "  windows: {{w: {{{days}, from: \"{from:02}:00\", until: \"{until:02}:00\", zone: UTC}}}}");
    }
    if draw.once_in(8) {
        let (from, until) = (draw.below(3), 10 + draw.below(50));
        let _ = writeln!(
            text,
            "  freezes: {{f: {{from: 2026-01-01T00:{from:02}:00Z, until: 2026-01-01T05:{until:02}:00Z, reason: an audit}}}}"
        );
    }
    let sources = [Source::new("site.yaml", Format::Yaml, &text)];
    let parsed = Site::parse(&sources, &SettingsSchema::default(), &LockFile::default());
    parsed.unwrap_or_else(|faults| panic!("{faults}\n{text}")).site
}

fn add_cluster(draw: &mut Draw, site: &mut Site, nodes: &[NodeName]) {
    let name = ClusterName::new("store").expect("a name");
    let workload = Driver { kind: "toy".into(), settings: serde_json::json!({}), origin: None };
    let members = BTreeMap::from([(RoleName::new("member").expect("a name"), nodes.to_vec())]);
    let max = u16::try_from(1 + draw.below(2)).expect("small");
    let policy = ClusterPolicy { max_unavailable: Some(max), ..ClusterPolicy::default() };
    site.clusters.insert(name.clone(), Cluster { name, workload, members, policy, origin: None });
}
