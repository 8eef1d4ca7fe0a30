//! The trials of [`Alerts`] and of dip-core's [`Silences`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dip_core::conformance::expect::{cancelled, fails, ignored, same, them, trials, us};
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::id::NodeName;
use dip_core::provider::{ErrorKind, Silence, Silences};
use jiff::{SignedDuration, Timestamp};

use crate::provider::{Alerts, AlertsOf};

/// A service for alerts under trial.
#[async_trait]
pub trait AlertsHarness: Send + Sync {
    /// The provider of alerts.
    fn alerts(&self) -> Arc<dyn Alerts>;

    /// The provider of silences.
    fn silences(&self) -> Arc<dyn Silences>;

    /// Providers for a service that does not answer; `None` where there can be none.
    fn of_dead_server(&self) -> Option<(Arc<dyn Alerts>, Arc<dyn Silences>)>;

    /// A node that no other trial speaks of. Each call gives another one.
    fn fresh(&self) -> NodeName;

    /// Lets an alert of a node of the site [`us`] fire, with further labels, as its monitoring would.
    async fn fire(&self, name: &str, node: &NodeName, labels: &BTreeMap<String, String>) -> Result<(), Failure>;

    /// Makes a silence by hand, for the same alerts as one for a node of [`us`]; gives its name in the service. `None` where that
    /// cannot be done.
    async fn seed_foreign(&self, node: &NodeName) -> Result<Option<String>, Failure>;

    /// Whether a silence that was made by hand is as it was made.
    async fn is_untouched(&self, silence: &str) -> Result<bool, Failure>;

    /// When the silences of a node end, of those that have not ended.
    async fn ends(&self, node: &NodeName) -> Result<Vec<Timestamp>, Failure>;

    /// The longest that the service takes to tell an alert, or to keep it quiet.
    fn patience(&self) -> Duration;
}

/// The trials that a provider of [`Alerts`] and [`Silences`] must pass.
#[must_use]
pub fn alerts(harness: Arc<dyn AlertsHarness>) -> Vec<Trial> {
    trials![harness;
        nothing_fires_for_a_node_that_is_well
        an_alert_that_fires_is_told_with_its_node_and_time
        an_alert_is_told_by_its_labels_too
        a_silenced_alert_is_not_told_until_the_silence_ends
        silencing_twice_is_once
        a_silence_is_prolonged_and_never_made_shorter
        ending_what_is_not_there_is_no_error
        the_end_of_a_run_ends_its_silences_and_no_others
        silences_of_others_are_untouched
        a_dead_server_is_unreachable
        a_cancelled_call_can_be_made_again
    ]
}

type Harness = Arc<dyn AlertsHarness>;

fn of(node: &NodeName) -> AlertsOf {
    AlertsOf { site: us(), nodes: vec![node.clone()], labels: BTreeMap::new() }
}

fn silence(node: &NodeName, run: &str, minutes: i64) -> Silence {
    let until = Timestamp::now() + SignedDuration::from_mins(minutes);
    Silence { site: us(), run: run.to_owned(), node: node.clone(), why: "a trial".to_owned(), until }
}

/// Waits until so many alerts fire.
async fn firing(harness: &Harness, of: &AlertsOf, wanted: usize) -> Result<(), Failure> {
    let start = Instant::now();
    loop {
        let firing = harness.alerts().firing(of).await?;
        if firing.len() == wanted {
            return Ok(());
        }
        if start.elapsed() > harness.patience() {
            return Err(format!("{firing:?} fire and should be {wanted}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn nothing_fires_for_a_node_that_is_well(harness: Harness) -> Result<Verdict, Failure> {
    same("what fires", &harness.alerts().firing(&of(&harness.fresh())).await?, &Vec::new())?;
    Ok(Verdict::Passed)
}

async fn an_alert_that_fires_is_told_with_its_node_and_time(harness: Harness) -> Result<Verdict, Failure> {
    let (node, other) = (harness.fresh(), harness.fresh());
    harness.fire("NodeDown", &node, &BTreeMap::new()).await?;
    firing(&harness, &of(&node), 1).await?;
    let told = harness.alerts().firing(&of(&node)).await?;
    same("its name", &told[0].name.as_str(), &"NodeDown")?;
    same("its node", &told[0].node.as_deref(), &Some(node.as_str()))?;
    let age = Timestamp::now().duration_since(told[0].since).as_mins();
    same("that it fires since a moment ago", &(0..10).contains(&age), &true)?;
    same("what fires for another node", &harness.alerts().firing(&of(&other)).await?, &Vec::new())?;
    let elsewhere = AlertsOf { site: them(), ..of(&node) };
    same("what fires for a node of another site", &harness.alerts().firing(&elsewhere).await?, &Vec::new())?;
    Ok(Verdict::Passed)
}

async fn an_alert_is_told_by_its_labels_too(harness: Harness) -> Result<Verdict, Failure> {
    let (node, other) = (harness.fresh(), harness.fresh());
    let labels = BTreeMap::from([("team".to_owned(), format!("of-{node}"))]);
    harness.fire("QuorumAtRisk", &node, &labels).await?;
    firing(&harness, &AlertsOf { labels, ..of(&other) }, 1).await?;
    let labels = BTreeMap::from([("team".to_owned(), "nobody".to_owned())]);
    same("what fires", &harness.alerts().firing(&AlertsOf { labels, ..of(&other) }).await?, &Vec::new())?;
    Ok(Verdict::Passed)
}

async fn a_silenced_alert_is_not_told_until_the_silence_ends(harness: Harness) -> Result<Verdict, Failure> {
    let node = harness.fresh();
    harness.fire("NodeDown", &node, &BTreeMap::new()).await?;
    firing(&harness, &of(&node), 1).await?;
    harness.silences().silence(&silence(&node, "r1", 5)).await?;
    firing(&harness, &of(&node), 0).await?;
    harness.silences().end(&us(), "r1", Some(node.clone())).await?;
    same("the silences", &harness.ends(&node).await?, &Vec::new())?;
    firing(&harness, &of(&node), 1).await?;
    Ok(Verdict::Passed)
}

async fn silencing_twice_is_once(harness: Harness) -> Result<Verdict, Failure> {
    let node = harness.fresh();
    let wanted = silence(&node, "r1", 5);
    harness.silences().silence(&wanted).await?;
    harness.silences().silence(&wanted).await?;
    same("how many silences there are", &harness.ends(&node).await?.len(), &1)?;
    Ok(Verdict::Passed)
}

async fn a_silence_is_prolonged_and_never_made_shorter(harness: Harness) -> Result<Verdict, Failure> {
    let node = harness.fresh();
    let (short, long) = (silence(&node, "r1", 5), silence(&node, "r1", 30));
    for wanted in [&short, &long, &short] {
        harness.silences().silence(wanted).await?;
    }
    let ends = harness.ends(&node).await?;
    same("how many silences there are", &ends.len(), &1)?;
    let off = ends[0].duration_since(long.until).abs();
    same("that it ends when it was prolonged to", &(off < SignedDuration::from_secs(2)), &true)?;
    Ok(Verdict::Passed)
}

async fn ending_what_is_not_there_is_no_error(harness: Harness) -> Result<Verdict, Failure> {
    let node = harness.fresh();
    harness.silences().end(&us(), "r0", Some(node.clone())).await?;
    harness.silences().silence(&silence(&node, "r0", 5)).await?;
    harness.silences().end(&us(), "r0", Some(node.clone())).await?;
    harness.silences().end(&us(), "r0", Some(node)).await?;
    harness.silences().end(&us(), "r0", None).await?;
    Ok(Verdict::Passed)
}

async fn the_end_of_a_run_ends_its_silences_and_no_others(harness: Harness) -> Result<Verdict, Failure> {
    let (one, two) = (harness.fresh(), harness.fresh());
    for (node, run) in [(&one, "whole"), (&two, "whole"), (&one, "other"), (&one, "not-the-whole")] {
        harness.silences().silence(&silence(node, run, 5)).await?;
    }
    harness.silences().silence(&Silence { site: them(), ..silence(&two, "whole", 5) }).await?;
    harness.silences().end(&us(), "whole", None).await?;
    same("how many are left for the first node", &harness.ends(&one).await?.len(), &2)?;
    same("how many are left for the second node", &harness.ends(&two).await?.len(), &1)?;
    Ok(Verdict::Passed)
}

async fn silences_of_others_are_untouched(harness: Harness) -> Result<Verdict, Failure> {
    let node = harness.fresh();
    let Some(theirs) = harness.seed_foreign(&node).await? else {
        return ignored("nobody else can make silences there");
    };
    harness.silences().silence(&silence(&node, "r1", 5)).await?;
    same("how many silences there are", &harness.ends(&node).await?.len(), &2)?;
    harness.silences().end(&us(), "r1", None).await?;
    same("how many silences there are", &harness.ends(&node).await?.len(), &1)?;
    same("that theirs is as it was", &harness.is_untouched(&theirs).await?, &true)?;
    Ok(Verdict::Passed)
}

async fn a_dead_server_is_unreachable(harness: Harness) -> Result<Verdict, Failure> {
    let Some((alerts, silences)) = harness.of_dead_server() else { return ignored("the service cannot be dead") };
    let node = harness.fresh();
    fails("asking for alerts", alerts.firing(&of(&node)).await, ErrorKind::Unreachable)?;
    fails("silencing", silences.silence(&silence(&node, "r1", 5)).await, ErrorKind::Unreachable)?;
    fails("ending", silences.end(&us(), "r1", None).await, ErrorKind::Unreachable)?;
    Ok(Verdict::Passed)
}

async fn a_cancelled_call_can_be_made_again(harness: Harness) -> Result<Verdict, Failure> {
    let node = harness.fresh();
    let wanted = silence(&node, "r1", 5);
    let silences = harness.silences();
    cancelled(silences.silence(&wanted)).await;
    silences.silence(&wanted).await?;
    silences.end(&us(), "r1", Some(node.clone())).await?;
    same("the silences", &harness.ends(&node).await?, &Vec::new())?;
    Ok(Verdict::Passed)
}
