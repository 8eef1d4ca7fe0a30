//! `firmware.revive_bmc`: a BMC that hangs answers again, by the last resort: the mains of its node are cut.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::firmware::BMC_ANSWERS;
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Patience};
use dip_core::provider::{ErrorKind, Power, PowerAction};
use dip_core::site::{Origin, OutletRef};
use dip_core::step::{Hazard, Lock, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use super::boot_ref::bmc_lock;
use crate::provider::Bmc;

/// How often mains are cut before a person has to look.
const CUTS: u32 = 2;
/// An attempt is what a BMC may take to start: two to three minutes with most makers. It is also how long one that is silent is
/// given to answer by itself: it may be restarting after an update.
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(20 * 60), attempt: Duration::from_secs(4 * 60) };
/// Between two looks at a BMC that is silent; each look waits for an answer itself.
const POLL: Duration = Duration::from_secs(10);

/// Brings a BMC back that does not answer. Proposed only where the site allows it by `last_resort: outlet`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviveBmc {
    /// The node.
    pub node: NodeName,
    /// The outlets that feed it, all of them.
    pub outlets: Vec<OutletRef>,
}

impl ReviveBmc {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let key = BMC_ANSWERS.of(&self.subject());
        let mut pdus: Vec<_> = self.outlets.iter().map(|outlet| Subject::pdu(&outlet.pdu).to_string()).collect();
        pdus.sort();
        pdus.dedup();
        let step = Step::new(LayerId::Firmware, self.subject(), &self)
            .give(key)
            .lock(bmc_lock(&self.node))
            .hazard(Hazard::Disrupts)
            .patience(PATIENCE)
            .origin(origin);
        pdus.into_iter().fold(step, |step, pdu| step.lock(Lock::new(pdu)))
    }

    fn subject(&self) -> Subject {
        Subject::node(&self.node)
    }

    fn outlets(&self) -> String {
        self.outlets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

#[async_trait]
impl Operation for ReviveBmc {
    const NAME: &'static str = "firmware.revive_bmc";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        match cx.provider::<dyn Bmc>(&self.subject())?.identity().await {
            // The power of outlets changes nothing about what it answers.
            Err(error) if error.kind() == ErrorKind::Unreachable => {
                let by = format!("answers, by the power of {}", self.outlets());
                Ok(Check::Differs(Diff::of("BMC", Some("silent"), Some(by))))
            }
            _ => Ok(Check::Holds(Facts::new().with(&BMC_ANSWERS, &self.subject(), &true))),
        }
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let attempt = cx.assignment().attempt;
        if attempt <= 1 {
            let reason = format!("the BMC to answer by itself, before the power of {} is cut", self.outlets());
            return Ok(Applied::watch(reason, POLL));
        }
        if attempt > 1 + CUTS {
            return Err(OperationError::Impossible(format!(
                "the BMC of node `{}` is silent although the power of {} was cut {CUTS} times; look at the machine, and whether these are its outlets",
                self.node,
                self.outlets()
            )));
        }
        cx.provider::<dyn Power>(&Subject::mains(&self.node))?.request(PowerAction::Cycle).await?;
        Ok(Applied::wait(format!("the BMC to start, after the power of {} was cut", self.outlets()), POLL))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::provider::MockBmc;
    use crate::testing::node_named;
    use dip_core::hardware::Identity;
    use dip_core::provider::{MockPower, ProviderError, Providers};
    use dip_core::testing::Bench;

    fn wanted() -> ReviveBmc {
        let outlets = ["pdu1/3", "pdu2/3"].map(|outlet| outlet.parse().expect("an outlet")).to_vec();
        ReviveBmc { node: node_named("n1"), outlets }
    }

    fn bench(fails: Option<ErrorKind>, cuts: usize) -> Bench {
        let mut bmc = MockBmc::new();
        bmc.expect_identity().returning(move || match fails {
            Some(kind) => Err(ProviderError::new(kind, "mock", "ask")),
            None => Ok(Identity::default()),
        });
        let mut mains = MockPower::new();
        mains.expect_request().withf(|action| *action == PowerAction::Cycle).times(cuts).returning(|_| Ok(()));
        let mut providers = Providers::new();
        providers.insert::<dyn Bmc>(&wanted().subject(), Arc::new(bmc));
        providers.insert::<dyn Power>(&Subject::mains(&wanted().node), Arc::new(mains));
        Bench::new(providers, wanted().step(None))
    }

    #[tokio::test]
    async fn only_silence_differs_and_the_outlets_are_told() {
        for answers in [None, Some(ErrorKind::Denied), Some(ErrorKind::Busy), Some(ErrorKind::Unexpected)] {
            let check = wanted().check(&bench(answers, 0).context()).await.expect("it answers something");
            assert!(matches!(check, Check::Holds(_)), "{answers:?}");
        }
        let silent = wanted().check(&bench(Some(ErrorKind::Unreachable), 0).context()).await.expect("silence is told");
        let Check::Differs(diff) = silent else { panic!("it does not differ") };
        assert_eq!(diff.to_string(), "BMC silent → answers, by the power of pdu1/3 pdu2/3");
    }

    #[tokio::test]
    async fn it_is_given_time_first_then_its_power_is_cut_twice_and_then_a_person_must_look() {
        let silent = Some(ErrorKind::Unreachable);
        let first = wanted().apply(&bench(silent, 0).attempt(1).context()).await;
        assert!(matches!(first, Ok(Applied::Watch { reason, .. }) if reason.contains("before the power of pdu1/3")));
        for attempt in [2, 3] {
            let cut = wanted().apply(&bench(silent, 1).attempt(attempt).context()).await;
            assert!(matches!(cut, Ok(Applied::Wait { .. })), "attempt {attempt}");
        }
        let last = wanted().apply(&bench(silent, 0).attempt(4).context()).await.expect_err("twice is enough");
        assert!(last.to_string().contains("look at the machine"), "{last}");
    }

    #[test]
    fn the_step_disrupts_and_holds_the_bmc_and_both_pdus() {
        let step = wanted().step(None);
        assert_eq!(step.hazard, Hazard::Disrupts);
        assert_eq!(step.locks, [Lock::new("bmc/n1"), Lock::new("pdu/pdu1"), Lock::new("pdu/pdu2")]);
        assert_eq!(step.gives, [BMC_ANSWERS.of(&wanted().subject())]);
    }
}
