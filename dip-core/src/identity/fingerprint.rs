//! What tells a machine from others.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::hardware::{Hardware, Identity, MacAddr};

/// What was seen of a machine that tells it from others. What its controller does not tell, and what makers leave blank, is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// The serial number of the chassis or system: the one on the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The serial number of the main board.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board_serial: Option<String>,
    /// The system UUID, which most makers keep on the main board.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// The MAC addresses by the controller's names of their ports.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub nics: BTreeMap<String, MacAddr>,
    /// The serial numbers of the disks by their slots.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub disks: BTreeMap<String, String>,
}

impl Fingerprint {
    /// What an identity and, where it was read, an inventory tell.
    #[must_use]
    pub fn of(identity: &Identity, hardware: Option<&Hardware>) -> Self {
        let nics = hardware.and_then(|hardware| hardware.nics.as_deref()).unwrap_or_default();
        let disks = hardware.and_then(|hardware| hardware.disks.as_deref()).unwrap_or_default();
        let is_one = |mac: &MacAddr| mac.0 != [0; 6] && mac.0 != [0xFF; 6];
        Self {
            serial: identity.serial.as_deref().and_then(meant),
            board_serial: identity.board_serial.as_deref().and_then(meant),
            uuid: identity.uuid.as_deref().and_then(meant).filter(|uuid| !is_blank_uuid(uuid)),
            nics: nics.iter().filter_map(|nic| Some((nic.part.slot.clone(), nic.mac.filter(is_one)?))).collect(),
            disks: disks
                .iter()
                .filter_map(|disk| Some((disk.part.slot.clone(), meant(disk.part.serial.as_deref()?)?)))
                .collect(),
        }
    }

    /// Its MAC addresses.
    #[must_use]
    pub fn macs(&self) -> BTreeSet<MacAddr> {
        self.nics.values().copied().collect()
    }

    /// Whether it tells nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A number as it is meant; `None` for what makers write where they forgot to write one.
fn meant(text: &str) -> Option<String> {
    /// As they stand in DMI tables and FRUs of machines in use.
    const BLANKS: [&str; 10] = [
        "to be filled by o.e.m.",
        "to be filled by oem",
        "default string",
        "system serial number",
        "base board serial number",
        "not specified",
        "not available",
        "none",
        "n/a",
        "0123456789",
    ];
    let text = text.trim();
    let blank = BLANKS.iter().any(|blank| text.eq_ignore_ascii_case(blank));
    // `0`, `0000000000`, `XXXXXXXX`, `........`: one character for all.
    let repeated = text.chars().next().is_none_or(|first| text.chars().all(|c| c == first));
    (!blank && !repeated).then(|| text.to_owned())
}

/// All zeros or ones (SMBIOS 3.7, 7.2.1: not set), and the constant that a reference BIOS ships with.
fn is_blank_uuid(uuid: &str) -> bool {
    let digits: String = uuid.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_lowercase()).collect();
    digits.len() != 32
        || digits.bytes().all(|digit| digit == b'0')
        || digits.bytes().all(|digit| digit == b'f')
        || digits == "03000200040005000006000700080009"
        || digits == "00020003000400050006000700080009"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makers_forget_to_write_tells_nothing() {
        for blank in ["", " ", "To Be Filled By O.E.M.", "Default string", "None", "0000000000", "XXXX", "0123456789"] {
            assert_eq!(meant(blank), None, "{blank}");
        }
        assert_eq!(meant(" 7XK2M53 "), Some("7XK2M53".to_owned()));
        for blank in ["00000000-0000-0000-0000-000000000000", "03000200-0400-0500-0006-000700080009", "x"] {
            assert!(is_blank_uuid(blank), "{blank}");
        }
        assert!(!is_blank_uuid("4c4c4544-0058-4b10-8032-b7c04f4d3533"));
    }
}
