//! The trials of [`Pdu`].

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::expect::{cancelled, fails, ignored, same, trials};
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::PowerState;
use dip_core::provider::ErrorKind;

use crate::provider::Pdu;

/// A PDU under trial.
#[async_trait]
pub trait PduHarness: Send + Sync {
    /// The provider.
    fn pdu(&self) -> Arc<dyn Pdu>;

    /// A provider with wrong credentials; `None` where the PDU asks for none.
    fn with_wrong_credentials(&self) -> Option<Arc<dyn Pdu>>;

    /// A provider for a PDU that does not answer; `None` where there can be none.
    fn of_dead_server(&self) -> Option<Arc<dyn Pdu>>;

    /// Two outlets that the trials may switch.
    fn outlets(&self) -> [u16; 2];

    /// An outlet that the PDU does not have.
    fn missing_outlet(&self) -> u16;
}

/// The trials that a provider of [`Pdu`] must pass.
#[must_use]
pub fn pdu(harness: Arc<dyn PduHarness>) -> Vec<Trial> {
    trials![harness;
        an_outlet_comes_to_the_state_that_it_was_asked_for
        switching_twice_is_once
        switching_an_outlet_leaves_others_alone
        an_outlet_that_does_not_exist_is_not_found
        wrong_credentials_are_denied
        a_dead_pdu_is_unreachable
        a_cancelled_switch_can_be_looked_at_and_made_again
    ]
}

type Harness = Arc<dyn PduHarness>;

/// PDUs switch one outlet after the other, with pauses of seconds against inrush.
const SWITCHES: Duration = Duration::from_secs(30);

async fn comes_to(pdu: &dyn Pdu, outlet: u16, state: PowerState) -> Result<(), Failure> {
    pdu.set_outlet(outlet, state).await?;
    let end = tokio::time::Instant::now() + SWITCHES;
    while pdu.outlet(outlet).await? != state {
        if tokio::time::Instant::now() > end {
            return Err(format!("outlet {outlet} is not {state} after {SWITCHES:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn an_outlet_comes_to_the_state_that_it_was_asked_for(harness: Harness) -> Result<Verdict, Failure> {
    let (pdu, [outlet, _]) = (harness.pdu(), harness.outlets());
    for state in [PowerState::On, PowerState::Off, PowerState::On] {
        comes_to(&*pdu, outlet, state).await?;
    }
    Ok(Verdict::Passed)
}

async fn switching_twice_is_once(harness: Harness) -> Result<Verdict, Failure> {
    let (pdu, [outlet, _]) = (harness.pdu(), harness.outlets());
    for state in [PowerState::Off, PowerState::Off, PowerState::On, PowerState::On] {
        comes_to(&*pdu, outlet, state).await?;
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

async fn an_outlet_that_does_not_exist_is_not_found(harness: Harness) -> Result<Verdict, Failure> {
    let (pdu, missing) = (harness.pdu(), harness.missing_outlet());
    fails("a look", pdu.outlet(missing).await, ErrorKind::NotFound)?;
    fails("a switch", pdu.set_outlet(missing, PowerState::On).await, ErrorKind::NotFound)?;
    Ok(Verdict::Passed)
}

async fn wrong_credentials_are_denied(harness: Harness) -> Result<Verdict, Failure> {
    let Some(pdu) = harness.with_wrong_credentials() else { return ignored("the PDU asks for no credentials") };
    let [outlet, _] = harness.outlets();
    fails("a look", pdu.outlet(outlet).await, ErrorKind::Denied)?;
    fails("a switch", pdu.set_outlet(outlet, PowerState::On).await, ErrorKind::Denied)?;
    Ok(Verdict::Passed)
}

async fn a_dead_pdu_is_unreachable(harness: Harness) -> Result<Verdict, Failure> {
    let Some(pdu) = harness.of_dead_server() else { return ignored("the PDU cannot be dead") };
    let [outlet, _] = harness.outlets();
    fails("a look", pdu.outlet(outlet).await, ErrorKind::Unreachable)?;
    fails("a switch", pdu.set_outlet(outlet, PowerState::On).await, ErrorKind::Unreachable)?;
    Ok(Verdict::Passed)
}

async fn a_cancelled_switch_can_be_looked_at_and_made_again(harness: Harness) -> Result<Verdict, Failure> {
    let (pdu, [outlet, _]) = (harness.pdu(), harness.outlets());
    comes_to(&*pdu, outlet, PowerState::On).await?;
    cancelled(pdu.set_outlet(outlet, PowerState::Off)).await;
    pdu.outlet(outlet).await?;
    comes_to(&*pdu, outlet, PowerState::Off).await?;
    Ok(Verdict::Passed)
}
