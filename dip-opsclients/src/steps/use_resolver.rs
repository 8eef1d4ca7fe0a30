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
use crate::settings::ResolverClient;
use crate::unit::Unit;

const RESOLV_CONF: &str = "/etc/resolv.conf";

const RESOLVED: &str = "/etc/systemd/resolved.conf.d/dip.conf";

/// What programs that ask no D-Bus read where systemd-resolved runs (systemd-resolved.service(8)).
const STUB: &str = "../run/systemd/resolve/stub-resolv.conf";

/// The link that enabling systemd-resolved makes; its unit is installed on many systems that do not use it.
const RESOLVED_ENABLED: &str = "/etc/systemd/system/dbus-org.freedesktop.resolve1.service";

const RESOLVED_UNIT: Unit = Unit("systemd-resolved");

/// Lets a node ask resolvers. By the file alone, a link at `/etc/resolv.conf` (to that of a local resolver) is replaced by a file.
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
    /// Who asks them; where it is left out, systemd-resolved on a node where that is enabled, else the C library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ResolverClient>,
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

    async fn client(&self, node: &Node) -> Result<ResolverClient, OperationError> {
        Ok(match self.client {
            Some(chosen) => chosen,
            None if node.text(RESOLVED_ENABLED).await?.is_some() => ResolverClient::SystemdResolved,
            None => ResolverClient::ResolvConf,
        })
    }

    /// What differs of the files and, where it asks, of the local resolver.
    async fn setup(&self, node: &Node, client: ResolverClient) -> Result<Diff, OperationError> {
        match client {
            ResolverClient::ResolvConf => {
                node.diff_file(Diff::default(), RESOLV_CONF, Some(&self.configuration())).await
            }
            ResolverClient::SystemdResolved => {
                let mut diff = node.diff_file(Diff::default(), RESOLVED, Some(&self.resolved())).await?;
                let target = node.run(&Command::new("readlink").arg(RESOLV_CONF)).await?.text();
                if !target.ends_with(STUB.trim_start_matches("..")) {
                    let now = if target.is_empty() { "no link" } else { &target };
                    diff = diff.and(RESOLV_CONF, Some(now), Some(STUB));
                }
                RESOLVED_UNIT.diff(node, diff).await
            }
        }
    }

    async fn put(&self, node: &Node, client: ResolverClient) -> Result<(), OperationError> {
        match client {
            ResolverClient::ResolvConf => node.put_file(RESOLV_CONF, Some(&self.configuration())).await,
            ResolverClient::SystemdResolved => {
                node.put_file(RESOLVED, Some(&self.resolved())).await?;
                node.succeed(&Command::new("ln").args(["-sfn", STUB, RESOLV_CONF])).await?;
                RESOLVED_UNIT.restart(node).await
            }
        }
    }

    fn resolved(&self) -> String {
        let servers: Vec<_> = self.servers.iter().map(ToString::to_string).collect();
        // `~.` sends all names to these servers; empty lists first take away what other files name.
        let domains = self.search.iter().map(String::as_str).chain(["~."]).collect::<Vec<_>>().join(" ");
        format!(
            "# Written by dip from the settings `opsclients.resolver` of this node. Changes here are undone.\n[Resolve]\nDNS=\nDNS={}\nFallbackDNS=\nDomains=\nDomains={domains}\n",
            servers.join(" ")
        )
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
        let client = self.client(&node).await?;
        let diff = self.setup(&node, client).await?;
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
        let client = self.client(&node).await?;
        if self.setup(&node, client).await?.is_empty() {
            return Ok(Applied::watch(reason, poll));
        }
        self.put(&node, client).await?;
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
            client: None,
        }
    }

    #[tokio::test]
    async fn the_file_alone_is_not_enough() {
        let bench = FakeHost::default()
            .file(RESOLV_CONF, "nameserver 9.9.9.9\n")
            .answer(QUERY, 2, "", "")
            .bench(wanted().step());
        assert_eq!(bench.check(&wanted()).await, "/etc/resolv.conf other settings → these settings");
        wanted().apply(&bench.context()).await.expect("the host obeys");
        let text = bench.text(RESOLV_CONF).expect("it is written");
        assert!(text.contains("search lab.example\nnameserver 10.1.0.2\nnameserver fd00::2\n"), "{text}");
        assert_eq!(bench.check(&wanted()).await, "+ address of n1.lab.example 10.1.0.11");
    }

    #[tokio::test]
    async fn the_name_must_resolve_to_the_address_of_the_node() {
        let host =
            |answer| FakeHost::default().file(RESOLV_CONF, &wanted().configuration()).answer(QUERY, 0, answer, "");
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

    #[tokio::test]
    async fn a_node_that_uses_systemd_resolved_is_left_with_it() {
        let resolved = || {
            FakeHost::default()
                .file(RESOLVED_ENABLED, "[Unit]\n")
                .answer("systemctl is-enabled systemd-resolved", 0, "enabled\n", "")
                .answer("systemctl is-active systemd-resolved", 0, "active\n", "")
                .answer(QUERY, 0, "10.1.0.11 STREAM n1.lab.example\n", "")
        };
        let bench = resolved().bench(wanted().step());
        let told = bench.check(&wanted()).await;
        assert_eq!(told, format!("+ {RESOLVED} these settings, {RESOLV_CONF} no link → {STUB}"));
        wanted().apply(&bench.context()).await.expect("the host obeys");
        assert!(bench.ran().contains(&format!("ln -sfn {STUB} {RESOLV_CONF}")), "{:?}", bench.ran());
        let text = bench.text(RESOLVED).expect("it is written");
        assert!(text.contains("DNS=10.1.0.2 fd00::2\n") && text.contains("Domains=lab.example ~.\n"), "{text}");
        let bench = resolved()
            .file(RESOLVED, &text)
            .answer("readlink /etc/resolv.conf", 0, "/run/systemd/resolve/stub-resolv.conf\n", "")
            .bench(wanted().step());
        assert_eq!(bench.check(&wanted()).await, "holds");
        let by_file = UseResolver { client: Some(ResolverClient::ResolvConf), ..wanted() };
        assert_eq!(bench.check(&by_file).await, format!("+ {RESOLV_CONF} these settings"));
    }
}
