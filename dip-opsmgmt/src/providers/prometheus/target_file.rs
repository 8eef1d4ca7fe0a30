//! One target file: a list of groups, of which dip writes one with one target and the labels `dip_site` and `node`.

use std::collections::BTreeMap;

use dip_core::id::{NodeName, SiteName};
use serde::{Deserialize, Serialize};

use crate::provider::{HeldTarget, Target};
use crate::settings::PrometheusSettings;
pub(super) use crate::settings::{NODE_LABEL as NODE, SITE_LABEL as SITE};

/// A group of targets, as `file_sd` defines it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) targets: Vec<String>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
}

impl Group {
    /// The group of a target. What the target says of itself wins over the settings, and the mark over both.
    pub(super) fn of(target: &Target, owner: &SiteName, settings: &PrometheusSettings) -> Self {
        Self::labelled(target, owner, settings.of_all_targets())
    }

    fn labelled(target: &Target, owner: &SiteName, mut labels: BTreeMap<String, String>) -> Self {
        labels.extend(target.labels.clone());
        labels.insert(NODE.to_owned(), target.node.to_string());
        labels.insert(SITE.to_owned(), owner.to_string());
        Self { targets: vec![target.address.clone()], labels }
    }

    /// Whether it is a site's group of a node.
    pub(super) fn is_of(&self, node: &NodeName, owner: &SiteName) -> bool {
        let marks = [(SITE, owner.as_str()), (NODE, node.as_str())];
        marks.iter().all(|(label, value)| self.labels.get(*label).is_some_and(|held| held == value))
    }

    /// Whether it has an address that a site may not use therefore: somebody else's.
    pub(super) fn keeps_from(&self, address: &str, owner: &SiteName) -> bool {
        self.labels.get(SITE).is_none_or(|site| site != owner.as_str()) && self.targets.iter().any(|one| one == address)
    }

    /// The target of a group, where it is a site's.
    pub(super) fn owned(mut self, owner: &SiteName) -> Option<Target> {
        self.labels.remove(SITE).filter(|site| site == owner.as_str())?;
        let node = NodeName::new(&self.labels.remove(NODE)?).ok()?;
        Some(Target { node, address: self.targets.pop().unwrap_or_default(), labels: self.labels })
    }

    /// The target of a group that stands in a node's file. `None` where other settings wrote it: it has to be written anew.
    pub(super) fn held(self, node: &NodeName, settings: &PrometheusSettings) -> Option<HeldTarget> {
        let Self { mut targets, mut labels } = self;
        let address = targets.pop().filter(|_| targets.is_empty()).unwrap_or_default();
        let owner = labels.remove(SITE).and_then(|site| SiteName::new(&site).ok());
        labels.remove(NODE);
        if owner.is_some() {
            for (name, value) in settings.of_all_targets() {
                match labels.get(&name) {
                    Some(present) if *present == value => drop(labels.remove(&name)),
                    // The target's own label wins over the settings.
                    Some(_) => {}
                    None => return None,
                }
            }
        }
        Some(HeldTarget { target: Target { node: node.clone(), address, labels }, owner })
    }
}

/// Reads a target file.
pub(super) fn parse(text: &str) -> Result<Vec<Group>, serde_json::Error> {
    serde_json::from_str(text)
}

/// The text of a target file.
pub(super) fn text(groups: &[Group]) -> String {
    let mut text = serde_json::to_string_pretty(groups).expect("texts serialise to JSON");
    text.push('\n');
    text
}

/// A label's name cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the name of a label; it may hold letters, digits and `_`, and not start with a digit")]
pub struct LabelError(pub(super) String);

/// Whether Prometheus takes it as the name of a label.
pub(super) fn is_label(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Targets as `http_sd` of Prometheus wants them, for a program that serves them itself: the JSON of a `GET`, to be sent as
/// `application/json`.
///
/// ```
/// use dip_opsmgmt::{provider::Target, providers::prometheus::http_sd};
/// let site = dip_core::id::SiteName::new("lab")?;
/// let node = dip_core::id::NodeName::new("n1")?;
/// let target = Target { node, address: "10.1.0.11:9100".to_owned(), labels: Default::default() };
/// assert!(http_sd(&[target], &site).contains("\"dip_site\": \"lab\""));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn http_sd(targets: &[Target], owner: &SiteName) -> String {
    text(&targets.iter().map(|target| Group::labelled(target, owner, BTreeMap::new())).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> PrometheusSettings {
        PrometheusSettings {
            targets: Some("/targets".into()),
            http_sd: None,
            rules: None,
            url: "http://127.0.0.1:9090".to_owned(),
            job: Some("nodes".to_owned()),
            labels: [("tier".to_owned(), "lab".to_owned())].into(),
        }
    }

    fn target() -> Target {
        Target {
            node: NodeName::new("n1").expect("a name"),
            address: "10.1.0.11:9100".to_owned(),
            labels: [("rack".to_owned(), "r1".to_owned())].into(),
        }
    }

    #[test]
    fn a_target_is_read_as_it_was_written() {
        let owner = SiteName::new("lab").expect("a name");
        let mut groups = parse(&text(&[Group::of(&target(), &owner, &settings())])).expect("it is JSON");
        let group = groups.pop().expect("one group");
        assert_eq!(group.labels["job"], "nodes");
        assert_eq!(group.held(&target().node, &settings()), Some(HeldTarget { target: target(), owner: Some(owner) }));
    }

    #[test]
    fn a_target_that_other_settings_wrote_is_written_anew() {
        let owner = SiteName::new("lab").expect("a name");
        let before = PrometheusSettings { labels: BTreeMap::new(), ..settings() };
        assert_eq!(Group::of(&target(), &owner, &before).held(&target().node, &settings()), None);
    }
}
