//! `opsclients.use_resolver`: the node asks the site's resolvers, and finds its own name through them.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::opsclients::RESOLVER;
use dip_core::fact::opsmgmt::NAME;
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::Command;
use dip_core::step::{Environment, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::node::Node;

const CONFIGURATION: &str = "/etc/resolv.conf";

/// Lets a node ask resolvers. A link at `/etc/resolv.conf` (to that of a local resolver) is replaced by a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UseResolver {
    /// The node.
    pub node: NodeName,
    /// The resolvers, the first is asked first.
    pub servers: Vec<IpAddr>,
    /// The domains that are tried for short names.
    pub search: Vec<String>,
    /// The node's own name, which must resolve.
    pub name: String,
    /// The address that it must resolve to.
    pub address: IpAddr,
}

impl UseResolver {
    pub(crate) fn step(self) -> Step {
        let subject = Subject::node(&self.node);
        let (name, given) = (Need::IfGiven(NAME.of(&subject)), RESOLVER.of(&subject));
        Step::new(LayerId::OpsClients, subject, &self)
            .need(name)
            .give(given)
            .in_environment(&self.node, Environment::Installed)
    }

    fn configuration(&self) -> String {
        let mut text = String::from(
            "# Written by dip from the settings `opsclients.resolver` of this node. Changes here are undone.\n",
        );
        // Writing to a string cannot fail.
        if !self.search.is_empty() {
            let _ = writeln!(text, "search {}", self.search.join(" "));
        }
        for server in &self.servers {
            let _ = writeln!(text, "nameserver {server}");
        }
        // By default a dead server costs 5 s for each name, twice.
        text.push_str("options timeout:2 attempts:2\n");
        text
    }
}

#[async_trait]
impl Operation for UseResolver {
    const NAME: &'static str = "opsclients.use_resolver";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let diff = node.diff_file(Diff::default(), CONFIGURATION, Some(&self.configuration())).await?;
        if !diff.is_empty() {
            return Ok(Check::Differs(diff));
        }
        // All addresses of a name, each several times: `10.1.0.11 STREAM n1.lab.example`.
        let output = node.run(&Command::new("getent").args(["ahosts", &self.name])).await?;
        let text = output.text();
        let mut found: Vec<IpAddr> = text.lines().filter_map(|line| line.split(' ').next()?.parse().ok()).collect();
        found.dedup();
        if found.contains(&self.address) {
            return Ok(Check::Holds(Facts::new().with(&RESOLVER, &Subject::node(&self.node), &self.name)));
        }
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        let now = (!found.is_empty()).then(|| found.join(" "));
        Ok(Check::Differs(Diff::of(format!("address of {}", self.name), now, Some(self.address))))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let (reason, poll) = (format!("{} to resolve", self.name), Duration::from_secs(2));
        let diff = node.diff_file(Diff::default(), CONFIGURATION, Some(&self.configuration())).await?;
        if diff.is_empty() {
            return Ok(Applied::watch(reason, poll));
        }
        node.put_file(CONFIGURATION, Some(&self.configuration())).await?;
        Ok(Applied::wait(reason, poll))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::node_name;
    use dip_core::testing::FakeHost;

    const QUERY: &str = "getent ahosts n1.lab.example";

    fn wanted() -> UseResolver {
        UseResolver {
            node: node_name(),
            servers: vec!["10.1.0.2".parse().expect("an address"), "fd00::2".parse().expect("an address")],
            search: vec!["lab.example".to_owned()],
            name: "n1.lab.example".to_owned(),
            address: "10.1.0.11".parse().expect("an address"),
        }
    }

    #[tokio::test]
    async fn the_file_alone_is_not_enough() {
        let bench = FakeHost::default()
            .file(CONFIGURATION, "nameserver 9.9.9.9\n")
            .answer(QUERY, 2, "", "")
            .bench(wanted().step());
        assert_eq!(bench.check(&wanted()).await, "/etc/resolv.conf other settings → these settings");
        wanted().apply(&bench.context()).await.expect("the host obeys");
        let text = bench.text(CONFIGURATION).expect("it is written");
        assert!(text.contains("search lab.example\nnameserver 10.1.0.2\nnameserver fd00::2\n"), "{text}");
        assert_eq!(bench.check(&wanted()).await, "+ address of n1.lab.example 10.1.0.11");
    }

    #[tokio::test]
    async fn the_name_must_resolve_to_the_address_of_the_node() {
        let host =
            |answer| FakeHost::default().file(CONFIGURATION, &wanted().configuration()).answer(QUERY, 0, answer, "");
        let good = "10.1.0.11       STREAM n1.lab.example\n10.1.0.11       DGRAM  \nfd00::11 STREAM \n";
        assert_eq!(host(good).bench(wanted().step()).check(&wanted()).await, "holds");
        let other = "127.0.1.1       STREAM n1\n127.0.1.1       DGRAM  \n";
        assert_eq!(
            host(other).bench(wanted().step()).check(&wanted()).await,
            "address of n1.lab.example 127.0.1.1 → 10.1.0.11"
        );
    }

    #[test]
    fn the_name_is_registered_before_where_the_plan_does_it() {
        assert_eq!(wanted().step().needs, [Need::IfGiven(NAME.of(&Subject::node(&node_name())))]);
    }
}
