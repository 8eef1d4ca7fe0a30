//! `apps.start_member`: a member of a workload is configured on its node and runs.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::apps::MEMBER;
use dip_core::fact::opsclients::{CLOCK, RESOLVER};
use dip_core::fact::opsmgmt::NAME;
use dip_core::id::{ClusterName, LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Patience};
use dip_core::site::{Node, NodeState, Origin};
use dip_core::step::{Environment, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::{Configuration, MemberState, ServiceState, Workload};

/// How long a member may take: it may have to wait for others that boot at the same time.
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(300), attempt: Duration::from_secs(90) };

/// Brings up the member of `cluster` on `node`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartMember {
    /// The cluster.
    pub cluster: ClusterName,
    /// The member's node.
    pub node: NodeName,
}

impl StartMember {
    /// The step. Members find each other by name, so the names of all that are brought up come first, as one set that all
    /// members share; the member's own clock and resolver come first too, where the site asks for them.
    pub(crate) fn step<'a>(self, members: impl Iterator<Item = &'a Node>, origin: Option<Origin>) -> Step {
        let node = Subject::node(&self.node);
        let names = members
            .filter(|member| member.state == NodeState::Ready)
            .map(|member| NAME.of(&Subject::node(&member.name)))
            .collect();
        let subject = Subject::member(&self.cluster, &self.node);
        Step::new(LayerId::Apps, subject.clone(), &self)
            .need(Need::AllIfGiven(names))
            .need(Need::IfGiven(CLOCK.of(&node)))
            .need(Need::IfGiven(RESOLVER.of(&node)))
            .give(MEMBER.of(&subject))
            .in_environment(&self.node, Environment::Installed)
            .patience(PATIENCE)
            .origin(origin)
    }

    fn subject(&self) -> Subject {
        Subject::member(&self.cluster, &self.node)
    }

    async fn state(&self, cx: &Context<'_>) -> Result<MemberState, OperationError> {
        let workload = cx.provider::<dyn Workload>(&Subject::cluster(&self.cluster))?;
        Ok(workload.member(&self.node).await?)
    }
}

#[async_trait]
impl Operation for StartMember {
    const NAME: &'static str = "apps.start_member";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let state = self.state(cx).await?;
        let Some(version) = state.version else {
            return Ok(Check::Differs(Diff::missing("the workload's program", "installed")));
        };
        let mut diff = Diff::default();
        match state.configuration {
            Configuration::AsWanted => {}
            Configuration::Absent => diff = diff.and("configuration", Some("absent"), Some("as the cluster wants it")),
            Configuration::Differs => {
                diff = diff.and("configuration", Some("another"), Some("as the cluster wants it"))
            }
        }
        match state.service {
            ServiceState::Running => {}
            ServiceState::Starting => diff = diff.and("service", Some("starting"), Some("running")),
            ServiceState::Stopped => diff = diff.and("service", Some("stopped"), Some("running")),
        }
        Ok(diff.or_holds(Facts::new().with(&MEMBER, &self.subject(), &version)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let state = self.state(cx).await?;
        if state.version.is_none() {
            return Err(OperationError::Impossible(format!(
                "the program of cluster `{}` is not installed on {}; add its package to `os.packages` of the node's profile",
                self.cluster, self.node
            )));
        }
        let (reason, poll) = ("the member to be ready", Duration::from_secs(1));
        // One that is starting as configured waits for others, or its node has just booted; to start it again would only
        // set it back. One that does not come round is started again all the same.
        let comes = (state.configuration, state.service) == (Configuration::AsWanted, ServiceState::Starting);
        if comes && cx.assignment().attempt == 1 {
            return Ok(Applied::watch(reason, poll));
        }
        cx.provider::<dyn Workload>(&Subject::cluster(&self.cluster))?.bring_up(&self.node).await?;
        Ok(Applied::wait(reason, poll))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dip_core::testing::Bench;

    use super::*;
    use crate::provider::MockWorkload;

    fn operation() -> StartMember {
        StartMember { cluster: ClusterName::new("store").expect("a name"), node: NodeName::new("n1").expect("a name") }
    }

    fn state(configuration: Configuration, service: ServiceState, version: Option<&str>) -> MemberState {
        MemberState { configuration, service, version: version.map(str::to_owned) }
    }

    fn bench(workload: MockWorkload) -> Bench {
        Bench::with::<dyn Workload>(
            &Subject::cluster(&operation().cluster),
            Arc::new(workload),
            operation().step(std::iter::empty(), None),
        )
    }

    #[tokio::test]
    async fn a_member_that_waits_for_others_is_not_started_again() {
        let mut workload = MockWorkload::new();
        workload
            .expect_member()
            .returning(|_| Ok(state(Configuration::AsWanted, ServiceState::Starting, Some("3.4.23"))));
        workload.expect_bring_up().never();
        let bench = bench(workload);
        let applied = operation().apply(&bench.context()).await;
        assert!(matches!(applied, Ok(Applied::Watch { .. })), "{applied:?}");
    }

    #[tokio::test]
    async fn a_missing_program_is_told_with_what_to_do() {
        let mut workload = MockWorkload::new();
        workload.expect_member().returning(|_| Ok(state(Configuration::Absent, ServiceState::Stopped, None)));
        let bench = bench(workload);
        let error = operation().apply(&bench.context()).await.expect_err("not installed");
        assert!(error.to_string().contains("os.packages"), "{error}");
    }

    #[tokio::test]
    async fn a_running_member_gives_its_version() {
        let mut workload = MockWorkload::new();
        workload
            .expect_member()
            .returning(|_| Ok(state(Configuration::AsWanted, ServiceState::Running, Some("3.4.23"))));
        let bench = bench(workload);
        let check = operation().check(&bench.context()).await.expect("it can be seen");
        let Check::Holds(facts) = check else { panic!("{check:?}") };
        assert_eq!(
            facts.read::<String>(&MEMBER.of(&operation().subject())).expect("a text").as_deref(),
            Some("3.4.23")
        );
    }
}
