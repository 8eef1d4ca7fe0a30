//! How alike two sightings of machines are: points for and against, each with its reason, and what they come to.

use std::fmt;

use super::Fingerprint;

/// What two sightings are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trait {
    /// The serial number of chassis or system.
    Serial,
    /// The serial number of the main board.
    BoardSerial,
    /// The system UUID.
    Uuid,
    /// The MAC addresses.
    Macs,
}

/// A reason for or against two sightings being of one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What was compared.
    pub by: Trait,
    /// For it where positive, against it where negative.
    pub points: i32,
    /// In words, as a clause: "the serial number is `A1` and was `B2`".
    pub text: String,
}

/// What the reasons come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is the machine.
    Same,
    /// It is the machine with another main board.
    NewBoard,
    /// The main board of the machine is in another chassis.
    NewChassis,
    /// It is another machine.
    Another,
    /// Too little is told to say.
    Unclear,
}

/// How alike two sightings are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likeness {
    /// What the reasons come to.
    pub verdict: Verdict,
    /// The reasons, those that weigh most first.
    pub reasons: Vec<Reason>,
}

/// The label of a chassis stays with it; a serial number alone says which chassis it is.
const SERIAL: i32 = 100;
/// A board has one serial number for life, which says everything about the board and nothing about the chassis: more than all else
/// together, since technicians write the old UUID into a new board, and cards come along.
const BOARD_SERIAL: i32 = 120;
/// A UUID lies on the board; service technicians can write it anew.
const UUID: i32 = 60;
/// Cards move between machines, so MAC addresses alone never make a machine: less than [`SURE`].
const MACS: i32 = 40;

/// From here on the board is the same one: one of its own numbers agrees and nothing outweighs it.
const SURE: i32 = 60;
/// From here on the board is another one: one of its own numbers differs, though all cards may have come along.
const OTHER_BOARD: i32 = UUID + MACS - BOARD_SERIAL;

impl Likeness {
    /// Compares what a machine was with what is seen now. Pure.
    ///
    /// The chassis is known by its serial number alone. The board is known by its serial number, by the UUID and, less, by the MAC
    /// addresses. What one side does not tell counts for nothing.
    #[must_use]
    pub fn between(was: &Fingerprint, now: &Fingerprint) -> Self {
        let reasons = [
            text(Trait::Serial, SERIAL, "the serial number", was.serial.as_deref(), now.serial.as_deref()),
            text(
                Trait::BoardSerial,
                BOARD_SERIAL,
                "the serial number of the board",
                was.board_serial.as_deref(),
                now.board_serial.as_deref(),
            ),
            uuid(was.uuid.as_deref(), now.uuid.as_deref()),
            macs(was, now),
        ];
        let points = |wanted: &dyn Fn(Trait) -> bool| -> Option<i32> {
            let mut points = reasons.iter().flatten().filter(|reason| wanted(reason.by)).map(|reason| reason.points);
            points.next().map(|first| first + points.sum::<i32>())
        };
        let chassis = points(&|by| by == Trait::Serial);
        let board = points(&|by| by != Trait::Serial);
        let speaks_for = reasons.iter().flatten().any(|reason| reason.points > 0);
        let verdict = match (chassis, board) {
            (Some(chassis), Some(board)) if chassis > 0 && board <= OTHER_BOARD => Verdict::NewBoard,
            (Some(chassis), _) if chassis > 0 => Verdict::Same,
            (Some(_), Some(board)) if board >= SURE => Verdict::NewChassis,
            (Some(_), _) => Verdict::Another,
            (None, Some(board)) if board >= SURE => Verdict::Same,
            (None, Some(_)) if !speaks_for => Verdict::Another,
            (None, _) => Verdict::Unclear,
        };
        let mut reasons: Vec<Reason> = reasons.into_iter().flatten().collect();
        reasons.sort_by_key(|reason| (-reason.points.abs(), reason.by));
        Self { verdict, reasons }
    }

    /// The reasons against it being the same machine, as one clause; empty where there are none.
    #[must_use]
    pub fn against(&self) -> String {
        let against: Vec<&str> =
            self.reasons.iter().filter(|reason| reason.points < 0).map(|reason| reason.text.as_str()).collect();
        crate::words::and(&against)
    }
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.verdict {
            Verdict::Same => "the same machine",
            Verdict::NewBoard => "the same machine with another board",
            Verdict::NewChassis => "the board of the machine in another chassis",
            Verdict::Another => "another machine",
            Verdict::Unclear => "a machine of which too little is told",
        })?;
        for (index, reason) in self.reasons.iter().enumerate() {
            write!(f, "{} {:+} {}", if index == 0 { ":" } else { "," }, reason.points, reason.text)?;
        }
        Ok(())
    }
}

fn text(by: Trait, weight: i32, noun: &str, was: Option<&str>, now: Option<&str>) -> Option<Reason> {
    let (was, now) = (was?, now?);
    // Barcode readers and some controllers write small letters.
    Some(if was.eq_ignore_ascii_case(now) {
        Reason { by, points: weight, text: format!("{noun} is `{now}` still") }
    } else {
        Reason { by, points: -weight, text: format!("{noun} is `{now}` and was `{was}`") }
    })
}

fn uuid(was: Option<&str>, now: Option<&str>) -> Option<Reason> {
    let (was, now) = (was?, now?);
    Some(if same_uuid(was, now) {
        Reason { by: Trait::Uuid, points: UUID, text: format!("the UUID is `{now}` still") }
    } else {
        Reason { by: Trait::Uuid, points: -UUID, text: format!("the UUID is `{now}` and was `{was}`") }
    })
}

/// Whether two texts are one UUID. SMBIOS (3.7, 7.2.1) stores the first three fields with the lowest byte first, and controllers
/// disagree whether to turn them round: the same machine may tell either by IPMI and by Redfish.
fn same_uuid(one: &str, other: &str) -> bool {
    let digits = |uuid: &str| -> Vec<u8> {
        uuid.bytes().filter(u8::is_ascii_hexdigit).map(|digit| digit.to_ascii_lowercase()).collect()
    };
    let (one, mut other) = (digits(one), digits(other));
    if one == other {
        return true;
    }
    if other.len() != 32 {
        return false;
    }
    for field in [0..8, 8..12, 12..16] {
        // Reversing the digits and then each pair turns the bytes round.
        other[field.clone()].reverse();
        other[field].chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
    }
    one == other
}

fn macs(was: &Fingerprint, now: &Fingerprint) -> Option<Reason> {
    let (was, now) = (was.macs(), now.macs());
    if was.is_empty() || now.is_empty() {
        return None;
    }
    let (shared, all) = (was.intersection(&now).count(), was.len());
    let count = i32::try_from(shared).unwrap_or(i32::MAX);
    let of = i32::try_from(all).unwrap_or(i32::MAX);
    let points = if shared == 0 { -MACS } else { MACS.saturating_mul(count) / of };
    let text = match shared {
        0 => "none of the MAC addresses is known".to_owned(),
        _ if shared == all => "all MAC addresses are there still".to_owned(),
        _ => format!("{shared} of {all} MAC addresses are there still"),
    };
    Some(Reason { by: Trait::Macs, points, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(serial: Option<&str>, board: Option<&str>, uuid: Option<&str>, macs: &[u8]) -> Fingerprint {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let nics = macs.iter().map(|mac| (format!("NIC {mac}"), crate::hardware::MacAddr([2, 0, 0, 0, 0, *mac])));
        Fingerprint {
            serial: text(serial),
            board_serial: text(board),
            uuid: text(uuid),
            nics: nics.collect(),
            ..Fingerprint::default()
        }
    }

    const U1: &str = "4c4c4544-0058-4b10-8032-b7c04f4d3533";
    const U2: &str = "4c4c4544-0058-4b10-8032-b7c04f4d3599";

    #[test]
    fn a_board_that_was_exchanged_is_told_from_another_machine() {
        let was = told(Some("SN-1"), Some("B-1"), Some(U1), &[1, 2, 3, 4]);
        let verdict = |now: &Fingerprint| Likeness::between(&was, now).verdict;
        assert_eq!(verdict(&was), Verdict::Same);
        assert_eq!(verdict(&told(Some("SN-1"), Some("B-2"), Some(U2), &[5, 6, 3, 4])), Verdict::NewBoard);
        // A technician wrote serial number and UUID into the new board.
        assert_eq!(verdict(&told(Some("SN-1"), Some("B-2"), Some(U1), &[5, 6])), Verdict::NewBoard);
        assert_eq!(verdict(&told(Some("SN-2"), Some("B-2"), Some(U2), &[5, 6])), Verdict::Another);
        assert_eq!(verdict(&told(Some("SN-2"), Some("B-1"), Some(U1), &[1, 2])), Verdict::NewChassis);
        // All cards were exchanged, and nothing else.
        assert_eq!(verdict(&told(Some("SN-1"), Some("B-1"), Some(U1), &[7, 8, 9])), Verdict::Same);
    }

    #[test]
    fn what_is_not_told_is_not_guessed() {
        let was = told(None, None, Some(U1), &[1, 2]);
        let verdict = |now: &Fingerprint| Likeness::between(&was, now).verdict;
        assert_eq!(verdict(&told(Some("SN-1"), None, Some(U1), &[])), Verdict::Same);
        assert_eq!(verdict(&told(None, None, None, &[1, 2])), Verdict::Unclear, "cards move between machines");
        assert_eq!(verdict(&told(None, None, None, &[])), Verdict::Unclear);
        assert_eq!(verdict(&told(None, None, Some(U2), &[8])), Verdict::Another);
    }

    #[test]
    fn a_uuid_told_in_either_order_of_bytes_is_the_same() {
        assert!(same_uuid(U1, "4C4C4544-0058-4B10-8032-B7C04F4D3533"));
        assert!(same_uuid(U1, "44454c4c-5800-104b-8032-b7c04f4d3533"));
        assert!(!same_uuid(U1, U2));
    }

    #[test]
    fn the_reasons_are_told_with_their_weight() {
        let was = told(Some("SN-1"), None, Some(U1), &[1, 2]);
        let likeness = Likeness::between(&was, &told(Some("SN-1"), None, Some(U2), &[1, 9]));
        assert_eq!(
            likeness.to_string(),
            format!(
                "the same machine with another board: +100 the serial number is `SN-1` still, -60 the UUID is `{U2}` and was `{U1}`, +20 1 of 2 MAC addresses are there still"
            )
        );
        assert_eq!(likeness.against(), format!("the UUID is `{U2}` and was `{U1}`"));
    }
}
