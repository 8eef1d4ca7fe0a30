//! `os.set_kernel_settings`: kernel settings hold, now and after a reboot.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::os::KERNEL_SETTINGS;
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::{Command, FileContent};
use dip_core::step::{Environment, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::node::Node;

/// Read at boot, before files with higher numbers and `99-sysctl.conf`, which the node's administrator owns.
const FILE: &str = "/etc/sysctl.d/60-dip.conf";

/// Sets kernel settings of a node. One that is taken out of the settings keeps its value until the next boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetKernelSettings {
    /// The node.
    pub node: NodeName,
    /// Values by name: `vm.swappiness`, `net.ipv4.conf.eth0/100.rp_filter`.
    pub values: BTreeMap<String, String>,
}

impl SetKernelSettings {
    /// The values of a node's settings; a sentence where one cannot be set.
    pub(crate) fn new(node: &NodeName, values: &BTreeMap<String, String>) -> Result<Self, String> {
        for (name, value) in values {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '_' | '-' | ':' | '@');
            if name.is_empty() || !name.chars().all(plain) || path(name).contains("/..") {
                return Err(format!("`{name}` is not the name of a kernel setting, for example `vm.swappiness`"));
            }
            if value.contains('\n') {
                return Err(format!("the value of `{name}` has more than one line"));
            }
        }
        Ok(Self { node: node.clone(), values: values.clone() })
    }

    pub(crate) fn step(self) -> Step {
        let subject = Subject::node(&self.node);
        let given = KERNEL_SETTINGS.of(&subject);
        Step::new(LayerId::Os, subject, &self).give(given).in_environment(&self.node, Environment::Installed)
    }

    fn file(&self) -> FileContent {
        let mut text =
            String::from("# Written by dip from the settings `os.sysctl` of this node. Changes here are undone.\n");
        for (name, value) in &self.values {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name} = {value}");
        }
        FileContent { bytes: text.into_bytes(), mode: 0o644 }
    }
}

/// The file below /proc/sys of a setting. As in sysctl(8), the first separator tells which of `.` and `/` separates.
fn path(name: &str) -> String {
    let slashes = name.find(['.', '/']).is_some_and(|at| name[at..].starts_with('/'));
    let swap = |c| match c {
        '.' => '/',
        '/' => '.',
        c => c,
    };
    let relative = if slashes { name.to_owned() } else { name.chars().map(swap).collect() };
    format!("/proc/sys/{relative}")
}

/// The kernel separates the numbers of one setting by tabs, people by spaces.
fn words(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl Operation for SetKernelSettings {
    const NAME: &'static str = "os.set_kernel_settings";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let mut diff = Diff::default();
        for (name, wanted) in &self.values {
            let now = node.text(&path(name)).await?.map(|now| words(&now));
            let wanted = words(wanted);
            if now.as_ref() != Some(&wanted) {
                diff = diff.and(name, now, Some(wanted));
            }
        }
        match node.host().read(FILE).await? {
            Some(now) if now == self.file() => {}
            Some(_) => diff = diff.and(FILE, Some("other settings"), Some("these settings")),
            None => diff = diff.and(FILE, None::<&str>, Some("these settings")),
        }
        Ok(diff.or_holds(Facts::new().with(&KERNEL_SETTINGS, &Subject::node(&self.node), &self.values.len())))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Node::of(cx, &self.node)?;
        node.host().write(FILE, &self.file()).await?;
        node.succeed(&Command::new("sysctl").args(["-p", FILE])).await?;
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::node_name;
    use dip_core::testing::FakeHost;

    fn wanted() -> SetKernelSettings {
        let values = [("net.ipv4.ip_local_port_range", "2000 60000"), ("vm.swappiness", "10")];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        SetKernelSettings::new(&node_name(), &values).expect("plain settings")
    }

    #[tokio::test]
    async fn the_live_values_and_the_file_must_both_be_right() {
        let host = FakeHost::default()
            .file("/proc/sys/net/ipv4/ip_local_port_range", "2000\t60000\n")
            .file("/proc/sys/vm/swappiness", "60\n");
        let bench = host.bench(wanted().step());
        assert_eq!(bench.check(&wanted()).await, "vm.swappiness 60 → 10, + /etc/sysctl.d/60-dip.conf these settings");
        wanted().apply(&bench.context()).await.expect("the host obeys");
        assert_eq!(bench.ran(), ["sysctl -p /etc/sysctl.d/60-dip.conf"]);
        // Only the file has come true; the fake kernel keeps its value.
        assert_eq!(bench.check(&wanted()).await, "vm.swappiness 60 → 10");
        let text = bench.text(FILE).expect("the file is written");
        assert!(text.ends_with("net.ipv4.ip_local_port_range = 2000 60000\nvm.swappiness = 10\n"), "{text}");
    }

    #[test]
    fn names_become_paths_as_sysctl_does_it() {
        assert_eq!(path("vm.swappiness"), "/proc/sys/vm/swappiness");
        assert_eq!(path("net.ipv4.conf.eth0/100.rp_filter"), "/proc/sys/net/ipv4/conf/eth0.100/rp_filter");
        assert_eq!(path("net/ipv4/conf/eth0.100/rp_filter"), "/proc/sys/net/ipv4/conf/eth0.100/rp_filter");
    }

    #[test]
    fn a_name_that_leaves_proc_is_refused() {
        for name in ["", "a b", "x/../../etc/passwd", "a\nb"] {
            let values = BTreeMap::from([(name.to_owned(), "1".to_owned())]);
            assert!(SetKernelSettings::new(&node_name(), &values).is_err(), "{name}");
        }
    }
}
