//! Who may do what? The program that embeds dip decides: here the night shift may power machines off, and never erase.
//!
//! `cargo run --example decide_who_may`

#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::error::Error;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use dip::core::actor::Actor;
use dip::core::engine::{Clock, TokioClock};
use dip::core::fact::{Fact, FactRegistry, Facts};
use dip::core::guard::{Act, Authority, Consent, Denial, Guard};
use dip::core::id::{LayerId, NodeName, SiteName};
use dip::core::journal::{Command, MemoryJournal};
use dip::core::layer::{ConnectError, Layer, Note};
use dip::core::observed::Observed;
use dip::core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Operations};
use dip::core::provider::Providers;
use dip::core::secret::Secrets;
use dip::core::site::SettingsSchema;
use dip::core::step::{Boot, Hazard, Step};
use dip::core::subject::Subject;
use dip::{Engine, Layers, Limits, Outcome, Planner, Site, Stop};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// The rule of our house. Yours asks a directory, a rota, a policy server; it is asked before each run and each apply.
#[derive(Debug)]
struct House;

#[async_trait]
impl Authority for House {
    async fn may<'a>(&self, who: &Actor, act: Act<'a>) -> Result<(), Denial> {
        let is_night_shift = who.as_str().starts_with("night-");
        match act {
            Act::Apply(planned) if is_night_shift && planned.step.hazard == Hazard::Erases => {
                Err(Denial::new("the night shift erases nothing; the day shift goes on with the run"))
            }
            Act::Order(Command::Skip { .. }) if is_night_shift => {
                Err(Denial::new("the night shift leaves nothing out"))
            }
            _ => Ok(()),
        }
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let machine = Arc::new(Mutex::new(Machine { has_power: true, disk: Some("a cluster's data".to_owned()) }));
    let mut providers = Providers::new();
    providers.insert::<Mutex<Machine>>(&subject()?, Arc::clone(&machine));
    let layers = Layers::new().with(Retirement);
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at("2026-01-05T23:00:00Z".parse()?));
    let site = Arc::new(Site::new(SiteName::new("lab")?));
    let limits = Limits::default();
    let plan = Planner::new(&layers, &providers)
        .limits(limits.clone())
        .clock(&*clock)
        .prepare(Arc::clone(&site), &mut Observed::new())
        .await?
        .plan;

    // Somebody who knows the machine has consented. That it may be erased does not say by whom.
    let given = clock.now();
    let consent = Consent {
        site: site.name.clone(),
        node: node()?,
        serials: [SERIAL.to_owned()].into(),
        plan: Some(plan.id().clone()),
        by: Actor::new("ada")?,
        reason: "it leaves the site".to_owned(),
        given,
        expires: given.checked_add(SignedDuration::from_hours(12))?,
    };
    let guard = Guard { consents: vec![consent.checked()?], ..Guard::default() };
    let engine = |who: &str| -> Result<Engine, Box<dyn Error>> {
        let engine = Engine::new(layers.operations(), providers.clone()).clock(Arc::clone(&clock));
        Ok(engine.guard(guard.clone()).authority(Arc::new(House)).acting_for(Actor::new(who)?))
    };

    let journal = Arc::new(MemoryJournal::new());
    let report = engine("night-bob")?.run("retire", plan, Arc::clone(&journal) as _, &Stop::new()).await?;
    print!("{report}");
    {
        let machine = machine.lock().expect("nobody panics with the machine");
        assert!(!machine.has_power && machine.disk.is_some() && report.outcome == Outcome::Failed);
    }

    let records = journal.records();
    let report = engine("day-eve")?.resume(&records, Arc::new(MemoryJournal::new()), &Stop::new()).await?;
    print!("\nIn the morning:\n{report}");
    assert_eq!(report.outcome, Outcome::Ready);
    assert!(machine.lock().expect("nobody panics with the machine").disk.is_none());
    Ok(())
}

/// The machine that is retired; in a real site a BMC and a host.
#[derive(Debug)]
struct Machine {
    has_power: bool,
    disk: Option<String>,
}

const SERIAL: &str = "S3Z8NX0K";
const OFF: Fact<bool> = Fact::new("retirement.off");
const EMPTY: Fact<bool> = Fact::new("retirement.empty");

fn node() -> Result<NodeName, Box<dyn Error>> {
    Ok(NodeName::new("r1-n1")?)
}

fn subject() -> Result<Subject, Box<dyn Error>> {
    Ok(Subject::node(&node()?))
}

/// A layer of our own: power off, and wipe from outside.
#[derive(Debug)]
struct Retirement;

impl Layer for Retirement {
    fn id(&self) -> LayerId {
        LayerId::Firmware
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&OFF, "The machine has no power.");
        known.declare(&EMPTY, "The machine's disk holds nothing.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<PowerOff>();
        known.register::<Wipe>();
    }

    fn settings(&self) -> SettingsSchema {
        SettingsSchema::default()
    }

    fn connect(&self, _: &Site, _: &dyn Secrets, _: &mut Providers) -> Result<(), Vec<ConnectError>> {
        Ok(())
    }

    fn propose(&self, _: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let subject = subject().map_err(|error| vec![Note { text: error.to_string(), origin: None }])?;
        let off = Step::new(self.id(), subject.clone(), &PowerOff(subject.clone())).give(OFF.of(&subject));
        let wipe = Step::new(self.id(), subject.clone(), &Wipe(subject.clone())).give(EMPTY.of(&subject));
        // It says what it may do: that is what consents, ceilings and the rule above go by.
        Ok(vec![off.hazard(Hazard::Disrupts), wipe.need_facts([OFF.of(&subject)]).erasing([SERIAL])])
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct PowerOff(Subject);

#[async_trait]
impl Operation for PowerOff {
    const NAME: &'static str = "retirement.power_off";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let machine = cx.provider::<Mutex<Machine>>(&self.0)?;
        let has_power = machine.lock().expect("nobody panics with the machine").has_power;
        Ok(match has_power {
            true => Check::Differs(Diff::of("power", Some("on"), Some("off"))),
            false => Check::Holds(Facts::new().with(&OFF, &self.0, &true)),
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let machine = cx.provider::<Mutex<Machine>>(&self.0)?;
        machine.lock().expect("nobody panics with the machine").has_power = false;
        Ok(Applied::Done)
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Wipe(Subject);

#[async_trait]
impl Operation for Wipe {
    const NAME: &'static str = "retirement.wipe";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let machine = cx.provider::<Mutex<Machine>>(&self.0)?;
        let disk = machine.lock().expect("nobody panics with the machine").disk.clone();
        Ok(match disk {
            Some(data) => Check::Differs(Diff::of("disk", Some(data), None::<&str>)),
            None => Check::Holds(Facts::new().with(&EMPTY, &self.0, &true)),
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let machine = cx.provider::<Mutex<Machine>>(&self.0)?;
        machine.lock().expect("nobody panics with the machine").disk = None;
        Ok(Applied::Done)
    }
}
