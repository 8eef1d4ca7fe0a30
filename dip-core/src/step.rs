//! A step: one operation on one subject, with what it needs and what it gives, all as data.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::fact::FactKey;
use crate::id::{LayerId, NodeName, Symbol};
use crate::operation::{Call, Operation, Patience};
use crate::scratch;
use crate::site::Origin;
use crate::subject::Subject;

pub use crate::few::Few;

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

impl StepName {
    /// Put together in one go: a plan names hundreds of thousands of steps.
    fn of(parts: &[&str]) -> Self {
        Self(scratch::concat(parts))
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
    /// In its firmware: POST, where jobs that a BMC has queued are carried out.
    Firmware,
    /// A system in memory that looks at the machine before anything is installed.
    Discovery,
    /// A system in memory that repairs what is installed.
    Rescue,
    /// Its installed system runs and answers.
    Installed,
}

impl Environment {
    /// All of them; the one where a node at ready state is stands last.
    pub const ALL: [Self; 5] = [Self::Off, Self::Firmware, Self::Discovery, Self::Rescue, Self::Installed];

    /// What a node is that is in it: "runs its installed system", for a sentence that starts with the node.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Off => "is off",
            Self::Firmware => "is in its firmware",
            Self::Discovery => "runs the discovery system",
            Self::Rescue => "runs the rescue system",
            Self::Installed => "runs its installed system",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Off => "off",
            Self::Firmware => "firmware",
            Self::Discovery => "discovery",
            Self::Rescue => "rescue",
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
    /// What it leaves; `None` where that is not known, so that a node that is there already may be left as it is. Where it is
    /// what the boot enters too, the node boots afresh: whatever runs is stopped first.
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

/// Whether what a step does can be undone by planning to the former site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reversal {
    /// It can.
    #[default]
    Possible,
    /// It cannot; why, as a fragment: "the firmware refuses older versions".
    Impossible(Arc<str>),
}

impl Reversal {
    pub(crate) const fn is_possible(&self) -> bool {
        matches!(self, Self::Possible)
    }
}

/// A thing of which only so much may be in use at once, and how much of it a step takes: `bmc/r1-n3`, `zone/lab.example`,
/// `downloads/boot1*4`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lock {
    name: Symbol,
    weight: u32,
}

impl Lock {
    /// One unit of a lock.
    #[must_use]
    pub fn new(name: impl Into<Symbol>) -> Self {
        Self { name: name.into(), weight: 1 }
    }

    /// Takes so many units of it; at least one.
    #[must_use]
    pub const fn weighing(mut self, weight: u32) -> Self {
        self.weight = if weight == 0 { 1 } else { weight };
        self
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.name.as_str()
    }

    /// Its name, to be kept.
    #[must_use]
    pub const fn name(&self) -> &Symbol {
        &self.name
    }

    /// How many units of it are taken.
    #[must_use]
    pub const fn weight(&self) -> u32 {
        self.weight
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        if self.weight == 1 { Ok(()) } else { write!(f, "*{}", self.weight) }
    }
}

impl Serialize for Lock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(match text.rsplit_once('*').map(|(name, weight)| (name, weight.parse())) {
            Some((name, Ok(weight))) => Self::new(name).weighing(weight),
            _ => Self::new(text),
        })
    }
}

/// One operation on one subject. It is cheap to clone: a draft and its plans share what it consists of, and only who changes
/// a shared one copies it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Step(Arc<Body>);

/// What a step consists of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Body {
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
    /// The facts of these whose *values* it works with: where one of them changes, the step is looked at again. They are needs
    /// too; a need alone is only an order.
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub reads: Few<FactKey>,
    /// What it holds while it runs.
    pub locks: Few<Lock>,
    /// Where it can run and be checked.
    pub place: Place,
    /// The node of its place must have booted since each of these became true (a pending BIOS setting).
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub booted_since: Few<FactKey>,
    /// When its check can tell anything.
    pub sight: Sight,
    /// What it may do to what already runs.
    pub hazard: Hazard,
    /// The serial numbers of what it erases; a consent must name each of them.
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub erases: Few<Arc<str>>,
    /// Whether it can be undone.
    #[serde(default, skip_serializing_if = "Reversal::is_possible")]
    pub reversal: Reversal,
    /// How long it is tried.
    pub patience: Patience,
    /// The boot that it is a part of, for steps that `Layer::enter` proposes.
    pub boot: Option<Box<Boot>>,
    /// Where the site file asks for it.
    pub origin: Option<Arc<Origin>>,
}

impl Deref for Step {
    type Target = Body;

    fn deref(&self) -> &Body {
        &self.0
    }
}

impl DerefMut for Step {
    fn deref_mut(&mut self) -> &mut Body {
        Arc::make_mut(&mut self.0)
    }
}

impl Step {
    /// A step that calls `operation` on `subject`. It needs and gives nothing yet, runs anywhere, with [`Patience::SERVER`].
    #[must_use]
    pub fn new<O: Operation>(layer: LayerId, subject: Subject, operation: &O) -> Self {
        Self(Arc::new(Body {
            name: StepName::of(&[O::NAME, " ", subject.kind(), "/", subject.name()]),
            layer,
            subject,
            call: Call::new(operation),
            needs: Vec::new(),
            gives: Vec::new(),
            reads: Few::new(),
            locks: Few::new(),
            place: Place::Anywhere,
            booted_since: Few::new(),
            sight: Sight::Anytime,
            hazard: Hazard::None,
            erases: Few::new(),
            reversal: Reversal::Possible,
            patience: Patience::SERVER,
            boot: None,
            origin: None,
        }))
    }

    /// Says that it is about something else than it was made for; its name stays.
    #[must_use]
    pub fn about(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// Adds a need.
    #[must_use]
    pub fn need(mut self, need: Need) -> Self {
        push(&mut self.needs, need);
        self
    }

    /// Adds needs for single facts.
    #[must_use]
    pub fn need_facts(mut self, keys: impl IntoIterator<Item = FactKey>) -> Self {
        keys.into_iter().for_each(|key| push(&mut self.needs, Need::fact(key)));
        self
    }

    /// Adds a fact whose value it works with, which is a need too.
    #[must_use]
    pub fn read(mut self, key: FactKey) -> Self {
        self.reads.push(key.clone());
        self.need(Need::fact(key))
    }

    /// Adds a fact that becomes known by this step.
    #[must_use]
    pub fn give(mut self, key: FactKey) -> Self {
        push(&mut self.gives, key);
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

    /// Says that it can run and be checked only once the node has booted into the environment after the fact became true.
    #[must_use]
    pub fn after_boot(mut self, node: &NodeName, environment: Environment, since: FactKey) -> Self {
        self.booted_since.push(since.clone());
        self.in_environment(node, environment).need(Need::fact(since))
    }

    /// Says that its check can tell nothing before what it needs is true.
    #[must_use]
    pub fn seen_after_needs(mut self) -> Self {
        self.sight = Sight::AfterNeeds;
        self
    }

    /// Makes it a part of a boot, and its name tell which.
    #[must_use]
    pub fn part_of(mut self, boot: &Boot) -> Self {
        self.name = StepName::of(&[self.name.as_str(), "#", &boot.ordinal.to_string()]);
        self.boot = Some(Box::new(boot.clone()));
        self
    }

    /// Adds a qualifier to its name, where one operation has several steps on one subject.
    #[must_use]
    pub fn called(mut self, qualifier: &str) -> Self {
        self.name = StepName::of(&[self.name.as_str(), " ", qualifier]);
        self
    }

    /// Sets what it may do to what already runs.
    #[must_use]
    pub fn hazard(mut self, hazard: Hazard) -> Self {
        self.hazard = hazard;
        self
    }

    /// Says that it erases what has these serial numbers.
    #[must_use]
    pub fn erasing<S: AsRef<str>>(mut self, serials: impl IntoIterator<Item = S>) -> Self {
        self.erases.extend(serials.into_iter().map(|serial| Arc::from(serial.as_ref())));
        self.hazard(Hazard::Erases)
    }

    /// Says that it cannot be undone, and why.
    #[must_use]
    pub fn irreversible(mut self, why: &str) -> Self {
        self.reversal = Reversal::Impossible(why.into());
        self
    }

    /// Whether it takes something away: all that it gives is gone.
    #[must_use]
    pub fn is_removal(&self) -> bool {
        !self.gives.is_empty() && self.gives.iter().all(FactKey::is_gone)
    }

    /// Sets how long it is tried.
    #[must_use]
    pub fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Sets where the site file asks for it.
    #[must_use]
    pub fn origin(mut self, origin: Option<Origin>) -> Self {
        self.origin = origin.map(Arc::new);
        self
    }
}

/// A `Vec` that grows by itself makes room for four at once; most steps have one or two of a kind.
fn push<T>(items: &mut Vec<T>, item: T) {
    if items.len() < 4 {
        items.reserve_exact(1);
    }
    items.push(item);
}
