//! `opsmgmt.monitor_node`: the site's monitoring scrapes a node, and it is up.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::opsmgmt::MONITORED;
use dip_core::id::{LayerId, NodeName, ServiceName, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Input, Operation, OperationError};
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::site::Origin;
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::{Health, HeldTarget, Monitor, Target};

/// Scraping takes its interval, which is between seconds and a minute; asking more often gains nothing.
const POLL: Duration = Duration::from_secs(2);

/// Puts a node under a monitoring service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonitorNode {
    /// The monitoring service.
    pub service: ServiceName,
    /// The node.
    pub node: NodeName,
    /// Where its metrics are, `host:port`.
    pub address: Input<String>,
    /// What is known about it.
    pub labels: BTreeMap<String, String>,
    /// The site that the target belongs to.
    pub site: SiteName,
}

impl MonitorNode {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let subject = Subject::node(&self.node);
        let key = MONITORED.of(&subject);
        let step = Step::new(LayerId::OpsMgmt, subject, &self).give(key).origin(origin);
        match self.address {
            Input::From(address) => step.read(address),
            Input::Value(_) => step,
        }
    }

    fn target(&self, cx: &Context<'_>) -> Result<Target, OperationError> {
        Ok(Target { node: self.node.clone(), address: cx.input(&self.address)?, labels: self.labels.clone() })
    }

    /// What is different; a conflict where that is not ours to change.
    fn diff(&self, held: Option<HeldTarget>, wanted: &Target) -> Result<Diff, OperationError> {
        let Some(held) = held else { return Ok(Diff::missing("target", &wanted.address)) };
        let mut diff = Diff::default();
        if held.target.address != wanted.address {
            diff = diff.and("target", Some(&held.target.address), Some(&wanted.address));
        }
        if held.target.labels != wanted.labels {
            diff = diff.and("labels", Some(listed(&held.target.labels)), Some(listed(&wanted.labels)));
        }
        if diff.is_empty() || held.owner.as_ref() == Some(&self.site) {
            return Ok(diff);
        }
        let whose =
            held.owner.map_or_else(|| "nobody's mark".to_owned(), |owner| format!("the mark of site `{owner}`"));
        Err(ProviderError::new(ErrorKind::Conflict, "monitoring", format!("monitor {} ({diff})", self.node))
            .advise(format!("its target carries {whose}; remove it there"))
            .into())
    }
}

fn listed(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl Operation for MonitorNode {
    const NAME: &'static str = "opsmgmt.monitor_node";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let monitor = cx.provider::<dyn Monitor>(&Subject::service(&self.service))?;
        let wanted = self.target(cx)?;
        let diff = self.diff(monitor.target(&self.node, &self.site).await?, &wanted)?;
        if !diff.is_empty() {
            return Ok(Check::Differs(diff));
        }
        let what = format!("health of {}", wanted.address);
        Ok(match monitor.health(&self.node, &self.site).await? {
            Health::Up => Check::Holds(Facts::new().with(&MONITORED, &Subject::node(&self.node), &wanted.address)),
            Health::Down { error } => Check::Differs(Diff::of(what, Some(format!("down ({error})")), Some("up"))),
            Health::Unknown => Check::Differs(Diff::of(what, Some("not scraped yet"), Some("up"))),
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let monitor = cx.provider::<dyn Monitor>(&Subject::service(&self.service))?;
        let wanted = self.target(cx)?;
        let reason = format!("{} to be scraped", wanted.address);
        if self.diff(monitor.target(&self.node, &self.site).await?, &wanted)?.is_empty() {
            return Ok(Applied::watch(reason, POLL));
        }
        monitor.set(&wanted, &self.site).await?;
        Ok(Applied::wait(reason, POLL))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::provider::MockMonitor;
    use crate::testing::site_name;
    use dip_core::testing::Bench;

    fn wanted() -> MonitorNode {
        MonitorNode {
            service: ServiceName::new("monitoring").expect("a name"),
            node: NodeName::new("n1").expect("a name"),
            address: Input::Value("10.1.0.11:9100".to_owned()),
            labels: [("rack".to_owned(), "r1".to_owned())].into(),
            site: site_name("lab"),
        }
    }

    fn held(address: &str) -> Option<HeldTarget> {
        let target = Target { node: wanted().node, address: address.to_owned(), labels: wanted().labels };
        Some(HeldTarget { target, owner: Some(site_name("lab")) })
    }

    fn bench(held: Option<HeldTarget>, health: Health) -> Bench {
        let mut monitor = MockMonitor::new();
        monitor.expect_target().returning(move |_, _| Ok(held.clone()));
        monitor.expect_health().returning(move |_, _| Ok(health.clone()));
        monitor.expect_set().withf(|target, _| target.address == "10.1.0.11:9100").returning(|_, _| Ok(()));
        Bench::with::<dyn Monitor>(&Subject::service(&wanted().service), Arc::new(monitor), wanted().step(None))
    }

    async fn differs(bench: &Bench) -> String {
        match wanted().check(&bench.context()).await.expect("it answers") {
            Check::Differs(diff) => diff.to_string(),
            other => panic!("it does not differ: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_missing_target_is_set_and_its_scraping_waited_for() {
        let bench = bench(None, Health::Unknown);
        assert_eq!(differs(&bench).await, "+ target 10.1.0.11:9100");
        let applied = wanted().apply(&bench.context()).await.expect("it obeys");
        assert_eq!(applied, Applied::wait("10.1.0.11:9100 to be scraped", POLL));
    }

    #[tokio::test]
    async fn a_target_that_is_down_differs_in_the_words_of_the_service_and_is_only_watched() {
        let bench = bench(held("10.1.0.11:9100"), Health::Down { error: "connection refused".to_owned() });
        assert_eq!(differs(&bench).await, "health of 10.1.0.11:9100 down (connection refused) → up");
        let applied = wanted().apply(&bench.context()).await.expect("it obeys");
        assert_eq!(applied, Applied::watch("10.1.0.11:9100 to be scraped", POLL));
    }

    #[tokio::test]
    async fn a_target_at_a_former_address_differs_even_while_that_is_up() {
        let bench = bench(held("10.1.0.99:9100"), Health::Up);
        assert_eq!(differs(&bench).await, "target 10.1.0.99:9100 → 10.1.0.11:9100");
    }

    #[tokio::test]
    async fn a_target_that_is_up_holds() {
        let bench = bench(held("10.1.0.11:9100"), Health::Up);
        let check = wanted().check(&bench.context()).await.expect("it answers");
        assert!(matches!(check, Check::Holds(facts) if facts.len() == 1));
    }
}
