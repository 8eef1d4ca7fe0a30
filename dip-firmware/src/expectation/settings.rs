//! What a site says of the hardware that it expects: `firmware.hardware`.

use dip_core::hardware::DiskKind;
use dip_core::site::{Field, Shape};
use serde::{Deserialize, Serialize};

/// The parts that a machine should have, at least.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedHardware {
    /// Its processors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processors: Option<ExpectedProcessors>,
    /// Its memory modules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<ExpectedMemory>,
    /// Its disks, kind by kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<ExpectedDisks>,
    /// The ports of its network cards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nics: Option<ExpectedPart>,
    /// Its power supplies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_supplies: Option<ExpectedPart>,
    /// What becomes of a node that lacks any of it.
    pub when_missing: WhenMissing,
}

/// What becomes of a node that lacks parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenMissing {
    /// It goes no further; other nodes do.
    #[default]
    Block,
    /// It is told, and the node goes on.
    Warn,
}

/// Processors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedProcessors {
    /// How many.
    pub count: usize,
    /// Of so many cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
}

/// Memory modules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedMemory {
    /// How many.
    pub count: usize,
    /// Of so many GiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gib: Option<u64>,
    /// The slots that they are in, so that the empty one is told by its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<String>,
}

/// Disks of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedDisks {
    /// How many.
    pub count: usize,
    /// How they keep their data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<DiskKind>,
    /// Of at least so many GB, 10^9 bytes, as makers count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gb: Option<u64>,
}

/// Parts of which only the number matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedPart {
    /// How many.
    pub count: usize,
}

pub(crate) fn shape() -> Vec<Field> {
    let count = || Field::required("count", Shape::integer(1, 1024), "How many there should be, at least.");
    let processors = vec![count(), Field::optional("cores", Shape::integer(1, 4096), "Of so many cores each.")];
    let memory = vec![
        count(),
        Field::optional("gib", Shape::integer(1, 65_536), "Of so many GiB each."),
        Field::optional(
            "slots",
            Shape::list(Shape::Text),
            "The slots that they are in, in the words of the controller, so that an empty one is told by its name.",
        ),
    ];
    let disks = vec![
        count(),
        Field::optional("kind", Shape::Choice(vec!["hdd", "ssd"]), "How they keep their data."),
        Field::optional("gb", Shape::integer(1, 10_000_000), "Of at least so many GB (10^9 bytes) each."),
    ];
    vec![
        Field::optional("processors", Shape::Object(processors), "Its processors."),
        Field::optional("memory", Shape::Object(memory), "Its memory modules."),
        Field::optional(
            "disks",
            Shape::list(Shape::Object(disks)),
            "Its disks, kind by kind; a disk counts for the first kind that it fits and that wants more.",
        ),
        Field::optional("nics", Shape::Object(vec![count()]), "The ports of its network cards."),
        Field::optional("power_supplies", Shape::Object(vec![count()]), "Its power supplies."),
        Field::optional(
            "when_missing",
            Shape::Choice(vec!["block", "warn"]),
            "What becomes of a node that lacks any of it; `block` where it is left out.",
        ),
    ]
}
