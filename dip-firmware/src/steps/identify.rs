//! `firmware.identify`: the machine behind a BMC tells who it is, and is the one that the site file means.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::firmware::IDENTITY;
use dip_core::hardware::Identity;
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::site::Origin;
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use super::boot_ref::bmc_lock;
use crate::provider::Bmc;

/// Asks a machine who it is. Nobody can make it another one: where it differs, a person must look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identify {
    /// The node.
    pub node: NodeName,
    /// The serial number that the site file tells for it.
    pub serial: Option<String>,
}

impl Identify {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let key = IDENTITY.of(&self.subject());
        Step::new(LayerId::Firmware, self.subject(), &self).give(key).lock(bmc_lock(&self.node)).origin(origin)
    }

    fn subject(&self) -> Subject {
        Subject::node(&self.node)
    }

    async fn identity(&self, cx: &Context<'_>) -> Result<Identity, OperationError> {
        Ok(cx.provider::<dyn Bmc>(&self.subject())?.identity().await?)
    }

    fn diff(&self, seen: &Identity) -> Diff {
        match &self.serial {
            Some(wanted) if seen.serial.as_ref() != Some(wanted) => {
                Diff::of("serial number", seen.serial.as_ref(), Some(wanted))
            }
            _ => Diff::default(),
        }
    }
}

#[async_trait]
impl Operation for Identify {
    const NAME: &'static str = "firmware.identify";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let seen = self.identity(cx).await?;
        Ok(self.diff(&seen).or_holds(Facts::new().with(&IDENTITY, &self.subject(), &seen)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let seen = self.identity(cx).await?;
        let (Some(wanted), false) = (&self.serial, self.diff(&seen).is_empty()) else { return Ok(Applied::Done) };
        let node = &self.node;
        Err(OperationError::Impossible(match &seen.serial {
            Some(seen) => format!(
                "the machine at the BMC of node `{node}` has serial number `{seen}` and not `{wanted}`; \
                 correct the BMC's address or the serial number in the site file, or swap the machines back"
            ),
            None => format!(
                "the machine at the BMC of node `{node}` tells no serial number, so nobody can say whether it is `{wanted}`; \
                 look at the machine, and take `serial` out of the site file if it is the right one"
            ),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::MockBmc;
    use crate::testing::{bench_with, node_named};
    use dip_core::testing::Bench;

    fn wanted(serial: Option<&str>) -> Identify {
        Identify { node: node_named("n1"), serial: serial.map(str::to_owned) }
    }

    fn bench(serial: Option<&str>) -> (Bench, Identity) {
        let identity = Identity {
            manufacturer: Some("Acme".to_owned()),
            serial: serial.map(str::to_owned),
            ..Identity::default()
        };
        let told = identity.clone();
        let mut bmc = MockBmc::new();
        bmc.expect_identity().returning(move || Ok(told.clone()));
        (bench_with(bmc, wanted(None).step(None)), identity)
    }

    #[tokio::test]
    async fn the_right_machine_holds_and_tells_who_it_is() {
        let (bench, identity) = bench(Some("SN-1"));
        let facts = Facts::new().with(&IDENTITY, &wanted(None).subject(), &identity);
        for serial in [None, Some("SN-1")] {
            let check = wanted(serial).check(&bench.context()).await.expect("the BMC answers");
            assert_eq!(check, Check::Holds(facts.clone()));
        }
    }

    #[tokio::test]
    async fn another_machine_differs_and_is_not_touched() {
        let (bench, _) = bench(Some("SN-2"));
        let wanted = wanted(Some("SN-1"));
        let Check::Differs(diff) = wanted.check(&bench.context()).await.expect("the BMC answers") else {
            panic!("it does not differ");
        };
        assert_eq!(diff.to_string(), "serial number SN-2 → SN-1");
        let error = wanted.apply(&bench.context()).await.expect_err("nobody can make it another machine");
        assert!(matches!(error, OperationError::Impossible(_)));
        assert!(error.to_string().contains("has serial number `SN-2` and not `SN-1`"), "{error}");
    }

    #[tokio::test]
    async fn a_machine_without_a_serial_number_is_not_taken_for_the_right_one() {
        let (bench, _) = bench(None);
        let error = wanted(Some("SN-1")).apply(&bench.context()).await.expect_err("nobody knows");
        assert!(error.to_string().contains("tells no serial number"), "{error}");
    }
}
