//! A step: one operation on one subject, with what it needs and what it gives, all as data.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::fact::FactKey;
use crate::id::{LayerId, NodeName, Symbol};
use crate::operation::{Call, Operation, Patience};
use crate::site::Origin;
use crate::subject::Subject;

/// A step's name, unique in its plan and the same in every plan of the site: `firmware.power_on node/r1-n3#1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepName(Arc<str>);

impl StepName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for StepName {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What must be true before a step may start.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// All of these facts.
    All(Vec<FactKey>),
    /// At least so many of these facts: a quorum.
    AtLeast {
        /// How many.
        count: usize,
        /// Of which.
        facts: Vec<FactKey>,
    },
    /// This fact, if a step of the plan gives it: order without duty.
    IfGiven(FactKey),
    /// All of these facts that steps of the plan give: order without duty, for a set that several steps share.
    AllIfGiven(Vec<FactKey>),
}

impl Need {
    /// One fact.
    #[must_use]
    pub fn fact(key: FactKey) -> Self {
        Self::All(vec![key])
    }

    /// The facts that it names.
    #[must_use]
    pub fn facts(&self) -> &[FactKey] {
        match self {
            Self::All(facts) | Self::AtLeast { facts, .. } | Self::AllIfGiven(facts) => facts,
            Self::IfGiven(fact) => std::slice::from_ref(fact),
        }
    }
}

/// What a node can be while a step runs on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Without power.
    Off,
    /// Its installed system runs and answers.
    Installed,
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Off => "off",
            Self::Installed => "installed",
        })
    }
}

/// Where a step can run and be checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// It does not care what any node is doing.
    Anywhere,
    /// This node must be in this environment.
    In(NodeName, Environment),
}

/// When the check of a step can tell anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// At any time: a record is there or not, a chassis has power or not.
    #[default]
    Anytime,
    /// Not before what it needs is true: nobody waits for the answer of a system whose machine has no power.
    AfterNeeds,
}

/// One boot of a node: its `ordinal`-th change of environment in the plan, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Boot {
    /// The node.
    pub node: NodeName,
    /// What it leaves; `None` where that is not known.
    pub from: Option<Environment>,
    /// What it enters.
    pub to: Environment,
    /// Its number among the node's boots in the plan, from 1.
    pub ordinal: u16,
}

/// What a step may do to what already runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hazard {
    /// Nothing that anybody would notice.
    #[default]
    None,
    /// A service or a node is away for a while.
    Disrupts,
    /// Data is lost.
    Erases,
}

/// A thing of which only so many may be in use at once: `bmc/r1-n3`, `zone/lab.example`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lock(Symbol);

impl Lock {
    /// A lock by its name.
    #[must_use]
    pub fn new(name: impl Into<Symbol>) -> Self {
        Self(name.into())
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One operation on one subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub name: StepName,
    /// The layer it is about.
    pub layer: LayerId,
    /// What it changes.
    pub subject: Subject,
    /// What it calls.
    pub call: Call,
    /// What must be true before.
    pub needs: Vec<Need>,
    /// What becomes known by it.
    pub gives: Vec<FactKey>,
    /// What it must hold alone while it runs.
    pub locks: Vec<Lock>,
    /// Where it can run and be checked.
    pub place: Place,
    /// When its check can tell anything.
    pub sight: Sight,
    /// What it may do to what already runs.
    pub hazard: Hazard,
    /// How long it is tried.
    pub patience: Patience,
    /// The boot that it is a part of, for steps that `Layer::enter` proposes.
    pub boot: Option<Boot>,
    /// Where the site file asks for it.
    pub origin: Option<Origin>,
}

impl Step {
    /// A step that calls `operation` on `subject`. It needs and gives nothing yet, runs anywhere, with [`Patience::SERVER`].
    #[must_use]
    pub fn new<O: Operation>(layer: LayerId, subject: Subject, operation: &O) -> Self {
        Self {
            name: StepName(format!("{} {subject}", O::NAME).into()),
            layer,
            subject,
            call: Call::new(operation),
            needs: Vec::new(),
            gives: Vec::new(),
            locks: Vec::new(),
            place: Place::Anywhere,
            sight: Sight::Anytime,
            hazard: Hazard::None,
            patience: Patience::SERVER,
            boot: None,
            origin: None,
        }
    }

    /// Adds a need.
    #[must_use]
    pub fn need(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    /// Adds needs for single facts.
    #[must_use]
    pub fn need_facts(mut self, keys: impl IntoIterator<Item = FactKey>) -> Self {
        self.needs.extend(keys.into_iter().map(Need::fact));
        self
    }

    /// Adds a fact that becomes known by this step.
    #[must_use]
    pub fn give(mut self, key: FactKey) -> Self {
        self.gives.push(key);
        self
    }

    /// Adds a lock.
    #[must_use]
    pub fn lock(mut self, lock: Lock) -> Self {
        self.locks.push(lock);
        self
    }

    /// Says that it can run and be checked only while the node is in the environment.
    #[must_use]
    pub fn in_environment(mut self, node: &NodeName, environment: Environment) -> Self {
        self.place = Place::In(node.clone(), environment);
        self
    }

    /// Says that its check can tell nothing before what it needs is true.
    #[must_use]
    pub const fn seen_after_needs(mut self) -> Self {
        self.sight = Sight::AfterNeeds;
        self
    }

    /// Makes it a part of a boot, and its name tell which.
    #[must_use]
    pub fn part_of(mut self, boot: &Boot) -> Self {
        self.name = StepName(format!("{}#{}", self.name, boot.ordinal).into());
        self.boot = Some(boot.clone());
        self
    }

    /// Adds a qualifier to its name, where one operation has several steps on one subject.
    #[must_use]
    pub fn called(mut self, qualifier: &str) -> Self {
        self.name = StepName(format!("{} {qualifier}", self.name).into());
        self
    }

    /// Sets what it may do to what already runs.
    #[must_use]
    pub const fn hazard(mut self, hazard: Hazard) -> Self {
        self.hazard = hazard;
        self
    }

    /// Sets how long it is tried.
    #[must_use]
    pub const fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Sets where the site file asks for it.
    #[must_use]
    pub fn origin(mut self, origin: Option<Origin>) -> Self {
        self.origin = origin;
        self
    }
}
