//! `os.install_packages`: Debian packages are installed.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::opsclients::{PACKAGE_PROXY, RESOLVER};
use dip_core::fact::os::{FILES, PACKAGES};
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError, Patience};
use dip_core::provider::Command;
use dip_core::step::{Environment, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::node::Node;

/// Downloads take their time, and other installations hold the lock.
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(30 * 60), attempt: Duration::from_secs(10 * 60) };

/// Installs packages of a node. One that is taken out of the settings stays installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallPackages {
    /// The node.
    pub node: NodeName,
    /// The packages.
    pub packages: Vec<String>,
}

impl InstallPackages {
    /// The packages of a node's settings; a sentence where one has no proper name.
    pub(crate) fn new(node: &NodeName, packages: &[String]) -> Result<Self, String> {
        // Debian policy 5.6.7; a `-` at the start would be an option.
        let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_name =
            |name: &str| name.starts_with(first) && name.chars().all(|c| first(c) || matches!(c, '+' | '-' | '.'));
        match packages.iter().find(|name| !is_name(name)) {
            Some(odd) => Err(format!("`{odd}` is not the name of a Debian package")),
            None => Ok(Self { node: node.clone(), packages: packages.to_vec() }),
        }
    }

    pub(crate) fn step(self) -> Step {
        let subject = Subject::node(&self.node);
        let given = PACKAGES.of(&subject);
        // Files bring package sources; a resolver finds them, and a proxy reaches them.
        let (files, resolver) = (Need::IfGiven(FILES.of(&subject)), Need::IfGiven(RESOLVER.of(&subject)));
        let proxy = Need::IfGiven(PACKAGE_PROXY.of(&subject));
        Step::new(LayerId::Os, subject, &self)
            .need(files)
            .need(resolver)
            .need(proxy)
            .give(given)
            .in_environment(&self.node, Environment::Installed)
            .patience(PATIENCE)
    }

    /// The packages that are not installed.
    async fn missing(&self, node: &Node) -> Result<Vec<&String>, OperationError> {
        let query = Command::new("dpkg-query").args(["--show", "--showformat=${Package} ${db:Status-Status}\\n", "--"]);
        let query = query.args(self.packages.iter().cloned());
        // Status 1: some of them are not known at all, the others are told.
        let output = node.host().run(&query).await?;
        if !matches!(output.status, Some(0 | 1)) {
            return Err(node.refused(&query, &output));
        }
        let text = output.text();
        let installed: BTreeSet<_> = text.lines().filter_map(|line| line.strip_suffix(" installed")).collect();
        Ok(self.packages.iter().filter(|name| !installed.contains(name.as_str())).collect())
    }
}

#[async_trait]
impl Operation for InstallPackages {
    const NAME: &'static str = "os.install_packages";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let missing = self.missing(&node).await?;
        let diff =
            missing.into_iter().fold(Diff::default(), |diff, name| diff.and("package", None::<&str>, Some(name)));
        Ok(diff.or_holds(Facts::new().with(&PACKAGES, &Subject::node(&self.node), &self.packages)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let apt = || Command::new("env").args(["DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "apt-get", "-q"]);
        let missing: Vec<_> = self.missing(&node).await?.into_iter().cloned().collect();
        // Old lists may be good enough, so that a failure here is not the end; the installation tells.
        let _ = node.host().run(&apt().arg("update")).await?;
        let install = apt()
            .args(["install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120", "--"])
            .args(missing);
        let output = node.host().run(&install).await?;
        if output.succeeded() {
            return Ok(Applied::Done);
        }
        if !output.error_text().contains("dpkg --configure -a") {
            return Err(node.refused(&install, &output));
        }
        // An installation was cut off before; this is its own advice.
        node.succeed(&Command::new("env").args(["DEBIAN_FRONTEND=noninteractive", "dpkg", "--configure", "-a"]))
            .await?;
        node.succeed(&install).await?;
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::node_name;
    use dip_core::testing::FakeHost;

    const QUERY: &str = "dpkg-query --show --showformat=${Package} ${db:Status-Status}\\n -- chrony etcd-server";
    const INSTALL: &str = "env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q install --yes --no-install-recommends \
                           -o DPkg::Lock::Timeout=120 -- etcd-server";

    fn wanted() -> InstallPackages {
        let packages = ["chrony", "etcd-server"].map(str::to_owned);
        InstallPackages::new(&node_name(), &packages).expect("two packages")
    }

    fn host() -> FakeHost {
        // What is left of a removed package is not installed.
        FakeHost::default().answer(QUERY, 0, "chrony installed\netcd-server config-files\n", "")
    }

    #[tokio::test]
    async fn what_is_not_installed_is_told_and_only_that_is_installed() {
        let bench = host().bench(wanted().step());
        assert_eq!(bench.check(&wanted()).await, "+ package etcd-server");
        wanted().apply(&bench.context()).await.expect("the host obeys");
        assert_eq!(bench.ran().last().map(String::as_str), Some(INSTALL));
    }

    #[tokio::test]
    async fn a_node_without_network_fails_in_the_words_of_apt() {
        let words = "E: Unable to locate package etcd-server\n";
        let bench = host().answer(INSTALL, 100, "Reading package lists...\n", words).bench(wanted().step());
        let error = wanted().apply(&bench.context()).await.expect_err("there is no network").to_string();
        assert!(error.ends_with("failed on n1: status 100: E: Unable to locate package etcd-server"), "{error}");
    }

    #[test]
    fn an_option_is_no_package() {
        assert!(InstallPackages::new(&node_name(), &["--reinstall".to_owned()]).is_err());
    }
}
