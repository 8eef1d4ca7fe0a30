//! `volumes`: what a storage controller makes of the disks of a node, chosen by what they are.

use std::collections::BTreeSet;

use dip_core::hardware::DiskKind;
use dip_core::site::{Field, Shape};
use serde::{Deserialize, Serialize};

use super::WishFault;
use crate::provider::RaidLevel;

/// The longest name that the narrowest of the known controllers takes.
const LONGEST_NAME: usize = 15;

/// One volume, or disks that are to be in none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeWish {
    /// Its name, on the controller too.
    pub name: String,
    /// How it is spread.
    pub level: Level,
    /// What it is for.
    #[serde(default)]
    pub role: Role,
    /// Of which disks it is made.
    pub disks: DiskSelector,
}

/// How a volume is spread, or that the disks are left as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// No volume: each disk stands for itself.
    Jbod,
    /// Striped.
    Raid0,
    /// Mirrored.
    Raid1,
    /// Striped, one parity.
    Raid5,
    /// Striped, two parities.
    Raid6,
    /// Striped over mirrors.
    Raid10,
}

impl Level {
    /// The level for a controller; `None` where no volume is wanted.
    #[must_use]
    pub const fn raid(self) -> Option<RaidLevel> {
        match self {
            Self::Jbod => None,
            Self::Raid0 => Some(RaidLevel::Raid0),
            Self::Raid1 => Some(RaidLevel::Raid1),
            Self::Raid5 => Some(RaidLevel::Raid5),
            Self::Raid6 => Some(RaidLevel::Raid6),
            Self::Raid10 => Some(RaidLevel::Raid10),
        }
    }

    /// What is wrong with so many disks, as a fragment; mirrors are made of pairs.
    pub(crate) fn fault(self, disks: usize) -> Option<String> {
        let level = self.raid()?;
        if disks < level.fewest_disks() {
            return Some(format!("{level} needs at least {} disks and not {disks}", level.fewest_disks()));
        }
        let in_pairs = matches!(level, RaidLevel::Raid1 | RaidLevel::Raid10);
        (in_pairs && !disks.is_multiple_of(2)).then(|| format!("{level} needs an even number of disks and not {disks}"))
    }
}

/// What a volume is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// For data: it may come about while the node boots into its system.
    #[default]
    Data,
    /// For the system: it is there before any system is started.
    System,
}

/// What stands in the way of a volume.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InTheWay {
    /// Volumes that have the wanted disks stay, and the step is told as impossible.
    #[default]
    Keep,
    /// They are removed, with a consent that names the serial numbers of their disks.
    Remove,
}

impl InTheWay {
    pub(crate) const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

/// Which disks are meant: all that is said must be true of a disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskSelector {
    /// How it keeps its data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<DiskKind>,
    /// How it is attached: `SATA`, `SAS`, `NVMe`; case does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Its model; `*` stands for anything, case does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// It has at least so many gigabytes (10⁹ bytes).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_gb: Option<u64>,
    /// It has at most so many gigabytes (10⁹ bytes).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_gb: Option<u64>,
    /// Which of those that fit.
    #[serde(default)]
    pub pick: Pick,
    /// How many; none for the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
}

/// Which of the disks that fit are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// The first ones, by slot.
    #[default]
    First,
    /// The smallest ones; those of one size by slot.
    Smallest,
    /// The largest ones; those of one size by slot.
    Largest,
    /// All that volumes before it have left.
    Rest,
}

/// The keys of one volume.
pub(crate) fn fields() -> Vec<Field> {
    vec![
        Field::required("name", Shape::Text, "Its name, 1 to 15 characters, on the controller too."),
        Field::required(
            "level",
            Shape::Choice(vec!["jbod", "raid0", "raid1", "raid5", "raid6", "raid10"]),
            "How it is spread; `jbod`: no volume, each disk stands for itself.",
        ),
        Field::optional(
            "role",
            Shape::Choice(vec!["data", "system"]),
            "What it is for; one for the `system` is there before any system is started. `data` where it is left out.",
        ),
        Field::required(
            "disks",
            Shape::Object(selector()),
            "Which disks are meant: all that is said must be true of one.",
        ),
    ]
}

fn selector() -> Vec<Field> {
    /// An exabyte: more than any disk has.
    const LARGEST: i64 = 1_000_000_000;
    vec![
        Field::optional("kind", Shape::Choice(vec!["ssd", "hdd"]), "How it keeps its data."),
        Field::optional("protocol", Shape::Text, "How it is attached: `SATA`, `SAS`, `NVMe`."),
        Field::optional("model", Shape::Text, "Its model; `*` stands for anything."),
        Field::optional("min_gb", Shape::integer(1, LARGEST), "It has at least so many gigabytes (10^9 bytes)."),
        Field::optional("max_gb", Shape::integer(1, LARGEST), "It has at most so many gigabytes (10^9 bytes)."),
        Field::optional(
            "pick",
            Shape::Choice(vec!["first", "smallest", "largest", "rest"]),
            "Which of those that fit: the `first` by slot where it is left out; `rest`: all that volumes before it have left.",
        ),
        Field::optional("count", Shape::integer(1, 1000), "How many; to be left out with `pick: rest` only."),
    ]
}

/// What is wrong with the volumes of a node beyond their shape.
pub(crate) fn faults(volumes: &[VolumeWish]) -> Vec<WishFault> {
    let mut faults = Vec::new();
    let mut names = BTreeSet::new();
    for VolumeWish { name, level, disks, .. } in volumes {
        let mut tell = |text: String| faults.push(WishFault { path: "firmware.volumes".to_owned(), text });
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
            tell(format!(
                "`{name}` is no name for a volume; controllers take 1 to {LONGEST_NAME} letters, digits, `-` and `_`"
            ));
        }
        if !names.insert(name) {
            tell(format!("two volumes are called `{name}`; each needs a name of its own"));
        }
        match (disks.pick, disks.count) {
            (Pick::Rest, Some(_)) => {
                tell(format!("volume `{name}` wants the rest and a `count`; leave out one of them"));
            }
            (Pick::Rest, None) => {}
            (_, None) => tell(format!("volume `{name}` does not say of how many disks; add `count`, or `pick: rest`")),
            (_, Some(count)) => {
                if let Some(fault) = level.fault(count) {
                    tell(format!("volume `{name}`: {fault}"));
                }
            }
        }
        if let (Some(min), Some(max)) = (disks.min_gb, disks.max_gb)
            && min > max
        {
            tell(format!("volume `{name}` wants disks of at least {min} GB and at most {max} GB; there is none"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(name: &str, level: Level, disks: DiskSelector) -> VolumeWish {
        VolumeWish { name: name.to_owned(), level, role: Role::Data, disks }
    }

    #[test]
    fn all_that_is_wrong_with_volumes_is_told_at_once() {
        let of = |pick, count| DiskSelector { pick, count, ..DiskSelector::default() };
        let odd = DiskSelector { min_gb: Some(2), max_gb: Some(1), ..of(Pick::First, Some(3)) };
        let told = faults(&[
            wish("system", Level::Raid1, of(Pick::Smallest, Some(1))),
            wish("system", Level::Jbod, of(Pick::Rest, Some(1))),
            wish("a volume of mine", Level::Raid0, of(Pick::First, None)),
            wish("odd", Level::Raid10, odd),
        ]);
        let told: Vec<&str> = told.iter().map(|fault| fault.text.as_str()).collect();
        assert_eq!(
            told,
            [
                "volume `system`: RAID1 needs at least 2 disks and not 1",
                "two volumes are called `system`; each needs a name of its own",
                "volume `system` wants the rest and a `count`; leave out one of them",
                "`a volume of mine` is no name for a volume; controllers take 1 to 15 letters, digits, `-` and `_`",
                "volume `a volume of mine` does not say of how many disks; add `count`, or `pick: rest`",
                "volume `odd`: RAID10 needs at least 4 disks and not 3",
                "volume `odd` wants disks of at least 2 GB and at most 1 GB; there is none",
            ]
        );
        let fine =
            [wish("system", Level::Raid1, of(Pick::Smallest, Some(2))), wish("d", Level::Jbod, of(Pick::Rest, None))];
        assert!(faults(&fine).is_empty());
    }
}
