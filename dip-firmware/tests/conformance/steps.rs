//! The layer's steps, as it proposes them, on real BMCs: check, apply, check.

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::fact::Facts;
use dip_core::fact::firmware::{BOOT_DEVICE, IDENTITY, POWER};
use dip_core::hardware::{BootDevice, Identity, PowerState};
use dip_core::id::{NodeName, SiteName, Symbol};
use dip_core::layer::Layer;
use dip_core::observed::Observed;
use dip_core::operation::{Applied, Check, Context, OperationError, Operations, Runnable};
use dip_core::provider::Providers;
use dip_core::secret::{Secret, SecretError, SecretRef, Secrets};
use dip_core::site::{BmcAccess, Driver, Node, NodeSettings, NodeState, Site};
use dip_core::step::{Boot, Environment, Step};
use dip_core::subject::Subject;
use dip_core::testing::assignment;
use dip_firmware::FirmwareLayer;
use dip_lab::Tls;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::machine::{Machine, expect, on_a_thread, trials_on};
use crate::{ipmi, redfish};

pub(crate) async fn trials() -> Vec<Trial> {
    let mut trials = trials_on("ipmi_sim", ipmi::start("steps").await, |(machine, sim)| {
        let settings = json!({ "port": sim.addr.port() });
        vec![on_a_thread("a_node_is_identified_booted_and_switched_off", move || {
            story(machine, "ipmi", settings, "SN-steps", sim)
        })]
    });
    trials.extend(trials_on("sushy-emulator", redfish::start(Tls::Off).await, |(machine, emulator)| {
        let settings = json!({ "port": emulator.addr.port(), "scheme": "http", "system": redfish::UUID });
        vec![on_a_thread("a_node_is_identified_booted_and_switched_off", move || {
            story(machine, "redfish", settings, "SN-redfish", emulator)
        })]
    }));
    trials
}

async fn story<S: Send>(
    machine: Machine,
    kind: &'static str,
    settings: Value,
    serial: &str,
    servers: S,
) -> Result<Verdict, Failure> {
    machine.bring(PowerState::Off).await?;
    let name = NodeName::new("n1")?;
    let node = Subject::node(&name);
    let bench = Bench::new(site(&name, kind, settings, serial)?)?;

    let [identify] = &bench.proposed()?[..] else { return Err("one step is proposed".into()) };
    let told: Option<Identity> = bench.holds(identify).await?.read(&IDENTITY.of(&node))?;
    expect(told.as_ref().is_some_and(|told| told.serial.as_deref() == Some(serial)), "the identity is told", &told)?;

    let [device, on] = &bench.enter(&name, Environment::Installed)[..] else {
        return Err("two steps bring it up".into());
    };
    bench.differs(device).await?;
    expect(bench.apply(device).await? == Applied::Done, "the boot device is set", ())?;
    let seen: Option<BootDevice> = bench.holds(device).await?.read(&BOOT_DEVICE.of_boot(&node, 1))?;
    expect(seen == Some(BootDevice::Disk), "the boot device is told", seen)?;
    bench.differs(on).await?;
    bench.settle(on).await?;
    let seen: Option<PowerState> = bench.holds(on).await?.read(&POWER.of_boot(&node, 1))?;
    expect(seen == Some(PowerState::On) && machine.is(PowerState::On), "the power is told as it is", seen)?;
    // The machine has used up the override, and still nothing differs.
    bench.holds(device).await?;

    let [off] = &bench.enter(&name, Environment::Off)[..] else { return Err("one step switches it off".into()) };
    bench.differs(off).await?;
    bench.settle(off).await?;
    expect(machine.is(PowerState::Off), "the machine is off", machine.0.power())?;
    let bench = Bench::new(site(&name, kind, bench.settings(&name)?, "another")?)?;
    let [identify] = &bench.proposed()?[..] else { return Err("one step is proposed".into()) };
    bench.differs(identify).await?;
    let Err(error) = bench.apply(identify).await else { return Err("another machine was taken for the node".into()) };
    expect(matches!(error, OperationError::Impossible(_)), "a person must look", error.to_string())?;
    drop(servers);
    Ok(Verdict::Passed)
}

struct Password;

impl Secrets for Password {
    fn resolve(&self, _: &SecretRef) -> Result<Secret, SecretError> {
        Ok(Secret::new("secret".to_owned()))
    }
}

/// The layer with a site of one node, and the providers that it connects.
pub(crate) struct Bench {
    site: Site,
    providers: Providers,
    operations: Operations,
}

impl Bench {
    pub(crate) fn new(site: Site) -> Result<Self, Failure> {
        let mut providers = Providers::new();
        FirmwareLayer.connect(&site, &Password, &mut providers).map_err(|errors| format!("{errors:?}"))?;
        let mut operations = Operations::default();
        FirmwareLayer.operations(&mut operations);
        Ok(Self { site, providers, operations })
    }

    fn settings(&self, node: &NodeName) -> Result<Value, Failure> {
        let access = self.site.nodes.get(node).and_then(|node| node.bmc.as_ref()).ok_or("the node has a BMC")?;
        Ok(access.protocols.first().ok_or("the BMC has a protocol")?.settings.clone())
    }

    fn proposed(&self) -> Result<Vec<Step>, Failure> {
        FirmwareLayer.propose(&self.site, &Observed::new()).map_err(|notes| format!("{notes:?}").into())
    }

    fn enter(&self, node: &NodeName, to: Environment) -> Vec<Step> {
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

    pub(crate) async fn differs(&self, step: &Step) -> Result<(), Failure> {
        match self.check(step).await? {
            Check::Differs(_) => Ok(()),
            other => Err(format!("{} does not differ: {other:?}", step.name).into()),
        }
    }

    /// Applies it and waits as the engine does.
    async fn settle(&self, step: &Step) -> Result<(), Failure> {
        let Applied::Wait { poll, .. } = self.apply(step).await? else { return Err("power takes its time".into()) };
        for _ in 0..20 {
            if matches!(self.check(step).await?, Check::Holds(_)) {
                return Ok(());
            }
            tokio::time::sleep(poll).await;
        }
        Err(format!("{} did not settle", step.name).into())
    }
}

pub(crate) fn site(node: &NodeName, kind: &'static str, settings: Value, serial: &str) -> Result<Site, Failure> {
    let bmc = BmcAccess {
        address: "127.0.0.1".to_owned(),
        user: "admin".to_owned(),
        password: SecretRef::Env("BMC_PASSWORD".to_owned()),
        factory_password: None,
        protocols: vec![Driver { kind: Symbol::of(kind), settings, origin: None }],
        origin: None,
    };
    let node = Node {
        name: node.clone(),
        state: NodeState::Ready,
        rack: None,
        profiles: vec![],
        serial: Some(serial.to_owned()),
        bmc: Some(bmc),
        nics: [].into(),
        outlets: vec![],
        disks: [].into(),
        settings: NodeSettings::default(),
        origin: None,
    };
    let mut site = Site::new(SiteName::new("lab")?);
    site.nodes.insert(node.name.clone(), node);
    Ok(site)
}
