//! `os.await_answer`: a node that was switched on answers and runs commands.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::firmware::POWER;
use dip_core::fact::os::ANSWERS;
use dip_core::fact::{FactKey, Facts};
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Patience};
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::step::{Boot, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::node::Node;

/// The kernel makes a new one at each boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// From one look to the next: a boot takes minutes, and each look is a connection, for each of the nodes that boot.
const POLL: Duration = Duration::from_secs(5);

/// Waits for the installed system of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwaitAnswer {
    /// The node.
    pub node: NodeName,
    /// The boot, as the plan counts them.
    pub ordinal: u16,
}

impl AwaitAnswer {
    /// Waits for a node that is switched on in that boot.
    pub(crate) fn step(self, boot: &Boot) -> Step {
        let power = self.power();
        self.bare(boot).need(Need::fact(power))
    }

    /// Waits for a node that nobody can switch: it may run all the same, and answer once its cabling is as wanted.
    pub(crate) fn step_by_hand(self, boot: &Boot, cabling: impl Iterator<Item = FactKey>) -> Step {
        let needs = std::iter::once(self.power()).chain(cabling);
        needs.map(Need::IfGiven).fold(self.bare(boot), Step::need)
    }

    fn power(&self) -> FactKey {
        POWER.of_boot(&Subject::node(&self.node), self.ordinal)
    }

    fn bare(&self, boot: &Boot) -> Step {
        let subject = Subject::node(&self.node);
        let given = ANSWERS.of_boot(&subject, self.ordinal);
        Step::new(LayerId::Os, subject, self).give(given).seen_after_needs().patience(Patience::BOOT).part_of(boot)
    }
}

#[async_trait]
impl Operation for AwaitAnswer {
    const NAME: &'static str = "os.await_answer";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let subject = Subject::node(&self.node);
        let silent = || Check::Differs(Diff::of("node", Some("does not answer"), Some("answers")));
        match Node::of(cx, &self.node)?.host().read(BOOT_ID).await {
            Ok(Some(content)) => {
                let boot_id = String::from_utf8_lossy(&content.bytes).trim().to_owned();
                Ok(Check::Holds(Facts::new().with_key(ANSWERS.of_boot(&subject, self.ordinal), &boot_id)))
            }
            Ok(None) => {
                Err(ProviderError::new(ErrorKind::Unexpected, "host", format!("read {BOOT_ID} on {}", self.node))
                    .advise("the node answers but tells no boot id; is it Linux, with /proc?")
                    .into())
            }
            // Silence is what this step waits out. A refusal is not: waiting changes no key.
            Err(error) if matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Busy) => Ok(silent()),
            Err(error) => Err(error.into()),
        }
    }

    async fn apply(&self, _: &Context<'_>) -> Result<Applied, OperationError> {
        Ok(Applied::watch("the installed system to answer", POLL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::node_name;
    use dip_core::provider::{Host, MockHost, Retry};
    use dip_core::step::Environment;
    use dip_core::testing::{Bench, FakeHost};
    use std::sync::Arc;

    fn wanted() -> AwaitAnswer {
        AwaitAnswer { node: node_name(), ordinal: 1 }
    }

    fn step() -> Step {
        wanted().step(&Boot { node: node_name(), from: None, to: Environment::Installed, ordinal: 1 })
    }

    #[tokio::test]
    async fn a_node_that_answers_tells_its_boot() {
        let bench = FakeHost::default().file(BOOT_ID, "1f2e\n").bench(step());
        let key = ANSWERS.of_boot(&Subject::node(&node_name()), 1);
        let check = wanted().check(&bench.context()).await.expect("the host answers");
        assert_eq!(check, Check::Holds(Facts::new().with_key(key, &"1f2e".to_owned())));
    }

    async fn check_of_a_host_that_fails(kind: ErrorKind) -> Result<Check, OperationError> {
        let mut host = MockHost::new();
        host.expect_read().returning(move |_| Err(ProviderError::new(kind, "ssh", "read")));
        let bench = Bench::with::<dyn Host>(&Subject::node(&node_name()), Arc::new(host), step());
        wanted().check(&bench.context()).await
    }

    #[tokio::test]
    async fn silence_is_waited_out_and_a_refusal_is_not() {
        let silent = check_of_a_host_that_fails(ErrorKind::Unreachable).await;
        assert!(matches!(silent, Ok(Check::Differs(_))), "{silent:?}");
        let refused = check_of_a_host_that_fails(ErrorKind::Denied).await.expect_err("the key is wrong");
        assert_eq!(refused.retry(), Retry::Never);
    }

    #[test]
    fn the_step_needs_the_power_of_its_own_boot() {
        let step = step();
        assert_eq!(step.name.as_str(), "os.await_answer node/n1#1");
        let power = POWER.of_boot(&Subject::node(&node_name()), 1);
        assert_eq!(step.needs, [Need::fact(power.clone())]);
        let boot = Boot { node: node_name(), from: None, to: Environment::Installed, ordinal: 1 };
        assert_eq!(wanted().step_by_hand(&boot, std::iter::empty()).needs, [Need::IfGiven(power)]);
        assert_eq!(step.patience, Patience::BOOT);
    }
}
