//! `network.tag_port`: a switch port carries the VLAN of the network that its interface is in, and nothing else.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::network::PORT_VLAN;
use dip_core::hardware::VlanId;
use dip_core::id::{LayerId, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::site::{Origin, PortRef};
use dip_core::step::{Hazard, Lock, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::{PortMode, PortState, Switch};

/// Makes a switch port an access port of a VLAN. Proposed only for ports that the site file links to an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagPort {
    /// The port.
    pub port: PortRef,
    /// The VLAN.
    pub vlan: VlanId,
    /// The site that links the port.
    pub site: SiteName,
}

impl TagPort {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let subject = self.subject();
        let key = PORT_VLAN.of(&subject);
        // Switches serialise changes of their configuration anyway; a lock keeps waiting steps off the worker.
        let lock = Lock::new(Subject::switch(&self.port.switch).to_string());
        Step::new(LayerId::Network, subject, &self).give(key).lock(lock).hazard(Hazard::Disrupts).origin(origin)
    }

    fn subject(&self) -> Subject {
        Subject::port(&self.port.switch, &self.port.port)
    }

    /// What differs, told in full: a port that carries more than one VLAN must not lose them without a word.
    fn diff(&self, now: &PortState) -> Diff {
        let mut diff = Diff::default();
        if now.mode != PortMode::Access {
            diff = diff.and("port mode", Some(now.mode), Some(PortMode::Access));
        }
        if now.vlan != Some(self.vlan) {
            diff = diff.and("access VLAN", now.vlan, Some(self.vlan));
        }
        if !now.trunks.is_empty() {
            let trunks: Vec<_> = now.trunks.iter().map(ToString::to_string).collect();
            diff = diff.and("tagged VLANs", Some(trunks.join(" ")), None::<&str>);
        }
        diff
    }
}

#[async_trait]
impl Operation for TagPort {
    const NAME: &'static str = "network.tag_port";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let switch = cx.provider::<dyn Switch>(&Subject::switch(&self.port.switch))?;
        let now = switch.port(&self.port.port).await?;
        let diff = self.diff(&now);
        match &now.owner {
            // Told before anything is tried: the plan must not promise a change that will be refused.
            Some(other) if *other != self.site && !diff.is_empty() => {
                Err(ProviderError::new(ErrorKind::Conflict, "switch", format!("tag port {} ({diff})", self.port))
                    .advise(format!(
                        "the port is marked as site `{other}`'s; take the link out of one of the two site files"
                    ))
                    .into())
            }
            _ => Ok(diff.or_holds(Facts::new().with(&PORT_VLAN, &self.subject(), &self.vlan))),
        }
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let switch = cx.provider::<dyn Switch>(&Subject::switch(&self.port.switch))?;
        switch.set_access_vlan(&self.port.port, self.vlan, &self.site).await?;
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::provider::MockSwitch;
    use crate::testing::site_name;
    use dip_core::id::SwitchName;
    use dip_core::testing::Bench;

    fn vlan(number: u16) -> VlanId {
        VlanId::try_from(number).expect("a VLAN id")
    }

    fn wanted() -> TagPort {
        TagPort { port: "sw1/7".parse().expect("a port"), vlan: vlan(20), site: site_name("lab") }
    }

    fn bench(state: PortState) -> Bench {
        let mut switch = MockSwitch::new();
        switch.expect_port().withf(|port| port == "7").returning(move |_| Ok(state.clone()));
        switch
            .expect_set_access_vlan()
            .withf(|port, vlan, owner| port == "7" && vlan.number() == 20 && owner.as_str() == "lab")
            .returning(|_, _, _| Ok(()));
        Bench::with::<dyn Switch>(
            &Subject::switch(&SwitchName::new("sw1").expect("a name")),
            Arc::new(switch),
            wanted().step(None),
        )
    }

    #[tokio::test]
    async fn a_port_in_its_vlan_holds_and_tells_the_fact() {
        let bench = bench(PortState { mode: PortMode::Access, vlan: Some(vlan(20)), trunks: Vec::new(), owner: None });
        let facts = Facts::new().with(&PORT_VLAN, &wanted().subject(), &vlan(20));
        assert_eq!(wanted().check(&bench.context()).await.expect("the switch answers"), Check::Holds(facts));
    }

    #[tokio::test]
    async fn a_port_in_another_vlan_differs_and_is_set() {
        let bench = bench(PortState { mode: PortMode::Access, vlan: Some(vlan(999)), trunks: Vec::new(), owner: None });
        let Check::Differs(diff) = wanted().check(&bench.context()).await.expect("the switch answers") else {
            panic!("it does not differ");
        };
        assert_eq!(diff.to_string(), "access VLAN 999 → 20");
        assert_eq!(wanted().apply(&bench.context()).await.expect("the switch obeys"), Applied::Done);
    }

    #[tokio::test]
    async fn a_trunk_is_told_with_all_that_it_would_lose() {
        let bench = bench(PortState { mode: PortMode::Trunk, vlan: None, trunks: vec![vlan(5), vlan(6)], owner: None });
        let Check::Differs(diff) = wanted().check(&bench.context()).await.expect("the switch answers") else {
            panic!("it does not differ");
        };
        assert_eq!(diff.to_string(), "port mode trunk → access, + access VLAN 20, - tagged VLANs 5 6");
    }

    #[tokio::test]
    async fn a_port_of_another_site_is_a_conflict_before_anything_is_tried() {
        let bench = bench(PortState {
            mode: PortMode::Access,
            vlan: Some(vlan(999)),
            trunks: Vec::new(),
            owner: Some(site_name("other")),
        });
        let error = wanted().check(&bench.context()).await.expect_err("another site holds it");
        assert!(error.is_conflict());
        assert!(error.to_string().contains("site `other`"), "{error}");
    }

    #[test]
    fn the_step_gives_the_vlan_and_warns_that_it_disrupts() {
        let step = wanted().step(None);
        assert_eq!(step.name.as_str(), "network.tag_port port/sw1/7");
        assert_eq!(step.gives, [PORT_VLAN.of(&wanted().subject())]);
        assert_eq!(step.hazard, Hazard::Disrupts);
        assert_eq!(step.locks, [Lock::new("switch/sw1")]);
    }
}
