//! `opsclients.run_agent`: the configuration system has the node, and a run of its agent would change nothing.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::opsclients::{
    AGENT, AGENT_FACTS, CERTIFICATE, CLOCK, LOGGING, METRICS, PACKAGE_PROXY, RESOLVER, SSH_TRUST,
};
use dip_core::fact::opsmgmt::NAME;
use dip_core::fact::os::{FILES, HOST_NAME, PACKAGES, USERS};
use dip_core::id::{LayerId, ServiceName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Patience};
use dip_core::provider::{ErrorKind, Host};
use dip_core::step::{Environment, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::{ConfigAgent, Managed, Recap};

/// A first run installs packages and starts services.
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(3600), attempt: Duration::from_secs(30 * 60) };

/// Has a configuration system take a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunAgent {
    /// The configuration system.
    pub service: ServiceName,
    /// The node, with what the site knows of it.
    pub managed: Managed,
}

impl RunAgent {
    pub(crate) fn step(self) -> Step {
        let node = self.managed.node.clone();
        let subject = Subject::node(&node);
        // Last of all: what dip and the agent both write, the agent finds as dip wants it. A server finds the node by its name.
        let before = [
            HOST_NAME.of(&subject),
            FILES.of(&subject),
            USERS.of(&subject),
            PACKAGES.of(&subject),
            CLOCK.of(&subject),
            RESOLVER.of(&subject),
            METRICS.of(&subject),
            LOGGING.of(&subject),
            SSH_TRUST.of(&subject),
            CERTIFICATE.of(&subject),
            PACKAGE_PROXY.of(&subject),
            NAME.of(&subject),
        ];
        let (agent, facts) = (AGENT.of(&subject), AGENT_FACTS.of(&subject));
        let step = Step::new(LayerId::OpsClients, subject, &self)
            .give(agent)
            .give(facts)
            .in_environment(&node, Environment::Installed)
            .patience(PATIENCE);
        before.into_iter().map(Need::IfGiven).fold(step, Step::need)
    }

    fn subject(&self) -> Subject {
        Subject::node(&self.managed.node)
    }

    /// What a run would change, or could not do.
    fn diff(recap: &Recap) -> Diff {
        let diff = recap.changed.iter().fold(Diff::default(), |diff, what| diff.and(what, None::<&str>, None::<&str>));
        recap.failed.iter().fold(diff, |diff, failed| diff.and(&failed.what, Some(&failed.words), Some("in order")))
    }
}

#[async_trait]
impl Operation for RunAgent {
    const NAME: &'static str = "opsclients.run_agent";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let agent = cx.provider::<dyn ConfigAgent>(&Subject::service(&self.service))?;
        let host = cx.provider::<dyn Host>(&self.subject())?;
        let recap = match agent.probe(&self.managed, &*host).await {
            // Packages may be what brings it.
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                let diff = Diff::of(agent.product(), Some("not installed"), Some("in order"));
                return Ok(Check::Differs(diff));
            }
            probed => probed?,
        };
        if !recap.is_in_order() {
            return Ok(Check::Differs(Self::diff(&recap)));
        }
        let told = agent.facts(&self.managed, &*host).await?;
        let facts = Facts::new().with(&AGENT, &self.subject(), &agent.product().to_owned());
        Ok(Check::Holds(facts.with(&AGENT_FACTS, &self.subject(), &told)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let agent = cx.provider::<dyn ConfigAgent>(&Subject::service(&self.service))?;
        let host = cx.provider::<dyn Host>(&self.subject())?;
        let recap = agent.run(&self.managed, &*host).await?;
        if recap.failed.is_empty() {
            return Ok(Applied::Done);
        }
        let words: Vec<_> = recap.failed.iter().map(|failed| format!("{}: {}", failed.what, failed.words)).collect();
        Err(OperationError::Command {
            command: agent.product().to_owned(),
            node: self.managed.node.to_string(),
            output: words.join("; "),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::provider::Failed;
    use crate::testing::{managed, node_name};
    use dip_core::provider::{ProviderError, Providers};
    use dip_core::testing::{Bench, FakeHost};
    use serde_json::Value;

    struct Agent(Recap);

    #[async_trait]
    impl ConfigAgent for Agent {
        fn product(&self) -> &'static str {
            "Agent"
        }
        async fn probe(&self, _: &Managed, _: &dyn Host) -> Result<Recap, ProviderError> {
            Ok(self.0.clone())
        }
        async fn run(&self, _: &Managed, _: &dyn Host) -> Result<Recap, ProviderError> {
            Ok(self.0.clone())
        }
        async fn facts(&self, _: &Managed, _: &dyn Host) -> Result<BTreeMap<String, Value>, ProviderError> {
            Ok(BTreeMap::from([("os".to_owned(), Value::from("Debian"))]))
        }
    }

    fn wanted() -> RunAgent {
        RunAgent { service: ServiceName::new("config").expect("a name"), managed: managed() }
    }

    fn bench(recap: Recap) -> Bench {
        let mut providers = Providers::new();
        providers.insert::<dyn Host>(&Subject::node(&node_name()), Arc::new(FakeHost::default()));
        providers.insert::<dyn ConfigAgent>(&Subject::service(&wanted().service), Arc::new(Agent(recap)));
        Bench::new(providers, wanted().step())
    }

    #[tokio::test]
    async fn a_node_with_nothing_to_do_holds_and_its_facts_come_back() {
        let Check::Holds(facts) = wanted().check(&bench(Recap::default()).context()).await.expect("it answers") else {
            panic!("there is nothing to do");
        };
        let told = facts.read::<BTreeMap<String, Value>>(&AGENT_FACTS.of(&Subject::node(&node_name())));
        assert_eq!(told.expect("of its type").expect("it is there")["os"], "Debian");
    }

    #[tokio::test]
    async fn a_failed_part_is_the_failure_of_the_step_in_its_own_words() {
        let failed = vec![Failed { what: "nginx".to_owned(), words: "No package matching 'nginx'".to_owned() }];
        let bench = bench(Recap { changed: vec!["motd".to_owned()], failed });
        let Check::Differs(diff) = wanted().check(&bench.context()).await.expect("it answers") else {
            panic!("there is something to do");
        };
        assert_eq!(diff.to_string(), "motd, nginx No package matching 'nginx' → in order");
        let error = wanted().apply(&bench.context()).await.expect_err("it failed").to_string();
        assert_eq!(error, "`Agent` failed on n1: nginx: No package matching 'nginx'");
    }
}
