//! Guards: what is refused before anything happens, what is refused in the middle, and what lifts it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::actor::Actor;
use dip_core::engine::{Control, EngineError, Status, Stop};
use dip_core::fact::FactKey;
use dip_core::fact::os::DISK_SERIALS;
use dip_core::guard::{Act, Approval, Authority, Consent, Denial, Erasure, Guard, Refusal};
use dip_core::id::SiteName;
use dip_core::journal::{Command, Event, FailureKind, Journal, MemoryJournal, Order, Record};
use dip_core::plan::{Plan, render};
use dip_core::provider::ErrorKind;
use dip_core::report::{Outcome, Report};
use dip_core::site::{Approvals, Ceilings};
use dip_core::step::{Environment, Hazard, Step, StepName};
use dip_core::subject::Subject;
use jiff::{SignedDuration, Timestamp};

use crate::run::status;
use crate::toy::{Stage, is_set, node, see_disks, set, wipe};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn actor(name: &str) -> Actor {
    Actor::new(name).expect("a name")
}

/// Ada consents to the erasing of disks, for four hours from the start of each test.
pub(crate) fn consent(of: &str, serials: &[&str]) -> Consent {
    let given = at("2026-01-01T00:00:00Z");
    let consent = Consent {
        site: SiteName::new("toy").expect("a name"),
        node: node(of),
        serials: serials.iter().map(|serial| (*serial).to_owned()).collect(),
        plan: None,
        by: actor("ada"),
        reason: "it is to be installed anew".to_owned(),
        given,
        expires: given + SignedDuration::from_hours(4),
    };
    consent.checked().expect("it is one")
}

fn approval(plan: &Plan, by: &str) -> Approval {
    let ticket = Some("CHG-7".to_owned());
    Approval { plan: plan.id().clone(), by: actor(by), at: at("2026-01-01T00:00:00Z"), ticket, note: None }
}

impl Stage {
    async fn plan(&self) -> Arc<Plan> {
        self.prepare().await.expect("a plan").plan
    }

    /// What guards refuse of the plan as it stands.
    async fn refused(&self) -> Vec<Refusal> {
        let plan = self.plan().await;
        self.guard.review(&plan, self.clock.now()).map_or_else(|refusals| refusals.refusals, |()| Vec::new())
    }

    /// Tries to run, and tells why it was refused.
    async fn refusal(&self) -> String {
        let plan = self.plan().await;
        let journal = Arc::new(MemoryJournal::new());
        let run = self.engine().run("r1", plan, Arc::clone(&journal) as Arc<dyn Journal>, &Stop::new()).await;
        assert!(journal.records().is_empty() && self.applied().is_empty(), "nothing was begun");
        match run {
            Err(EngineError::Refused(refusals)) => refusals.to_string(),
            other => panic!("it was not refused: {other:?}"),
        }
    }

    async fn go_on(&self, records: &[Record]) -> (Report, Vec<Record>) {
        let journal = Arc::new(MemoryJournal::new());
        let run = self.engine().resume(records, Arc::clone(&journal) as Arc<dyn Journal>, &Stop::new()).await;
        (run.expect("a run"), [records, &journal.records()].concat())
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_erased_that_nobody_has_consented_to() {
    let stage = Stage::new(vec![set("record", &[]), wipe("disks", "n1", &["S1", "S2"])]);
    let told = stage.refusal().await;
    assert!(told.contains("`toy.set node/n1 disks` erases S1 S2 of n1: nobody has consented to it"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_consent_that_names_node_and_serials_lifts_it_and_is_written_down_first() {
    let mut stage = Stage::new(vec![wipe("disks", "n1", &["S1", "S2"])]);
    stage.guard.consents.push(consent("n1", &["S1", "S2", "S3"]));
    let (report, records) = stage.run().await;
    assert_eq!((report.outcome, stage.applied()), (Outcome::Ready, vec!["disks".to_owned()]));
    let place = |wanted: fn(&Event) -> bool| records.iter().position(|record| wanted(&record.event));
    let consented = place(|event| matches!(event, Event::Consented { consent } if consent.by.as_str() == "ada"));
    assert!(consented.is_some() && consented < place(|event| matches!(event, Event::Started { .. })), "{records:?}");
}

#[tokio::test(start_paused = true)]
async fn a_consent_that_does_not_fit_is_told_with_what_it_lacks() {
    let mut stage = Stage::new(vec![wipe("disks", "n1", &["S1", "S2"])]);
    let other = Stage::new(vec![set("other", &[])]).plan().await;
    let fits = consent("n1", &["S1", "S2"]);
    let cases = [
        (Consent { serials: BTreeSet::from(["S1".to_owned()]), ..fits.clone() }, "the consent of ada does not name S2"),
        (Consent { node: node("n2"), ..fits.clone() }, "nobody has consented to it"),
        (Consent { site: SiteName::new("other").expect("a name"), ..fits.clone() }, "nobody has consented to it"),
        (Consent { expires: stage.clock.now(), ..fits.clone() }, "the consent of ada expired at 2026-01-01T00:00:00Z"),
        (
            Consent { plan: Some(other.id().clone()), ..fits.clone() },
            &format!("the consent of ada is for plan {}", other.id().short()),
        ),
    ];
    for (consent, lack) in cases {
        stage.guard.consents = vec![consent];
        let told = stage.refusal().await;
        assert!(told.contains(lack), "{lack} is not in {told}");
    }
    stage.guard.consents = vec![Consent { plan: Some(stage.plan().await.id().clone()), ..fits }];
    assert!(stage.refused().await.is_empty(), "one for this plan fits");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_does_not_say_what_it_erases_never_runs() {
    let mut stage = Stage::new(vec![wipe("disks", "n1", &[]), set("pool", &[]).erasing(["S1"])]);
    stage.guard.consents.push(consent("n1", &["S1"]));
    let told = stage.refusal().await;
    assert!(told.contains("it does not say the serial numbers of what it erases"), "{told}");
    assert!(told.contains("it belongs to no node, so no consent can name what it erases"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_consent_that_expires_during_the_run_stops_its_step_and_no_other() {
    let steps = vec![
        set("slow", &[]),
        wipe("disks", "n1", &["S1"]).need_facts([is_set("slow")]),
        set("after", &["slow"]),
        set("built", &["disks"]),
    ];
    let mut stage = Stage::new(steps);
    let short = Consent { expires: at("2026-01-01T00:00:10Z"), ..consent("n1", &["S1"]) };
    stage.guard.consents.push(short);
    stage.change(|world| world.slow.insert("slow".to_owned(), Duration::from_secs(20)));
    let (report, records) = stage.run().await;
    let Status::Failed { error, kind: FailureKind::Refused } = status(&report, "n1") else { panic!("{report}") };
    assert!(error.starts_with("nothing was erased: the consent of ada expired at 2026-01-01T00:00:10Z"), "{error}");
    assert!(report.to_string().contains("refused: toy.set node/n1 disks"), "{report}");
    assert!(matches!(status(&report, "built"), Status::Blocked { .. }));
    assert!(matches!(status(&report, "after"), Status::Settled(_)));
    assert_eq!(stage.applied(), ["slow", "after"]);
    // Whoever goes on needs one that holds; what was consented to before is known from the journal.
    let resumed = stage.engine().resume(&records, Arc::new(MemoryJournal::new()), &Stop::new()).await;
    assert!(matches!(resumed, Err(EngineError::Refused(_))), "{resumed:?}");
    stage.guard.consents = vec![consent("n1", &["S1"])];
    let (report, _) = stage.go_on(&records).await;
    assert_eq!(report.outcome, Outcome::Ready);
}

#[tokio::test(start_paused = true)]
async fn what_was_consented_to_is_known_to_whoever_goes_on_with_the_run() {
    let mut stage = Stage::new(vec![set("a", &[]), wipe("disks", "n1", &["S1"]).need_facts([is_set("a")])]);
    stage.guard.consents.push(consent("n1", &["S1"]));
    let (_, records) = stage.run().await;
    let cut = records.iter().position(|record| matches!(record.event, Event::Started { .. })).expect("a start");
    stage.change(|world| world.things.clear());
    stage.guard = Guard::default();
    let (report, records) = stage.go_on(&records[..cut]).await;
    assert_eq!(report.outcome, Outcome::Ready);
    let consents = records.iter().filter(|record| matches!(record.event, Event::Consented { .. })).count();
    assert_eq!(consents, 1, "what is known is not written down again");
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_was_swapped_after_the_consent_is_not_erased() {
    let disks = DISK_SERIALS.of(&Subject::node(&node("n1")));
    let mut stage = Stage::new(vec![see_disks("n1"), wipe("disks", "n1", &["S1", "S2"]).read(disks)]);
    stage.guard.consents.push(consent("n1", &["S1", "S2"]));
    let there = |serials: &[&str]| serials.iter().map(|serial| (*serial).to_owned()).collect::<BTreeSet<_>>();
    // Nobody has seen the disks when the run begins; discovery sees them, and one is another.
    stage.change(|world| world.hidden.insert(node("n1"), there(&["S1", "S9"])));
    let (report, _) = stage.run().await;
    let failure = report.failures().next().expect("a failure");
    assert_eq!(failure.name.as_str(), "toy.set node/n1 disks");
    assert!(
        matches!(&failure.status, Status::Failed { error, kind: FailureKind::Refused } if error.contains("S2 is not in the node: S1 S9 was seen there")),
        "{failure:?}"
    );
    assert!(stage.applied().is_empty());
    // Where they were seen before, it is told before.
    let told = stage.refusal().await;
    assert!(told.contains("S2 is not in the node: S1 S9 was seen there"), "{told}");
    stage.change(|world| world.disks.insert(node("n1"), there(&["S1", "S2", "S3"])));
    assert_eq!(stage.run().await.0.outcome, Outcome::Ready);
}

/// State kept beside the object was lost in a move, and running clusters were reinstalled.
#[tokio::test(start_paused = true)]
async fn state_lost_in_a_move_does_not_reinstall_running_clusters() {
    let install = |name: &String| wipe(&format!("{name}-image"), name, &[&format!("{name}-disk")]);
    let nodes: Vec<String> = (1..=3).map(|number| format!("n{number}")).collect();
    let mut stage = Stage::new(nodes.iter().map(install).collect());
    let bound = stage.plan().await.id().clone();
    for name in &nodes {
        let consent = consent(name, &[&format!("{name}-disk")]);
        stage.guard.consents.push(Consent { plan: Some(bound.clone()), ..consent });
    }
    let (report, _) = stage.run().await;
    assert_eq!((report.outcome, stage.applied().len()), (Outcome::Ready, 3));
    // The controller moves and loses what it knew: to it, two of the running nodes look as if they were never installed.
    stage.change(|world| {
        world.things.retain(|name| name == "n1-image");
        world.applied.clear();
    });
    let told = stage.refusal().await;
    assert!(told.contains("2 steps would erase data without consent"), "{told}");
    assert!(told.contains(&format!("the consent of ada is for plan {}", bound.short())), "{told}");
}

/// Changing one BIOS flag made operators fear a reinstall.
#[tokio::test(start_paused = true)]
async fn changing_one_bios_flag_says_that_it_reboots_and_erases_nothing() {
    let n1 = node("n1");
    let flag = set("flag", &[]).in_environment(&n1, Environment::Off).hazard(Hazard::Disrupts);
    let stage = Stage::new(vec![flag, set("file", &[]).in_environment(&n1, Environment::Installed)]);
    stage.change(|world| {
        world.nodes.insert(n1.clone(), Environment::Installed);
        world.things.insert("file".to_owned());
    });
    let plan = stage.plan().await;
    let text = render::text(&plan);
    assert!(text.contains("[disrupts]") && text.contains("boots: 2 in all") && !text.contains("ERASES"), "{text}");
    assert!(Erasure::all(&plan).is_empty());
    let (report, records) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Ready);
    assert!(!records.iter().any(|record| matches!(record.event, Event::Consented { .. })), "nobody was asked to");
}

/// Nodes whose work must be done while they are off.
fn rebooted(nodes: usize) -> Stage {
    let stage = Stage::new((1..=nodes).flat_map(rebooting).collect());
    stage.change(|world| world.things.extend((1..=nodes).map(|n| format!("file{n}"))));
    stage
}

fn rebooting(n: usize) -> [Step; 2] {
    let of = node(&format!("n{n}"));
    let (dimm, file) = (set(&format!("dimm{n}"), &[]), set(&format!("file{n}"), &[]));
    [dimm.in_environment(&of, Environment::Off), file.in_environment(&of, Environment::Installed)]
}

fn run_all(stage: &Stage, nodes: usize) {
    stage.change(|world| world.nodes = (1..=nodes).map(|n| (node(&format!("n{n}")), Environment::Installed)).collect());
}

#[tokio::test(start_paused = true)]
async fn a_merge_that_would_reboot_half_the_site_is_refused_and_one_that_is_meant_goes_on() {
    let mut stage = rebooted(6);
    assert!(stage.refused().await.is_empty(), "nodes that are off are brought up, and nobody misses them");
    run_all(&stage, 6);
    let told = stage.refusal().await;
    assert!(
        told.contains("running nodes would be rebooted 6 times, and one run may do that 5 times:\n    node/n{1..6}"),
        "{told}"
    );
    assert!(told.contains("--max-reboots 6 or `conduct.ceilings.reboots`"), "{told}");
    stage.guard.ceilings.reboots = Some(6);
    assert_eq!(stage.run().await.0.outcome, Outcome::Ready);
}

#[tokio::test(start_paused = true)]
async fn the_site_sets_ceilings_and_the_caller_has_the_last_word() {
    let mut stage = rebooted(2);
    run_all(&stage, 2);
    assert!(stage.refused().await.is_empty(), "two are few");
    Arc::make_mut(&mut stage.site).conduct.ceilings = Ceilings { reboots: Some(1), ..Ceilings::default() };
    let told = stage.refusal().await;
    assert!(told.contains("the number is what the site says"), "{told}");
    stage.guard.ceilings.reboots = Some(2);
    assert!(stage.refused().await.is_empty());
    stage.guard.ceilings.reboots = Some(0);
    assert!(stage.refusal().await.contains("the number is what this run was started with"));
}

#[tokio::test(start_paused = true)]
async fn removals_are_counted_by_node_and_not_by_record() {
    let remove = |name: &str, of: &str| {
        let removal = set(name, &[]);
        giving(removal, vec![is_set(name).gone()]).about(Subject::node(&node(of))).called(name)
    };
    let of_nodes = |nodes: usize| {
        let nodes = (1..=nodes).map(|number| format!("n{number}"));
        Stage::new(nodes.flat_map(|of| ["dns", "dhcp"].map(|kind| remove(&format!("{of}-{kind}"), &of))).collect())
    };
    assert!(of_nodes(3).refused().await.is_empty(), "three nodes with two records each");
    let told = of_nodes(4).refusal().await;
    assert!(told.contains("4 things would be removed, and one run may remove 3:\n    node/n{1..4}"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn erasures_that_have_consent_still_have_a_ceiling() {
    let disks = |n: usize| wipe(&format!("disks{n}"), &format!("n{n}"), &["S1"]);
    let mut stage = Stage::new((1..=11).map(disks).collect());
    stage.guard.consents = (1..=11).map(|n| consent(&format!("n{n}"), &["S1"])).collect();
    let told = stage.refusal().await;
    assert!(told.contains("11 steps erase data, and one run may have 10:\n    node/n{1..11}"), "{told}");
    assert!(!told.contains("without consent"), "{told}");
    stage.guard.ceilings.erasures = Some(11);
    assert_eq!(stage.run().await.0.outcome, Outcome::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_site_that_wants_two_approvals_gets_two_people_who_did_not_plan() {
    let mut stage = Stage::new(vec![set("a", &[])]);
    Arc::make_mut(&mut stage.site).conduct.approvals = Approvals { required: 2, separate: true };
    let plan = Arc::new((*stage.plan().await).clone().planned_by(actor("ada")));
    let review = |approvals: Vec<Approval>| {
        let guard = Guard { approvals, ..Guard::default() };
        guard.review(&plan, stage.clock.now()).map_or_else(|refusals| refusals.to_string(), |()| String::new())
    };
    assert!(review(vec![]).contains("2 people must have approved this plan, and nobody has"));
    let told = review(vec![approval(&plan, "Ada"), approval(&plan, "bob"), approval(&plan, "Bob")]);
    assert!(told.contains("Ada made this plan, so the approval of Ada does not count"), "{told}");
    assert!(told.contains("2 people must have approved this plan, and only bob has"), "{told}");
    let other = Stage::new(vec![set("b", &[])]).plan().await;
    let told = review(vec![approval(&other, "bob")]);
    let ids = format!("the approval of bob is for plan {}, and this is plan {}", other.id().short(), plan.id().short());
    assert!(told.contains(&ids), "{told}");
    assert_eq!(review(vec![approval(&plan, "bob"), approval(&plan, "eve")]), "");

    let engine = stage
        .engine()
        .guard(Guard { approvals: vec![approval(&plan, "bob"), approval(&plan, "eve")], ..Guard::default() });
    let journal = Arc::new(MemoryJournal::new());
    let report = engine.run("r1", Arc::clone(&plan), Arc::clone(&journal) as Arc<dyn Journal>, &Stop::new()).await;
    assert_eq!(report.expect("a run").outcome, Outcome::Ready);
    let who: Vec<_> = journal
        .records()
        .into_iter()
        .filter_map(|record| match record.event {
            Event::Approved { approval } => Some((approval.by.to_string(), approval.ticket)),
            _ => None,
        })
        .collect();
    let ticket = Some("CHG-7".to_owned());
    assert_eq!(who, [("bob".to_owned(), ticket.clone()), ("eve".to_owned(), ticket)]);
}

#[tokio::test(start_paused = true)]
async fn nobody_can_approve_a_plan_of_which_nobody_says_who_made_it() {
    let mut stage = Stage::new(vec![set("a", &[])]);
    Arc::make_mut(&mut stage.site).conduct.approvals = Approvals { required: 1, separate: true };
    let plan = stage.plan().await;
    stage.guard.approvals.push(approval(&plan, "bob"));
    assert_eq!(stage.refused().await, [Refusal::UnknownPlanner]);
    let text = serde_json::to_string(&(*plan).clone().planned_by(actor("ada"))).expect("plans are JSON");
    let read: Plan = serde_json::from_str(&text).expect("a plan");
    assert_eq!((read.planner(), read.id()), (Some(&actor("ada")), plan.id()), "who made it is written with it");
    assert_eq!(stage.guard.review(&read, stage.clock.now()), Ok(()));
}

/// The night shift may do anything that erases nothing.
#[derive(Debug, Default)]
struct Nights {
    asked: Mutex<Vec<String>>,
    closed: bool,
}

#[async_trait]
impl Authority for Nights {
    async fn may<'a>(&self, who: &Actor, act: Act<'a>) -> Result<(), Denial> {
        self.asked.lock().expect("no test panics with it locked").push(format!("{who}: {act}"));
        match act {
            Act::Order(Command::Skip { .. }) => Err(Denial::new("the night shift leaves nothing out")),
            Act::Run(_) if self.closed => Err(Denial::new("the site is closed")),
            Act::Apply(planned) if planned.step.hazard == Hazard::Erases => {
                Err(Denial::new("the night shift erases nothing"))
            }
            _ => Ok(()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_program_decides_who_may_do_what() {
    let mut stage = Stage::new(vec![set("a", &[]), wipe("disks", "n1", &["S1"])]);
    stage.guard.consents.push(consent("n1", &["S1"]));
    let nights = Arc::new(Nights::default());
    let engine = stage.engine().authority(Arc::clone(&nights) as Arc<dyn Authority>).acting_for(actor("bob"));
    let (report, records) = stage.run_with(&engine, &Stop::new()).await;
    let denied = "bob may not apply `toy.set node/n1 disks`: the night shift erases nothing";
    assert!(
        matches!(status(&report, "n1"), Status::Failed { error, kind: FailureKind::Refused } if error == denied),
        "{report}"
    );
    assert_eq!(stage.applied(), ["a"]);
    assert!(!records.iter().any(|record| matches!(record.event, Event::Applying { step, .. } if step.0 == 1)));
    let asked = nights.asked.lock().expect("nobody panicked").clone();
    assert!(
        asked[0].starts_with("bob: run plan ") && asked[1..].contains(&"bob: apply `toy.set thing/a`".to_owned()),
        "{asked:?}"
    );

    let closed = Arc::new(Nights { closed: true, ..Nights::default() });
    let engine = stage.engine().authority(closed).acting_for(actor("bob"));
    let journal = Arc::new(MemoryJournal::new());
    let plan = stage.plan().await;
    let run = engine.run("r2", plan, Arc::clone(&journal) as Arc<dyn Journal>, &Stop::new()).await;
    assert!(
        matches!(&run, Err(error @ EngineError::Denied(_)) if error.to_string().ends_with(" at toy: the site is closed")),
        "{run:?}"
    );
    assert!(journal.records().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_command_to_a_run_is_obeyed_only_where_whoever_gives_it_may() {
    let stage = Stage::new(vec![set("slow", &[]), set("bad", &[])]);
    stage.change(|world| {
        world.slow.insert("slow".to_owned(), Duration::from_secs(20));
        world.fails.insert("bad".to_owned(), (1, ErrorKind::Invalid));
    });
    let nights = Arc::new(Nights::default());
    let control = Control::new();
    let engine = stage.engine().authority(Arc::clone(&nights) as Arc<dyn Authority>).control(&control);
    let step = StepName::from("toy.set thing/bad");
    let commands = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let skip = Command::Skip { step: step.clone(), reason: "it is late".to_owned() };
        let skipped = control.give(Order::new("bob", skip)).await;
        (skipped, control.give(Order::new("eve", Command::Retry { step: step.clone() })).await)
    };
    let stop = Stop::new();
    let ((report, _), (skipped, retried)) = tokio::join!(stage.run_with(&engine, &stop), commands);
    let denied = "bob may not order: skip `toy.set thing/bad`: it is late: the night shift leaves nothing out";
    assert_eq!(skipped.map_err(|refusal| refusal.to_string()), Err(denied.to_owned()));
    assert_eq!((retried, report.outcome), (Ok(()), Outcome::Ready));
    let asked = nights.asked.lock().expect("nobody panicked").clone();
    assert!(asked.contains(&"eve: order: retry `toy.set thing/bad`".to_owned()), "{asked:?}");
}

/// Compares with a golden file; with `DIP_BLESS=1` it writes it instead.
fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/guards").join(name);
    if std::env::var_os("DIP_BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden file is written");
        return;
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, wanted, "{} is not as it was; look at it, and bless it with DIP_BLESS=1", path.display());
}

#[tokio::test(start_paused = true)]
async fn all_refusals_are_told_at_once_and_say_what_lifts_them() {
    let mut steps: Vec<Step> = (1..=8).flat_map(rebooting).collect();
    steps.extend(
        (1..=12).map(|n| wipe(&format!("disks{n}"), &format!("s{n}"), &[&format!("K{n}A"), &format!("K{n}B")])),
    );
    steps.extend((1..=5).map(|n| giving(set(&format!("r{n}"), &[]), vec![is_set(&format!("r{n}")).gone()])));
    let mut stage = Stage::new(steps);
    run_all(&stage, 8);
    Arc::make_mut(&mut stage.site).conduct.approvals = Approvals { required: 2, separate: true };
    stage.guard.consents = vec![
        consent("s1", &["K1A", "K1B"]),
        consent("s2", &["K2A"]),
        Consent { expires: at("2025-12-31T23:00:00Z"), ..consent("s3", &["K3A", "K3B"]) },
    ];
    let plan = (*stage.plan().await).clone().planned_by(actor("ada"));
    stage.guard.approvals = vec![approval(&plan, "ada"), approval(&plan, "bob")];
    let refusals = stage.guard.review(&plan, stage.clock.now()).expect_err("much is refused");
    // The id of the plan changes with its form, which is not what this is about.
    golden("refused.txt", &format!("{refusals}\n").replace(plan.id().short(), "<plan>"));
}

/// The step, where it gives this and nothing else.
fn giving(mut step: Step, facts: Vec<FactKey>) -> Step {
    step.gives = facts;
    step
}
