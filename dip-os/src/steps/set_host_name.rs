//! `os.set_host_name`: the node tells its own name, now and after a reboot.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::os::HOST_NAME;
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::{Command, FileContent};
use dip_core::step::{Environment, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::node::Node;

/// The name that is set at boot.
const STORED: &str = "/etc/hostname";

/// The name that the kernel tells now.
const LIVE: &str = "/proc/sys/kernel/hostname";

/// Sets the host name of a node, without a domain: the domain belongs to DNS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetHostName {
    /// The node.
    pub node: NodeName,
    /// The name.
    pub host_name: String,
}

impl SetHostName {
    pub(crate) fn step(self) -> Step {
        let subject = Subject::node(&self.node);
        let given = HOST_NAME.of(&subject);
        Step::new(LayerId::Os, subject, &self).give(given).in_environment(&self.node, Environment::Installed)
    }
}

#[async_trait]
impl Operation for SetHostName {
    const NAME: &'static str = "os.set_host_name";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let mut diff = Diff::default();
        for (what, path) in [("host name", LIVE), ("host name at boot", STORED)] {
            let now = node.text(path).await?;
            if now.as_deref() != Some(&self.host_name) {
                diff = diff.and(what, now, Some(&self.host_name));
            }
        }
        Ok(diff.or_holds(Facts::new().with(&HOST_NAME, &Subject::node(&self.node), &self.host_name)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let content = FileContent { bytes: format!("{}\n", self.host_name).into_bytes(), mode: 0o644 };
        node.host().write(STORED, &content).await?;
        node.succeed(&Command::new("hostname").arg(&self.host_name)).await?;
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::node_name;
    use dip_core::testing::FakeHost;

    fn wanted() -> SetHostName {
        SetHostName { node: node_name(), host_name: "n1".to_owned() }
    }

    #[tokio::test]
    async fn the_live_name_and_the_stored_one_must_both_be_right() {
        let bench = FakeHost::default().file(LIVE, "n1\n").file(STORED, "n1\n").bench(wanted().step());
        assert_eq!(bench.check(&wanted()).await, "holds");
        let bench = FakeHost::default().file(LIVE, "n1\n").file(STORED, "old\n").bench(wanted().step());
        assert_eq!(bench.check(&wanted()).await, "host name at boot old → n1");
    }

    #[tokio::test]
    async fn both_are_set() {
        let bench = FakeHost::default().file(LIVE, "unnamed\n").bench(wanted().step());
        assert_eq!(bench.check(&wanted()).await, "host name unnamed → n1, + host name at boot n1");
        assert_eq!(wanted().apply(&bench.context()).await.expect("the host obeys"), Applied::Done);
        assert_eq!(bench.text(STORED).as_deref(), Some("n1\n"));
        assert_eq!(bench.ran(), ["hostname n1"]);
    }

    #[tokio::test]
    async fn a_refusal_comes_in_the_words_of_the_program() {
        let denied = "hostname: you must be root to change the host name\n";
        let bench = FakeHost::default().answer("hostname n1", 1, "", denied).bench(wanted().step());
        let error = wanted().apply(&bench.context()).await.expect_err("it is refused").to_string();
        assert_eq!(error, "`hostname n1` failed on n1: status 1: hostname: you must be root to change the host name");
    }
}
