//! Passwords of controllers: given in place of the factory's, rotated, never lost, never told.

use std::sync::Arc;

use dip_core::engine::{Engine, Stop};
use dip_core::id::NodeName;
use dip_core::journal::MemoryJournal;
use dip_core::provider::{Power, Providers};
use dip_core::report::Outcome;
use dip_core::secret::{Secret, SecretRef, Standing};
use dip_core::site::{Lock, Site};
use dip_core::subject::Subject;
use dip_firmware::hygiene::{Keyed, Keyring};
use dip_firmware::provider::Bmc;
use dip_sandbox::Sandbox;

use crate::mortal::{Fate, MortalBmc, MortalStore};
use crate::scene::{apply, engine, layers, node, planned, prepare, ready, site_of, text};

const IN_STORE: (&str, &str) = ("password: env:DIP_BMC_PASSWORD", "password: store:secrets/bmc");

/// One node whose controller has a password of this generation, and whatever else.
fn site(generation: u32, more: &str) -> Arc<Site> {
    let profile = format!("  base:\n    firmware: {{password: {{generation: {generation}}}{more}}}\n");
    site_of(&text(1, &[IN_STORE, ("  base:\n", &profile)]), &Lock::default())
}

fn r1n1() -> NodeName {
    node("r1-n1")
}

fn place(site: &Site) -> SecretRef {
    site.nodes[&r1n1()].bmc.as_ref().expect("it has a BMC").password.clone()
}

/// The password that a store holds for a generation.
fn kept(site: &Site, sandbox: &Sandbox, generation: u32) -> Secret {
    sandbox.secrets().version(&place(site), generation).expect("memory").expect("it is there")
}

/// The controller takes the password of a generation, and not the factory's; the store says so, and nobody was locked out.
fn in_order(site: &Site, sandbox: &Sandbox, generation: u32) {
    let password = kept(site, sandbox, generation);
    assert!(sandbox.lets_in(&r1n1(), "dip", &password), "the controller takes generation {generation}");
    assert!(!sandbox.lets_in(&r1n1(), "dip", &sandbox.factory_password(&r1n1())), "and not the factory's");
    let versions = sandbox.secrets().versions(&place(site)).expect("memory");
    assert_eq!(versions.get(&generation), Some(&Standing::Proved), "{versions:?}");
    assert!(!versions.keys().any(|version| (1..generation).contains(version)), "former ones are gone: {versions:?}");
    assert!(!sandbox.is_locked_out(&r1n1()));
}

#[test]
fn the_password_of_the_factory_is_replaced_and_rotated_when_the_site_says_so() {
    let first = site(1, "");
    let sandbox = Sandbox::new(&first, 1);
    sandbox.block_on(async {
        ready(&apply(&first, &sandbox).await);
        in_order(&first, &sandbox, 1);
        assert!(planned(&first, &sandbox).await.is_empty(), "all is as wanted");
        let former = kept(&first, &sandbox, 1);
        let second = site(2, "");
        assert_eq!(
            planned(&second, &sandbox).await,
            ["firmware.set_password node/r1-n1", "firmware.retire_password node/r1-n1"]
        );
        ready(&apply(&second, &sandbox).await);
        in_order(&second, &sandbox, 2);
        assert!(!sandbox.lets_in(&r1n1(), "dip", &former));
        assert_eq!(sandbox.wrong_logins(&r1n1(), "dip"), 0, "nobody had to guess");
    });
}

/// The sandbox's own providers, but for a keyring and a controller of a program that dies.
fn mortal(site: &Site, sandbox: &Sandbox, fate: &Arc<Fate>) -> Providers {
    let mut providers = sandbox.providers();
    let (subject, lines, dies) = (Subject::node(&r1n1()), sandbox.clone(), fate.clone());
    let making = move |password: &Secret| {
        Ok(Arc::new(MortalBmc(lines.bmc_as(&r1n1(), "dip", password), dies.clone())) as Arc<dyn Bmc>)
    };
    let store = Arc::new(MortalStore(sandbox.secrets(), fate.clone()));
    let factory = Some(sandbox.factory_password(&r1n1()));
    let keyring = Arc::new(Keyring::new("dip", place(site), store, factory, 3, Box::new(making)));
    let keyed = Keyed::new(keyring.clone()).expect("the sandbox makes every client");
    providers.insert::<Keyring>(&subject, keyring);
    providers.insert::<dyn Power>(&subject, Arc::new(keyed.clone()));
    providers.insert::<dyn Bmc>(&subject, Arc::new(keyed));
    providers
}

/// Plans and runs until the program dies or the run ends; tells which, with what the journal holds.
async fn until_death(site: &Arc<Site>, sandbox: &Sandbox, fate: &Arc<Fate>) -> (bool, Arc<MemoryJournal>) {
    let journal = Arc::new(MemoryJournal::new());
    let providers = mortal(site, sandbox, fate);
    let work = async {
        let plan = prepare(site, sandbox, &providers).await.plan;
        engine(sandbox, &providers).run("test", plan, journal.clone(), &Stop::new()).await
    };
    let lived = tokio::select! {
        biased;
        () = fate.died.notified() => false,
        _ = work => true,
    };
    (lived, journal)
}

#[test]
fn a_program_that_dies_anywhere_in_a_rotation_locks_nobody_out() {
    let mut deaths = 0;
    for generation in [1, 2] {
        for point in 0.. {
            let (first, wanted) = (site(1, ""), site(generation, ""));
            let sandbox = Sandbox::new(&first, 1);
            let lived = sandbox.block_on(async {
                if generation == 2 {
                    ready(&apply(&first, &sandbox).await);
                }
                let (lived, journal) = until_death(&wanted, &sandbox, &Fate::at(point)).await;
                // Another program takes the run up, where there was one, and then looks at the site afresh.
                let records = journal.records();
                if !records.is_empty() {
                    let providers = sandbox.providers();
                    let rest = engine(&sandbox, &providers).resume(&records, journal.clone(), &Stop::new()).await;
                    drop(rest);
                }
                ready(&apply(&wanted, &sandbox).await);
                in_order(&wanted, &sandbox, generation);
                assert!(planned(&wanted, &sandbox).await.is_empty(), "nothing is left, after death at point {point}");
                lived
            });
            if lived {
                break;
            }
            deaths += 1;
        }
    }
    assert!(deaths >= 24, "the program died at {deaths} points only");
}

#[test]
fn a_password_that_somebody_else_changed_is_tried_once_by_all_steps_together_and_told() {
    let site = site(1, "");
    let sandbox = Sandbox::new(&site, 1);
    sandbox.block_on(async {
        ready(&apply(&site, &sandbox).await);
        sandbox.by_hand().set_bmc_password(&r1n1(), "dip", &Secret::new("by-hand".to_owned()));
        for _ in 0..4 {
            let prepared = prepare(&site, &sandbox, &sandbox.providers()).await;
            let unknown: Vec<_> = prepared.unknown().map(|(step, gap)| format!("{}: {gap}", step.name)).collect();
            assert!(
                unknown.iter().any(|told| told.contains("log in as `dip`") && told.contains("secrets/bmc/r1-n1")),
                "{unknown:#?}"
            );
            assert_eq!(sandbox.wrong_logins(&r1n1(), "dip"), 1, "it is not tried again, by no later program either");
        }
        assert!(!sandbox.is_locked_out(&r1n1()));
        // A person finds it out and puts it into the store.
        let (store, at) = (sandbox.secrets(), place(&site));
        store.retire(&at, 1).expect("memory");
        store.create(&at, 1, &Secret::new("by-hand".to_owned())).expect("memory");
        store.mark(&at, 1, Standing::Sent).expect("memory");
        ready(&apply(&site, &sandbox).await);
        in_order(&site, &sandbox, 1);
    });
}

#[test]
fn no_password_is_told_by_plan_journal_report_or_error() {
    let wanted = site(1, "");
    let sandbox = Sandbox::new(&wanted, 1);
    sandbox.block_on(async {
        let providers = sandbox.providers();
        let plan = prepare(&wanted, &sandbox, &providers).await.plan;
        let journal = Arc::new(MemoryJournal::new());
        let run = Engine::new(layers().operations(), providers.clone()).clock(Arc::new(sandbox.clock()));
        let report = run.run("test", plan.clone(), journal.clone(), &Stop::new()).await.expect("memory");
        assert_eq!(report.outcome, Outcome::Ready);
        let first = kept(&wanted, &sandbox, 1);
        sandbox.by_hand().set_bmc_password(&r1n1(), "dip", &Secret::new("by-hand".to_owned()));
        let failed = apply(&wanted, &sandbox).await;
        let told = [
            serde_json::to_string(&*plan).expect("a plan"),
            dip_core::plan::render::text(&plan),
            format!("{:?}", journal.records()),
            serde_json::to_string(&report).expect("a report"),
            format!("{failed:?}"),
            serde_json::to_string(&failed).expect("a report"),
            format!("{providers:?} {:?}", providers.find::<Keyring>(&Subject::node(&r1n1())).expect("it has one")),
        ];
        for secret in [first.expose(), "by-hand", sandbox.factory_password(&r1n1()).expose()] {
            for told in &told {
                assert!(!told.contains(secret), "a password is told");
            }
        }
        // Else the searches above would prove nothing.
        assert!(told[2].contains("firmware.set_password"), "{}", told[2]);
    });
}

#[test]
fn a_controller_follows_the_site_and_lets_in_nobody_else() {
    let more = ", controller: {ntp: [10.9.0.123], syslog: [10.9.0.99], weaknesses: close, users: {keep: [rescue], others: disable}}";
    let site = site(1, more);
    let sandbox = Sandbox::new(&site, 1);
    let rescue = Secret::new("in-an-envelope".to_owned());
    let stranger = Secret::new("a-friend".to_owned());
    sandbox.by_hand().set_bmc_password(&r1n1(), "rescue", &rescue);
    sandbox.by_hand().set_bmc_password(&r1n1(), "intruder", &stranger);
    sandbox.block_on(async {
        let prepared = prepare(&site, &sandbox, &sandbox.providers()).await;
        let told: Vec<_> = prepared.differing().map(|(step, diff)| format!("{}: {diff}", step.name)).collect();
        let tells = |text: &str| assert!(told.iter().any(|told| told == text), "{told:#?}");
        tells("firmware.bar_users node/r1-n1: - user intruder");
        tells("firmware.tend_controller node/r1-n1: + time servers 10.9.0.123, + log receivers 10.9.0.99, - weak way in IPMI cipher suite 0");
        ready(&apply(&site, &sandbox).await);
        assert!(sandbox.lets_in(&r1n1(), "rescue", &rescue), "the way in for the day when dip has none stays");
        assert!(!sandbox.lets_in(&r1n1(), "intruder", &stranger));
        assert!(planned(&site, &sandbox).await.is_empty());
    });
}
