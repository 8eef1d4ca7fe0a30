//! `os.wipe_disks`: no partition table and no file system is left on the disks of a node.
//!
//! A disk is known by its serial number alone, so that no other one is wiped; a consent names the same numbers. What is taken
//! away are the signatures by which any system finds data: of partitions first, then of the disk. The data itself is not
//! overwritten; for disks that leave the house use what their makers offer (`nvme sanitize`, `hdparm --security-erase`).

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::opsmgmt::{CMDB_RECORD, MONITORED, NAME};
use dip_core::id::{DiskName, LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Gap, Operation, OperationError, Patience};
use dip_core::provider::Command;
use dip_core::site::Node as SiteNode;
use dip_core::step::{Environment, Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::node::Node;

/// A disk that answers slowly has a reason, and is asked no sooner for it.
const PATIENCE: Patience = Patience { deadline: Duration::from_secs(10 * 60), attempt: Duration::from_secs(3 * 60) };

/// Wipes disks of a node whose system runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WipeDisks {
    /// The node.
    pub node: NodeName,
    /// The disks.
    pub disks: Vec<WipedDisk>,
}

/// A disk that is wiped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WipedDisk {
    /// The site's own name for it.
    pub name: DiskName,
    /// Its serial number.
    pub serial: String,
}

/// A block device, as lsblk(8) tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Device {
    path: String,
    serial: Option<String>,
    r#type: String,
    #[serde(default)]
    mountpoint: Option<String>,
    #[serde(default)]
    children: Vec<Device>,
}

impl WipeDisks {
    /// All disks of a node; a sentence where one of them could be any.
    pub(crate) fn new(node: &SiteNode) -> Result<Self, String> {
        if node.disks.is_empty() {
            return Err("the site file names no disks of it, so nobody can consent to wiping them; list them with their serial numbers under `disks`".to_owned());
        }
        let mut disks = Vec::with_capacity(node.disks.len());
        for (name, disk) in &node.disks {
            let Some(serial) = &disk.serial else {
                return Err(format!(
                    "its disk `{name}` has no serial number, so nobody can consent to wiping it; add `serial` to it (`lsblk --output NAME,SERIAL` tells it)"
                ));
            };
            disks.push(WipedDisk { name: name.clone(), serial: serial.clone() });
        }
        Ok(Self { node: node.name.clone(), disks })
    }

    /// The step. The node is told by no record by then, so nobody is sent to what is being wiped.
    pub(crate) fn step(self) -> Step {
        let subject = Subject::node(&self.node);
        let records = [NAME.of(&subject), CMDB_RECORD.of(&subject), MONITORED.of(&subject)];
        let step = Step::new(LayerId::Os, subject, &self)
            .in_environment(&self.node, Environment::Installed)
            .patience(PATIENCE)
            .erasing(self.disks.iter().map(|disk| &disk.serial));
        records.iter().fold(step, |step, record| step.need(Need::IfGiven(record.gone())))
    }

    /// The devices of the disks, in their order; what is wrong where one is not there.
    async fn devices(&self, node: &Node) -> Result<Result<Vec<Device>, Gap>, OperationError> {
        let list = Command::new("lsblk").args(["--json", "--paths", "--output", "PATH,SERIAL,TYPE,MOUNTPOINT"]);
        let text = node.succeed(&list).await?.text();
        let all = read(&text)
            .map_err(|error| OperationError::Impossible(format!("lsblk on {} tells no devices: {error}", self.node)))?;
        let mut found = Vec::with_capacity(self.disks.len());
        for WipedDisk { name, serial } in &self.disks {
            let mut those = all
                .iter()
                .filter(|device| device.r#type == "disk" && device.serial.as_deref().map(str::trim) == Some(serial));
            match (those.next(), those.next()) {
                (Some(device), None) => found.push(device.clone()),
                (None, _) => {
                    return Ok(Err(Gap::Unobservable(format!(
                        "disk `{name}` with serial number `{serial}` is not in {}; take it out of the site file if it was pulled",
                        self.node
                    ).into())));
                }
                (Some(_), Some(_)) => {
                    return Ok(Err(Gap::Unobservable(format!(
                        "{} has two disks with serial number `{serial}`, so nobody can say which of them is `{name}`",
                        self.node
                    ).into())));
                }
            }
        }
        Ok(Ok(found))
    }
}

#[derive(Deserialize)]
struct Listing {
    blockdevices: Vec<Device>,
}

fn read(text: &str) -> Result<Vec<Device>, serde_json::Error> {
    serde_json::from_str::<Listing>(text).map(|listing| listing.blockdevices)
}

impl Device {
    fn is_in_use(&self) -> bool {
        self.mountpoint.is_some() || self.children.iter().any(Self::is_in_use)
    }
}

/// The signatures of a device, by their kinds: `gpt`, `ext4`, `LVM2_member`.
async fn signatures(node: &Node, path: &str) -> Result<BTreeSet<String>, OperationError> {
    let look = Command::new("wipefs").args(["--noheadings", "--output", "TYPE", path]);
    Ok(node.succeed(&look).await?.text().split_whitespace().map(str::to_owned).collect())
}

#[async_trait]
impl Operation for WipeDisks {
    const NAME: &'static str = "os.wipe_disks";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let devices = match self.devices(&node).await? {
            Ok(devices) => devices,
            Err(gap) => return Ok(Check::Unknown(gap)),
        };
        let mut diff = Diff::default();
        for (disk, device) in self.disks.iter().zip(&devices) {
            let found: Vec<_> = signatures(&node, &device.path).await?.into_iter().collect();
            if !found.is_empty() {
                diff = diff.and(format!("disk {} ({})", disk.name, disk.serial), Some(found.join(" ")), None::<&str>);
            }
        }
        Ok(diff.or_holds(Facts::new()))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let mut devices = match self.devices(&node).await? {
            Ok(devices) => devices,
            Err(gap) => return Err(OperationError::Impossible(gap.to_string())),
        };
        // The disk that the system runs from comes last: without it no further command may start.
        devices.sort_by_key(Device::is_in_use);
        for device in &devices {
            for path in device
                .children
                .iter()
                .filter(|child| child.r#type == "part")
                .map(|part| &part.path)
                .chain([&device.path])
            {
                node.succeed(&Command::new("wipefs").args(["--all", "--force", path])).await?;
            }
        }
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{node as site_node, node_name};
    use dip_core::site::Disk;
    use dip_core::testing::FakeHost;

    fn with_disks(disks: &[(&str, Option<&str>)]) -> SiteNode {
        let mut node = site_node("n1", Some(serde_json::json!({"wipe": "when_absent"})));
        node.disks = disks
            .iter()
            .map(|(name, serial)| {
                let disk = Disk { serial: serial.map(str::to_owned), ..Disk::default() };
                (DiskName::new(name).expect("a name"), disk)
            })
            .collect();
        node
    }

    fn wanted() -> WipeDisks {
        WipeDisks::new(&with_disks(&[("data", Some("D1")), ("root", Some("S1"))])).expect("both have serial numbers")
    }

    #[test]
    fn a_disk_that_nobody_can_name_is_not_wiped() {
        let none = WipeDisks::new(&with_disks(&[])).expect_err("no disk is named");
        assert!(none.contains("list them with their serial numbers"), "{none}");
        let without =
            WipeDisks::new(&with_disks(&[("data", Some("D1")), ("root", None)])).expect_err("one could be any");
        assert!(without.contains("disk `root` has no serial number"), "{without}");
    }

    #[test]
    fn the_step_erases_what_a_consent_must_name() {
        let step = wanted().step();
        assert_eq!(step.erases.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["D1", "S1"]);
        assert_eq!(step.hazard, dip_core::step::Hazard::Erases);
        assert_eq!(step.place, dip_core::step::Place::In(node_name(), Environment::Installed));
    }

    const LSBLK: &str = r#"{"blockdevices": [
        {"path": "/dev/sda", "serial": "S1", "type": "disk", "mountpoint": null,
         "children": [{"path": "/dev/sda1", "serial": null, "type": "part", "mountpoint": "/"}]},
        {"path": "/dev/sdb", "serial": " D1 ", "type": "disk", "mountpoint": null},
        {"path": "/dev/sdc", "serial": "OTHER", "type": "disk", "mountpoint": null}
    ]}"#;

    #[tokio::test]
    async fn only_the_named_disks_are_wiped_and_the_one_in_use_comes_last() {
        let host = FakeHost::default()
            .answer("lsblk --json --paths --output PATH,SERIAL,TYPE,MOUNTPOINT", 0, LSBLK, "")
            .answer("wipefs --noheadings --output TYPE /dev/sda", 0, "gpt\nPMBR\n", "");
        let bench = host.bench(wanted().step());
        assert_eq!(bench.check(&wanted()).await, "- disk root (S1) PMBR gpt");
        assert_eq!(wanted().apply(&bench.context()).await.expect("the node obeys"), Applied::Done);
        let wiped: Vec<_> = bench.ran().into_iter().filter(|command| command.contains("--all")).collect();
        assert_eq!(
            wiped,
            ["wipefs --all --force /dev/sdb", "wipefs --all --force /dev/sda1", "wipefs --all --force /dev/sda"]
        );
    }

    #[tokio::test]
    async fn a_disk_that_is_not_there_is_told_and_nothing_is_wiped() {
        let one = r#"{"blockdevices": [{"path": "/dev/sda", "serial": "S1", "type": "disk", "mountpoint": null}]}"#;
        let host = FakeHost::default().answer("lsblk --json --paths --output PATH,SERIAL,TYPE,MOUNTPOINT", 0, one, "");
        let bench = host.bench(wanted().step());
        let gap = bench.check(&wanted()).await;
        assert!(gap.contains("disk `data` with serial number `D1` is not in n1"), "{gap}");
        assert!(wanted().apply(&bench.context()).await.is_err());
    }
}
