//! `firmware.identify`: the machine behind a BMC tells who it is, and is the one that the site file means and the node is bound to.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::firmware::IDENTITY;
use dip_core::hardware::Identity;
use dip_core::id::{LayerId, NodeName};
use dip_core::identity::{Fingerprint, Likeness, Verdict};
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
    /// The machine that the node is bound to, as the lock file keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Fingerprint>,
}

/// A machine as it was seen, beside the one that the node is bound to.
struct Sighting {
    identity: Identity,
    likeness: Option<Likeness>,
}

impl Identify {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let key = IDENTITY.of(&self.subject());
        Step::new(LayerId::Firmware, self.subject(), &self).give(key).lock(bmc_lock(&self.node)).origin(origin)
    }

    fn subject(&self) -> Subject {
        Subject::node(&self.node)
    }

    async fn look(&self, cx: &Context<'_>) -> Result<Sighting, OperationError> {
        let bmc = cx.provider::<dyn Bmc>(&self.subject())?;
        let identity = bmc.identity().await?;
        let Some(bound) = &self.bound else { return Ok(Sighting { identity, likeness: None }) };
        let mut likeness = Likeness::between(bound, &Fingerprint::of(&identity, None));
        // Its cards are asked for only where the rest is not as it was: a controller takes its time for them.
        if likeness.verdict != Verdict::Same
            && let Some(inventory) = bmc.inventory()
            && let Ok(hardware) = inventory.hardware().await
        {
            likeness = Likeness::between(bound, &Fingerprint::of(&identity, Some(&hardware)));
        }
        Ok(Sighting { identity, likeness: Some(likeness) })
    }

    fn diff(&self, seen: &Sighting) -> Diff {
        let serial = seen.identity.serial.as_ref();
        let mut diff = Diff::default();
        if let Some(wanted) = self.serial.as_ref().filter(|wanted| serial != Some(wanted)) {
            diff = diff.and("serial number", serial, Some(wanted));
        }
        if let Some(likeness) = seen.likeness.as_ref().filter(|likeness| likeness.verdict != Verdict::Same) {
            diff = diff.and("machine", Some(likeness), Some("the one that the lock file keeps"));
        }
        diff
    }

    /// Why the machine is not the right one, and what to do about it.
    fn sentence(&self, seen: &Sighting) -> Option<String> {
        let node = &self.node;
        let another = seen.likeness.as_ref().map(|likeness| (likeness.verdict, likeness.against()));
        if let Some((verdict @ (Verdict::NewBoard | Verdict::NewChassis), why)) = &another {
            let what = if *verdict == Verdict::NewBoard { "another main board" } else { "another chassis" };
            return Some(format!(
                "the machine of node `{node}` has {what}: {why}; if it was exchanged, say so by `dip replace {node}` and have the lock file reviewed"
            ));
        }
        match (&self.serial, &seen.identity.serial) {
            (Some(wanted), Some(seen)) if wanted != seen => Some(format!(
                "the machine at the BMC of node `{node}` has serial number `{seen}` and not `{wanted}`; correct the BMC's address or the serial number in the site file, or swap the machines back; if the machine was exchanged, say so by `dip replace {node}`"
            )),
            (Some(wanted), None) => Some(format!(
                "the machine at the BMC of node `{node}` tells no serial number, so nobody can say whether it is `{wanted}`; \
                 look at the machine, and take `serial` out of the site file if it is the right one"
            )),
            _ => match another? {
                (Verdict::Another, why) => Some(format!(
                    "the machine at the BMC of node `{node}` is another one than the node is bound to: {why}; swap the machines back, or say by `dip replace {node}` that it was exchanged"
                )),
                (Verdict::Unclear, _) => Some(format!(
                    "the machine at the BMC of node `{node}` tells too little to say whether the node is bound to it; look at its label, and say by `dip replace {node}` that it is the right one"
                )),
                _ => None,
            },
        }
    }
}

#[async_trait]
impl Operation for Identify {
    const NAME: &'static str = "firmware.identify";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let seen = self.look(cx).await?;
        Ok(self.diff(&seen).or_holds(Facts::new().with(&IDENTITY, &self.subject(), &seen.identity)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let seen = self.look(cx).await?;
        self.sentence(&seen).map_or(Ok(Applied::Done), |why| Err(OperationError::Impossible(why)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::MockBmc;
    use crate::testing::{bench_with, node_named};
    use dip_core::testing::Bench;

    fn wanted(serial: Option<&str>) -> Identify {
        Identify { node: node_named("n1"), serial: serial.map(str::to_owned), bound: None }
    }

    fn bound(serial: &str, board: &str) -> Identify {
        let bound = Fingerprint {
            serial: Some(serial.to_owned()),
            board_serial: Some(board.to_owned()),
            ..Fingerprint::default()
        };
        Identify { bound: Some(bound), ..wanted(None) }
    }

    fn bench(serial: Option<&str>) -> (Bench, Identity) {
        let identity = Identity {
            manufacturer: Some("Acme".to_owned()),
            serial: serial.map(str::to_owned),
            board_serial: Some("B-1".to_owned()),
            ..Identity::default()
        };
        let told = identity.clone();
        let mut bmc = MockBmc::new();
        bmc.expect_identity().returning(move || Ok(told.clone()));
        bmc.expect_inventory().returning(|| None);
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

    #[tokio::test]
    async fn the_machine_that_the_node_is_bound_to_is_told_from_one_with_another_board() {
        let (bench, _) = bench(Some("SN-1"));
        let check = bound("SN-1", "B-1").check(&bench.context()).await.expect("the BMC answers");
        assert!(matches!(check, Check::Holds(_)));
        let cases = [
            (bound("SN-1", "B-0"), "has another main board: the serial number of the board is `B-1` and was `B-0`"),
            (bound("SN-0", "B-1"), "has another chassis: the serial number is `SN-1` and was `SN-0`"),
            (bound("SN-0", "B-0"), "is another one than the node is bound to"),
        ];
        for (wanted, why) in cases {
            assert!(matches!(wanted.check(&bench.context()).await, Ok(Check::Differs(_))));
            let error = wanted.apply(&bench.context()).await.expect_err("a person must look");
            assert!(error.to_string().contains(why), "{error}");
            assert!(error.to_string().contains("dip replace n1"), "{error}");
        }
    }
}
