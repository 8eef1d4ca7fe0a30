//! Parts that were exchanged: what a node had and has instead, so that what hangs on the old one follows.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Fingerprint;
use crate::id::{DiskName, NicName, NodeName};
use crate::site::Node;

/// A part of a node by which it, or something of it, is known; written `chassis`, `board`, `nic/eth0`, `disk/data1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The chassis, by the serial number on its label.
    Chassis,
    /// The main board, by its serial number, or its UUID where it tells none.
    Board,
    /// An interface of the site, by its MAC address.
    Nic(NicName),
    /// A disk of the site, by its serial number.
    Disk(DiskName),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chassis => f.write_str("chassis"),
            Self::Board => f.write_str("board"),
            Self::Nic(nic) => write!(f, "nic/{nic}"),
            Self::Disk(disk) => write!(f, "disk/{disk}"),
        }
    }
}

/// A text names no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no part of a node; the parts are `chassis`, `board`, `nic/NAME` and `disk/NAME`")]
pub struct PartError(String);

impl FromStr for Part {
    type Err = PartError;

    fn from_str(text: &str) -> Result<Self, PartError> {
        let wrong = || PartError(text.to_owned());
        Ok(match text.split_once('/') {
            None if text == "chassis" => Self::Chassis,
            None if text == "board" => Self::Board,
            Some(("nic", name)) => Self::Nic(NicName::new(name).map_err(|_| wrong())?),
            Some(("disk", name)) => Self::Disk(DiskName::new(name).map_err(|_| wrong())?),
            _ => return Err(wrong()),
        })
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A part that was exchanged in a node, as the lock file keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// The node.
    pub node: NodeName,
    /// Which part.
    pub part: Part,
    /// By what it was known.
    pub was: String,
    /// By what it is known now.
    pub now: String,
    /// When it was taken over.
    pub at: Timestamp,
    /// Why: a ticket, a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Replacement {
    /// Puts the new number in place of the old one, where the node is still known by the old one. A site file that names the new
    /// one already is left as it is.
    pub fn apply(&self, node: &mut Node) {
        let exchange = |number: &mut Option<String>| {
            if number.as_deref() == Some(self.was.as_str()) {
                *number = Some(self.now.clone());
            }
        };
        match &self.part {
            Part::Chassis => exchange(&mut node.serial),
            Part::Board => {}
            Part::Nic(nic) => {
                if let Some(nic) = node.nics.get_mut(nic)
                    && nic.mac.is_some_and(|mac| Ok(mac) == self.was.parse())
                {
                    nic.mac = self.now.parse().ok();
                }
            }
            Part::Disk(disk) => {
                if let Some(disk) = node.disks.get_mut(disk) {
                    exchange(&mut disk.serial);
                }
            }
        }
    }
}

/// One part that differs between two sightings of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Which part.
    pub part: Part,
    /// By what it was known.
    pub was: String,
    /// By what it is known now.
    pub now: String,
}

/// A part that is gone, and nobody can say what came in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} ({was}) is not in the machine any more, and {}; say which it is now, as `{part}=NUMBER`", among(.candidates))]
pub struct Unclear {
    /// Which part.
    pub part: Part,
    /// By what it was known.
    pub was: String,
    /// What is new in the machine.
    pub candidates: Vec<String>,
}

fn among(candidates: &[String]) -> String {
    match candidates {
        [] => "nothing new of its kind is in it".to_owned(),
        some => format!("{} came into it", crate::words::and(some)),
    }
}

impl Exchange {
    /// The parts of a node that were exchanged between two sightings, among those by which the site knows it. Pure.
    ///
    /// A part that is gone was exchanged for the one in its slot, else for the only new one of its kind.
    ///
    /// # Errors
    /// The parts that are gone and have no such successor.
    pub fn between(node: &Node, was: &Fingerprint, now: &Fingerprint) -> Result<Vec<Self>, Vec<Unclear>> {
        let mut found = Vec::new();
        let mut unclear = Vec::new();
        let differ = |part: Part, was: &Option<String>, now: &Option<String>| match (was, now) {
            (Some(was), Some(now)) if !was.eq_ignore_ascii_case(now) => {
                Some(Self { part, was: was.clone(), now: now.clone() })
            }
            _ => None,
        };
        // What the site file names counts where nobody has looked before.
        let serial = was.serial.clone().or_else(|| node.serial.clone());
        found.extend(differ(Part::Chassis, &serial, &now.serial));
        let told_twice = was.board_serial.is_some() && now.board_serial.is_some();
        let board = differ(Part::Board, &was.board_serial, &now.board_serial);
        found.extend(if told_twice { board } else { differ(Part::Board, &was.uuid, &now.uuid) });

        let nics = node.nics.values().filter_map(|nic| Some((Part::Nic(nic.name.clone()), nic.mac?)));
        successors(nics.collect(), &was.nics, &now.nics, &mut found, &mut unclear);
        let disks = node.disks.iter().filter_map(|(name, disk)| Some((Part::Disk(name.clone()), disk.serial.clone()?)));
        successors(disks.collect(), &was.disks, &now.disks, &mut found, &mut unclear);
        if unclear.is_empty() { Ok(found) } else { Err(unclear) }
    }
}

/// What came in the place of the parts that are gone.
fn successors<T: Clone + Eq + fmt::Display>(
    wanted: Vec<(Part, T)>,
    was: &BTreeMap<String, T>,
    now: &BTreeMap<String, T>,
    found: &mut Vec<Exchange>,
    unclear: &mut Vec<Unclear>,
) {
    // A controller that tells no parts of this kind tells nothing of their absence either.
    if now.is_empty() {
        return;
    }
    let is_there = |number: &T| now.values().any(|other| other == number);
    // What belongs to another part of the node, or was in the machine before, came in no one's place.
    let is_new =
        |number: &T| !wanted.iter().any(|(_, other)| other == number) && !was.values().any(|other| other == number);
    let new: Vec<&T> = now.values().filter(|number| is_new(number)).collect();
    let gone: Vec<&(Part, T)> = wanted.iter().filter(|(_, number)| !is_there(number)).collect();
    for (part, number) in &gone {
        let slot = was.iter().find(|(_, other)| *other == number).map(|(slot, _)| slot);
        let in_its_slot = slot.and_then(|slot| now.get(slot)).filter(|number| is_new(number));
        let only = match (new.as_slice(), gone.len()) {
            ([only], 1) => Some(*only),
            _ => None,
        };
        match in_its_slot.or(only) {
            Some(now) => found.push(Exchange { part: part.clone(), was: number.to_string(), now: now.to_string() }),
            None => unclear.push(Unclear {
                part: part.clone(),
                was: number.to_string(),
                candidates: new.iter().map(ToString::to_string).collect(),
            }),
        }
    }
}
