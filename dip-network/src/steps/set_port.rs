//! `network.set_port`: a switch port is as the site wants it: its VLANs, and what else the site file says of it.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::network::PORT_VLAN;
use dip_core::fact::{Fact, Facts};
use dip_core::id::{LayerId, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Patience};
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::site::{Origin, Port, PortRef, Safety};
use dip_core::step::{Hazard, Lock, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::{PortState, Switch};

/// How long the switch waits for the confirmation of a change of the port that dip comes through: a port that begins anew may
/// forward nothing for two forward delays of 15 seconds (IEEE 802.1D, table 17-1), and the confirmation must get through.
const CONFIRM_WITHIN: Duration = Duration::from_secs(60);

/// A switch port (`port/<switch>/<port>`) of whose VLANs the site says nothing is otherwise as it wants; within this layer.
pub(crate) const PORT: Fact<Port> = Fact::new("network.port");

/// Makes a switch port as the site wants it. Proposed only for ports that the site file links to an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetPort {
    /// The port.
    pub port: PortRef,
    /// What is wanted of it.
    pub wanted: Port,
    /// The site that links the port.
    pub site: SiteName,
}

impl SetPort {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let subject = self.subject();
        // Switches serialise changes of their configuration anyway; a lock keeps waiting steps off the worker.
        let lock = Lock::new(Subject::switch(&self.port.switch).to_string());
        let step =
            Step::new(LayerId::Network, subject.clone(), &self).lock(lock).hazard(Hazard::Disrupts).origin(origin);
        let step = step.give(match self.wanted.vlans {
            Some(_) => PORT_VLAN.of(&subject),
            None => PORT.of(&subject),
        });
        match self.wanted.safety {
            Safety::Plain => step,
            // An attempt that ends before the switch took the change back would look at a port in between.
            Safety::Confirmed => step.patience(Patience {
                deadline: 4 * CONFIRM_WITHIN,
                attempt: CONFIRM_WITHIN + Patience::SERVER.attempt,
            }),
        }
    }

    fn subject(&self) -> Subject {
        Subject::port(&self.port.switch, &self.port.port)
    }

    /// What differs, told in full: a port that carries more than one VLAN must not lose them without a word.
    fn diff(&self, now: &PortState) -> Diff {
        now.changes(&self.wanted).iter().fold(Diff::default(), |diff, change| change.tell(diff))
    }

    /// What stands against the change, told before anything is tried: a plan must not promise what will be refused.
    async fn obstacle(&self, switch: &dyn Switch, now: &PortState, diff: &Diff) -> Result<(), OperationError> {
        let error = |kind| ProviderError::new(kind, "switch", format!("set port {} ({diff})", self.port));
        if let Some(other) = now.owner.as_ref().filter(|other| **other != self.site) {
            let advice =
                format!("the port is marked as site `{other}`'s; take the link out of one of the two site files");
            return Err(error(ErrorKind::Conflict).advise(advice).into());
        }
        if let Some(lack) = switch.lack(&self.wanted) {
            return Err(error(ErrorKind::Unsupported).advise(lack).into());
        }
        if self.wanted.safety == Safety::Confirmed
            && let Err(absent) = switch.abilities().await?.confirmed
        {
            let advice = format!(
                "{absent}; change the port by hand, or take `confirm` out of the site file if dip comes another way"
            );
            return Err(error(ErrorKind::Unsupported).advise(advice).into());
        }
        Ok(())
    }
}

#[async_trait]
impl Operation for SetPort {
    const NAME: &'static str = "network.set_port";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let switch = cx.provider::<dyn Switch>(&Subject::switch(&self.port.switch))?;
        let now = switch.port(&self.port.port).await?;
        let diff = self.diff(&now);
        if !diff.is_empty() {
            self.obstacle(&*switch, &now, &diff).await?;
        }
        let facts = match &self.wanted.vlans {
            Some(vlans) => Facts::new().with(&PORT_VLAN, &self.subject(), vlans),
            None => Facts::new().with(&PORT, &self.subject(), &self.wanted),
        };
        Ok(diff.or_holds(facts))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let switch = cx.provider::<dyn Switch>(&Subject::switch(&self.port.switch))?;
        match self.wanted.safety {
            Safety::Plain => switch.set_port(&self.port.port, &self.wanted, &self.site).await?,
            Safety::Confirmed => {
                let confirmed = switch.abilities().await?.confirmed.map_err(|absent| {
                    ProviderError::new(ErrorKind::Unsupported, "switch", format!("set port {}", self.port))
                        .because(absent)
                })?;
                let change = confirmed.begin(&self.port.port, &self.wanted, &self.site, CONFIRM_WITHIN).await?;
                change.confirm().await?;
            }
        }
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::provider::MockSwitch;
    use crate::testing::{no_abilities, site_name, vlan};
    use dip_core::id::SwitchName;
    use dip_core::testing::Bench;

    fn wanted() -> SetPort {
        SetPort { port: "sw1/7".parse().expect("a port"), wanted: Port::access(vlan(20)), site: site_name("lab") }
    }

    fn bench_of(step: SetPort, state: PortState) -> Bench {
        let mut switch = MockSwitch::new();
        let expected = step.wanted.clone();
        switch.expect_port().withf(|port| port == "7").returning(move |_| Ok(state.clone()));
        switch.expect_lack().returning(|wanted| wanted.mtu.map(|_| "it knows no MTU".to_owned()));
        switch.expect_abilities().returning(|| Ok(no_abilities()));
        switch
            .expect_set_port()
            .withf(move |port, wanted, owner| port == "7" && *wanted == expected && owner.as_str() == "lab")
            .returning(|_, _, _| Ok(()));
        let name = SwitchName::new("sw1").expect("a name");
        Bench::with::<dyn Switch>(&Subject::switch(&name), Arc::new(switch), step.step(None))
    }

    fn bench(state: PortState) -> Bench {
        bench_of(wanted(), state)
    }

    async fn differs(bench: &Bench) -> String {
        match wanted().check(&bench.context()).await.expect("the switch answers") {
            Check::Differs(diff) => diff.to_string(),
            other => panic!("it does not differ: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_port_in_its_vlan_holds_and_tells_the_fact() {
        let bench = bench(PortState::access(Some(vlan(20))));
        let vlans = Port::access(vlan(20)).vlans.expect("it says them");
        let facts = Facts::new().with(&PORT_VLAN, &wanted().subject(), &vlans);
        assert_eq!(wanted().check(&bench.context()).await.expect("the switch answers"), Check::Holds(facts));
    }

    #[tokio::test]
    async fn a_port_in_another_vlan_differs_and_is_set() {
        let bench = bench(PortState::access(Some(vlan(999))));
        assert_eq!(differs(&bench).await, "access VLAN 999 → 20");
        assert_eq!(wanted().apply(&bench.context()).await.expect("the switch obeys"), Applied::Done);
    }

    #[tokio::test]
    async fn a_trunk_is_told_with_all_that_it_would_lose() {
        let bench = bench(PortState::trunk([vlan(5), vlan(7)]));
        assert_eq!(differs(&bench).await, "port mode trunk → access, + access VLAN 20, - tagged VLANs 5 7");
    }

    #[tokio::test]
    async fn a_port_of_another_site_is_a_conflict_before_anything_is_tried() {
        let bench = bench(PortState::access(Some(vlan(999))).of(&site_name("other")));
        let error = wanted().check(&bench.context()).await.expect_err("another site holds it");
        assert!(error.is_conflict());
        assert!(error.to_string().contains("site `other`"), "{error}");
    }

    #[tokio::test]
    async fn what_the_switch_cannot_hold_is_told_before_anything_is_tried() {
        let mut step = wanted();
        step.wanted.mtu = 9000.try_into().ok();
        let bench = bench_of(step.clone(), PortState::access(Some(vlan(20))));
        let error = step.check(&bench.context()).await.expect_err("it cannot");
        let told = "switch could not set port sw1/7 (+ MTU 9000): unsupported; it knows no MTU";
        assert_eq!(error.to_string(), told);
    }

    #[tokio::test]
    async fn the_port_that_dip_comes_through_is_left_alone_where_the_switch_takes_nothing_back() {
        let mut step = wanted();
        step.wanted.safety = Safety::Confirmed;
        let bench = bench_of(step.clone(), PortState::access(Some(vlan(999))));
        let error = step.check(&bench.context()).await.expect_err("it would not be safe");
        assert!(error.to_string().contains("change the port by hand"), "{error}");
        step.apply(&bench.context()).await.expect_err("not even where nobody checked");
        // One that is as wanted needs no change, and no safety.
        let bench = bench_of(step.clone(), PortState::access(Some(vlan(20))));
        assert!(matches!(step.check(&bench.context()).await, Ok(Check::Holds(_))));
    }

    #[test]
    fn the_step_gives_the_vlans_and_warns_that_it_disrupts() {
        let step = wanted().step(None);
        assert_eq!(step.name.as_str(), "network.set_port port/sw1/7");
        assert_eq!(step.gives, [PORT_VLAN.of(&wanted().subject())]);
        assert_eq!(step.hazard, Hazard::Disrupts);
        assert_eq!(step.locks, [Lock::new("switch/sw1")]);
    }
}
