//! `firmware.set_secure_boot`: UEFI Secure Boot is on or off; it comes into force when the node boots.

use async_trait::async_trait;
use dip_core::fact::firmware::SECURE_BOOT;
use dip_core::fact::{Fact, FactKey, Facts};
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::site::Origin;
use dip_core::step::{Environment, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use super::boot_ref::bmc_lock;
use super::facet::facet;
use super::stage::{self, Stage};
use crate::wishes::SecureBootWish;

/// Secure Boot is set for the next boot.
pub(crate) const SECURE_BOOT_ACCEPTED: Fact<bool> = Fact::new("firmware.secure_boot_accepted");

/// Turns Secure Boot on or off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetSecureBoot {
    /// The node.
    pub node: NodeName,
    /// How it is wanted.
    pub wanted: SecureBootWish,
    /// How far it must have come.
    pub stage: Stage,
}

impl SetSecureBoot {
    /// The step that asks, and the one that looks after the boot.
    pub(crate) fn steps(node: &NodeName, wanted: SecureBootWish, origin: Option<&Origin>) -> [Step; 2] {
        let of = |stage| Self { node: node.clone(), wanted, stage }.bare(origin);
        let since = SECURE_BOOT_ACCEPTED.of(&Subject::node(node));
        [of(Stage::Accepted), stage::after_boot(of(Stage::InForce), node, Environment::Installed, [since])]
    }

    fn bare(&self, origin: Option<&Origin>) -> Step {
        Step::new(LayerId::Firmware, Subject::node(&self.node), self)
            .give(self.fact())
            .lock(bmc_lock(&self.node))
            .patience(stage::ACCEPTING)
            .origin(origin.cloned())
    }

    fn fact(&self) -> FactKey {
        let fact = if self.stage == Stage::Accepted { SECURE_BOOT_ACCEPTED } else { SECURE_BOOT };
        fact.of(&Subject::node(&self.node))
    }
}

const fn word(on: bool) -> &'static str {
    if on { "enabled" } else { "disabled" }
}

#[async_trait]
impl Operation for SetSecureBoot {
    const NAME: &'static str = "firmware.set_secure_boot";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let state = facet(cx, &self.node, "set Secure Boot", |bmc| bmc.secure_boot())?.state().await?;
        let now = if self.stage == Stage::Accepted { state.enabled } else { state.enforced };
        let wanted = self.wanted.is_enabled();
        if now == wanted {
            return Ok(Check::Holds(Facts::new().with_key(self.fact(), &wanted)));
        }
        let wanted = format!("{}{}", word(wanted), self.stage.when());
        Ok(Check::Differs(Diff::of("Secure Boot", Some(word(now)), Some(wanted))))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        if self.stage == Stage::InForce {
            return Ok(stage::watch());
        }
        let secure_boot = facet(cx, &self.node, "set Secure Boot", |bmc| bmc.secure_boot())?;
        match self.wanted {
            SecureBootWish::Enabled => secure_boot.enable().await?,
            SecureBootWish::Disabled => secure_boot.disable().await?,
        }
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::provider::{MockBmc, MockSecureBoot, SecureBoot, SecureBootState};
    use crate::testing::{bench_with, node_named};

    #[tokio::test]
    async fn it_is_accepted_for_the_next_boot_and_in_force_after_it() {
        let state = SecureBootState { enforced: false, enabled: true };
        let mut secure_boot = MockSecureBoot::new();
        secure_boot.expect_state().returning(move || Ok(state));
        secure_boot.expect_disable().times(1).returning(|| Ok(()));
        let secure_boot: Arc<dyn SecureBoot> = Arc::new(secure_boot);
        let mut bmc = MockBmc::new();
        bmc.expect_secure_boot().returning(move || Some(Arc::clone(&secure_boot)));
        let of = |wanted, stage| SetSecureBoot { node: node_named("n1"), wanted, stage };
        let bench = bench_with(bmc, of(SecureBootWish::Enabled, Stage::Accepted).bare(None));
        let check = of(SecureBootWish::Enabled, Stage::Accepted).check(&bench.context()).await;
        assert!(matches!(check, Ok(Check::Holds(_))), "{check:?}");
        let check = of(SecureBootWish::Enabled, Stage::InForce).check(&bench.context()).await;
        assert!(matches!(check, Ok(Check::Differs(_))), "{check:?}");
        let off = of(SecureBootWish::Disabled, Stage::Accepted);
        let Ok(Check::Differs(diff)) = off.check(&bench.context()).await else { panic!("it is on") };
        assert_eq!(diff.to_string(), "Secure Boot enabled → disabled, at the next boot");
        assert_eq!(off.apply(&bench.context()).await.expect("it obeys"), Applied::Done);
    }
}
