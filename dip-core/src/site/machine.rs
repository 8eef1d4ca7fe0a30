//! The management controller and the disks of a node, as the site file describes them.

use std::collections::BTreeMap;

use serde_json::{Map as Object, Value};

use super::report::{Raw, Report};
use super::section::{driver, parse};
use super::tree::{Entry, Tree};
use super::{BmcAccess, Disk};
use crate::id::{DiskName, NodeName};
use crate::secret::SecretRef;

/// How a node's controller is reached.
pub(crate) fn bmc(
    node: &NodeName,
    object: &Object<String, Value>,
    entry: &Entry,
    report: &Report<'_>,
) -> Option<BmcAccess> {
    let value = object.get("bmc")?;
    let text = |key: &str| value.get(key)?.as_str();
    let trees = entry.value.items("protocols");
    let protocols = value.get("protocols")?.as_array()?.iter().enumerate();
    let protocol = |(index, protocol): (usize, &Value)| {
        let mark = trees.get(index).map_or(entry.key, |tree| tree.mark);
        driver(protocol.as_object()?.clone(), &[], mark, report)
    };
    let password = match text("password")?.parse().ok()? {
        // A profile names one place for all; what is kept there is each controller's own.
        SecretRef::Store(place) => SecretRef::Store(place.join(node.as_str())),
        elsewhere => elsewhere,
    };
    Some(BmcAccess {
        address: text("address")?.to_owned(),
        user: text("user")?.to_owned(),
        password,
        factory_password: text("factory_password").and_then(|reference| reference.parse().ok()),
        protocols: protocols.filter_map(protocol).collect(),
        origin: Some(entry.key.origin(report.sources())),
    })
}

/// A node's disks, by the site's own names.
pub(crate) fn disks(tree: &Tree, report: &mut Report<'_>) -> BTreeMap<DiskName, Disk> {
    let mut disks = BTreeMap::new();
    for (key, entry) in tree.entries("disks") {
        match DiskName::new(key) {
            Ok(name) => {
                let text = |key: &str| parse(&entry.value, key);
                let disk =
                    Disk { serial: text("serial"), wwn: text("wwn"), path: text("path"), purpose: text("purpose") };
                disks.insert(name, disk);
            }
            Err(error) => report.tell("name", entry.key, || Raw::at(entry.key, error.to_string())),
        }
    }
    disks
}
