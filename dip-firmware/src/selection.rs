//! From wishes to disks: which disks of a node each of its volumes is made of. Pure, and the same for the same disks.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::fmt;

use dip_core::hardware::{Disk, Health};

use crate::natural::compare_slots;
use crate::storage::{GIGABYTE, described};
use crate::wishes::{DiskSelector, Level, Pick, Role, VolumeWish};

/// The disks of one volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The volume's name.
    pub name: String,
    /// How it is spread.
    pub level: Level,
    /// What it is for.
    pub role: Role,
    /// Its disks, by slot. Those of a volume hang on one controller.
    pub disks: Vec<Disk>,
}

/// No disks for a volume; all that were found are told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Unmet {
    volume: String,
    wanted: String,
    why: String,
    /// A line for each disk that was found.
    found: Vec<String>,
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "volume `{}` wants {}, and {}; ", self.volume, self.wanted, self.why)?;
        if self.found.is_empty() {
            return f.write_str(
                "no disks were found at all: look whether the machine has some, and whether its BMC tells of them",
            );
        }
        write!(f, "change its `disks`, or the machine; found: {}", self.found.join("; "))
    }
}

/// Chooses the disks of all volumes, one after the other: none is chosen twice, ties are decided by slot, and a disk that is
/// failing is not chosen.
///
/// # Errors
/// For the first volume whose wish cannot be met.
pub fn select(disks: &[Disk], volumes: &[VolumeWish]) -> Result<Vec<Chosen>, Unmet> {
    let mut owners: Vec<Option<&str>> = vec![None; disks.len()];
    let mut all = Vec::with_capacity(volumes.len());
    for volume in volumes {
        let unmet = |why: String, owners: &[Option<&str>]| Unmet {
            volume: volume.name.clone(),
            wanted: volume.wanted(),
            why,
            found: found(disks, owners),
        };
        let mut fit: Vec<usize> =
            (0..disks.len()).filter(|&disk| owners[disk].is_none() && volume.disks.fits(&disks[disk])).collect();
        fit.sort_by(|&one, &other| volume.disks.pick.order(&disks[one], &disks[other]));
        let mut taken = match volume.level.raid() {
            None => volume.of_all(fit),
            Some(_) => volume.of_one_controller(&fit, disks),
        }
        .map_err(|why| unmet(why, &owners))?;
        taken.sort_by(|&one, &other| by_slot(&disks[one], &disks[other]));
        if let (Some(fault), Pick::Rest) = (volume.level.fault(taken.len()), volume.disks.pick) {
            return Err(unmet(fault, &owners));
        }
        if volume.level != Level::Jbod
            && let Some(nameless) = taken.iter().find(|&&disk| disks[disk].part.serial.is_none())
        {
            let slot = &disks[*nameless].part.slot;
            let why = format!("slot {slot} tells no serial number, so nobody can consent to what becomes of it");
            return Err(unmet(why, &owners));
        }
        taken.iter().for_each(|&disk| owners[disk] = Some(&volume.name));
        all.push(Chosen {
            name: volume.name.clone(),
            level: volume.level,
            role: volume.role,
            disks: taken.into_iter().map(|disk| disks[disk].clone()).collect(),
        });
    }
    Ok(all)
}

impl VolumeWish {
    /// The first of those that fit, or all of them.
    fn of_all(&self, mut fit: Vec<usize>) -> Result<Vec<usize>, String> {
        if let Some(count) = self.disks.count {
            if fit.len() < count {
                return Err(too_few(fit.len()));
            }
            fit.truncate(count);
        }
        Ok(fit)
    }

    /// The controller that first has as many as are wanted, in the order of the pick.
    fn of_one_controller(&self, fit: &[usize], disks: &[Disk]) -> Result<Vec<usize>, String> {
        let mut held: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for &disk in fit {
            let Some(controller) = &disks[disk].controller else { continue };
            let held = held.entry(controller).or_default();
            held.push(disk);
            if self.disks.count == Some(held.len()) {
                return Ok(std::mem::take(held));
            }
        }
        match self.disks.count {
            Some(_) => Err(too_few(held.values().map(Vec::len).max().unwrap_or_default())),
            None if held.len() > 1 => {
                let names: Vec<&str> = held.into_keys().collect();
                Err(format!("they hang on {} controllers ({})", names.len(), names.join(", ")))
            }
            None => Ok(held.into_values().next().unwrap_or_default()),
        }
    }

    /// The wish in words: `2 SSDs, smallest first, on one controller`.
    fn wanted(&self) -> String {
        let DiskSelector { kind, protocol, model, min_gb, max_gb, pick, count } = &self.disks;
        let noun = match kind {
            Some(dip_core::hardware::DiskKind::Ssd) => "SSD",
            Some(dip_core::hardware::DiskKind::Hdd) => "HDD",
            None => "disk",
        };
        let mut text = match count {
            Some(1) => format!("1 {noun}"),
            Some(count) => format!("{count} {noun}s"),
            None => format!("the rest of the {noun}s"),
        };
        text.extend(protocol.iter().map(|protocol| format!(" by {protocol}")));
        text.extend(model.iter().map(|model| format!(" of model {model}")));
        text.extend(min_gb.iter().map(|least| format!(", at least {least} GB")));
        text.extend(max_gb.iter().map(|most| format!(", at most {most} GB")));
        text.push_str(match pick {
            Pick::Smallest => ", smallest first",
            Pick::Largest => ", largest first",
            Pick::First | Pick::Rest => "",
        });
        if self.level != Level::Jbod {
            text.push_str(", on one controller");
        }
        text
    }
}

fn too_few(fit: usize) -> String {
    match fit {
        0 => "none is left that fits".to_owned(),
        1 => "only 1 is left that fits".to_owned(),
        some => format!("only {some} are left that fit"),
    }
}

fn found(disks: &[Disk], owners: &[Option<&str>]) -> Vec<String> {
    let mut order: Vec<usize> = (0..disks.len()).collect();
    order.sort_by(|&one, &other| by_slot(&disks[one], &disks[other]));
    let line = |disk: usize| match owners[disk] {
        Some(owner) => format!("{}, taken by `{owner}`", described(&disks[disk])),
        None => described(&disks[disk]),
    };
    order.into_iter().map(line).collect()
}

impl DiskSelector {
    /// Whether a disk is one of those that are meant. What is asked for and not told of a disk is not true of it.
    fn fits(&self, disk: &Disk) -> bool {
        let alike = |wanted: &Option<String>, told: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| told.as_ref().is_some_and(|told| matches(wanted, told)))
        };
        let size = |holds: &dyn Fn(u64) -> bool| disk.bytes.is_some_and(holds);
        disk.part.health != Some(Health::Critical)
            && self.kind.is_none_or(|kind| disk.kind == Some(kind))
            && alike(&self.protocol, &disk.protocol)
            && alike(&self.model, &disk.part.model)
            && self.min_gb.is_none_or(|least| size(&|bytes| bytes >= least.saturating_mul(GIGABYTE)))
            && self.max_gb.is_none_or(|most| size(&|bytes| bytes <= most.saturating_mul(GIGABYTE)))
    }
}

impl Pick {
    /// Which of two disks comes first. One of unknown size comes last wherever size counts.
    fn order(self, one: &Disk, other: &Disk) -> Ordering {
        let by_size = match self {
            Self::First | Self::Rest => Ordering::Equal,
            Self::Smallest => (one.bytes.is_none(), one.bytes).cmp(&(other.bytes.is_none(), other.bytes)),
            Self::Largest => {
                (one.bytes.is_none(), Reverse(one.bytes)).cmp(&(other.bytes.is_none(), Reverse(other.bytes)))
            }
        };
        by_size.then_with(|| by_slot(one, other))
    }
}

/// One disk is in one slot of one controller.
fn by_slot(one: &Disk, other: &Disk) -> Ordering {
    compare_slots(&one.part.slot, &other.part.slot).then_with(|| one.controller.cmp(&other.controller))
}

/// Whether a text is as a pattern says, in which `*` stands for anything and case does not count.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.trim().to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().expect("a split gives at least one part");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dip_core::hardware::{DiskKind, Part};
    use proptest::prelude::*;

    fn disk(slot: usize, kind: DiskKind, gigabytes: u64, controller: Option<&str>) -> Disk {
        Disk {
            part: Part {
                slot: slot.to_string(),
                serial: Some(format!("S{slot}")),
                model: Some(format!("M{gigabytes}")),
                ..Part::default()
            },
            kind: Some(kind),
            protocol: Some("SATA".to_owned()),
            bytes: Some(gigabytes * GIGABYTE),
            controller: controller.map(str::to_owned),
        }
    }

    fn wish(name: &str, level: Level, disks: DiskSelector) -> VolumeWish {
        VolumeWish { name: name.to_owned(), level, role: Role::Data, disks }
    }

    fn slots(chosen: &Chosen) -> Vec<&str> {
        chosen.disks.iter().map(|disk| disk.part.slot.as_str()).collect()
    }

    fn two_smallest_ssds() -> VolumeWish {
        let disks =
            DiskSelector { kind: Some(DiskKind::Ssd), pick: Pick::Smallest, count: Some(2), ..DiskSelector::default() };
        wish("system", Level::Raid1, disks)
    }

    fn rest() -> VolumeWish {
        wish("data", Level::Jbod, DiskSelector { pick: Pick::Rest, ..DiskSelector::default() })
    }

    #[test]
    fn the_two_smallest_ssds_are_for_the_system_and_the_rest_stands_for_itself() {
        let at = Some("C0");
        let disks = [
            disk(10, DiskKind::Ssd, 480, at),
            disk(2, DiskKind::Ssd, 480, at),
            disk(3, DiskKind::Ssd, 480, at),
            disk(0, DiskKind::Hdd, 400, at),
            disk(1, DiskKind::Ssd, 960, at),
            disk(4, DiskKind::Ssd, 3_840, None),
        ];
        let chosen = select(&disks, &[two_smallest_ssds(), rest()]).expect("there are enough");
        assert_eq!(slots(&chosen[0]), ["2", "3"], "of equal ones those in the first slots");
        assert_eq!(slots(&chosen[1]), ["0", "1", "4", "10"]);
    }

    #[test]
    fn a_wish_that_cannot_be_met_lists_the_disks_that_were_found() {
        let disks = [disk(0, DiskKind::Ssd, 480, Some("C0")), disk(1, DiskKind::Hdd, 8_000, Some("C0"))];
        let unmet = select(&disks, &[two_smallest_ssds()]).expect_err("there is one");
        assert_eq!(
            unmet.to_string(),
            "volume `system` wants 2 SSDs, smallest first, on one controller, and only 1 is left that fits; change its `disks`, \
             or the machine; found: slot 0: SSD of 480 GB, SATA, M480 (serial S0); slot 1: HDD of 8000 GB, SATA, M8000 (serial S1)"
        );
        let none = select(&[], &[two_smallest_ssds()]).expect_err("there is none");
        assert!(none.to_string().contains("no disks were found at all"), "{none}");
    }

    #[test]
    fn a_volume_is_of_one_controller_and_of_disks_that_work() {
        let mut failing = disk(2, DiskKind::Ssd, 100, Some("C1"));
        failing.part.health = Some(Health::Critical);
        let disks = [
            disk(0, DiskKind::Ssd, 200, Some("C0")),
            disk(1, DiskKind::Ssd, 300, Some("C1")),
            failing,
            disk(3, DiskKind::Ssd, 400, Some("C1")),
            disk(4, DiskKind::Ssd, 500, Some("C0")),
        ];
        let chosen = select(&disks, &[two_smallest_ssds()]).expect("C1 has two");
        assert_eq!(slots(&chosen[0]), ["1", "3"]);
        let all = wish("all", Level::Raid0, DiskSelector { pick: Pick::Rest, ..DiskSelector::default() });
        let unmet = select(&disks, &[all]).expect_err("they are of two controllers");
        assert!(unmet.to_string().contains("they hang on 2 controllers (C0, C1)"), "{unmet}");
    }

    #[test]
    fn models_are_matched_with_stars() {
        for (pattern, model, is) in [
            ("MZ7KH*", "mz7kh480hahq", true),
            ("*480*", "MZ7KH480HAHQ", true),
            ("MZ*HQ", "MZ7KH480HAHQ", true),
            ("MZ7KH480HAHQ", "MZ7KH480HAHQ ", true),
            ("MZ7KH", "MZ7KH480HAHQ", false),
            ("a*a", "a", false),
            ("*", "anything", true),
        ] {
            assert_eq!(matches(pattern, model), is, "{pattern} and {model}");
        }
    }

    fn any_disk() -> impl Strategy<Value = (bool, u64, Option<u8>, bool)> {
        (any::<bool>(), 1_u64..5, proptest::option::of(0_u8..2), proptest::bool::weighted(0.1))
    }

    fn any_wish() -> impl Strategy<Value = (u8, Option<bool>, u8, usize, Option<u64>)> {
        (0_u8..4, proptest::option::of(any::<bool>()), 0_u8..4, 1_usize..4, proptest::option::of(1_u64..5))
    }

    fn kind(is_ssd: bool) -> DiskKind {
        if is_ssd { DiskKind::Ssd } else { DiskKind::Hdd }
    }

    proptest! {
        #[test]
        fn no_disk_is_chosen_twice_whatever_order_they_are_told_in_and_none_is_better(
            disks in proptest::collection::vec(any_disk(), 0..12),
            wishes in proptest::collection::vec(any_wish(), 1..4),
            order in any::<u64>(),
        ) {
            let disks: Vec<Disk> = disks.iter().enumerate().map(|(slot, (is_ssd, size, controller, fails))| {
                let mut disk = disk(slot, kind(*is_ssd), *size, controller.map(|number| ["C0", "C1"][usize::from(number)]));
                disk.part.health = fails.then_some(Health::Critical);
                disk
            }).collect();
            let wishes: Vec<VolumeWish> = wishes.into_iter().enumerate().map(|(number, (level, is_ssd, pick, count, least))| {
                let level = [Level::Jbod, Level::Raid0, Level::Raid1, Level::Raid5][usize::from(level)];
                let pick = [Pick::First, Pick::Smallest, Pick::Largest, Pick::Rest][usize::from(pick)];
                let count = (pick != Pick::Rest).then_some(count);
                wish(&format!("v{number}"), level, DiskSelector { kind: is_ssd.map(kind), min_gb: least, pick, count, ..DiskSelector::default() })
            }).collect();
            let told = select(&disks, &wishes);
            let mut shuffled = disks.clone();
            // Any permutation will do; this one is a different one for each number.
            shuffled.sort_by_key(|disk| (order ^ disk.part.slot.parse::<u64>().expect("a number")).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            prop_assert_eq!(&told, &select(&shuffled, &wishes));
            let Ok(all) = told else { return Ok(()) };
            let mut taken: Vec<&str> = all.iter().flat_map(slots).collect();
            let count = taken.len();
            taken.sort_unstable();
            taken.dedup();
            prop_assert_eq!(taken.len(), count, "a disk is chosen twice");
            let mut free: Vec<&Disk> = disks.iter().collect();
            for (chosen, wish) in all.iter().zip(&wishes) {
                prop_assert!(chosen.disks.iter().all(|disk| wish.disks.fits(disk)));
                prop_assert!(wish.disks.count.is_none_or(|count| count == chosen.disks.len()));
                if chosen.level != Level::Jbod {
                    let first = &chosen.disks[0].controller;
                    prop_assert!(first.is_some() && chosen.disks.iter().all(|disk| disk.controller == *first));
                }
                // The oracle: nobody who fits and hangs there too comes before one who was chosen and is left out.
                free.retain(|disk| !chosen.disks.iter().any(|taken| taken.part.slot == disk.part.slot));
                for left in free.iter().filter(|disk| wish.disks.fits(disk)) {
                    let is_rival = chosen.level == Level::Jbod
                        || chosen.disks.first().is_some_and(|taken| taken.controller == left.controller);
                    for taken in chosen.disks.iter().filter(|_| is_rival) {
                        prop_assert!(wish.disks.pick.order(taken, left).is_lt(), "{left:?} comes before {taken:?}");
                    }
                }
            }
        }
    }
}
