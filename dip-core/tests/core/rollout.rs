//! Rollouts: who may be taken away now, who goes first, what holds a run up, and what people command.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dip_core::engine::{Control, Engine, Limits, Refusal, RunView, Status, Stop, Waiting};
use dip_core::fact::cluster::QUORUM;
use dip_core::id::{ClusterName, RoleName, StepId};
use dip_core::journal::{Command, Event, Health, Journal, MemoryJournal, Order, Record};
use dip_core::provider::ErrorKind;
use dip_core::report::{Outcome, Report};
use dip_core::site::{Cluster, ClusterPolicy, Driver, Format, Limit, Lock as LockFile, SettingsSchema, Site, Source};
use dip_core::step::{Environment, Hazard, Lock, Step};
use dip_core::subject::Subject;

use crate::run::status;
use crate::toy::{Stage, node, set};

/// Five nodes in two racks, with what `conduct` says.
fn site(conduct: &str) -> Site {
    let text = format!(
        "version: 1\nsite: toy\nracks: {{r1: , r2: }}\nnodes:\n  n{{n:1..3}}: {{rack: r1}}\n  n{{n:4..5}}: {{rack: r2}}\nconduct:\n{conduct}\n"
    );
    let sources = [Source::new("site.yaml", Format::Yaml, &text)];
    Site::parse(&sources, &SettingsSchema::default(), &LockFile::default()).expect("a sound site").site
}

fn rollout(policy: &str) -> Site {
    site(&format!("  rollouts: {{web: {{nodes: [\"n{{1..5}}\"], {policy}}}}}"))
}

/// A step on a node that others notice.
fn disrupt(name: &str, on: &str) -> Step {
    set(name, &[]).about(Subject::node(&node(on))).hazard(Hazard::Disrupts)
}

fn upgrade_all() -> Vec<Step> {
    (1..=5).map(|n| disrupt(&format!("u{n}"), &format!("n{n}"))).collect()
}

fn order(command: Command) -> Order {
    Order::new("ada", command)
}

/// A run in the background that is looked at and commanded while it goes on.
struct Running {
    control: Control,
    journal: Arc<MemoryJournal>,
    run: tokio::task::JoinHandle<Report>,
}

impl Running {
    async fn of(stage: &Stage) -> Self {
        Self::with(stage, stage.engine()).await
    }

    async fn with(stage: &Stage, engine: Engine) -> Self {
        let (control, journal) = (Control::new(), Arc::new(MemoryJournal::new()));
        let engine = engine.control(&control);
        let plan = stage.prepare().await.expect("a plan").plan;
        let kept = Arc::clone(&journal) as Arc<dyn Journal>;
        let run = tokio::spawn(async move { engine.run("test", plan, kept, &Stop::new()).await.expect("a run") });
        Self { control, journal, run }
    }

    async fn after(&self, seconds: u64) -> RunView {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        RunView::of(&self.journal.records()).expect("a run")
    }

    async fn give(&self, command: Command) -> Result<(), Refusal> {
        self.control.give(order(command)).await
    }

    async fn ends(self) -> Report {
        self.run.await.expect("it ends")
    }
}

fn settled(view: &RunView) -> usize {
    let steps = 0..view.plan().steps().len();
    steps.filter(|&step| matches!(view.schedule.status(StepId::at(step)), Status::Settled(_))).count()
}

/// How many were under way at once at most, by the journal alone.
fn most_at_once(records: &[Record]) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    for record in records {
        match record.event {
            Event::Started { .. } => now += 1,
            Event::Settled { .. } | Event::Failed { .. } => now -= 1,
            _ => {}
        }
        most = most.max(now);
    }
    most
}

#[tokio::test(start_paused = true)]
async fn no_more_members_are_away_than_may_be() {
    for max in [1, 2, 5] {
        let stage = Stage::new(upgrade_all()).at(rollout(&format!("max_unavailable: {max}")));
        stage.change(|world| world.takes = Duration::from_secs(10));
        let (report, records) = stage.run().await;
        assert_eq!(report.outcome, Outcome::Ready);
        assert_eq!(most_at_once(&records), max);
    }
}

#[tokio::test(start_paused = true)]
async fn two_failure_domains_are_not_away_at_once() {
    let stage = Stage::new(upgrade_all()).at(rollout("max_unavailable: 5, spread: rack"));
    stage.change(|world| world.takes = Duration::from_secs(10));
    let (report, records) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Ready);
    assert_eq!(most_at_once(&records), 3, "the three of rack r1, then the two of rack r2");
}

#[tokio::test(start_paused = true)]
async fn a_switch_takes_all_behind_it_from_the_budget() {
    let text = "version: 1
site: toy
switches: {sw1: }
nodes:
  n{n:1..3}: {nics: {eth0: {link: \"sw1/p{n}\"}}}
conduct: {rollouts: {web: {nodes: [\"n{1..3}\"], max_unavailable: 2}}}
";
    let sources = [Source::new("site.yaml", Format::Yaml, text)];
    let site = Site::parse(&sources, &SettingsSchema::default(), &LockFile::default()).expect("a sound site").site;
    let flash = set("flash", &[]).about("switch/sw1".parse().expect("a subject")).hazard(Hazard::Disrupts);
    let error = Stage::new(vec![flash]).at(site).prepare().await.expect_err("it takes three of two away");
    assert_eq!(
        error.to_string(),
        "`toy.set thing/flash` takes 3 members of rollout web away, and at most 2 may be away at once\n  asked for at site.yaml:6:22\n  raise `max_unavailable`, bring those back first, or leave the change out"
    );
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_can_never_be_kept_is_told_when_the_plan_is_made() {
    let never = Stage::new(upgrade_all()).at(rollout("max_unavailable: 0"));
    let error = never.prepare().await.expect_err("nobody may be away");
    assert!(error.to_string().contains("and none may ever be away"), "{error}");
    let mut out = rollout("max_unavailable: 1");
    let n5 = out.nodes.get_mut(&node("n5")).expect("it is there");
    n5.state = dip_core::site::NodeState::Maintenance;
    let error = Stage::new(upgrade_all()[..4].to_vec()).at(out).prepare().await.expect_err("one is away for good");
    assert!(error.to_string().contains("n5 is away already and stays so"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_down_for_another_reason_counts() {
    let stage = Stage::new(upgrade_all()[..2].to_vec()).at(rollout("max_unavailable: 1"));
    stage.change(|world| world.takes = Duration::from_secs(10));
    let running = Running::of(&stage).await;
    running.after(1).await;
    running.give(Command::Down { node: node("n5"), reason: "its disk died".into() }).await.expect("n5 is a member");
    let view = running.after(60).await;
    // The one that had begun ends; the other one waits for n5, and whoever reads the journal is told so.
    assert_eq!(settled(&view), 1);
    let waits = (0..2).map(|step| view.schedule.status(StepId(step)).to_string()).collect::<Vec<_>>();
    let for_n5 = "waits for n5 of rollout web to be back: at most 1 may be away at once";
    assert_eq!(waits, ["was made so", for_n5]);
    // Another process takes the run over, and n5 is still down.
    let mut records = running.journal.records();
    let opened = records.iter().find(|record| matches!(record.event, Event::Opened { .. })).cloned();
    records.push(Record { sequence: records.len() as u64, ..opened.expect("somebody opened it") });
    let view = RunView::of(&records).expect("a run");
    assert_eq!(view.schedule.status(StepId(1)).to_string(), for_n5);
    let refused = running.give(Command::Up { node: node("n9") }).await.expect_err("nobody knows n9");
    assert_eq!(refused.to_string(), "no budget of this run protects the node `n9`");
    running.give(Command::Up { node: node("n5") }).await.expect("n5 is a member");
    assert_eq!(running.ends().await.outcome, Outcome::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_waits_for_a_budget_says_who_is_away() {
    let stage = Stage::new(upgrade_all()[..2].to_vec()).at(rollout("max_unavailable: 1"));
    stage.change(|world| world.takes = Duration::from_secs(100));
    let plan = stage.prepare().await.expect("a plan").plan;
    let mut schedule = dip_core::engine::Schedule::replay(plan, Limits::default(), &[]);
    let actions = schedule.poll("2026-01-01T00:00:00Z".parse().expect("a time"));
    assert_eq!(actions.len(), 1);
    assert_eq!(
        schedule.status(StepId(1)).to_string(),
        "waits for n1 of rollout web to be back: at most 1 may be away at once"
    );
}

#[tokio::test(start_paused = true)]
async fn those_who_would_wait_for_each_other_for_ever_fail_with_a_sentence() {
    let stage = Stage::new(upgrade_all()[..3].to_vec()).at(rollout("max_unavailable: 1"));
    stage.change(|world| world.fails.insert("u1".into(), (1, ErrorKind::Denied)));
    let (report, _) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Failed);
    let Status::Failed { error, .. } = status(&report, "n2") else { panic!("{report}") };
    assert_eq!(
        error,
        "it would wait for ever: rollout web lets no further member be away while n1 is, which does not come back in this run; bring it back, or raise `max_unavailable`"
    );
    assert_eq!(stage.applied(), ["u1"], "n1 stays away, so nobody else is taken away");
}

#[tokio::test(start_paused = true)]
async fn the_canary_goes_first_and_then_waves() {
    let stage = Stage::new(upgrade_all()).at(rollout("canary: 1, wave: 2"));
    stage.change(|world| world.takes = Duration::from_secs(10));
    let running = Running::of(&stage).await;
    let view = running.after(5).await;
    let plan = view.plan();
    assert_eq!(plan.budgets().waves().len(), 2, "behind the canary, and behind the first wave");
    assert_eq!(stage.applied(), ["u1"]);
    running.after(10).await;
    assert_eq!(stage.applied(), ["u1", "u2", "u3"]);
    running.after(10).await;
    assert_eq!(stage.applied(), ["u1", "u2", "u3", "u4", "u5"]);
    assert_eq!(running.ends().await.outcome, Outcome::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_wave_against_the_order_of_needs_and_boots_tells_which_policy_to_change() {
    // The system of n1 needs what is done on the system of n2, and n1 is named first.
    let on = |name: &str, at: &str, needs: &[&str]| {
        let at = node(at);
        set(name, needs).about(Subject::node(&at)).in_environment(&at, Environment::Installed).hazard(Hazard::Disrupts)
    };
    for (policy, key) in [("canary: 1", "canary"), ("wave: 1", "wave")] {
        let stage = Stage::new(vec![on("u1", "n1", &["u2"]), on("u2", "n2", &[])]).at(rollout(policy));
        stage.change(|world| world.nodes.extend(["n1", "n2"].map(|name| (node(name), Environment::Installed))));
        let error = stage.prepare().await.expect_err("they wait for each other").to_string();
        let expected = format!(
            "these wait for each other, so none can ever start:
  `toy.set thing/u1` waits for `toy.set thing/u2`: it needs toy.set@thing/u2
  `toy.set thing/u2` waits for wave 1 of rollout web: n1: `{key}` of rollout web at site.yaml:8:14 lets those nodes go first; \
take it out there, or name the nodes in the order in which they need each other
  wave 1 of rollout web: n1 waits for `toy.set thing/u1`: a wave is over when all that is to be done on its nodes is done
  one of these needs must go"
        );
        assert_eq!(error, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_fails_stops_those_behind_it() {
    let stage = Stage::new(upgrade_all()).at(rollout("canary: 1"));
    stage.change(|world| world.fails.insert("u1".into(), (1, ErrorKind::Denied)));
    let (report, _) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(stage.applied(), ["u1"]);
    assert_eq!(status(&report, "n4").to_string(), "cannot start, because `toy.set thing/u1` failed");
}

#[tokio::test(start_paused = true)]
async fn a_pause_behind_the_canary_ends_when_somebody_says_so_and_stays_ended_after_a_crash() {
    let stage = Stage::new(upgrade_all()).at(rollout("canary: 1, wave: 4, pause: after_canary"));
    stage.change(|world| world.takes = Duration::from_secs(10));
    let running = Running::of(&stage).await;
    let view = running.after(3600).await;
    assert_eq!(stage.applied(), ["u1"]);
    assert_eq!(
        view.schedule.status(StepId(3)).to_string(),
        "waits for `dip continue`: wave 1 of rollout web: n1 is done"
    );
    running.give(Command::Continue { step: None }).await.expect("something is paused");
    running.after(5).await;
    assert_eq!(stage.applied().len(), 5);
    // The process dies; the next one does not ask again.
    running.run.abort();
    let records = running.journal.records();
    let journal = Arc::new(MemoryJournal::new());
    let report = stage.engine().resume(&records, journal, &Stop::new()).await.expect("a run");
    assert_eq!(report.outcome, Outcome::Ready);
}

/// A cluster of the five nodes whose quorum is told by the thing `quorum`.
fn clustered(policy: ClusterPolicy) -> Site {
    let mut site = site("  ceilings: {}");
    let name = ClusterName::new("store").expect("a name");
    let workload = Driver { kind: "toy".into(), settings: serde_json::json!({}), origin: None };
    let members =
        BTreeMap::from([(RoleName::new("member").expect("a name"), (1..=5).map(|n| node(&format!("n{n}"))).collect())]);
    site.clusters.insert(name.clone(), Cluster { name, workload, members, policy, origin: None });
    site
}

fn quorum() -> Step {
    let cluster = Subject::cluster(&ClusterName::new("store").expect("a name"));
    set("quorum", &[]).about(cluster.clone()).give(QUORUM.of(&cluster))
}

fn one_at_a_time() -> ClusterPolicy {
    ClusterPolicy { max_unavailable: Some(1), ..ClusterPolicy::default() }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_taken_away_from_a_cluster_that_is_not_well() {
    let steps = upgrade_all().into_iter().chain([quorum()]).collect();
    let stage = Stage::new(steps).at(clustered(one_at_a_time()));
    stage.change(|world| world.things.insert("quorum".into()));
    let running = Running::of(&stage).await;
    let plan = Arc::clone(running.after(1).await.plan());
    assert!(plan.held().iter().any(|held| held.subject.kind() == "cluster"), "it was well when the plan was made");
    assert_eq!(running.ends().await.outcome, Outcome::Ready);

    let steps = upgrade_all().into_iter().chain([quorum()]).collect();
    let stage = Stage::new(steps).at(clustered(one_at_a_time()));
    stage.change(|world| {
        world.things.insert("quorum".into());
        world.takes = Duration::from_secs(10);
    });
    let running = Running::of(&stage).await;
    running.after(5).await;
    // While the first one is away something else goes wrong.
    stage.change(|world| world.things.remove("quorum"));
    let view = running.after(60).await;
    assert_eq!(stage.applied(), ["u1"]);
    let told = view.schedule.status(StepId(1)).to_string();
    assert!(told.starts_with("waits for"), "{told}");
    stage.change(|world| world.things.insert("quorum".into()));
    assert_eq!(running.ends().await.outcome, Outcome::Ready);
    assert_eq!(stage.applied().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_stays_closed_fails_those_who_wait_and_tells_why() {
    let steps = upgrade_all().into_iter().chain([quorum()]).collect();
    let stage = Stage::new(steps).at(clustered(one_at_a_time()));
    stage.change(|world| {
        world.things.insert("quorum".into());
        world.takes = Duration::from_secs(10);
    });
    let running = Running::of(&stage).await;
    running.after(5).await;
    stage.change(|world| world.things.remove("quorum"));
    let records = Arc::clone(&running.journal);
    let report = running.ends().await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(
        status(&report, "n2").to_string(),
        "failed: it may not start: cluster store was not healthy for ten minutes (+ thing quorum); look at the cluster, then retry the step"
    );
    let looks = records.records();
    let poor = looks.iter().filter(|record| matches!(record.event, Event::Looked { health: Health::Poor(_), .. }));
    assert!(poor.count() > 30, "it was looked at every ten seconds");
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_was_closed_for_too_long_is_looked_at_anew_for_who_comes_later() {
    let steps = upgrade_all()[..1].iter().cloned().chain([quorum(), set("slow", &[])]).collect();
    let stage = Stage::new(steps).at(clustered(one_at_a_time()));
    stage.change(|world| {
        world.things.insert("quorum".into());
        world.slow.insert("slow".into(), Duration::from_secs(1));
        world.loses.insert("slow".into(), usize::MAX);
    });
    let running = Running::of(&stage).await;
    stage.change(|world| world.things.remove("quorum"));
    let hold = Command::Hold { step: Some("toy.set thing/slow".into()), reason: "so that the run goes on".into() };
    running.give(hold).await.expect("it has not begun");
    let view = running.after(700).await;
    assert!(matches!(view.schedule.status(StepId(0)), Status::Failed { .. }), "{}", view.schedule.status(StepId(0)));
    stage.change(|world| world.things.insert("quorum".into()));
    running.give(Command::Retry { step: "toy.set thing/u1".into() }).await.expect("it failed");
    let view = running.after(30).await;
    assert!(matches!(view.schedule.status(StepId(0)), Status::Settled(_)), "{}", view.schedule.status(StepId(0)));
    running.run.abort();
}

#[tokio::test(start_paused = true)]
async fn a_member_that_was_half_done_when_the_process_died_stays_away_until_it_is_done() {
    // Of two steps on n1 the second is done first, and the one on n2 is in a hurry.
    let steps = vec![
        disrupt("half", "n1"),
        disrupt("quick", "n1"),
        set("behind quick", &["quick"]),
        disrupt("other", "n2"),
        set("behind other", &["other"]),
        set("last", &["behind other"]),
    ];
    let stage = Stage::new(steps).at(rollout("max_unavailable: 1"));
    stage.change(|world| {
        for name in ["half", "quick"] {
            world.slow.insert(name.into(), Duration::from_secs(25));
        }
        // Where n2 goes first it is over before anybody dies.
        world.takes = Duration::from_secs(1);
    });
    let running = Running::of(&stage).await;
    running.after(5).await;
    running.run.abort();
    assert_eq!(stage.applied()[..1], ["other"]);
    let n1 = ["half", "quick"].map(|name| stage.applied().contains(&name.to_owned()));
    assert_eq!(n1, [true, true], "both wait");
    // Nothing of n2 was kept, as if it had not been its turn.
    let Event::Began { plan, .. } = &running.journal.records()[0].event else {
        panic!("a journal begins with its plan")
    };
    let find =
        |name: &str| plan.steps().iter().position(|step| step.step.name.as_str().ends_with(name)).map(StepId::at);
    let (half, quick, other) = (find("/half"), find("/quick"), find("/other"));
    let mut records = running.journal.records();
    records.retain(|record| record.event.step().is_none_or(|step| Some(step) == half || Some(step) == quick));
    let mut schedule =
        dip_core::engine::Schedule::replay(Arc::clone(plan), Limits { workers: 1, ..Limits::default() }, &records);
    let now = records[records.len() - 1].at;
    schedule.poll(now);
    let facts = dip_core::fact::Facts::new();
    let settled =
        Event::Settled { step: quick.expect("it is planned"), change: dip_core::journal::Change::Made, facts };
    schedule.record(&Record { sequence: 90, at: now, event: settled });
    let begun = schedule.poll(now);
    let begins = |step: Option<StepId>| {
        begun.iter().any(|action| matches!(action, dip_core::engine::Action::Start(start) if Some(start.step) == step))
    };
    assert!(!begins(other), "n1 is half done: {begun:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_only_looked_at_again_after_a_crash_takes_nobody_away() {
    let behind = set("behind", &["first"]).about(Subject::node(&node("n2"))).hazard(Hazard::Disrupts);
    let steps = vec![disrupt("first", "n1"), behind, disrupt("second", "n1")];
    let stage = Stage::new(steps).at(rollout("max_unavailable: 1"));
    let (_, mut records) = stage.run().await;
    let Event::Began { plan, .. } = &records[0].event else { panic!("a journal begins with its plan") };
    let plan = Arc::clone(plan);
    let find =
        |name: &str| plan.steps().iter().position(|step| step.step.name.as_str().ends_with(name)).map(StepId::at);
    let (first, second) = (find("/first").expect("planned"), find("/second").expect("planned"));
    // Only the first was done, and then n3 went down.
    records.retain(|record| record.event.step().is_none_or(|step| step == first));
    let now = records[records.len() - 1].at;
    let down = Order::new("ada", Command::Down { node: node("n3"), reason: "its disk died".into() });
    records.push(Record { sequence: 90, at: now, event: Event::Ordered(down) });
    let mut schedule = dip_core::engine::Schedule::replay(Arc::clone(&plan), Limits::default(), &records);
    let begun = schedule.poll(now);
    assert_eq!(begun.len(), 1, "the first is looked at, because something that disrupts rests on it: {begun:?}");
    assert_eq!(
        schedule.status(second).to_string(),
        "waits for n3 of rollout web to be back: at most 1 may be away at once"
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_that_others_notice_waits_for_its_window_and_others_do_not() {
    // The stage begins at midnight.
    let conduct = "  windows: {mornings: {days: [mon, tue, wed, thu, fri, sat, sun], from: \"06:00\", until: \"08:00\", zone: UTC}}";
    let stage = Stage::new(vec![disrupt("u1", "n1"), set("record", &[])]).at(site(conduct));
    let running = Running::of(&stage).await;
    let view = running.after(60).await;
    assert_eq!(stage.applied(), ["record"]);
    // Whoever only reads the journal is told so too.
    let told = view.schedule.status(StepId(0)).to_string();
    assert!(told.starts_with("waits until 2026-01-01T06:00:00Z: changes are made"), "{told}");
    let report = running.ends().await;
    assert_eq!(report.outcome, Outcome::Ready);
    assert!(
        report.took >= Duration::from_secs(6 * 3600) && report.took < Duration::from_secs(6 * 3600 + 60),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_limit_that_binds_is_told_with_its_reason() {
    let steps =
        (0..8).map(|n| set(&format!("s{n}"), &[]).lock(Lock::new(format!("bmc/r1-{}", n % 2)).weighing(2))).collect();
    let stage = Stage::new(steps);
    stage.change(|world| world.takes = Duration::from_secs(10));
    let limit = Limit { lock: "bmc/*".into(), capacity: 3, reason: "the iLO drops the fourth".into(), origin: None };
    let engine = stage.engine().limits(Limits::default().with(limit));
    let (report, records) = stage.run_with(&engine, &Stop::new()).await;
    assert_eq!(most_at_once(&records), 2, "two units of three for each, on two locks");
    let first = report.bounds.first().expect("steps waited");
    assert_eq!((first.capacity, first.reason.as_str()), (Some(3), "the iLO drops the fourth"));
    assert_eq!(first.waited, Duration::from_secs(10 + 20 + 30));
    assert!(report.to_string().contains("bound by: lock bmc/r1-"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn whoever_reads_a_journal_is_told_of_the_limits_that_its_run_keeps_to() {
    let locked = |n: u32| set(&format!("s{n}"), &[]).lock(Lock::new("bmc/r1"));
    let stage = Stage::new((0..4).map(locked).chain([set("free", &[])]).collect());
    stage.change(|world| world.takes = Duration::from_secs(10));
    let limit = Limit { lock: "bmc/*".into(), capacity: 3, reason: "the iLO drops the fourth".into(), origin: None };
    let limits = Limits::default().with(limit);
    let running = Running::with(&stage, stage.engine().limits(limits.clone())).await;
    let view = running.after(5).await;
    let full = "waits for the lock bmc/r1, of which there are 3: the iLO drops the fourth";
    let told =
        |view: &RunView| -> Vec<String> { (0..5).map(|step| view.schedule.status(StepId(step)).to_string()).collect() };
    let now = "is being worked on";
    assert_eq!(told(&view), [now, now, now, full, now]);
    // Another process takes it over and lets less go on at once; a third one wrote its journal before limits were told.
    running.run.abort();
    let mut records = running.journal.records();
    let journal = Arc::new(MemoryJournal::new());
    records.iter().for_each(|record| journal.append(record).expect("memory takes it"));
    let (kept, few) = (Arc::clone(&journal) as Arc<dyn Journal>, Limits { workers: 1, ..limits });
    let engine = stage.engine().limits(few);
    let before = records.clone();
    let run = tokio::spawn(async move { engine.resume(&before, kept, &Stop::new()).await.expect("a run") });
    tokio::time::sleep(Duration::from_secs(5)).await;
    let view = RunView::of(&journal.records()).expect("a run");
    assert_eq!(told(&view).iter().filter(|told| *told == "waits for one of 1 workers").count(), 4, "{:?}", told(&view));
    assert_eq!(run.await.expect("it ends").outcome, Outcome::Ready);
    for record in &mut records {
        if let Event::Opened { limits, .. } = &mut record.event {
            *limits = None;
        }
    }
    let view = RunView::of(&records).expect("a run");
    assert_eq!(told(&view)[3], "waits for the lock bmc/r1");
}

#[tokio::test(start_paused = true)]
async fn who_needs_all_of_a_lock_is_not_starved_by_those_who_need_little() {
    let lock = || Lock::new("downloads");
    // On the longest way first: the heavy one has two behind it.
    let mut steps = vec![
        set("heavy", &["first"]).lock(lock().weighing(4)),
        set("x", &["heavy"]),
        set("y", &["x"]),
        set("first", &[]),
    ];
    steps.extend((0..20).map(|n| set(&format!("light{n}"), &[]).lock(lock())));
    let stage = Stage::new(steps);
    stage.change(|world| world.takes = Duration::from_secs(1));
    let limit = Limit { lock: "downloads".into(), capacity: 4, reason: "the boot server".into(), origin: None };
    let engine = stage.engine().limits(Limits::default().with(limit));
    let (report, _) = stage.run_with(&engine, &Stop::new()).await;
    assert_eq!(report.outcome, Outcome::Ready);
    let applied = stage.applied();
    let heavy = applied.iter().position(|name| name == "heavy").expect("it ran");
    assert!(heavy <= 5, "it came as soon as the first four had ended: {applied:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_can_be_retried_while_the_run_goes_on() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"]), set("slow", &[]), set("end", &["slow", "b"])]);
    stage.change(|world| {
        world.fails.insert("a".into(), (1, ErrorKind::Denied));
        world.slow.insert("slow".into(), Duration::from_secs(25));
    });
    let running = Running::of(&stage).await;
    let view = running.after(10).await;
    assert!(matches!(view.schedule.status(StepId(1)), Status::Blocked { .. }));
    assert_eq!(
        running.give(Command::Retry { step: "toy.set thing/b".into() }).await,
        Err(Refusal::NotFailed("toy.set thing/b".into()))
    );
    assert_eq!(running.give(Command::Retry { step: "none".into() }).await, Err(Refusal::NoStep("none".into())));
    running.give(Command::Retry { step: "toy.set thing/a".into() }).await.expect("it failed");
    let report = running.ends().await;
    assert_eq!(report.outcome, Outcome::Ready, "{report} {:?}", report.steps);
    assert_eq!(stage.applied(), ["a", "slow", "a", "b", "end"]);
}

#[tokio::test(start_paused = true)]
async fn a_skipped_step_lets_others_go_on_and_stays_skipped_after_a_crash() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"]), set("slow", &[])]);
    stage.change(|world| {
        world.fails.insert("a".into(), (9, ErrorKind::Denied));
        world.slow.insert("slow".into(), Duration::from_secs(25));
    });
    let running = Running::of(&stage).await;
    running.after(10).await;
    let skip = Command::Skip { step: "toy.set thing/a".into(), reason: "done by hand".into() };
    running.give(skip.clone()).await.expect("it failed");
    assert_eq!(running.give(skip).await, Err(Refusal::Done("toy.set thing/a".into())));
    running.after(5).await;
    running.run.abort();
    let records = running.journal.records();
    let report = stage.engine().resume(&records, Arc::new(MemoryJournal::new()), &Stop::new()).await.expect("a run");
    assert_eq!(report.outcome, Outcome::Ready);
    assert_eq!(status(&report, "a"), &Status::Skipped { reason: "done by hand".into() });
    assert_eq!(stage.applied().iter().filter(|name| *name == "a").count(), 1);
    assert!(report.to_string().contains("skipped: toy.set thing/a — done by hand"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_held_run_starts_nothing_new_and_lets_what_is_under_way_end() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"]), set("c", &[])]);
    stage.change(|world| {
        world.slow.insert("a".into(), Duration::from_secs(30));
        world.slow.insert("c".into(), Duration::from_secs(30));
    });
    let running = Running::of(&stage).await;
    running.after(5).await;
    running.give(Command::Hold { step: None, reason: "lunch".into() }).await.expect("any run can be held");
    let view = running.after(3600).await;
    assert_eq!(settled(&view), 2);
    assert_eq!(view.schedule.status(StepId(1)), Status::Waiting(Waiting::Held { reason: "lunch".into() }));
    running.give(Command::Continue { step: None }).await.expect("it is held");
    assert_eq!(running.give(Command::Continue { step: None }).await, Err(Refusal::Over), "all was done at once");
    assert_eq!(running.ends().await.outcome, Outcome::Ready);
}

/// Another process takes over a run whose process has died, and somebody looks at it some time later.
async fn taken_over(stage: &Stage, running: Running) -> Running {
    running.run.abort();
    let records = running.journal.records();
    let (control, journal) = (Control::new(), Arc::new(MemoryJournal::new()));
    records.iter().for_each(|record| journal.append(record).expect("memory takes it"));
    let (engine, kept) = (stage.engine().control(&control), Arc::clone(&journal) as Arc<dyn Journal>);
    let run = tokio::spawn(async move { engine.resume(&records, kept, &Stop::new()).await.expect("a run") });
    Running { control, journal, run }
}

#[tokio::test(start_paused = true)]
async fn a_held_run_stays_held_when_another_process_takes_it_over_until_somebody_says_go_on() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"]), set("c", &[])]);
    stage.change(|world| world.takes = Duration::from_secs(30));
    let running = Running::of(&stage).await;
    running.after(5).await;
    running.give(Command::Hold { step: None, reason: "lunch".into() }).await.expect("any run can be held");
    running.after(60).await;
    let running = taken_over(&stage, running).await;
    let view = running.after(3600).await;
    assert_eq!(stage.applied(), ["a", "c"], "nothing new was started");
    assert_eq!(view.schedule.status(StepId(1)), Status::Waiting(Waiting::Held { reason: "lunch".into() }));
    assert_eq!(view.schedule.hold(), Some("lunch"));
    running.give(Command::Continue { step: None }).await.expect("it is held");
    // Whoever takes it over now is not held any more.
    running.after(1).await;
    let running = taken_over(&stage, running).await;
    assert_eq!(running.ends().await.outcome, Outcome::Ready);
    assert_eq!(stage.applied().last().map(String::as_str), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn a_held_step_stays_held_when_another_process_takes_the_run_over() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"]), set("c", &["a"]), set("d", &["a"])]);
    stage.change(|world| world.takes = Duration::from_secs(30));
    let running = Running::of(&stage).await;
    running.after(5).await;
    let hold = |step: &str| Command::Hold { step: Some(step.into()), reason: "not yet".into() };
    for step in ["toy.set thing/b", "toy.set thing/c"] {
        running.give(hold(step)).await.expect("it has not begun");
    }
    running.give(Command::Continue { step: Some("toy.set thing/c".into()) }).await.expect("it is held");
    let running = taken_over(&stage, running).await;
    let view = running.after(600).await;
    assert_eq!(settled(&view), 3, "one that goes on again is not held anew");
    let held = Status::Waiting(Waiting::Held { reason: "not yet".into() });
    assert_eq!(view.schedule.status(StepId(1)), held);
    // What is held is left out, and then nothing is held any more.
    running.give(Command::Skip { step: "toy.set thing/b".into(), reason: "never".into() }).await.expect("it is held");
    assert_eq!(running.ends().await.outcome, Outcome::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_was_held_and_left_out_does_not_make_a_run_ask_to_go_on() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"])]);
    stage.change(|world| world.takes = Duration::from_secs(30));
    let running = Running::of(&stage).await;
    running.after(5).await;
    let step = || "toy.set thing/b".into();
    running.give(Command::Hold { step: Some(step()), reason: "not yet".into() }).await.expect("it has not begun");
    running.give(Command::Skip { step: step(), reason: "never".into() }).await.expect("it is held");
    assert_eq!(running.give(Command::Continue { step: None }).await, Err(Refusal::NotHeld));
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_was_ended_behind_a_skipped_canary_stays_ended_after_a_crash() {
    let stage = Stage::new(upgrade_all()).at(rollout("canary: 1, wave: 2, pause: each_wave"));
    stage.change(|world| {
        world.fails.insert("u1".into(), (9, ErrorKind::Unreachable));
        world.slow.insert("u2".into(), Duration::from_secs(20));
        world.slow.insert("u3".into(), Duration::from_secs(20));
    });
    let running = Running::of(&stage).await;
    running.after(1).await;
    running
        .give(Command::Skip { step: "toy.set thing/u1".into(), reason: "it is broken".into() })
        .await
        .expect("it waits");
    running.after(1).await;
    running.give(Command::Continue { step: None }).await.expect("the canary is done with");
    running.after(5).await;
    assert!(stage.applied().contains(&"u2".to_owned()), "{:?}", stage.applied());
    let running = taken_over(&stage, running).await;
    let view = running.after(3600).await;
    // The first pause is not asked for again, and the second one is: nobody ended it.
    let told: Vec<String> = (0..5).map(|step| view.schedule.status(StepId(step)).to_string()).collect();
    assert_eq!(settled(&view), 2, "{told:?}");
    let waits = "waits for `dip continue`: wave 2 of rollout web: n2, n3 is done";
    assert_eq!(view.schedule.status(StepId(3)).to_string(), waits);
    running.give(Command::Continue { step: None }).await.expect("it is paused");
    // It was out of the ordinary once, and is no more of a reason to ask.
    let running = taken_over(&stage, running).await;
    assert_eq!(running.ends().await.outcome, Outcome::Ready);
}

#[tokio::test(start_paused = true)]
async fn one_step_can_be_held_while_all_others_go_on() {
    let stage = Stage::new(vec![set("a", &[]), set("b", &["a"]), set("c", &["a"]), set("d", &["c"])]);
    stage.change(|world| world.slow.insert("a".into(), Duration::from_secs(30)));
    let running = Running::of(&stage).await;
    running.after(5).await;
    let hold = Command::Hold { step: Some("toy.set thing/b".into()), reason: "not yet".into() };
    running.give(hold).await.expect("it has not begun");
    let view = running.after(600).await;
    assert_eq!(settled(&view), 3);
    assert!(stage.applied().contains(&"d".to_owned()));
    running.give(Command::Continue { step: Some("toy.set thing/b".into()) }).await.expect("it is held");
    assert_eq!(running.ends().await.outcome, Outcome::Ready);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_read_twice_is_obeyed_once() {
    let stage = Stage::new(vec![set("a", &[]), set("slow", &[])]);
    stage.change(|world| {
        world.fails.insert("a".into(), (2, ErrorKind::Denied));
        world.slow.insert("slow".into(), Duration::from_secs(25));
    });
    let running = Running::of(&stage).await;
    running.after(5).await;
    let retry = order(Command::Retry { step: "toy.set thing/a".into() });
    running.control.give(retry.clone()).await.expect("it failed");
    running.after(5).await;
    running.control.give(retry).await.expect("it was obeyed");
    assert_eq!(running.ends().await.outcome, Outcome::Failed);
    assert_eq!(stage.applied().iter().filter(|name| *name == "a").count(), 2);
}
