//! Passwords of models over HTTP: rotated in each maker's own way, and never so that a user is locked.

use std::sync::Arc;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::id::NodeName;
use dip_core::operation::Check;
use dip_core::provider::sentence;
use dip_core::secret::{MemoryStore, Secret, SecretRef, SecretStore, Standing};
use serde_json::json;

use super::guarded::Guarded;
use crate::bench::{Bench, Known, node, protocol};
use crate::machine::{expect, on_a_thread};
use crate::model::Maker;

const FACTORY: &str = "password";

pub(crate) fn trials() -> Vec<Trial> {
    let rotated = Maker::ALL
        .map(|maker| on_a_thread("a_password_is_rotated_in_two_phases", move || rotated(maker)).on(maker.name()));
    let mut trials: Vec<Trial> = rotated.into();
    trials.extend(
        [
            on_a_thread("a_crash_costs_one_wrong_login_and_locks_nobody", crash),
            on_a_thread("passwords_that_are_all_wrong_are_tried_until_one_more_could_lock_the_user", all_wrong),
        ]
        .map(|trial| trial.on("model that locks its users")),
    );
    trials
}

fn place() -> SecretRef {
    "store:secrets/n1".parse().expect("a reference")
}

fn program(guarded: &Guarded, store: &Arc<MemoryStore>, generation: u32) -> Result<Bench, Failure> {
    let protocols = vec![protocol("redfish", json!({ "port": guarded.addr.port(), "scheme": "http" }))];
    let firmware = json!({ "password": { "generation": generation, "lockout_after": 3 } });
    let node = node(&NodeName::new("n1")?, "store:secrets/n1", protocols, Some(firmware));
    let store: Arc<dyn SecretStore> = store.clone();
    Bench::new(node, &Known { password: FACTORY, store: Some(store) })
}

fn standing(store: &MemoryStore, version: u32) -> Result<Option<Standing>, Failure> {
    Ok(store.versions(&place())?.get(&version).copied())
}

async fn rotated(maker: Maker) -> Result<Verdict, Failure> {
    let guarded = Guarded::start(maker, 3).await?;
    let store = Arc::new(MemoryStore::new());
    for generation in [1, 2] {
        let bench = program(&guarded, &store, generation)?;
        bench.bring("firmware.set_password").await?;
        let retire = bench.step("firmware.retire_password")?;
        if let Check::Differs(_) = bench.check(&retire).await? {
            bench.apply(&retire).await?;
        }
        bench.holds(&retire).await?;
        let is = standing(&store, generation)?;
        expect(is == Some(Standing::Proved), "it is proved", is)?;
    }
    expect(guarded.wrong() == 0 && standing(&store, 1)?.is_none(), "nobody had to guess", guarded.wrong())?;
    let again = program(&guarded, &store, 2)?;
    again.holds(&again.step("firmware.set_password")?).await?;
    Ok(Verdict::Passed)
}

async fn crash() -> Result<Verdict, Failure> {
    let guarded = Guarded::start(Maker::OpenBmc, 2).await?;
    let store = Arc::new(MemoryStore::new());
    program(&guarded, &store, 1)?.bring("firmware.set_password").await?;
    // A program that died between the note and the call leaves this.
    store.create(&place(), 2, &Secret::new("Never-arrived-22".to_owned()))?;
    store.mark(&place(), 2, Standing::Sent)?;
    let bench = program(&guarded, &store, 2)?;
    let step = bench.step("firmware.set_password")?;
    bench.differs(&step).await?;
    bench.apply(&step).await?;
    bench.holds(&step).await?;
    expect(!guarded.is_locked() && standing(&store, 2)? == Some(Standing::Proved), "it took it", guarded.wrong())?;
    Ok(Verdict::Passed)
}

async fn all_wrong() -> Result<Verdict, Failure> {
    let guarded = Guarded::start(Maker::Hpe, 3).await?;
    let store = Arc::new(MemoryStore::new());
    for version in 1..=4 {
        store.create(&place(), version, &Secret::new(format!("Wrong-{version}")))?;
        store.mark(&place(), version, Standing::Proved)?;
    }
    for _ in 0..3 {
        // Each is a program of its own; the store remembers between them.
        let bench = program(&guarded, &store, 5)?;
        let step = bench.step("firmware.set_password")?;
        let Err(error) = bench.check(&step).await else { return Err("none of them is right".into()) };
        let said = sentence(&error);
        expect(said.contains("one more wrong login could lock the user `admin`"), "it says why", &said)?;
        expect(said.contains("store:secrets/n1") && !said.contains("Wrong-"), "it says where, and no password", &said)?;
        expect(guarded.wrong() == 2, "one less than lock it were tried, by all programs together", guarded.wrong())?;
    }
    // A person finds out which it is, puts it into the place of one that was refused, and marks it as sent.
    store.retire(&place(), 4)?;
    store.create(&place(), 4, &Secret::new(FACTORY.to_owned()))?;
    store.mark(&place(), 4, Standing::Sent)?;
    program(&guarded, &store, 5)?.bring("firmware.set_password").await?;
    expect(!guarded.is_locked() && standing(&store, 5)? == Some(Standing::Proved), "it goes on", guarded.wrong())?;
    Ok(Verdict::Passed)
}
