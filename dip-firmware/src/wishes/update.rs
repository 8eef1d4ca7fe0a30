//! `updates`: which firmware a node's components run, what comes before, and whether one may go back.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use dip_core::site::{Field, Parsed, Shape};
use serde::{Deserialize, Serialize};

use super::WishFault;
use crate::natural::compare_versions;

/// The firmware of one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateWish {
    /// The version, in the vendor's own writing.
    pub version: String,
    /// Where the controller fetches the image from.
    pub image: String,
    /// What other components must run before, at least.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub after: BTreeMap<String, String>,
    /// Whether an older version than the installed one is installed.
    #[serde(default)]
    pub downgrade: Downgrade,
    /// When it runs.
    #[serde(default)]
    pub takes_effect: TakesEffect,
}

/// Whether an older version than the installed one may be installed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Downgrade {
    /// It is not: makers close holes by new firmware, and some hardware does not start with an old one.
    #[default]
    Refused,
    /// It may.
    Allowed,
}

/// When new firmware runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakesEffect {
    /// With the next reset of the machine.
    #[default]
    AtReset,
    /// Once it is installed: the management controller restarts itself.
    AtOnce,
}

/// The keys of one update.
pub(crate) fn fields() -> Vec<Field> {
    vec![
        Field::required("version", Shape::Text, "The version, in the vendor's own writing."),
        Field::required("image", Shape::Parsed(Parsed::Url), "Where the controller fetches the image from."),
        Field::optional(
            "after",
            Shape::map(Shape::Text),
            "What other components must run before, at least, by their names.",
        ),
        Field::optional(
            "downgrade",
            Shape::Choice(vec!["refused", "allowed"]),
            "Whether an older version than the installed one is installed; `refused` where it is left out.",
        ),
        Field::optional(
            "takes_effect",
            Shape::Choice(vec!["at_reset", "at_once"]),
            "When it runs: with the next reset of the machine where it is left out; `at_once` for what restarts itself.",
        ),
    ]
}

/// What is wrong with the updates of a node beyond their shape.
pub(crate) fn faults(updates: &BTreeMap<String, UpdateWish>) -> Vec<WishFault> {
    let mut faults = Vec::new();
    for (component, update) in updates {
        let mut tell = |key: &str, text: String| {
            faults.push(WishFault { path: format!("firmware.updates.{component}.{key}"), text })
        };
        let host = update.image.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
        if host.contains('@') {
            let text = "the image's URL holds a user or a password, and plans and logs would show it; let the server give \
                        the image to the network of the BMCs without one";
            tell("image", text.to_owned());
        }
        // They part the names of facts.
        if component.contains(['@', '#']) {
            tell("version", format!("`{component}` is no name of a component; write `*` for `@` and `#`"));
        }
        for (other, least) in &update.after {
            if other == component {
                tell("after", format!("the update of `{component}` cannot come after itself"));
                continue;
            }
            // The order of two updates comes from the name that both say.
            let is_alike = |known: &&String| known.eq_ignore_ascii_case(other) && *known != other;
            if let Some(known) = updates.keys().find(is_alike) {
                tell(
                    "after",
                    format!(
                        "the update of `{component}` comes after `{other}`, which is called `{known}` here; write it the same"
                    ),
                );
            }
            let wanted = updates.get(other).map(|other| &other.version);
            let too_old = wanted.filter(|wanted| compare_versions(wanted, least) == Some(Ordering::Less));
            if let Some(wanted) = too_old {
                tell(
                    "after",
                    format!(
                        "the update of `{component}` needs `{other}` at {least} or newer, and `{wanted}` is wanted of it; \
                         raise one or lower the other"
                    ),
                );
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(version: &str, image: &str, after: &[(&str, &str)]) -> UpdateWish {
        UpdateWish {
            version: version.to_owned(),
            image: image.to_owned(),
            after: after.iter().map(|(other, least)| ((*other).to_owned(), (*least).to_owned())).collect(),
            downgrade: Downgrade::Refused,
            takes_effect: TakesEffect::AtReset,
        }
    }

    #[test]
    fn what_cannot_come_true_is_told_before_anything_is_flashed() {
        let updates = [
            ("BIOS", update("2.1", "http://images/bios", &[("BMC", "7.10"), ("BIOS", "2.0")])),
            ("NIC", update("1.0", "http://images/nic", &[("bmc", "1.0")])),
            ("BMC", update("7.9", "https://anna:geheim@images/bmc", &[("CPLD", "1.0")])),
        ];
        let told = faults(&updates.map(|(name, update)| (name.to_owned(), update)).into());
        let told: Vec<String> = told.iter().map(|fault| format!("{}: {}", fault.path, fault.text)).collect();
        assert_eq!(told.len(), 4, "{told:#?}");
        assert_eq!(told[0], "firmware.updates.BIOS.after: the update of `BIOS` cannot come after itself");
        assert!(told[1].contains("needs `BMC` at 7.10 or newer, and `7.9` is wanted of it"), "{}", told[1]);
        assert!(told[2].starts_with("firmware.updates.BMC.image") && !told[2].contains("geheim"), "{}", told[2]);
        assert!(told[3].ends_with("comes after `bmc`, which is called `BMC` here; write it the same"), "{}", told[3]);
    }
}
