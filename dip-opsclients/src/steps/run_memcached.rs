//! `opsclients.run_memcached`: memcached runs on the node and answers where it should.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::opsclients::MEMCACHED;
use dip_core::fact::os::PACKAGES;
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::Command;
use dip_core::step::{Environment, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::family::Names;
use crate::node::Node;
use crate::unit::Unit;

/// Each family keeps the options in another file and form; what the unit starts is the same everywhere.
const DROP_IN: &str = "/etc/systemd/system/memcached.service.d/dip.conf";

const UNIT: Unit = Unit("memcached");

/// Asks for the version and prints the answer (memcached, doc/protocol.txt).
const ASK: &str = r#"exec 3<>"/dev/tcp/$1/$2" && printf 'version\r\n' >&3 && head -n 1 <&3"#;

/// Lets a node run a memcached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunMemcached {
    /// The node.
    pub node: NodeName,
    /// Where it listens, the one that is asked first.
    pub addresses: Vec<IpAddr>,
    /// The TCP port; it has no other.
    pub port: u16,
    /// How many MiB it keeps.
    pub memory: u32,
}

impl RunMemcached {
    pub(crate) fn step(self) -> Step {
        let subject = Subject::node(&self.node);
        let (packages, given) = (Need::IfGiven(PACKAGES.of(&subject)), MEMCACHED.of(&subject));
        Step::new(LayerId::OpsClients, subject, &self)
            .need(packages)
            .give(given)
            .in_environment(&self.node, Environment::Installed)
    }

    async fn drop_in(&self, node: &Node) -> Result<String, OperationError> {
        let user = Names::of(node).await?.memcached_user;
        let addresses: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
        // Without a path, since SUSE has moved it from /usr/sbin to /usr/bin in 2022: systemd looks in both (239 and later). No UDP: by
        // that, others' memcacheds were made to flood third parties (CVE-2018-1000115).
        Ok(format!(
            "# Written by dip from the settings `opsclients.memcached` of this node. Changes here are undone.\n[Service]\nExecStart=\nExecStart=memcached -u {user} -m {} -p {} -U 0 -l {}\n",
            self.memory,
            self.port,
            addresses.join(",")
        ))
    }

    async fn setup(&self, node: &Node) -> Result<Diff, OperationError> {
        let diff = node.diff_file(Diff::default(), DROP_IN, Some(&self.drop_in(node).await?)).await?;
        UNIT.diff(node, diff).await
    }
}

#[async_trait]
impl Operation for RunMemcached {
    const NAME: &'static str = "opsclients.run_memcached";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let diff = self.setup(&node).await?;
        if !diff.is_empty() {
            return Ok(Check::Differs(diff));
        }
        let mut version = String::new();
        for address in &self.addresses {
            let (address, port) = (address.to_string(), self.port.to_string());
            let command = Command::new("timeout").args(["10", "bash", "-c", ASK, "bash", &address, &port]);
            let answer = node.run(&command).await?.text();
            let Some(told) = answer.strip_prefix("VERSION ") else {
                let now = if answer.is_empty() { "no answer" } else { &answer };
                return Ok(Check::Differs(Diff::of(
                    format!("memcached at {address}:{port}"),
                    Some(now),
                    Some("answers"),
                )));
            };
            told.clone_into(&mut version);
        }
        Ok(Check::Holds(Facts::new().with(&MEMCACHED, &Subject::node(&self.node), &version)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let reason = "memcached to answer";
        // A restart loses all that it keeps.
        if cx.assignment().attempt == 1 && self.setup(&node).await?.is_empty() {
            return Ok(Applied::watch(reason, Duration::from_secs(1)));
        }
        node.put_file(DROP_IN, Some(&self.drop_in(&node).await?)).await?;
        UNIT.restart(&node).await?;
        Ok(Applied::wait(reason, Duration::from_secs(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{debian, node_name};

    fn wanted() -> RunMemcached {
        let addresses = ["127.0.0.1", "10.1.0.11"].map(|address| address.parse().expect("an address")).into();
        RunMemcached { node: node_name(), addresses, port: 11211, memory: 64 }
    }

    #[tokio::test]
    async fn it_must_answer_at_all_its_addresses() {
        let ask = |address: &str| format!("timeout 10 bash -c {ASK} bash {address} 11211");
        let host = || {
            debian()
                .answer("systemctl is-enabled memcached", 0, "enabled\n", "")
                .answer("systemctl is-active memcached", 0, "active\n", "")
                .answer(&ask("127.0.0.1"), 0, "VERSION 1.6.18\r\n", "")
        };
        let bench = host().bench(wanted().step());
        assert_eq!(bench.check(&wanted()).await, format!("+ {DROP_IN} these settings"));
        wanted().apply(&bench.context()).await.expect("the host obeys");
        let text = bench.text(DROP_IN).expect("it is written");
        assert!(text.contains("-u memcache -m 64 -p 11211 -U 0 -l 127.0.0.1,10.1.0.11\n"), "{text}");
        assert_eq!(bench.check(&wanted()).await, "memcached at 10.1.0.11:11211 no answer → answers");
        let both = host().file(DROP_IN, &text).answer(&ask("10.1.0.11"), 0, "VERSION 1.6.18\r\n", "");
        assert_eq!(both.bench(wanted().step()).check(&wanted()).await, "holds");
    }
}
