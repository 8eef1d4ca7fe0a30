//! What a machine consists of, and who it is: what people exchange in the machine room.

use std::collections::BTreeMap;

use dip_core::hardware::{Disk, DiskKind, Hardware, Identity, MacAddr, MemoryModule, NicPort, Part, Processor};
use dip_core::id::{DiskName, NicName};
use dip_core::site::Node;
use dip_core::subject::Subject;

use crate::draw::Draw;

/// The parts of a machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    pub(crate) serial: String,
    pub(crate) board: String,
    pub(crate) uuid: String,
    pub(crate) nics: BTreeMap<NicName, MacAddr>,
    pub(crate) disks: BTreeMap<DiskName, String>,
    pub(crate) dimms: Vec<String>,
}

/// Eight slots for each of two processors, all of them taken.
const DIMMS: [&str; 16] =
    ["A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8"];

impl Parts {
    /// What the site file says of a node, and the rest drawn.
    pub(crate) fn of(node: &Node, draw: Draw) -> Self {
        let who = Subject::node(&node.name).to_string();
        let number = |what: &str| format!("{:08X}", draw.number(&who, what, 0) >> 32);
        Self {
            serial: node.serial.clone().unwrap_or_else(|| format!("SBX{}", number("serial"))),
            board: format!("SBB{}", number("board")),
            uuid: draw.uuid(&who, "system", 0),
            nics: node.nics.values().filter_map(|nic| Some((nic.name.clone(), nic.mac?))).collect(),
            disks: node.disks.iter().filter_map(|(name, disk)| Some((name.clone(), disk.serial.clone()?))).collect(),
            dimms: DIMMS.iter().map(|slot| format!("DIMM {slot}")).collect(),
        }
    }

    /// Who the machine is.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            manufacturer: Some("Sandbox Systems".to_owned()),
            model: Some("SB-1U".to_owned()),
            serial: Some(self.serial.clone()),
            uuid: Some(self.uuid.clone()),
            board_serial: Some(self.board.clone()),
        }
    }

    /// What it consists of.
    pub(crate) fn hardware(&self) -> Hardware {
        let part = |slot: String| Part { slot, ..Part::default() };
        let processor = |number| Processor { part: part(format!("CPU {number}")), cores: Some(32), threads: Some(64) };
        let module = |slot: &String| MemoryModule { part: part(slot.clone()), mebibytes: Some(32_768) };
        let port = |(nic, mac): (&NicName, &MacAddr)| NicPort {
            part: part(format!("NIC {nic}")),
            mac: Some(*mac),
            has_link: Some(true),
        };
        let disk = |(name, serial): (&DiskName, &String)| Disk {
            part: Part { serial: Some(serial.clone()), ..part(format!("Bay {name}")) },
            kind: Some(DiskKind::Ssd),
            bytes: Some(960_000_000_000),
            ..Disk::default()
        };
        Hardware {
            processors: Some((1..=2).map(processor).collect()),
            memory: Some(self.dimms.iter().map(module).collect()),
            nics: Some(self.nics.iter().map(port).collect()),
            disks: Some(self.disks.iter().map(disk).collect()),
            power_supplies: Some((1..=2).map(|number| part(format!("PSU {number}"))).collect()),
        }
    }
}
