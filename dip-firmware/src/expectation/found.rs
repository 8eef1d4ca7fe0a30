//! What is missing of the hardware that a site expects. Pure.

use std::collections::BTreeSet;
use std::fmt;

use dip_core::hardware::{Disk, DiskKind, Hardware, Health, Part};
use dip_core::words;
use serde::{Deserialize, Serialize};

use super::ExpectedHardware;

/// Something that is missing, or that nobody can see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortfall {
    /// What is wanted: `16 modules of 32 GiB`.
    pub wanted: String,
    /// How many there are; `None` where the controller tells nothing of such parts.
    pub found: Option<usize>,
    /// Which are known to be missing or not to work, in words: `DIMM A3 is missing`.
    pub culprits: Vec<String>,
}

impl Shortfall {
    /// It as a sentence about whoever wants it: `the profile compute`.
    #[must_use]
    pub fn sentence(&self, wanted_by: &str) -> String {
        let culprits = match self.culprits.as_slice() {
            [] => String::new(),
            some => format!("{}: ", words::and(some)),
        };
        format!("{culprits}{wanted_by} wants {}, {self}", self.wanted)
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.found {
            Some(1) => f.write_str("1 was found"),
            Some(found) => write!(f, "{found} were found"),
            None => f.write_str("and the controller tells nothing of such parts"),
        }
    }
}

/// What is missing, in the order of processors, memory, disks, network ports, power supplies. More than is expected is no fault. A part
/// that its controller rates critical does not count.
#[must_use]
pub fn shortfalls(expected: &ExpectedHardware, found: &Hardware) -> Vec<Shortfall> {
    let mut all = Vec::new();
    if let Some(wanted) = &expected.processors {
        let fits = |cores: Option<u32>| wanted.cores.is_none_or(|least| cores.is_none_or(|cores| cores >= least));
        let words = match wanted.cores {
            Some(cores) => format!("{} of {cores} cores", counted(wanted.count, "processor")),
            None => counted(wanted.count, "processor"),
        };
        let parts = found.processors.as_ref().map(|all| all.iter().map(|one| (&one.part, fits(one.cores))).collect());
        all.extend(short(words, wanted.count, &[], parts));
    }
    if let Some(wanted) = &expected.memory {
        let mebibytes = wanted.gib.map(|gib| gib * 1024);
        let fits = |size: Option<u64>| mebibytes.is_none_or(|least| size.is_none_or(|size| size >= least));
        let words = match wanted.gib {
            Some(gib) => format!("{} of {gib} GiB", counted(wanted.count, "module")),
            None => counted(wanted.count, "memory module"),
        };
        let parts = found.memory.as_ref().map(|all| all.iter().map(|one| (&one.part, fits(one.mebibytes))).collect());
        all.extend(short(words, wanted.count, &wanted.slots, parts));
    }
    all.extend(disks(expected, found.disks.as_deref()));
    if let Some(wanted) = &expected.nics {
        let parts = found.nics.as_ref().map(|all| all.iter().map(|one| (&one.part, true)).collect());
        all.extend(short(counted(wanted.count, "network port"), wanted.count, &[], parts));
    }
    if let Some(wanted) = &expected.power_supplies {
        let parts = found.power_supplies.as_ref().map(|all| all.iter().map(|part| (part, true)).collect());
        all.extend(short(
            counted(wanted.count, "power supply").replace("supplys", "supplies"),
            wanted.count,
            &[],
            parts,
        ));
    }
    all
}

/// What is missing of parts of one kind, each with whether it is what was wanted.
fn short(wanted: String, count: usize, slots: &[String], parts: Option<Vec<(&Part, bool)>>) -> Option<Shortfall> {
    let Some(parts) = parts else { return Some(Shortfall { wanted, found: None, culprits: Vec::new() }) };
    let counts = |(part, fits): &&(&Part, bool)| *fits && part.health != Some(Health::Critical);
    let found = parts.iter().filter(counts).count();
    if found >= count {
        return None;
    }
    let taken: BTreeSet<&str> = parts.iter().map(|(part, _)| part.slot.as_str()).collect();
    let empty = slots.iter().filter(|slot| !taken.contains(slot.as_str())).map(|slot| format!("{slot} is missing"));
    let unfit = parts.iter().filter(|part| !counts(part)).map(|(part, fits)| unfit(part, *fits));
    Some(Shortfall { wanted, found: Some(found), culprits: empty.chain(unfit).collect() })
}

fn unfit(part: &Part, fits: bool) -> String {
    let why = if fits { "is rated critical" } else { "is another one" };
    format!("{} {why}", part.slot)
}

fn disks(expected: &ExpectedHardware, found: Option<&[Disk]>) -> Vec<Shortfall> {
    let mut counts = vec![0; expected.disks.len()];
    let mut failed: Vec<String> = Vec::new();
    for disk in found.unwrap_or_default() {
        if disk.part.health == Some(Health::Critical) {
            failed.push(unfit(&disk.part, true));
            continue;
        }
        let fits = |index: &usize| {
            let wanted = &expected.disks[*index];
            counts[*index] < wanted.count
                && wanted.kind.is_none_or(|kind| disk.kind.is_none_or(|is| is == kind))
                && wanted.gb.is_none_or(|gb| disk.bytes.is_none_or(|bytes| bytes >= gb * 1_000_000_000))
        };
        if let Some(index) = (0..expected.disks.len()).find(fits) {
            counts[index] += 1;
        }
    }
    let short = expected.disks.iter().zip(counts).filter(|(wanted, count)| *count < wanted.count);
    short
        .map(|(wanted, count)| {
            let noun = match wanted.kind {
                Some(DiskKind::Hdd) => "HDD",
                Some(DiskKind::Ssd) => "SSD",
                None => "disk",
            };
            let words = match wanted.gb {
                Some(gb) => format!("{} of {gb} GB", counted(wanted.count, noun)),
                None => counted(wanted.count, noun),
            };
            Shortfall { wanted: words, found: found.map(|_| count), culprits: failed.clone() }
        })
        .collect()
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expectation::{ExpectedDisks, ExpectedMemory, ExpectedPart};
    use dip_core::hardware::MemoryModule;

    fn part(slot: &str) -> Part {
        Part { slot: slot.to_owned(), ..Part::default() }
    }

    fn with_memory(slots: &[&str], mebibytes: u64) -> Hardware {
        let module = |slot: &&str| MemoryModule { part: part(slot), mebibytes: Some(mebibytes) };
        Hardware { memory: Some(slots.iter().map(module).collect()), ..Hardware::default() }
    }

    fn memory(count: usize, slots: &[&str]) -> ExpectedHardware {
        let slots = slots.iter().map(|slot| (*slot).to_owned()).collect();
        ExpectedHardware { memory: Some(ExpectedMemory { count, gib: Some(32), slots }), ..ExpectedHardware::default() }
    }

    fn told(expected: &ExpectedHardware, found: &Hardware) -> Vec<String> {
        shortfalls(expected, found).iter().map(|short| short.sentence("the profile `compute`")).collect()
    }

    #[test]
    fn an_empty_slot_is_told_by_its_name() {
        let expected = memory(3, &["DIMM A1", "DIMM A2", "DIMM A3"]);
        assert_eq!(
            told(&expected, &with_memory(&["DIMM A1", "DIMM A2"], 32_768)),
            ["DIMM A3 is missing: the profile `compute` wants 3 modules of 32 GiB, 2 were found"]
        );
        assert!(told(&expected, &with_memory(&["DIMM A1", "DIMM A2", "DIMM A3"], 32_768)).is_empty());
    }

    #[test]
    fn a_module_of_another_size_does_not_count_and_a_larger_one_does() {
        assert_eq!(
            told(&memory(1, &[]), &with_memory(&["DIMM A1"], 16_384)),
            ["DIMM A1 is another one: the profile `compute` wants 1 module of 32 GiB, 0 were found"]
        );
        assert!(told(&memory(1, &[]), &with_memory(&["DIMM A1"], 65_536)).is_empty());
    }

    #[test]
    fn what_the_controller_does_not_tell_is_not_taken_for_there() {
        assert_eq!(
            told(&memory(2, &[]), &Hardware::default()),
            ["the profile `compute` wants 2 modules of 32 GiB, and the controller tells nothing of such parts"]
        );
    }

    #[test]
    fn a_disk_counts_once_and_a_failed_one_not_at_all() {
        let disk = |slot: &str, kind: DiskKind, gb: u64, health: Option<Health>| Disk {
            part: Part { health, ..part(slot) },
            kind: Some(kind),
            bytes: Some(gb * 1_000_000_000),
            ..Disk::default()
        };
        let wanted = |count, kind, gb| ExpectedDisks { count, kind: Some(kind), gb: Some(gb) };
        let expected = ExpectedHardware {
            disks: vec![wanted(2, DiskKind::Ssd, 480), wanted(1, DiskKind::Ssd, 960), wanted(1, DiskKind::Hdd, 4_000)],
            power_supplies: Some(ExpectedPart { count: 2 }),
            ..ExpectedHardware::default()
        };
        let disks = vec![
            disk("Bay 1", DiskKind::Ssd, 480, None),
            disk("Bay 2", DiskKind::Ssd, 480, None),
            disk("Bay 3", DiskKind::Ssd, 960, Some(Health::Critical)),
            disk("Bay 4", DiskKind::Hdd, 8_000, None),
        ];
        let found = Hardware { disks: Some(disks), power_supplies: Some(vec![part("PSU 1")]), ..Hardware::default() };
        assert_eq!(
            told(&expected, &found),
            [
                "Bay 3 is rated critical: the profile `compute` wants 1 SSD of 960 GB, 0 were found",
                "the profile `compute` wants 2 power supplies, 1 was found"
            ]
        );
    }
}
