//! `opsclients.serve_metrics`: the Prometheus node exporter runs on the node and answers.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::opsclients::METRICS;
use dip_core::fact::os::PACKAGES;
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::Command;
use dip_core::step::{Environment, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::family::{Exporter, Names};
use crate::node::Node;
use crate::unit::Unit;

/// Asks for the metrics on the node itself and prints the status line. A minimal system has no HTTP client, but bash.
const ASK: &str = r#"exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3 && head -n 1 <&3"#;

/// Lets a node serve its metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServeMetrics {
    /// The node.
    pub node: NodeName,
    /// Where a monitoring server asks for them. The exporter listens on this port of all addresses.
    pub address: SocketAddr,
}

impl ServeMetrics {
    pub(crate) fn step(self) -> Step {
        let subject = Subject::node(&self.node);
        let (packages, given) = (Need::IfGiven(PACKAGES.of(&subject)), METRICS.of(&subject));
        Step::new(LayerId::OpsClients, subject, &self)
            .need(packages)
            .give(given)
            .in_environment(&self.node, Environment::Installed)
    }

    /// What differs of the file and the service.
    async fn setup(&self, node: &Node, names: Exporter) -> Result<Diff, OperationError> {
        let diff = node.diff_file(Diff::default(), names.configuration, Some(&self.configuration(names))).await?;
        Unit(names.unit).diff(node, diff).await
    }

    fn configuration(&self, names: Exporter) -> String {
        format!(
            "# Written by dip from the settings `opsclients.metrics` of this node. Changes here are undone.\n{}=\"--web.listen-address=:{}\"\n",
            names.variable,
            self.address.port()
        )
    }
}

#[async_trait]
impl Operation for ServeMetrics {
    const NAME: &'static str = "opsclients.serve_metrics";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let names = Names::of(&node).await?.exporter;
        let diff = self.setup(&node, names).await?;
        if !diff.is_empty() {
            return Ok(Check::Differs(diff));
        }
        let port = self.address.port().to_string();
        let output = node.run(&Command::new("timeout").args(["10", "bash", "-c", ASK, "bash", &port])).await?;
        // `HTTP/1.0 200 OK`
        match output.text().split(' ').nth(1) {
            Some("200") => {
                Ok(Check::Holds(Facts::new().with(&METRICS, &Subject::node(&self.node), &self.address.to_string())))
            }
            other => {
                let now = other.map_or("no answer".to_owned(), |status| format!("HTTP status {status}"));
                Ok(Check::Differs(Diff::of(format!("metrics on port {port}"), Some(now), Some("served"))))
            }
        }
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let names = Names::of(&node).await?.exporter;
        let reason = "the node exporter to answer";
        // On a node that has just booted it is about to answer.
        if cx.assignment().attempt == 1 && self.setup(&node, names).await?.is_empty() {
            return Ok(Applied::watch(reason, Duration::from_secs(1)));
        }
        node.put_file(names.configuration, Some(&self.configuration(names))).await?;
        Unit(names.unit).restart(&node).await?;
        Ok(Applied::wait(reason, Duration::from_secs(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Family;
    use crate::testing::{debian, node_name};
    use dip_core::testing::FakeHost;

    const NAMES: Exporter = Family::Debian.names().exporter;

    fn wanted() -> ServeMetrics {
        ServeMetrics { node: node_name(), address: "10.1.0.11:9100".parse().expect("an address") }
    }

    fn host(answer: &str) -> FakeHost {
        debian()
            .file(NAMES.configuration, &wanted().configuration(NAMES))
            .answer("systemctl is-enabled prometheus-node-exporter", 0, "enabled\n", "")
            .answer("systemctl is-active prometheus-node-exporter", 0, "active\n", "")
            .answer(&format!("timeout 10 bash -c {ASK} bash 9100"), 0, answer, "")
    }

    #[tokio::test]
    async fn an_exporter_that_runs_must_also_answer() {
        assert_eq!(host("HTTP/1.0 200 OK\r\n").bench(wanted().step()).check(&wanted()).await, "holds");
        let silent = host("").bench(wanted().step()).check(&wanted()).await;
        assert_eq!(silent, "metrics on port 9100 no answer → served");
        let broken = host("HTTP/1.0 500 Internal Server Error\r\n").bench(wanted().step()).check(&wanted()).await;
        assert_eq!(broken, "metrics on port 9100 HTTP status 500 → served");
    }

    #[tokio::test]
    async fn a_node_without_the_exporter_says_that_it_is_not_installed() {
        let bench = debian().bench(wanted().step());
        let told = bench.check(&wanted()).await;
        assert!(told.contains("service prometheus-node-exporter not installed → enabled"), "{told}");
        wanted().apply(&bench.context()).await.expect("the host obeys");
        let text = bench.text(NAMES.configuration).expect("it is written");
        assert!(text.ends_with("ARGS=\"--web.listen-address=:9100\"\n"), "{text}");
    }
}
