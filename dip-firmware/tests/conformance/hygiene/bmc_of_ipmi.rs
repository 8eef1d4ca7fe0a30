//! Passwords, users and weak ways in of `ipmi_sim`; `ipmitool` says who gets in.

use std::sync::Arc;
use std::time::Duration;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::fact::firmware::{BMC_PASSWORD, BMC_STRANGERS, BMC_WEAKNESSES};
use dip_core::id::NodeName;
use dip_core::operation::Check;
use dip_core::secret::{DirectoryStore, Secret, SecretError, SecretRef, SecretStore, Standing, Versions};
use dip_core::subject::Subject;
use dip_lab::{IpmiSim, LabError};
use serde_json::{Value, json};

use crate::bench::{Bench, Known, node, protocol};
use crate::ipmi;
use crate::machine::{Machine, expect, on_a_thread, trials_on};

const FACTORY: &str = "secret";

pub(crate) async fn trials() -> Vec<Trial> {
    let mut trials = with("passwords", "a_password_is_rotated_and_the_former_one_is_worth_nothing", rotated).await;
    trials.extend(
        with("before", "a_program_that_dies_before_it_tells_the_bmc_goes_on_by_the_former_password", before).await,
    );
    trials
        .extend(with("amid", "a_program_that_dies_amid_telling_the_bmc_finds_out_which_password_it_took", amid).await);
    trials.extend(with("users", "users_whom_the_site_does_not_name_are_told_and_barred", users).await);
    trials.extend(with("weak", "weak_ways_in_are_told_and_those_that_stay_are_an_error", weak).await);
    trials.extend(with("clock", "what_ipmi_cannot_set_is_told_in_a_sentence", beyond).await);
    trials
}

async fn with<F, R>(name: &str, story: &'static str, run: F) -> Vec<Trial>
where
    F: FnOnce(Lab) -> R + Send + 'static,
    R: Future<Output = Result<Verdict, Failure>> + 'static,
{
    let started: Result<(Machine, IpmiSim), LabError> = ipmi::start(&format!("hygiene-{name}")).await;
    trials_on("ipmi_sim", started, move |(machine, sim)| vec![on_a_thread(story, move || run(Lab { machine, sim }))])
}

/// A BMC whose passwords are kept beside its machine.
struct Lab {
    machine: Machine,
    sim: IpmiSim,
}

impl Lab {
    fn store(&self) -> Arc<dyn SecretStore> {
        Arc::new(DirectoryStore::new(self.machine.0.dir()))
    }

    /// A program that was just started, with what the site wants by now.
    fn program(&self, store: Arc<dyn SecretStore>, firmware: Value) -> Result<Bench, Failure> {
        let protocols = vec![protocol("ipmi", json!({ "port": self.sim.addr.port() }))];
        let node = node(&NodeName::new("n1")?, "store:secrets/n1", protocols, Some(firmware));
        Bench::new(node, &Known { password: FACTORY, store: Some(store) })
    }

    /// A program whose BMC has the password that it was shipped with.
    fn plain(&self, firmware: Value) -> Result<Bench, Failure> {
        let protocols = vec![protocol("ipmi", json!({ "port": self.sim.addr.port() }))];
        let node = node(&NodeName::new("n1")?, "env:BMC_PASSWORD", protocols, Some(firmware));
        Bench::new(node, &Known { password: FACTORY, store: None })
    }

    /// Whether `ipmitool` gets in.
    async fn lets_in(&self, user: &str, password: &str) -> bool {
        let (host, port) = (self.sim.addr.ip().to_string(), self.sim.addr.port().to_string());
        let mut tool = tokio::process::Command::new("ipmitool");
        tool.args(["-I", "lanplus", "-C", "3", "-H", &host, "-p", &port, "-L", "USER", "-U", user, "-P", password]);
        tool.args(["chassis", "status"]).kill_on_drop(true);
        tool.output().await.is_ok_and(|output| output.status.success())
    }

    /// The BMC takes the password of a generation and none of the others, and the store says so.
    async fn in_order(&self, generation: u32, others: &[Secret]) -> Result<(), Failure> {
        let (store, at) = (self.store(), place());
        let password = store.version(&at, generation)?.ok_or("the store has it")?;
        expect(self.lets_in("admin", password.expose()).await, "ipmitool gets in by the new password", generation)?;
        expect(!self.lets_in("admin", FACTORY).await, "and not by that of the factory", ())?;
        for (number, other) in others.iter().enumerate() {
            expect(!self.lets_in("admin", other.expose()).await, "and not by a former one", number)?;
        }
        let versions = store.versions(&at)?;
        let left: Vec<_> = versions.into_iter().filter(|(version, _)| *version > 0).collect();
        expect(left == [(generation, Standing::Proved)], "it is proved, and former ones are forgotten", &left)
    }
}

fn place() -> SecretRef {
    "store:secrets/n1".parse().expect("a reference")
}

fn generation(generation: u32) -> Value {
    json!({ "password": { "generation": generation } })
}

async fn rotate(bench: &Bench, generation: u32) -> Result<(), Failure> {
    let told: Option<u32> =
        bench.bring("firmware.set_password").await?.read(&BMC_PASSWORD.of(&Subject::node(&NodeName::new("n1")?)))?;
    expect(told == Some(generation), "the generation is told", told)?;
    let retire = bench.step("firmware.retire_password")?;
    if let Check::Differs(_) = bench.check(&retire).await? {
        bench.apply(&retire).await?;
    }
    bench.holds(&retire).await.map(drop)
}

async fn rotated(lab: Lab) -> Result<Verdict, Failure> {
    let mut former: Vec<Secret> = Vec::new();
    for wanted in 1..=3 {
        rotate(&lab.program(lab.store(), generation(wanted))?, wanted).await?;
        lab.in_order(wanted, &former).await?;
        former.extend(lab.store().version(&place(), wanted)?);
    }
    let again = lab.program(lab.store(), generation(3))?;
    again.holds(&again.step("firmware.set_password")?).await?;
    again.holds(&again.step("firmware.retire_password")?).await?;
    Ok(Verdict::Passed)
}

/// A store of a program that dies once it has noted that a password is on its way.
#[derive(Debug)]
pub(super) struct Dying(pub(super) Arc<dyn SecretStore>);

impl SecretStore for Dying {
    fn versions(&self, at: &SecretRef) -> Result<Versions, SecretError> {
        self.0.versions(at)
    }

    fn version(&self, at: &SecretRef, version: u32) -> Result<Option<Secret>, SecretError> {
        self.0.version(at, version)
    }

    fn create(&self, at: &SecretRef, version: u32, secret: &Secret) -> Result<Secret, SecretError> {
        self.0.create(at, version, secret)
    }

    fn mark(&self, at: &SecretRef, version: u32, standing: Standing) -> Result<(), SecretError> {
        self.0.mark(at, version, standing)?;
        if standing == Standing::Sent { Err(SecretError::Unproved(at.clone())) } else { Ok(()) }
    }

    fn retire(&self, at: &SecretRef, version: u32) -> Result<(), SecretError> {
        self.0.retire(at, version)
    }
}

async fn before(lab: Lab) -> Result<Verdict, Failure> {
    rotate(&lab.program(lab.store(), generation(1))?, 1).await?;
    let first = lab.store().version(&place(), 1)?.ok_or("the store has it")?;
    let dying = lab.program(Arc::new(Dying(lab.store())), generation(2))?;
    let died = dying.apply(&dying.step("firmware.set_password")?).await;
    expect(died.is_err(), "it dies between the two phases", &died)?;
    let standing = lab.store().versions(&place())?.get(&2).copied();
    expect(standing == Some(Standing::Sent), "the store says that it may have arrived", standing)?;
    expect(lab.lets_in("admin", first.expose()).await, "it has not", ())?;
    // The one that was sent is tried first, and costs a wrong login; then the former one gets in, and is replaced after all.
    let sent = lab.store().version(&place(), 2)?.ok_or("the store has it")?;
    rotate(&lab.program(lab.store(), generation(2))?, 2).await?;
    let kept = lab.store().version(&place(), 2)?.ok_or("the store has it")?;
    expect(kept.expose() == sent.expose(), "no other password was made for it", ())?;
    lab.in_order(2, &[first]).await?;
    Ok(Verdict::Passed)
}

async fn amid(lab: Lab) -> Result<Verdict, Failure> {
    rotate(&lab.program(lab.store(), generation(1))?, 1).await?;
    let mut former = vec![lab.store().version(&place(), 1)?.ok_or("the store has it")?];
    let (mut wanted, mut dropped) = (1, 0);
    // A login and the change take some ten milliseconds here: it dies before, in and after each exchange.
    for patience in (0..60).step_by(4).map(Duration::from_millis) {
        wanted += 1;
        let program = lab.program(lab.store(), generation(wanted))?;
        let step = program.step("firmware.set_password")?;
        dropped += usize::from(tokio::time::timeout(patience, program.apply(&step)).await.is_err());
        drop(program);
        let next = lab.program(lab.store(), generation(wanted))?;
        if let Check::Differs(_) = next.check(&next.step("firmware.set_password")?).await? {
            next.apply(&next.step("firmware.set_password")?).await?;
        }
        next.holds(&next.step("firmware.set_password")?).await?;
        next.apply(&next.step("firmware.retire_password")?).await?;
        lab.in_order(wanted, former.last().map(std::slice::from_ref).unwrap_or_default()).await?;
        former.extend(lab.store().version(&place(), wanted)?);
    }
    expect(dropped >= 3, "it died in the middle", dropped)?;
    Ok(Verdict::Passed)
}

async fn users(lab: Lab) -> Result<Verdict, Failure> {
    let node = Subject::node(&NodeName::new("n1")?);
    expect(lab.lets_in("oper", "operpw").await, "the operator gets in", ())?;
    let users = |keep: &[&str], others: &str| json!({ "controller": { "users": { "keep": keep, "others": others } } });
    let report = lab.plain(users(&[], "report"))?;
    let told: Option<Vec<String>> =
        report.holds(&report.step("firmware.bar_users")?).await?.read(&BMC_STRANGERS.of(&node))?;
    expect(told.as_ref().is_some_and(|told| told.iter().any(|name| name == "oper")), "he is told", &told)?;
    let kept = lab.plain(users(&["oper"], "disable"))?;
    let told: Option<Vec<String>> = kept.bring("firmware.bar_users").await?.read(&BMC_STRANGERS.of(&node))?;
    expect(told == Some(vec![]) && lab.lets_in("oper", "operpw").await, "one that is kept stays", &told)?;
    lab.plain(users(&[], "disable"))?.bring("firmware.bar_users").await?;
    expect(!lab.lets_in("oper", "operpw").await, "the others are barred", ())?;
    expect(lab.lets_in("admin", FACTORY).await, "and dip is not", ())?;
    Ok(Verdict::Passed)
}

async fn weak(lab: Lab) -> Result<Verdict, Failure> {
    let node = Subject::node(&NodeName::new("n1")?);
    let report = lab.plain(json!({ "controller": { "weaknesses": "report" } }))?;
    let step = report.step("firmware.tend_controller")?;
    let told: Vec<String> = report.holds(&step).await?.read(&BMC_WEAKNESSES.of(&node))?.unwrap_or_default();
    expect(told.iter().any(|weak| weak.contains("IPMI 1.5")), "they are told", &told)?;
    let close = lab.plain(json!({ "controller": { "weaknesses": "close" } }))?;
    let step = close.step("firmware.tend_controller")?;
    close.differs(&step).await?;
    let Err(error) = close.apply(&step).await else { return Err("ipmi_sim cannot close all of them".into()) };
    let said = error.to_string();
    expect(
        said.contains("cannot close these weak ways in") && said.contains("IPMI 1.5"),
        "those that stay are named",
        &said,
    )?;
    let left: Vec<String> = report
        .holds(&report.step("firmware.tend_controller")?)
        .await?
        .read(&BMC_WEAKNESSES.of(&node))?
        .unwrap_or_default();
    expect(left.len() < told.len(), "the others were closed", (&told, &left))?;
    Ok(Verdict::Passed)
}

async fn beyond(lab: Lab) -> Result<Verdict, Failure> {
    for setting in ["ntp", "syslog"] {
        let bench = lab.plain(json!({ "controller": { setting: ["192.0.2.123"] } }))?;
        let step = bench.step("firmware.tend_controller")?;
        bench.differs(&step).await?;
        let Err(error) = bench.apply(&step).await else { return Err("IPMI has no command for it".into()) };
        let said = dip_core::provider::sentence(&error);
        expect(said.contains("IPMI has no command for it; use Redfish"), "it says what to do", &said)?;
    }
    Ok(Verdict::Passed)
}
