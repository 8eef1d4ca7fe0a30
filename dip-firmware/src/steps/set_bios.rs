//! `firmware.set_bios`: BIOS attributes are as wanted; they come into force when the node boots.

use std::collections::BTreeMap;

use async_trait::async_trait;
use dip_core::fact::firmware::BIOS;
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
use crate::provider::{Accepted, BiosAttributes, BiosState, BiosValue};
use crate::underway;

/// The wanted BIOS attributes were accepted and wait for a boot, or are in force.
pub(crate) const BIOS_ACCEPTED: Fact<BTreeMap<String, String>> = Fact::new("firmware.bios_accepted");

/// What a task of the controller is kept under.
const REQUEST: &str = "the BIOS attributes";

/// Sets BIOS attributes and leaves all others alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetBios {
    /// The node.
    pub node: NodeName,
    /// The attributes, each as it is written in the site file: the machine says what type it has.
    pub attributes: BTreeMap<String, String>,
    /// How far it must have come.
    pub stage: Stage,
}

impl SetBios {
    /// The step that asks, and the one that looks after the boot.
    pub(crate) fn steps(node: &NodeName, attributes: &BTreeMap<String, String>, origin: Option<&Origin>) -> [Step; 2] {
        let of = |stage| Self { node: node.clone(), attributes: attributes.clone(), stage }.bare(origin);
        let since = BIOS_ACCEPTED.of(&Subject::node(node));
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
        let fact = if self.stage == Stage::Accepted { BIOS_ACCEPTED } else { BIOS };
        fact.of(&Subject::node(&self.node))
    }

    /// The attributes with the types that the machine has for them.
    fn typed(&self, state: &BiosState) -> Result<BiosAttributes, OperationError> {
        let typed = |(name, written): (&String, &String)| {
            let Some(now) = state.current.get(name) else { return Err(self.unknown(name, state)) };
            let value = read(written, now).ok_or_else(|| {
                OperationError::Impossible(format!(
                    "BIOS attribute `{name}` of node `{}` is {} and cannot be `{written}`; it is `{now}` now",
                    self.node,
                    kind(now)
                ))
            })?;
            Ok((name.clone(), value))
        };
        self.attributes.iter().map(typed).collect()
    }

    fn unknown(&self, name: &str, state: &BiosState) -> OperationError {
        let wanted = name.to_ascii_lowercase();
        let is_near = |known: &&String| {
            let known = known.to_ascii_lowercase();
            known.contains(&wanted) || wanted.contains(&known)
        };
        let near: Vec<String> =
            state.current.keys().filter(is_near).take(3).map(|known| format!("`{known}`")).collect();
        let near = if near.is_empty() { String::new() } else { format!(" (it has {})", near.join(", ")) };
        OperationError::Impossible(format!(
            "the BIOS of node `{}` has no attribute `{name}`{near}; names differ between makers and versions, and some appear only \
             once the machine has booted with new firmware",
            self.node
        ))
    }

    fn diff(&self, state: &BiosState, wanted: &BiosAttributes) -> Diff {
        let mut diff = Diff::default();
        for (name, wanted) in wanted {
            // What somebody else has asked for would come into force at the same boot.
            let pending = state.pending.get(name).filter(|_| self.stage != Stage::InForce);
            let now = pending.or_else(|| state.current.get(name));
            if now != Some(wanted) {
                diff = diff.and(name, now, Some(format!("{wanted}{}", self.stage.when())));
            }
        }
        diff
    }
}

/// A written value as the type of the one that is there.
fn read(written: &str, now: &BiosValue) -> Option<BiosValue> {
    Some(match now {
        BiosValue::Text(_) => BiosValue::Text(written.to_owned()),
        BiosValue::Number(_) => BiosValue::Number(written.parse().ok()?),
        BiosValue::Switch(_) => BiosValue::Switch(match written.to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" => true,
            "false" | "off" | "no" => false,
            _ => return None,
        }),
    })
}

const fn kind(value: &BiosValue) -> &'static str {
    match value {
        BiosValue::Text(_) => "a text",
        BiosValue::Number(_) => "a number",
        BiosValue::Switch(_) => "`true` or `false`",
    }
}

#[async_trait]
impl Operation for SetBios {
    const NAME: &'static str = "firmware.set_bios";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let state = facet(cx, &self.node, "set BIOS attributes", |bmc| bmc.bios())?.state().await?;
        let wanted = self.typed(&state)?;
        let diff = self.diff(&state, &wanted);
        if !diff.is_empty() {
            // A task that has failed is told; one that runs is waited for.
            underway::progress(cx, &Subject::node(&self.node), REQUEST).await?;
        }
        Ok(diff.or_holds(Facts::new().with_key(self.fact(), &self.attributes)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        if self.stage == Stage::InForce {
            return Ok(stage::watch());
        }
        let bios = facet(cx, &self.node, "set BIOS attributes", |bmc| bmc.bios())?;
        let wanted = self.typed(&bios.state().await?)?;
        let accepted = bios.set(&wanted).await?;
        underway::note(cx, &Subject::node(&self.node), REQUEST, &accepted);
        Ok(match accepted {
            Accepted::Done | Accepted::AtReset => Applied::Done,
            Accepted::Task(task) => stage::task(&task),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::provider::{Bios, MockBios, MockBmc};
    use crate::testing::{bench_with, node_named};
    use dip_core::testing::Bench;

    fn wanted(stage: Stage, attributes: &[(&str, &str)]) -> SetBios {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        SetBios { node: node_named("n1"), attributes, stage }
    }

    fn state(pending: &[(&str, BiosValue)]) -> BiosState {
        let attributes =
            |of: &[(&str, BiosValue)]| of.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let current = [
            ("ProcVirtualization", BiosValue::Text("Disabled".to_owned())),
            ("SerialPort", BiosValue::Text("007".to_owned())),
            ("FanOffset", BiosValue::Number(7)),
            ("Turbo", BiosValue::Switch(false)),
        ];
        BiosState { current: attributes(&current), pending: attributes(pending) }
    }

    fn bench(state: BiosState, prepare: impl FnOnce(&mut MockBios)) -> Bench {
        let mut bios = MockBios::new();
        bios.expect_state().returning(move || Ok(state.clone()));
        prepare(&mut bios);
        let bios: Arc<dyn Bios> = Arc::new(bios);
        let mut bmc = MockBmc::new();
        bmc.expect_bios().returning(move || Some(Arc::clone(&bios)));
        bmc.expect_tasks().returning(|| None);
        bench_with(bmc, wanted(Stage::Accepted, &[]).bare(None))
    }

    #[tokio::test]
    async fn each_attribute_has_the_type_of_the_machine_and_the_plan_says_when_it_changes() {
        let set = wanted(
            Stage::Accepted,
            &[("FanOffset", "7"), ("ProcVirtualization", "Enabled"), ("SerialPort", "007"), ("Turbo", "on")],
        );
        let bench = bench(state(&[]), |bios| {
            let is_typed = |wanted: &BiosAttributes| {
                wanted["Turbo"] == BiosValue::Switch(true) && wanted["SerialPort"] == BiosValue::Text("007".to_owned())
            };
            bios.expect_set().withf(is_typed).times(1).returning(|_| Ok(Accepted::AtReset));
        });
        let Ok(Check::Differs(diff)) = set.check(&bench.context()).await else { panic!("it does not differ") };
        assert_eq!(
            diff.to_string(),
            "ProcVirtualization Disabled → Enabled, at the next boot, Turbo off → on, at the next boot"
        );
        assert_eq!(set.apply(&bench.context()).await.expect("it is accepted"), Applied::Done);
    }

    #[tokio::test]
    async fn what_waits_for_a_boot_is_accepted_and_not_in_force() {
        let bench = bench(state(&[("Turbo", BiosValue::Switch(true))]), |_| {});
        let accepted = wanted(Stage::Accepted, &[("Turbo", "true")]);
        assert!(matches!(accepted.check(&bench.context()).await, Ok(Check::Holds(_))));
        let in_force = wanted(Stage::InForce, &[("Turbo", "true")]);
        let Ok(Check::Differs(diff)) = in_force.check(&bench.context()).await else { panic!("it holds") };
        assert_eq!(diff.to_string(), "Turbo off → on, in force");
        assert!(matches!(in_force.apply(&bench.context()).await, Ok(Applied::Watch { .. })), "it asks for nothing");
    }

    #[tokio::test]
    async fn what_somebody_else_has_pending_is_not_taken_for_what_is_wanted() {
        let bench = bench(state(&[("Turbo", BiosValue::Switch(true))]), |_| {});
        let check = wanted(Stage::Accepted, &[("Turbo", "off")]).check(&bench.context()).await;
        assert!(matches!(check, Ok(Check::Differs(_))));
    }

    #[tokio::test]
    async fn an_attribute_that_the_machine_does_not_have_is_told_with_what_it_has() {
        let bench = bench(state(&[]), |_| {});
        for (name, value, told) in [
            ("turbo", "on", "has no attribute `turbo` (it has `Turbo`)"),
            ("FanOffset", "fast", "`FanOffset` of node `n1` is a number and cannot be `fast`; it is `7` now"),
        ] {
            let error =
                wanted(Stage::Accepted, &[(name, value)]).check(&bench.context()).await.expect_err("impossible");
            assert!(error.to_string().contains(told), "{error}");
        }
    }
}
