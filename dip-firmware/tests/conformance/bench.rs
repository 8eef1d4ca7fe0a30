//! The layer with a site of one node, and the providers that it connects: steps are checked and applied as the engine does.

use std::sync::Arc;

use dip_core::conformance::Failure;
use dip_core::fact::Facts;
use dip_core::id::{LayerId, NodeName, SiteName, Symbol};
use dip_core::layer::Layer;
use dip_core::observed::Observed;
use dip_core::operation::{Applied, Check, Context, Diff, OperationError, Operations, Runnable};
use dip_core::provider::Providers;
use dip_core::secret::{Secret, SecretError, SecretRef, SecretStore, Secrets};
use dip_core::site::{BmcAccess, Driver, Node, NodeSettings, NodeState, Service, Site};
use dip_core::step::{Boot, Environment, Step};
use dip_core::testing::assignment;
use dip_firmware::FirmwareLayer;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// The secrets of a test: one password by reference, and perhaps a store.
pub(crate) struct Known {
    pub(crate) password: &'static str,
    pub(crate) store: Option<Arc<dyn SecretStore>>,
}

impl Secrets for Known {
    fn resolve(&self, _: &SecretRef) -> Result<Secret, SecretError> {
        Ok(Secret::new(self.password.to_owned()))
    }

    fn store(&self) -> Option<Arc<dyn SecretStore>> {
        self.store.clone()
    }
}

/// A protocol with its settings.
pub(crate) fn protocol(kind: &'static str, settings: Value) -> Driver {
    Driver { kind: Symbol::of(kind), settings, origin: None }
}

/// A node whose BMC is on this host, as the user `admin`.
pub(crate) fn node(name: &NodeName, password: &str, protocols: Vec<Driver>, firmware: Option<Value>) -> Node {
    let password: SecretRef = password.parse().expect("a reference");
    let factory = SecretRef::Env("FACTORY_PASSWORD".to_owned());
    let bmc = BmcAccess {
        address: "127.0.0.1".to_owned(),
        user: "admin".to_owned(),
        factory_password: matches!(password, SecretRef::Store(_)).then_some(factory),
        password,
        protocols,
        origin: None,
    };
    let layers = firmware.into_iter().map(|settings| (LayerId::Firmware, settings)).collect();
    Node {
        name: name.clone(),
        state: NodeState::Ready,
        rack: None,
        profiles: vec![],
        serial: None,
        bmc: Some(bmc),
        nics: [].into(),
        outlets: vec![],
        disks: [].into(),
        settings: NodeSettings { layers, ..NodeSettings::default() },
        origin: None,
    }
}

/// The layer with a site of one node, and the providers that it connects.
pub(crate) struct Bench {
    pub(crate) site: Site,
    pub(crate) providers: Providers,
    operations: Operations,
}

impl Bench {
    /// A site of this node.
    pub(crate) fn new(node: Node, secrets: &Known) -> Result<Self, Failure> {
        Self::with_services(node, [], secrets)
    }

    /// A site of this node that has these services.
    pub(crate) fn with_services(
        node: Node,
        services: impl IntoIterator<Item = Service>,
        secrets: &Known,
    ) -> Result<Self, Failure> {
        let mut site = Site::new(SiteName::new("lab")?);
        site.nodes.insert(node.name.clone(), node);
        site.services.extend(services.into_iter().map(|service| (service.name.clone(), service)));
        let mut providers = Providers::new();
        FirmwareLayer.connect(&site, secrets, &mut providers).map_err(|errors| format!("{errors:?}"))?;
        let mut operations = Operations::default();
        FirmwareLayer.operations(&mut operations);
        Ok(Self { site, providers, operations })
    }

    pub(crate) fn proposed(&self) -> Result<Vec<Step>, Failure> {
        FirmwareLayer.propose(&self.site, &Observed::new()).map_err(|notes| format!("{notes:?}").into())
    }

    pub(crate) fn enter(&self, node: &NodeName, to: Environment) -> Vec<Step> {
        FirmwareLayer.enter(&self.site, &Boot { node: node.clone(), from: None, to, ordinal: 1 })
    }

    async fn with<T>(
        &self,
        step: &Step,
        run: impl AsyncFnOnce(&dyn Runnable, &Context<'_>) -> T,
    ) -> Result<T, OperationError> {
        let assignment = assignment(step);
        let cancel = CancellationToken::new();
        let operation = self.operations.load(&step.call)?;
        Ok(run(&*operation, &Context::new(&assignment, &self.providers, &cancel)).await)
    }

    pub(crate) async fn check(&self, step: &Step) -> Result<Check, OperationError> {
        self.with(step, async |operation, cx| operation.check(cx).await).await?
    }

    pub(crate) async fn apply(&self, step: &Step) -> Result<Applied, OperationError> {
        self.with(step, async |operation, cx| operation.apply(cx).await).await?
    }

    pub(crate) async fn holds(&self, step: &Step) -> Result<Facts, Failure> {
        match self.check(step).await? {
            Check::Holds(facts) => Ok(facts),
            other => Err(format!("{} does not hold: {other:?}", step.name).into()),
        }
    }

    pub(crate) async fn differs(&self, step: &Step) -> Result<Diff, Failure> {
        match self.check(step).await? {
            Check::Differs(diff) => Ok(diff),
            other => Err(format!("{} does not differ: {other:?}", step.name).into()),
        }
    }

    /// Applies it and waits as the engine does.
    pub(crate) async fn settle(&self, step: &Step) -> Result<(), Failure> {
        let Applied::Wait { poll, .. } = self.apply(step).await? else { return Err("power takes its time".into()) };
        for _ in 0..20 {
            if matches!(self.check(step).await?, Check::Holds(_)) {
                return Ok(());
            }
            tokio::time::sleep(poll).await;
        }
        Err(format!("{} did not settle", step.name).into())
    }

    /// The step of an operation that the layer proposes.
    pub(crate) fn step(&self, operation: &str) -> Result<Step, Failure> {
        let found = self.proposed()?.into_iter().find(|step| step.call.operation() == operation);
        found.ok_or_else(|| format!("{operation} is not proposed").into())
    }

    /// Applies a step that differs, once, and sees that it holds then.
    pub(crate) async fn bring(&self, operation: &str) -> Result<Facts, Failure> {
        let step = self.step(operation)?;
        self.differs(&step).await?;
        expect_done(self.apply(&step).await?)?;
        self.holds(&step).await
    }
}

fn expect_done(applied: Applied) -> Result<(), Failure> {
    if applied == Applied::Done { Ok(()) } else { Err(format!("it is not done at once: {applied:?}").into()) }
}
