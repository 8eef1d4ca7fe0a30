//! The trials of [`Pdu`] and its [`Metering`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::expect::{cancelled, fails, ignored, same, trials};
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::PowerState;
use dip_core::provider::{ErrorKind, ProviderError};

use crate::provider::{Load, Metering, Pdu};

/// A PDU under trial.
#[async_trait]
pub trait PduHarness: Send + Sync {
    /// The provider.
    fn pdu(&self) -> Arc<dyn Pdu>;

    /// A provider with wrong credentials; `None` where the PDU asks for none, or is silent to wrong ones.
    fn with_wrong_credentials(&self) -> Option<Arc<dyn Pdu>>;

    /// A provider for a PDU that does not answer; `None` where there can be none.
    fn of_dead_server(&self) -> Option<Arc<dyn Pdu>>;

    /// Two outlets that the trials may switch.
    fn outlets(&self) -> [u16; 2];

    /// An outlet that the PDU does not have.
    fn missing_outlet(&self) -> u16;

    /// What the PDU calls an outlet, where that is known beside the PDU; `None` where it is not.
    fn name_of(&self, outlet: u16) -> Option<String>;

    /// What an outlet with power carries, and what the whole PDU does, where that is known beside the PDU.
    fn loads(&self, outlet: u16) -> Option<[Load; 2]>;

    /// The machines behind the outlets; `None` where nothing is plugged in.
    fn consumers(&self) -> Option<Arc<dyn PduConsumers>>;
}

/// What is plugged into the outlets of a PDU, told by itself and not by the PDU.
#[async_trait]
pub trait PduConsumers: Send + Sync {
    /// Whether what is plugged into an outlet runs.
    async fn runs(&self, outlet: u16) -> Result<bool, Failure>;

    /// How often it was started.
    async fn starts(&self, outlet: u16) -> Result<usize, Failure>;
}

/// The trials that a provider of [`Pdu`] must pass.
#[must_use]
pub fn pdu(harness: Arc<dyn PduHarness>) -> Vec<Trial> {
    trials![harness;
        an_outlet_comes_to_the_state_that_it_was_asked_for
        what_is_plugged_in_runs_only_with_power
        switching_twice_is_once
        switching_an_outlet_leaves_others_alone
        a_cycle_takes_the_power_away_once_and_ends_on
        a_cycle_of_an_outlet_without_power_ends_on
        a_cycle_leaves_other_outlets_alone
        an_outlet_has_the_name_that_the_pdu_gave_it
        an_outlet_is_measured
        the_whole_pdu_is_measured
        an_outlet_that_does_not_exist_is_not_found
        wrong_credentials_are_denied
        a_dead_pdu_is_unreachable
        a_cancelled_switch_can_be_looked_at_and_made_again
        a_cancelled_cycle_can_be_looked_at_and_made_again
    ]
}

type Harness = Arc<dyn PduHarness>;

/// PDUs switch one outlet after the other, with pauses of seconds against inrush.
const SWITCHES: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// The state of an outlet; one that is being switched may say so.
async fn settled(pdu: &dyn Pdu, outlet: u16) -> Result<Option<PowerState>, ProviderError> {
    match pdu.outlet(outlet).await {
        Ok(state) => Ok(Some(state)),
        Err(error) if error.kind() == ErrorKind::Busy => Ok(None),
        Err(error) => Err(error),
    }
}

async fn becomes(pdu: &dyn Pdu, outlet: u16, state: PowerState) -> Result<(), Failure> {
    let end = tokio::time::Instant::now() + SWITCHES;
    while settled(pdu, outlet).await? != Some(state) {
        if tokio::time::Instant::now() > end {
            return Err(format!("outlet {outlet} is not {state} after {SWITCHES:?}").into());
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

async fn comes_to(pdu: &dyn Pdu, outlet: u16, state: PowerState) -> Result<(), Failure> {
    pdu.set_outlet(outlet, state).await?;
    becomes(pdu, outlet, state).await
}

async fn started_so_often(consumers: &dyn PduConsumers, outlet: u16, starts: usize) -> Result<(), Failure> {
    let end = tokio::time::Instant::now() + SWITCHES;
    while consumers.starts(outlet).await? < starts || !consumers.runs(outlet).await? {
        if tokio::time::Instant::now() > end {
            let found = consumers.starts(outlet).await?;
            return Err(
                format!("what is plugged into outlet {outlet} was started {found} times and not {starts}").into()
            );
        }
        tokio::time::sleep(LOOK).await;
    }
    same("the number of starts", &consumers.starts(outlet).await?, &starts)
}

async fn an_outlet_comes_to_the_state_that_it_was_asked_for(harness: Harness) -> Result<Verdict, Failure> {
    let (pdu, [outlet, _]) = (harness.pdu(), harness.outlets());
    for state in [PowerState::On, PowerState::Off, PowerState::On] {
        comes_to(&*pdu, outlet, state).await?;
    }
    Ok(Verdict::Passed)
}

async fn what_is_plugged_in_runs_only_with_power(harness: Harness) -> Result<Verdict, Failure> {
    let Some(consumers) = harness.consumers() else { return ignored("nothing is plugged into the PDU") };
    let (pdu, [outlet, _]) = (harness.pdu(), harness.outlets());
    for (state, runs) in [(PowerState::On, true), (PowerState::Off, false), (PowerState::On, true)] {
        comes_to(&*pdu, outlet, state).await?;
        same("that what is plugged in runs", &consumers.runs(outlet).await?, &runs)?;
    }
    Ok(Verdict::Passed)
}

async fn switching_twice_is_once(harness: Harness) -> Result<Verdict, Failure> {
    let (pdu, [outlet, _]) = (harness.pdu(), harness.outlets());
    comes_to(&*pdu, outlet, PowerState::Off).await?;
    let before = match harness.consumers() {
        Some(consumers) => Some((consumers.starts(outlet).await?, consumers)),
        None => None,
    };
    for state in [PowerState::Off, PowerState::On, PowerState::On] {
        comes_to(&*pdu, outlet, state).await?;
    }
    if let Some((starts, consumers)) = before {
        started_so_often(&*consumers, outlet, starts + 1).await?;
    }
    Ok(Verdict::Passed)
}

async fn switching_an_outlet_leaves_others_alone(harness: Harness) -> Result<Verdict, Failure> {
    let (pdu, [outlet, other]) = (harness.pdu(), harness.outlets());
    for state in [PowerState::On, PowerState::Off] {
        comes_to(&*pdu, other, state).await?;
        comes_to(&*pdu, outlet, PowerState::On).await?;
        comes_to(&*pdu, outlet, PowerState::Off).await?;
        same("the other outlet", &pdu.outlet(other).await?, &state)?;
    }
    Ok(Verdict::Passed)
}

async fn a_cycle_takes_the_power_away_once_and_ends_on(harness: Harness) -> Result<Verdict, Failure> {
    let Some(consumers) = harness.consumers() else { return ignored("nothing is plugged into the PDU") };
    let (pdu, [outlet, _]) = (harness.pdu(), harness.outlets());
    comes_to(&*pdu, outlet, PowerState::On).await?;
    let before = consumers.starts(outlet).await?;
    pdu.cycle_outlet(outlet).await?;
    started_so_often(&*consumers, outlet, before + 1).await?;
    becomes(&*pdu, outlet, PowerState::On).await?;
    Ok(Verdict::Passed)
}

async fn a_cycle_of_an_outlet_without_power_ends_on(harness: Harness) -> Result<Verdict, Failure> {
    let (pdu, [outlet, _]) = (harness.pdu(), harness.outlets());
    comes_to(&*pdu, outlet, PowerState::Off).await?;
    pdu.cycle_outlet(outlet).await?;
    becomes(&*pdu, outlet, PowerState::On).await?;
    Ok(Verdict::Passed)
}

async fn a_cycle_leaves_other_outlets_alone(harness: Harness) -> Result<Verdict, Failure> {
    let (pdu, [outlet, other]) = (harness.pdu(), harness.outlets());
    for state in [PowerState::Off, PowerState::On] {
        comes_to(&*pdu, outlet, PowerState::On).await?;
        comes_to(&*pdu, other, state).await?;
        let starts = match harness.consumers() {
            Some(consumers) => Some((consumers.starts(other).await?, consumers)),
            None => None,
        };
        pdu.cycle_outlet(outlet).await?;
        becomes(&*pdu, outlet, PowerState::On).await?;
        same("the other outlet", &pdu.outlet(other).await?, &state)?;
        if let Some((starts, consumers)) = starts {
            same("the starts of what is plugged into the other", &consumers.starts(other).await?, &starts)?;
        }
    }
    Ok(Verdict::Passed)
}

async fn an_outlet_has_the_name_that_the_pdu_gave_it(harness: Harness) -> Result<Verdict, Failure> {
    let (pdu, [outlet, _]) = (harness.pdu(), harness.outlets());
    let found = pdu.outlet_name(outlet).await?;
    let Some(name) = harness.name_of(outlet) else { return ignored("nobody knows its name beside the PDU") };
    same("the name", &found, &Some(name))?;
    Ok(Verdict::Passed)
}

/// The meters, where there are any and what they should tell is known.
fn meters(harness: &Harness) -> Result<(Arc<dyn Metering>, [Load; 2]), &'static str> {
    let metering = harness.pdu().metering().ok_or("the PDU has no meters")?;
    let [outlet, _] = harness.outlets();
    Ok((metering, harness.loads(outlet).ok_or("nobody knows its load beside the PDU")?))
}

async fn an_outlet_is_measured(harness: Harness) -> Result<Verdict, Failure> {
    let [outlet, _] = harness.outlets();
    let (metering, [load, _]) = match meters(&harness) {
        Ok(meters) => meters,
        Err(why) => return ignored(why),
    };
    comes_to(&*harness.pdu(), outlet, PowerState::On).await?;
    if load.is_unknown() {
        fails("a measure", metering.outlet_load(outlet).await, ErrorKind::Unsupported)?;
        return ignored("the PDU measures no outlets, and says so");
    }
    same("the load", &metering.outlet_load(outlet).await?, &load)?;
    fails("a measure", metering.outlet_load(harness.missing_outlet()).await, ErrorKind::NotFound)?;
    Ok(Verdict::Passed)
}

async fn the_whole_pdu_is_measured(harness: Harness) -> Result<Verdict, Failure> {
    let (metering, [_, load]) = match meters(&harness) {
        Ok(meters) => meters,
        Err(why) => return ignored(why),
    };
    same("the load", &metering.unit_load().await?, &load)?;
    Ok(Verdict::Passed)
}

/// Every call fails like this.
async fn all_fail(pdu: &dyn Pdu, outlet: u16, kind: ErrorKind) -> Result<(), Failure> {
    fails("a look", pdu.outlet(outlet).await, kind)?;
    fails("switching it on", pdu.set_outlet(outlet, PowerState::On).await, kind)?;
    fails("a cycle", pdu.cycle_outlet(outlet).await, kind)?;
    fails("asking its name", pdu.outlet_name(outlet).await, kind)
}

async fn an_outlet_that_does_not_exist_is_not_found(harness: Harness) -> Result<Verdict, Failure> {
    all_fail(&*harness.pdu(), harness.missing_outlet(), ErrorKind::NotFound).await?;
    Ok(Verdict::Passed)
}

async fn wrong_credentials_are_denied(harness: Harness) -> Result<Verdict, Failure> {
    let Some(pdu) = harness.with_wrong_credentials() else {
        return ignored("the PDU asks for no credentials, or is silent to wrong ones");
    };
    let [outlet, _] = harness.outlets();
    all_fail(&*pdu, outlet, ErrorKind::Denied).await?;
    Ok(Verdict::Passed)
}

async fn a_dead_pdu_is_unreachable(harness: Harness) -> Result<Verdict, Failure> {
    let Some(pdu) = harness.of_dead_server() else { return ignored("the PDU cannot be dead") };
    let [outlet, _] = harness.outlets();
    all_fail(&*pdu, outlet, ErrorKind::Unreachable).await?;
    if let Some(metering) = pdu.metering() {
        fails("a measure", metering.unit_load().await, ErrorKind::Unreachable)?;
    }
    Ok(Verdict::Passed)
}

async fn a_cancelled_switch_can_be_looked_at_and_made_again(harness: Harness) -> Result<Verdict, Failure> {
    let (pdu, [outlet, _]) = (harness.pdu(), harness.outlets());
    comes_to(&*pdu, outlet, PowerState::On).await?;
    cancelled(pdu.set_outlet(outlet, PowerState::Off)).await;
    settled(&*pdu, outlet).await?;
    comes_to(&*pdu, outlet, PowerState::Off).await?;
    Ok(Verdict::Passed)
}

async fn a_cancelled_cycle_can_be_looked_at_and_made_again(harness: Harness) -> Result<Verdict, Failure> {
    let (pdu, [outlet, _]) = (harness.pdu(), harness.outlets());
    comes_to(&*pdu, outlet, PowerState::On).await?;
    cancelled(pdu.cycle_outlet(outlet)).await;
    settled(&*pdu, outlet).await?;
    comes_to(&*pdu, outlet, PowerState::On).await?;
    pdu.cycle_outlet(outlet).await?;
    becomes(&*pdu, outlet, PowerState::On).await?;
    Ok(Verdict::Passed)
}
