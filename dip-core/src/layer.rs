//! A layer: what one of the seven floors brings into a plan. Layers propose; the planner orders.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::fact::{FactKey, FactRegistry};
use crate::id::LayerId;
use crate::observed::Observed;
use crate::operation::{OperationError, Operations};
use crate::orphan::{HeldRecord, Leftovers};
use crate::plan::Watch;
use crate::provider::{Providers, sentence};
use crate::secret::{SecretError, Secrets};
use crate::site::{Cluster, Limit, Origin, Service, SettingsSchema, Site};
use crate::step::{Boot, Step};

/// One of the seven layers, or a vendor's own that belongs to one of them.
#[async_trait]
pub trait Layer: fmt::Debug + Send + Sync {
    /// Which of the seven it is, or belongs to.
    fn id(&self) -> LayerId;

    /// Declares the facts that its steps give.
    fn facts(&self, known: &mut FactRegistry);

    /// Registers the operations that its steps call.
    fn operations(&self, known: &mut Operations);

    /// The settings that it reads: of nodes, and of the kinds of services, switches, BMC protocols and workloads it knows.
    fn settings(&self) -> SettingsSchema;

    /// Makes a provider of every service of the site that it knows. It builds clients and reads secrets; it does not
    /// wait for servers: one that is down fails its steps, with a reason, and not the whole run.
    ///
    /// # Errors
    /// All that is wrong at once.
    fn connect(&self, site: &Site, secrets: &dyn Secrets, providers: &mut Providers) -> Result<(), Vec<ConnectError>>;

    /// Makes providers that stand on those of other layers: called once, when all layers have connected.
    fn combine(&self, site: &Site, providers: &mut Providers) {
        let _ = (site, providers);
    }

    /// The steps that would bring the site to what is wanted, whatever is the case now. Pure.
    ///
    /// # Errors
    /// What the site asks for and this layer cannot propose, all at once.
    fn propose(&self, site: &Site, seen: &Observed) -> Result<Vec<Step>, Vec<Note>>;

    /// What it will propose only once more is known, because the shape of the plan depends on it: disks that nobody has seen.
    /// Pure. A round of planning that finds these facts known proposes the steps instead; whoever gives the facts stays
    /// proposed, so that they are looked at again.
    fn deferred(&self, site: &Site, seen: &Observed) -> Vec<Deferred> {
        let _ = (site, seen);
        Vec::new()
    }

    /// The step that takes away what a step brings about; `None` where nothing is left behind by it. Pure.
    ///
    /// It names the operation and what it may do; core lets it give the facts of the step as gone, and orders removals the
    /// other way round: what needed a fact is gone before the fact is. Each layer is asked about the steps of all layers, the
    /// parts of boots among them: a member of a workload (layer 5) leaves its cluster (layer 7) before it is stopped. One that
    /// answers for a step of another layer says itself which facts are gone by it.
    fn remove(&self, site: &Site, step: &Step) -> Option<Step> {
        let _ = (site, step);
        None
    }

    /// What carries the site's mark in the servers of this layer, and is of nothing that the site file names. Reads only.
    async fn leftovers(&self, site: &Site, providers: &Providers) -> Leftovers {
        let _ = (site, providers);
        Leftovers::default()
    }

    /// The record that a step would write, as it is now; `None` where there is none, or none that could be claimed. Reads only.
    ///
    /// # Errors
    /// Where its server cannot be asked.
    async fn held(&self, step: &Step, providers: &Providers) -> Result<Option<HeldRecord>, OperationError> {
        let _ = (step, providers);
        Ok(None)
    }

    /// Takes the site's mark off the record that a step writes, and leaves what it says as it is.
    ///
    /// # Errors
    /// Where its server cannot be asked, or the record is somebody else's.
    async fn disown(&self, step: &Step, providers: &Providers) -> Result<(), OperationError> {
        let _ = (step, providers);
        Ok(())
    }

    /// What must be well before a member of a budget is taken away, beside what core looks at by itself (the quorum of a
    /// cluster): each a check for the budget of a cluster or a rollout. Pure.
    fn gates(&self, site: &Site) -> Vec<Watch> {
        let _ = site;
        Vec::new()
    }

    /// How much of what its servers and machines can bear at once, each with its reason; the site file may say otherwise.
    fn limits(&self, site: &Site) -> Vec<Limit> {
        let _ = site;
        Vec::new()
    }

    /// Its part of a boot: the steps that bring a node from one environment into another. Pure.
    fn enter(&self, site: &Site, boot: &Boot) -> Vec<Step>;
}

/// Something that can be planned only once more is known.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Deferred {
    /// What is deferred, as a fragment: "the OSDs of r1-n3".
    pub what: String,
    /// The facts that it waits for.
    pub until: Vec<FactKey>,
    /// Where the site file asks for it.
    pub origin: Option<Origin>,
}

impl Deferred {
    /// Whether all that it waits for was seen.
    #[must_use]
    pub fn is_known(&self, seen: &Observed) -> bool {
        self.until.iter().all(|fact| seen.reading(fact).is_some())
    }
}

impl fmt::Display for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts: Vec<String> =
            self.until.iter().map(|fact| format!("{} of {}", fact.name(), fact.subject().name())).collect();
        let is = if facts.len() == 1 { "is" } else { "are" };
        write!(f, "deferred until {} {is} known: {}", facts.join(" and "), self.what)
    }
}

/// Something that the site describes and that no provider can be made for.
#[derive(Debug, thiserror::Error)]
pub struct ConnectError {
    /// What it is: "service `dns`".
    pub user: String,
    /// Where the site file describes it.
    pub origin: Option<Origin>,
    /// Why.
    #[source]
    pub why: Unusable,
}

impl ConnectError {
    /// Something, described there, that cannot be used.
    #[must_use]
    pub fn new(user: impl Into<String>, origin: Option<&Origin>, why: impl Into<Unusable>) -> Self {
        Self { user: user.into(), origin: origin.cloned(), why: why.into() }
    }

    /// A service that cannot be used.
    #[must_use]
    pub fn service(service: &Service, why: impl Into<Unusable>) -> Self {
        Self::new(format!("service `{}`", service.name), service.driver.origin.as_ref(), why)
    }

    /// A cluster that cannot be used.
    #[must_use]
    pub fn cluster(cluster: &Cluster, why: impl Into<Unusable>) -> Self {
        Self::new(format!("cluster `{}`", cluster.name), cluster.origin.as_ref(), why)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        write!(f, "{} cannot be used", self.user)
    }
}

/// Why a provider cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A setting cannot be used: what is wrong, and what to do.
    #[error("{0}")]
    Setting(String),
}

impl From<String> for Unusable {
    fn from(why: String) -> Self {
        Self::Setting(why)
    }
}

/// Settings that are not of the type that reads them.
impl From<serde_json::Error> for Unusable {
    fn from(error: serde_json::Error) -> Self {
        Self::Setting(error.to_string())
    }
}

/// Something that the site asks for and a layer cannot propose, with the place that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What is wrong, and what to do about it.
    pub text: String,
    /// Where the site file asks for it.
    pub origin: Option<Origin>,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// The layers that a program uses, in the order of their numbers.
#[derive(Debug, Clone, Default)]
pub struct Layers(Vec<Arc<dyn Layer>>);

impl Layers {
    /// No layers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a layer.
    #[must_use]
    pub fn with(mut self, layer: impl Layer + 'static) -> Self {
        self.0.push(Arc::new(layer));
        self.0.sort_by_key(|layer| layer.id());
        self
    }

    /// The layers.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Layer> {
        self.0.iter().map(|layer| &**layer)
    }

    /// All their operations.
    #[must_use]
    pub fn operations(&self) -> Operations {
        let mut known = Operations::default();
        self.iter().for_each(|layer| layer.operations(&mut known));
        known
    }

    /// All their facts.
    #[must_use]
    pub fn facts(&self) -> FactRegistry {
        let mut known = FactRegistry::default();
        self.iter().for_each(|layer| layer.facts(&mut known));
        known
    }

    /// All their settings.
    #[must_use]
    pub fn settings(&self) -> SettingsSchema {
        self.iter().fold(SettingsSchema::default(), |all, layer| all.merge(layer.settings()))
    }

    /// What carries the site's mark and is of nothing that its file names, as all layers find it. Reads only.
    pub async fn leftovers(&self, site: &Site, providers: &Providers) -> Leftovers {
        let mut all = Leftovers::default();
        for layer in self.iter() {
            all.extend(layer.leftovers(site, providers).await);
        }
        all.orphans.sort();
        all
    }

    /// Makes the providers of all layers.
    ///
    /// # Errors
    /// All that is wrong in all of them.
    pub fn connect(&self, site: &Site, secrets: &dyn Secrets) -> Result<Providers, Vec<ConnectError>> {
        let mut providers = Providers::new();
        let mut errors: Vec<ConnectError> = Vec::new();
        let mut told = BTreeSet::new();
        for layer in self.iter() {
            let Err(wrong) = layer.connect(site, secrets, &mut providers) else { continue };
            for error in wrong {
                // Of a server that several layers act through, each of them tells.
                if told.insert(sentence(&error)) {
                    errors.push(error);
                }
            }
        }
        self.iter().for_each(|layer| layer.combine(site, &mut providers));
        if errors.is_empty() { Ok(providers) } else { Err(errors) }
    }
}
