//! One line of the table: who has a quirk, or has it not.

use serde::{Deserialize, Serialize};

use super::{Make, Quirk};
use crate::quirks::version::Version;

/// Says of some BMCs that they have a quirk, or that they have it not though others of their maker do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The quirk.
    pub quirk: Quirk,
    /// Whether they have it.
    #[serde(default = "yes")]
    pub holds: bool,
    /// A word of the maker's name, whatever its case; any maker where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// A part of the name of the machine or of the controller, whatever its case; any where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The versions of the controller's firmware; all where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<FirmwareRange>,
    /// Who says so: a URL.
    pub source: String,
}

/// A range of versions of firmware.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirmwareRange {
    /// The first version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The last version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

const fn yes() -> bool {
    true
}

impl Entry {
    /// How specific it is where it speaks of this make; `None` where it does not.
    pub(super) fn score(&self, make: &Make) -> Option<u32> {
        let mut score = 0;
        if let Some(vendor) = &self.vendor {
            score += make.vendors.iter().any(|told| has_word(told, vendor)).then_some(1)?;
        }
        if let Some(range) = &self.firmware {
            score += make.firmware.as_deref().is_some_and(|told| range.holds(told)).then_some(2)?;
        }
        if let Some(model) = &self.model {
            let wanted = model.to_lowercase();
            score += make.models.iter().any(|told| told.to_lowercase().contains(&wanted)).then_some(4)?;
        }
        Some(score)
    }
}

impl FirmwareRange {
    /// Whether a version lies in it. One that cannot be read lies in no range.
    fn holds(&self, told: &str) -> bool {
        let Some(told) = Version::find(told) else { return false };
        let bound = |text: &Option<String>| text.as_deref().and_then(Version::find);
        bound(&self.from).is_none_or(|from| from <= told) && bound(&self.to).is_none_or(|to| told <= to)
    }
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|other| other.eq_ignore_ascii_case(word))
}
