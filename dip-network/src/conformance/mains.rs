//! The trials of a node's mains: several outlets as one [`Power`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::expect::{cancelled, fails, ignored, same, trials};
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::PowerState;
use dip_core::provider::{ErrorKind, Power, PowerAction};

use super::PduConsumers;

/// The mains of a node under trial.
#[async_trait]
pub trait MainsHarness: Send + Sync {
    /// The mains of a node with two feeds.
    fn mains(&self) -> Arc<dyn Power>;

    /// The same node, where the PDU of its second feed does not answer; `None` where it cannot be dead.
    fn with_dead_feed(&self) -> Option<Arc<dyn Power>>;

    /// The outlets of the two feeds.
    fn feeds(&self) -> [u16; 2];

    /// The power supplies behind them.
    fn supplies(&self) -> Arc<dyn PduConsumers>;
}

/// The trials that the mains of a node must pass.
#[must_use]
pub fn mains(harness: Arc<dyn MainsHarness>) -> Vec<Trial> {
    trials![harness;
        mains_come_and_go_with_all_feeds
        switching_mains_twice_is_once
        a_cycle_takes_the_power_of_every_feed_once_and_ends_on
        a_cycle_without_mains_ends_on
        a_shutdown_is_not_offered
        nothing_is_cut_where_a_feed_cannot_be_reached
        a_cancelled_cycle_ends_on
    ]
}

type Harness = Arc<dyn MainsHarness>;

/// As long as PDUs with pauses against inrush may take, and the pause without mains.
const SWITCHES: Duration = Duration::from_secs(60);

async fn comes_to(harness: &Harness, action: PowerAction, state: PowerState) -> Result<(), Failure> {
    let mains = harness.mains();
    mains.request(action).await?;
    let end = tokio::time::Instant::now() + SWITCHES;
    loop {
        let mut supplied = Vec::new();
        for feed in harness.feeds() {
            supplied.push(harness.supplies().runs(feed).await?);
        }
        let all = supplied.iter().all(|runs| *runs == (state == PowerState::On));
        if all && mains.state().await? == state {
            return Ok(());
        }
        if tokio::time::Instant::now() > end {
            return Err(format!("the mains are not {state} after {SWITCHES:?}: {supplied:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn starts(harness: &Harness) -> Result<[usize; 2], Failure> {
    let ([first, second], supplies) = (harness.feeds(), harness.supplies());
    Ok([supplies.starts(first).await?, supplies.starts(second).await?])
}

async fn mains_come_and_go_with_all_feeds(harness: Harness) -> Result<Verdict, Failure> {
    comes_to(&harness, PowerAction::On, PowerState::On).await?;
    comes_to(&harness, PowerAction::Off, PowerState::Off).await?;
    comes_to(&harness, PowerAction::On, PowerState::On).await?;
    Ok(Verdict::Passed)
}

async fn switching_mains_twice_is_once(harness: Harness) -> Result<Verdict, Failure> {
    comes_to(&harness, PowerAction::Off, PowerState::Off).await?;
    let [first, second] = starts(&harness).await?;
    for _ in 0..2 {
        comes_to(&harness, PowerAction::On, PowerState::On).await?;
    }
    same("the starts", &starts(&harness).await?, &[first + 1, second + 1])?;
    Ok(Verdict::Passed)
}

async fn a_cycle_takes_the_power_of_every_feed_once_and_ends_on(harness: Harness) -> Result<Verdict, Failure> {
    comes_to(&harness, PowerAction::On, PowerState::On).await?;
    let [first, second] = starts(&harness).await?;
    comes_to(&harness, PowerAction::Cycle, PowerState::On).await?;
    same("the starts", &starts(&harness).await?, &[first + 1, second + 1])?;
    Ok(Verdict::Passed)
}

async fn a_cycle_without_mains_ends_on(harness: Harness) -> Result<Verdict, Failure> {
    comes_to(&harness, PowerAction::Off, PowerState::Off).await?;
    comes_to(&harness, PowerAction::Cycle, PowerState::On).await?;
    Ok(Verdict::Passed)
}

async fn a_shutdown_is_not_offered(harness: Harness) -> Result<Verdict, Failure> {
    fails("a shutdown", harness.mains().request(PowerAction::Shutdown).await, ErrorKind::Unsupported)?;
    Ok(Verdict::Passed)
}

async fn nothing_is_cut_where_a_feed_cannot_be_reached(harness: Harness) -> Result<Verdict, Failure> {
    let Some(mains) = harness.with_dead_feed() else { return ignored("no feed can be dead") };
    comes_to(&harness, PowerAction::On, PowerState::On).await?;
    let before = starts(&harness).await?;
    fails("a look", mains.state().await, ErrorKind::Unreachable)?;
    fails("a cycle", mains.request(PowerAction::Cycle).await, ErrorKind::Unreachable)?;
    for feed in harness.feeds() {
        same("that a feed has power", &harness.supplies().runs(feed).await?, &true)?;
    }
    same("the starts", &starts(&harness).await?, &before)?;
    Ok(Verdict::Passed)
}

async fn a_cancelled_cycle_ends_on(harness: Harness) -> Result<Verdict, Failure> {
    comes_to(&harness, PowerAction::On, PowerState::On).await?;
    cancelled(harness.mains().request(PowerAction::Cycle)).await;
    // What was begun goes on; what was not leaves the power as it is.
    tokio::time::sleep(Duration::from_secs(15)).await;
    same("the power", &harness.mains().state().await?, &PowerState::On)?;
    Ok(Verdict::Passed)
}
