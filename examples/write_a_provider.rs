//! How do I teach dip hardware that it does not know? A layer of one's own: a trait, a provider, an operation, a fact.
//!
//! Here: the fan profile of a machine, set before the machine is switched on.
//!
//! `cargo run --example write_a_provider`

#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::error::Error;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use dip::core::fact::{Fact, FactRegistry, Facts};
use dip::core::id::{LayerId, NodeName, SiteName};
use dip::core::journal::MemoryJournal;
use dip::core::layer::{ConnectError, Layer, Note};
use dip::core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Operations};
use dip::core::provider::{ProviderError, Providers};
use dip::core::secret::Secrets;
use dip::core::site::{SettingsSchema, Site};
use dip::core::step::{Boot, Step};
use dip::core::subject::Subject;
use dip::{Engine, Layers, Observed, Outcome, Planner, Stop};
use serde::{Deserialize, Serialize};

/// What steps of other layers may need. A vendor's facts have a prefix of their own.
const FANS: Fact<String> = Fact::new("acme.fan_profile");

/// The trait: what a fan controller must do. A second controller would be a second implementation.
#[async_trait]
trait Fans: Send + Sync {
    async fn profile(&self) -> Result<String, ProviderError>;
    async fn set_profile(&self, profile: &str) -> Result<(), ProviderError>;
}

/// The provider: talks to the hardware; this one is a variable.
#[derive(Debug)]
struct AcmeFans(Mutex<String>);

#[async_trait]
impl Fans for AcmeFans {
    async fn profile(&self) -> Result<String, ProviderError> {
        Ok(self.0.lock().expect("nobody panics with the lock").clone())
    }

    async fn set_profile(&self, profile: &str) -> Result<(), ProviderError> {
        profile.clone_into(&mut self.0.lock().expect("nobody panics with the lock"));
        Ok(())
    }
}

/// The operation: its fields are its input; `check` sees, `apply` acts.
#[derive(Debug, Serialize, Deserialize)]
struct SetFans {
    node: NodeName,
    profile: String,
}

#[async_trait]
impl Operation for SetFans {
    const NAME: &'static str = "acme.set_fans";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Subject::node(&self.node);
        let now = cx.provider::<dyn Fans>(&node)?.profile().await?;
        let mut diff = Diff::default();
        if now != self.profile {
            diff = diff.and("fan profile", Some(now), Some(&self.profile));
        }
        Ok(diff.or_holds(Facts::new().with(&FANS, &node, &self.profile)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        cx.provider::<dyn Fans>(&Subject::node(&self.node))?.set_profile(&self.profile).await?;
        Ok(Applied::Done)
    }
}

/// The layer: proposes steps. It belongs to one of the seven; the planner orders its steps with all others.
#[derive(Debug)]
struct Acme(NodeName);

impl Layer for Acme {
    fn id(&self) -> LayerId {
        LayerId::Firmware
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&FANS, "The fan profile of a machine.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<SetFans>();
    }

    fn settings(&self) -> SettingsSchema {
        SettingsSchema::default()
    }

    fn connect(&self, _: &Site, _: &dyn Secrets, providers: &mut Providers) -> Result<(), Vec<ConnectError>> {
        providers.insert::<dyn Fans>(&Subject::node(&self.0), Arc::new(AcmeFans(Mutex::new("silent".to_owned()))));
        Ok(())
    }

    fn propose(&self, _: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let node = Subject::node(&self.0);
        let operation = SetFans { node: self.0.clone(), profile: "datacenter".to_owned() };
        Ok(vec![Step::new(self.id(), node.clone(), &operation).give(FANS.of(&node))])
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

/// Fans need no secrets.
struct NoSecrets;

impl Secrets for NoSecrets {
    fn resolve(
        &self,
        reference: &dip::core::secret::SecretRef,
    ) -> Result<dip::core::secret::Secret, dip::core::secret::SecretError> {
        Err(dip::core::secret::SecretError::Env(reference.clone()))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let site = Arc::new(Site::new(SiteName::new("lab")?));
    let layers = Layers::new().with(Acme(NodeName::new("n1")?));
    let mut providers = Providers::new();
    for layer in layers.iter() {
        layer.connect(&site, &NoSecrets, &mut providers).map_err(|errors| format!("{errors:?}"))?;
    }
    let look = async || Planner::new(&layers, &providers).prepare(site.clone(), &mut Observed::new()).await;

    let plan = look().await?.plan;
    print!("{}", dip::core::plan::render::text(&plan));
    let engine = Engine::new(layers.operations(), providers.clone());
    let report = engine.run("fans", plan, Arc::new(MemoryJournal::new()), &Stop::new()).await?;
    print!("{report}");
    assert_eq!(report.outcome, Outcome::Ready);
    print!("{}", dip::core::plan::render::text(&look().await?.plan));
    Ok(())
}
