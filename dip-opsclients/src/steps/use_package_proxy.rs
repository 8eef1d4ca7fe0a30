//! `opsclients.use_package_proxy`: the node's package manager asks a proxy, and the proxy answers the node.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::opsclients::{PACKAGE_PROXY, RESOLVER};
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::Command;
use dip_core::step::{Environment, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::block::Block;
use crate::family::{Names, PackageManager};
use crate::node::Node;

/// A file of ours alone; apt reads it after those of the distribution, so that it wins.
const APT: &str = "/etc/apt/apt.conf.d/95dip-proxy";
const DNF: &str = "/etc/dnf/dnf.conf";
const ZYPPER: &str = "/etc/sysconfig/proxy";

/// Asks the proxy itself and prints the status line. A minimal system has no HTTP client, but bash.
const ASK: &str =
    r#"exec 3<>"/dev/tcp/$1/$2" && printf 'GET / HTTP/1.0\r\nHost: %s:%s\r\n\r\n' "$1" "$2" >&3 && head -n 1 <&3"#;

/// Lets a node's package manager ask a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsePackageProxy {
    /// The node.
    pub node: NodeName,
    /// The proxy's address or host name.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl UsePackageProxy {
    /// The proxy of a URL; a sentence where it is none.
    pub(crate) fn new(node: &NodeName, url: &str) -> Result<Self, String> {
        let wrong = || format!("`{url}` is not the URL of a proxy; write `http://`, a host and a port");
        let rest = url.strip_prefix("http://").ok_or_else(wrong)?.trim_end_matches('/');
        let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || !host.chars().all(plain) {
            return Err(wrong());
        }
        Ok(Self { node: node.clone(), host: host.to_owned(), port: port.parse().map_err(|_| wrong())? })
    }

    pub(crate) fn step(self) -> Step {
        let subject = Subject::node(&self.node);
        let (resolver, given) = (Need::IfGiven(RESOLVER.of(&subject)), PACKAGE_PROXY.of(&subject));
        Step::new(LayerId::OpsClients, subject, &self)
            .need(resolver)
            .give(given)
            .in_environment(&self.node, Environment::Installed)
    }

    fn url(&self) -> String {
        if self.host.contains(':') {
            format!("http://[{}]:{}", self.host, self.port)
        } else {
            format!("http://{}:{}", self.host, self.port)
        }
    }

    /// The file that says so, and what it should say.
    async fn file(&self, node: &Node) -> Result<(&'static str, String), OperationError> {
        let url = self.url();
        let block = Block::of("opsclients.package_proxy");
        Ok(match Names::of(node).await?.packages {
            PackageManager::Apt => (
                APT,
                format!(
                    "// Written by dip from the settings `opsclients.package_proxy` of this node. Changes here are undone.\nAcquire::http::Proxy \"{url}\";\n"
                ),
            ),
            PackageManager::Dnf => {
                let text = node.text(DNF).await?.unwrap_or_default();
                (DNF, block.put_in_section(&text, "main", &format!("proxy={url}")))
            }
            PackageManager::Zypper => {
                let text = node.text(ZYPPER).await?.unwrap_or_default();
                // Said again: login shells pass over what stands before `PROXY_ENABLED`, and would ask the proxy for their own node.
                let theirs =
                    block.without(&text).lines().rfind(|line| line.starts_with("NO_PROXY=")).map(str::to_owned);
                let not = theirs.unwrap_or_else(|| "NO_PROXY=\"localhost, 127.0.0.1\"".to_owned());
                let lines = format!("PROXY_ENABLED=\"yes\"\nHTTP_PROXY=\"{url}\"\nHTTPS_PROXY=\"{url}\"\n{not}");
                (ZYPPER, block.put(&text, &lines))
            }
        })
    }
}

#[async_trait]
impl Operation for UsePackageProxy {
    const NAME: &'static str = "opsclients.use_package_proxy";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let (path, text) = self.file(&node).await?;
        let mut diff = node.diff_file(Diff::default(), path, Some(&text)).await?;
        if diff.is_empty() && path == APT {
            // What apt makes of all its files together.
            let dump = node.run(&Command::new("apt-config").args(["dump", "Acquire::http::Proxy"])).await?.text();
            let now = dump.split('"').nth(1).unwrap_or_default().to_owned();
            if now != self.url() {
                diff = diff.and("proxy of apt", Some(now), Some(self.url()));
            }
        }
        if !diff.is_empty() {
            return Ok(Check::Differs(diff));
        }
        let command =
            Command::new("timeout").args(["10", "bash", "-c", ASK, "bash", &self.host]).arg(self.port.to_string());
        let answer = node.run(&command).await?.text();
        // Each has its own words for a request that is for itself; that it speaks HTTP is what counts.
        if answer.starts_with("HTTP/1.") {
            return Ok(Check::Holds(Facts::new().with(&PACKAGE_PROXY, &Subject::node(&self.node), &self.url())));
        }
        Ok(Check::Differs(Diff::of(format!("proxy {}", self.url()), Some("no answer"), Some("answers"))))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let (path, text) = self.file(&node).await?;
        node.put_file(path, Some(&text)).await?;
        Ok(Applied::wait(format!("the proxy {} to answer", self.url()), Duration::from_secs(2)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{debian, node_name};
    use dip_core::testing::FakeHost;

    fn wanted() -> UsePackageProxy {
        UsePackageProxy::new(&node_name(), "http://10.1.0.9:3142/").expect("a proxy")
    }

    fn asked(host: FakeHost, answer: &str) -> FakeHost {
        host.answer(&format!("timeout 10 bash -c {ASK} bash 10.1.0.9 3142"), 0, answer, "")
    }

    #[tokio::test]
    async fn apt_is_told_and_the_proxy_must_answer() {
        let view = "Acquire::http::Proxy \"http://10.1.0.9:3142\";\n";
        let host = |answer| asked(debian().answer("apt-config dump Acquire::http::Proxy", 0, view, ""), answer);
        let bench = host("HTTP/1.1 406 Usage Information\r\n").bench(wanted().step());
        assert_eq!(bench.check(&wanted()).await, format!("+ {APT} these settings"));
        wanted().apply(&bench.context()).await.expect("the host obeys");
        assert_eq!(bench.check(&wanted()).await, "holds");
        let silent = host("").file(APT, &bench.text(APT).expect("it is written")).bench(wanted().step());
        assert_eq!(silent.check(&wanted()).await, "proxy http://10.1.0.9:3142 no answer → answers");
    }

    #[tokio::test]
    async fn other_families_have_a_block_in_a_file_that_is_not_ours() {
        let rocky = FakeHost::default().file("/etc/os-release", "ID=rocky\nID_LIKE=\"rhel fedora\"\n");
        let bench = asked(rocky.file(DNF, "[main]\ngpgcheck=1\n\n[extra]\nenabled=0\n"), "HTTP/1.1 200 OK")
            .bench(wanted().step());
        wanted().apply(&bench.context()).await.expect("the host obeys");
        let text = bench.text(DNF).expect("it is written");
        let (main, extra) = text.split_once("[extra]").expect("it is kept");
        assert!(main.starts_with("[main]\ngpgcheck=1\n") && main.contains("\nproxy=http://10.1.0.9:3142\n"), "{text}");
        assert_eq!(extra, "\nenabled=0\n");
        assert_eq!(bench.check(&wanted()).await, "holds");
    }

    #[tokio::test]
    async fn what_is_asked_without_a_proxy_stays_so() {
        let suse = || FakeHost::default().file("/etc/os-release", "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n");
        for (before, not) in [("", "localhost, 127.0.0.1"), ("PROXY_ENABLED=\"no\"\nNO_PROXY=\".lab\"\n", ".lab")] {
            let bench = asked(suse().file(ZYPPER, before), "HTTP/1.1 200 OK").bench(wanted().step());
            wanted().apply(&bench.context()).await.expect("the host obeys");
            let text = bench.text(ZYPPER).expect("it is written");
            let block = text.strip_prefix(before).expect("it is kept");
            assert!(
                block.contains(&format!("\nHTTPS_PROXY=\"http://10.1.0.9:3142\"\nNO_PROXY=\"{not}\"\n#")),
                "{text}"
            );
            assert_eq!(bench.check(&wanted()).await, "holds");
        }
    }

    #[test]
    fn a_proxy_has_a_host_and_a_port() {
        for url in ["https://10.1.0.9:3142", "http://10.1.0.9", "http://:1", "http://a\";b:1"] {
            assert!(UsePackageProxy::new(&node_name(), url).is_err(), "{url}");
        }
        let six = UsePackageProxy::new(&node_name(), "http://[fd00::9]:3142").expect("a proxy");
        assert_eq!(six.url(), "http://[fd00::9]:3142");
    }
}
