//! The trials of [`Monitor`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dip_core::conformance::expect::{cancelled, fails, ignored, same, them, trials, us};
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::id::{NodeName, SiteName};
use dip_core::provider::ErrorKind;

use crate::provider::{Condition, Health, HeldTarget, Monitor, Rule, RuleHealth, Rules, RulesHealth, Target};

/// A monitoring service under trial.
#[async_trait]
pub trait MonitorHarness: Send + Sync {
    /// The provider.
    fn monitor(&self) -> Arc<dyn Monitor>;

    /// A provider with wrong credentials; `None` where the service asks for none.
    fn with_wrong_credentials(&self) -> Option<Arc<dyn Monitor>>;

    /// A provider for a service that does not answer; `None` where there can be none.
    fn of_dead_server(&self) -> Option<Arc<dyn Monitor>>;

    /// A target that shares nothing with any other and does not answer. Each call gives another one.
    fn fresh(&self) -> Target;

    /// The address of something that can be scraped; `None` where there is none.
    fn alive(&self) -> Option<String>;

    /// Writes a target without a mark into the service, as a person would; `None` where that cannot be done.
    async fn seed_unmarked(&self, target: &Target) -> Result<Option<()>, Failure>;

    /// An expression that the service evaluates, and one that it refuses.
    fn expressions(&self) -> (String, String);

    /// The longest that the service takes to know the health of a new target or rule.
    fn patience(&self) -> Duration;
}

/// The trials that a provider of [`Monitor`] must pass.
#[must_use]
pub fn monitor(harness: Arc<dyn MonitorHarness>) -> Vec<Trial> {
    trials![harness;
        a_target_that_was_never_set_is_absent_and_its_health_unknown
        a_look_up_right_after_a_write_sees_it
        setting_twice_is_once
        a_changed_target_replaces_the_former
        a_removed_target_is_gone
        removing_what_is_absent_is_no_error
        an_address_of_another_site_is_a_conflict
        an_address_without_a_mark_is_a_conflict
        a_target_that_answers_comes_up
        a_target_that_does_not_answer_is_down_with_its_error
        the_targets_that_carry_a_mark_can_be_listed
        rules_are_evaluated_replaced_and_taken_away
        rules_of_two_sites_stand_beside_each_other
        rules_that_are_refused_leave_the_former_ones
        wrong_credentials_are_denied
        a_dead_server_is_unreachable
        a_cancelled_call_can_be_looked_at_and_made_again
    ]
}

type Harness = Arc<dyn MonitorHarness>;

/// The service must have the target, ours.
async fn ours(monitor: &dyn Monitor, wanted: &Target) -> Result<(), Failure> {
    let held = monitor.target(&wanted.node, &us()).await?;
    same("the target", &held, &Some(HeldTarget { target: wanted.clone(), owner: Some(us()) }))
}

/// Waits until the service knows the health of a target.
async fn health(harness: &Harness, target: &Target) -> Result<Health, Failure> {
    let start = Instant::now();
    loop {
        let health = harness.monitor().health(&target.node, &us()).await?;
        if health != Health::Unknown || start.elapsed() > harness.patience() {
            return Ok(health);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn a_target_that_was_never_set_is_absent_and_its_health_unknown(harness: Harness) -> Result<Verdict, Failure> {
    let (monitor, target) = (harness.monitor(), harness.fresh());
    same("the target", &monitor.target(&target.node, &us()).await?, &None)?;
    same("its health", &monitor.health(&target.node, &us()).await?, &Health::Unknown)?;
    Ok(Verdict::Passed)
}

async fn a_look_up_right_after_a_write_sees_it(harness: Harness) -> Result<Verdict, Failure> {
    let (monitor, wanted) = (harness.monitor(), harness.fresh());
    monitor.set(&wanted, &us()).await?;
    ours(&*monitor, &wanted).await?;
    Ok(Verdict::Passed)
}

async fn setting_twice_is_once(harness: Harness) -> Result<Verdict, Failure> {
    let (monitor, wanted) = (harness.monitor(), harness.fresh());
    monitor.set(&wanted, &us()).await?;
    monitor.set(&wanted, &us()).await?;
    ours(&*monitor, &wanted).await?;
    monitor.remove(&wanted.node, &us()).await?;
    same("the target", &monitor.target(&wanted.node, &us()).await?, &None)?;
    Ok(Verdict::Passed)
}

async fn a_changed_target_replaces_the_former(harness: Harness) -> Result<Verdict, Failure> {
    let (monitor, first, second) = (harness.monitor(), harness.fresh(), harness.fresh());
    monitor.set(&first, &us()).await?;
    let changed = Target { node: first.node, labels: [("rack".to_owned(), "r9".to_owned())].into(), ..second };
    monitor.set(&changed, &us()).await?;
    ours(&*monitor, &changed).await?;
    // The address that it gave up is free, also for another site.
    monitor.set(&Target { address: first.address, ..harness.fresh() }, &them()).await?;
    Ok(Verdict::Passed)
}

async fn a_removed_target_is_gone(harness: Harness) -> Result<Verdict, Failure> {
    let (monitor, wanted) = (harness.monitor(), harness.fresh());
    monitor.set(&wanted, &us()).await?;
    monitor.remove(&wanted.node, &us()).await?;
    same("the target", &monitor.target(&wanted.node, &us()).await?, &None)?;
    same("its health", &monitor.health(&wanted.node, &us()).await?, &Health::Unknown)?;
    Ok(Verdict::Passed)
}

async fn removing_what_is_absent_is_no_error(harness: Harness) -> Result<Verdict, Failure> {
    let (monitor, wanted) = (harness.monitor(), harness.fresh());
    monitor.remove(&wanted.node, &us()).await?;
    monitor.set(&wanted, &us()).await?;
    monitor.remove(&wanted.node, &us()).await?;
    monitor.remove(&wanted.node, &us()).await?;
    Ok(Verdict::Passed)
}

async fn an_address_of_another_site_is_a_conflict(harness: Harness) -> Result<Verdict, Failure> {
    let (monitor, theirs, free) = (harness.monitor(), harness.fresh(), harness.fresh());
    monitor.set(&theirs, &them()).await?;
    let wanted = Target { address: theirs.address.clone(), ..free };
    fails("setting it", monitor.set(&wanted, &us()).await, ErrorKind::Conflict)?;
    same("the target that was refused", &monitor.target(&wanted.node, &us()).await?, &None)?;
    let held = monitor.target(&theirs.node, &them()).await?;
    same("the target of the other site", &held, &Some(HeldTarget { target: theirs, owner: Some(them()) }))?;
    Ok(Verdict::Passed)
}

async fn an_address_without_a_mark_is_a_conflict(harness: Harness) -> Result<Verdict, Failure> {
    let (monitor, theirs, free) = (harness.monitor(), harness.fresh(), harness.fresh());
    if harness.seed_unmarked(&theirs).await?.is_none() {
        return ignored("nothing without a mark can be written into the service");
    }
    let wanted = Target { address: theirs.address, ..free };
    fails("setting it", monitor.set(&wanted, &us()).await, ErrorKind::Conflict)?;
    same("the target that was refused", &monitor.target(&wanted.node, &us()).await?, &None)?;
    Ok(Verdict::Passed)
}

async fn a_target_that_answers_comes_up(harness: Harness) -> Result<Verdict, Failure> {
    let Some(address) = harness.alive() else { return ignored("there is nothing that can be scraped") };
    let wanted = Target { address, ..harness.fresh() };
    harness.monitor().set(&wanted, &us()).await?;
    let found = health(&harness, &wanted).await;
    harness.monitor().remove(&wanted.node, &us()).await?;
    same("its health", &found?, &Health::Up)?;
    Ok(Verdict::Passed)
}

async fn a_target_that_does_not_answer_is_down_with_its_error(harness: Harness) -> Result<Verdict, Failure> {
    let wanted = harness.fresh();
    harness.monitor().set(&wanted, &us()).await?;
    match health(&harness, &wanted).await? {
        Health::Down { error } if !error.is_empty() => Ok(Verdict::Passed),
        other => Err(format!("its health is {other:?} and should be down, with an error").into()),
    }
}

async fn the_targets_that_carry_a_mark_can_be_listed(harness: Harness) -> Result<Verdict, Failure> {
    let (monitor, mine, theirs, gone) = (harness.monitor(), harness.fresh(), harness.fresh(), harness.fresh());
    monitor.set(&mine, &us()).await?;
    monitor.set(&theirs, &them()).await?;
    monitor.set(&gone, &us()).await?;
    monitor.remove(&gone.node, &us()).await?;
    let listed = monitor.owned(&us()).await?;
    let named = |wanted: &Target| listed.iter().find(|target| target.node == wanted.node).map(|target| &target.address);
    same("the address of ours", &named(&mine), &Some(&mine.address))?;
    same("another site's as ours", &named(&theirs), &None)?;
    same("a removed one", &named(&gone), &None)?;
    same("that the list is in the order of nodes", &listed.is_sorted_by_key(|target| &target.node), &true)?;
    Ok(Verdict::Passed)
}

fn rule(alert: &str, expression: &str) -> Rule {
    let summary = Some(format!("{alert} on {{{{ $labels.node }}}}"));
    let lasting = Duration::from_secs(300);
    let when = Condition::Expression(expression.to_owned());
    let nodes = ["n1", "n2.rack"].map(|node| NodeName::new(node).expect("a plain word is a name")).to_vec();
    Rule { alert: alert.to_owned(), when, nodes, lasting, severity: "page".to_owned(), summary }
}

/// A site of a trial's own: a site has one set of rules.
fn of_trial(name: &str) -> SiteName {
    SiteName::new(name).expect("a plain word is a name")
}

/// Waits until the running service has just these rules.
async fn evaluated(harness: &Harness, rules: &dyn Rules, wanted: &[Rule], owner: &SiteName) -> Result<(), Failure> {
    let start = Instant::now();
    let all_well = RulesHealth { of: vec![RuleHealth::Ok; wanted.len()], others: Vec::new() };
    loop {
        let health = rules.health(wanted, owner).await?;
        if health == all_well || start.elapsed() > harness.patience() {
            return same("the health of the rules", &health, &all_well);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn rules_are_evaluated_replaced_and_taken_away(harness: Harness) -> Result<Verdict, Failure> {
    let Some(rules) = harness.monitor().rules() else { return ignored("it has no place for rules") };
    let owner = of_trial("rules-one");
    same("the rules", &rules.held(&owner).await?, &None)?;
    let (good, _) = harness.expressions();
    let above = Condition::Above { metric: "up".to_owned(), bound: 1 };
    let (first, second) = (
        vec![rule("Hot", &good), rule("Full", &good), Rule { when: above, ..rule("Up", &good) }],
        vec![Rule { lasting: Duration::from_secs(90), ..rule("Hot", &good) }],
    );
    for wanted in [&first, &first, &second] {
        rules.set(wanted, &owner).await?;
        same("the rules", &rules.held(&owner).await?.as_ref(), &Some(wanted))?;
        evaluated(&harness, &*rules, wanted, &owner).await?;
    }
    for _ in 0..2 {
        rules.set(&[], &owner).await?;
        same("the rules", &rules.held(&owner).await?, &None)?;
        evaluated(&harness, &*rules, &[], &owner).await?;
    }
    Ok(Verdict::Passed)
}

async fn rules_of_two_sites_stand_beside_each_other(harness: Harness) -> Result<Verdict, Failure> {
    let Some(rules) = harness.monitor().rules() else { return ignored("it has no place for rules") };
    let (good, _) = harness.expressions();
    let (one, two) = (of_trial("rules-two"), of_trial("rules-three"));
    rules.set(&[rule("Hot", &good)], &one).await?;
    rules.set(&[rule("Cold", &good)], &two).await?;
    rules.set(&[], &one).await?;
    same("the rules of the other", &rules.held(&two).await?, &Some(vec![rule("Cold", &good)]))?;
    evaluated(&harness, &*rules, &[rule("Cold", &good)], &two).await?;
    rules.set(&[], &two).await?;
    Ok(Verdict::Passed)
}

async fn rules_that_are_refused_leave_the_former_ones(harness: Harness) -> Result<Verdict, Failure> {
    let Some(rules) = harness.monitor().rules() else { return ignored("it has no place for rules") };
    let (good, bad) = harness.expressions();
    let owner = of_trial("rules-four");
    rules.set(&[rule("Hot", &good)], &owner).await?;
    fails("setting them", rules.set(&[rule("Hot", &bad)], &owner).await, ErrorKind::Invalid)?;
    same("the rules", &rules.held(&owner).await?, &Some(vec![rule("Hot", &good)]))?;
    evaluated(&harness, &*rules, &[rule("Hot", &good)], &owner).await?;
    rules.set(&[], &owner).await?;
    Ok(Verdict::Passed)
}

async fn wrong_credentials_are_denied(harness: Harness) -> Result<Verdict, Failure> {
    let Some(monitor) = harness.with_wrong_credentials() else { return ignored("the service asks for no credentials") };
    fails("setting", monitor.set(&harness.fresh(), &us()).await, ErrorKind::Denied)?;
    Ok(Verdict::Passed)
}

async fn a_dead_server_is_unreachable(harness: Harness) -> Result<Verdict, Failure> {
    let Some(monitor) = harness.of_dead_server() else { return ignored("the service cannot be dead") };
    let target = harness.fresh();
    harness.monitor().set(&target, &us()).await?;
    fails("asking for the health", monitor.health(&target.node, &us()).await, ErrorKind::Unreachable)?;
    Ok(Verdict::Passed)
}

async fn a_cancelled_call_can_be_looked_at_and_made_again(harness: Harness) -> Result<Verdict, Failure> {
    let (monitor, wanted, owner) = (harness.monitor(), harness.fresh(), us());
    cancelled(monitor.set(&wanted, &owner)).await;
    monitor.target(&wanted.node, &owner).await?;
    monitor.set(&wanted, &owner).await?;
    ours(&*monitor, &wanted).await?;
    Ok(Verdict::Passed)
}
