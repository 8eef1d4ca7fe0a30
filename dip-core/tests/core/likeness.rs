//! Likeness against an oracle that knows what was really done to a machine between two sightings.

use dip_core::hardware::MacAddr;
use dip_core::identity::{Fingerprint, Likeness, Verdict};
use proptest::prelude::*;

/// A machine as it really is; each number is the machine's own.
#[derive(Debug, Clone)]
struct Truth {
    chassis: u32,
    board: u32,
    uuid: u32,
    /// Ports on the board.
    onboard: u8,
    /// One port each.
    cards: Vec<u32>,
}

/// What was done to it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Done {
    Nothing,
    BoardExchanged,
    /// The technician wrote the old UUID into the new board.
    BoardExchangedAndUuidRestored,
    CardExchanged,
    ChassisExchanged,
    AnotherMachine,
    AnotherMachineWithOurCards,
}

/// What a controller tells.
#[derive(Debug, Clone, Copy)]
struct Tells {
    serial: bool,
    board_serial: bool,
    uuid: bool,
    macs: bool,
}

impl Truth {
    fn seen(&self, tells: Tells) -> Fingerprint {
        let mac = |kind: u8, number: u32, port: u8| {
            let [a, b, c, d] = number.to_be_bytes();
            MacAddr([kind | a, b, c, d, port, 0])
        };
        let onboard = (0..self.onboard).map(|port| (format!("NIC.Embedded.{port}"), mac(2, self.board, port)));
        let cards = self.cards.iter().enumerate();
        let cards = cards.map(|(slot, card)| (format!("NIC.Slot.{slot}"), mac(6, *card, 0)));
        Fingerprint {
            serial: tells.serial.then(|| format!("C{}", self.chassis)),
            board_serial: tells.board_serial.then(|| format!("B{}", self.board)),
            uuid: tells.uuid.then(|| format!("{:032x}", u64::from(self.uuid) + 1)),
            nics: if tells.macs { onboard.chain(cards).collect() } else { [].into() },
            ..Fingerprint::default()
        }
    }

    fn after(&self, done: Done) -> Self {
        // Numbers from here on are nobody's yet.
        let other = 1_000_000;
        let mut now = self.clone();
        match done {
            Done::Nothing => {}
            Done::BoardExchanged => {
                now.board += other;
                now.uuid += other;
            }
            Done::BoardExchangedAndUuidRestored => now.board += other,
            Done::CardExchanged => now.cards.first_mut().into_iter().for_each(|card| *card += other),
            Done::ChassisExchanged => now.chassis += other,
            Done::AnotherMachine => {
                now.chassis += other;
                now.board += other;
                now.uuid += other;
                now.cards.iter_mut().for_each(|card| *card += other);
            }
            Done::AnotherMachineWithOurCards => {
                now.chassis += other;
                now.board += other;
                now.uuid += other;
            }
        }
        now
    }
}

fn truths() -> impl Strategy<Value = Truth> {
    (0..1000_u32, 0..1000_u32, 0..4_u8, prop::collection::vec(0..1000_u32, 0..4)).prop_map(
        |(chassis, board, onboard, mut cards)| {
            cards.sort_unstable();
            cards.dedup();
            Truth { chassis, board, uuid: board, onboard, cards }
        },
    )
}

fn tells() -> impl Strategy<Value = Tells> {
    any::<[bool; 4]>().prop_map(|[serial, board_serial, uuid, macs]| Tells { serial, board_serial, uuid, macs })
}

fn doings() -> impl Strategy<Value = Done> {
    prop::sample::select(vec![
        Done::Nothing,
        Done::BoardExchanged,
        Done::BoardExchangedAndUuidRestored,
        Done::CardExchanged,
        Done::ChassisExchanged,
        Done::AnotherMachine,
        Done::AnotherMachineWithOurCards,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20_000) })]

    /// Whatever controllers leave out: no other machine is ever taken for ours, ours is never called another one while its label
    /// can be read, and what was exchanged is found where both sightings tell of it.
    #[test]
    fn a_verdict_never_contradicts_what_was_done(
        truth in truths(), before in tells(), after in tells(), done in doings(),
    ) {
        let (was, now) = (truth.seen(before), truth.after(done).seen(after));
        let likeness = Likeness::between(&was, &now);
        let verdict = likeness.verdict;
        let label = before.serial && after.serial;
        let own_of_board = (before.board_serial && after.board_serial) || (before.uuid && after.uuid);
        match done {
            Done::Nothing => {
                prop_assert!(matches!(verdict, Verdict::Same | Verdict::Unclear), "{likeness}");
                prop_assert_eq!(verdict == Verdict::Same, label || own_of_board, "{}", likeness);
            }
            Done::CardExchanged => {
                // Where only cards are told, a machine whose cards are all new could have a new board too.
                prop_assert!(verdict != Verdict::NewChassis, "{likeness}");
                prop_assert!(!label || verdict != Verdict::Another, "{likeness}");
                prop_assert!(!(label && own_of_board) || verdict == Verdict::Same, "{likeness}");
            }
            Done::BoardExchanged => {
                prop_assert!(!label || verdict != Verdict::Another, "{likeness}");
                prop_assert!(!(label && own_of_board) || verdict == Verdict::NewBoard, "{likeness}");
                prop_assert!(label || verdict != Verdict::Same, "{likeness}");
            }
            Done::BoardExchangedAndUuidRestored => {
                prop_assert!(!label || matches!(verdict, Verdict::NewBoard | Verdict::Same), "{likeness}");
                let by_its_own = before.board_serial && after.board_serial;
                prop_assert!(!(label && by_its_own) || verdict == Verdict::NewBoard, "{likeness}");
            }
            Done::ChassisExchanged => {
                prop_assert!(!label || matches!(verdict, Verdict::NewChassis | Verdict::Another), "{likeness}");
                prop_assert!(!(label && own_of_board) || verdict == Verdict::NewChassis, "{likeness}");
            }
            Done::AnotherMachine | Done::AnotherMachineWithOurCards => {
                prop_assert!(matches!(verdict, Verdict::Another | Verdict::Unclear), "{likeness}");
                prop_assert!(!label || verdict == Verdict::Another, "{likeness}");
            }
        }
    }

    /// It does not matter which sighting came first, as far as the verdict goes.
    #[test]
    fn a_verdict_is_the_same_in_both_directions(
        truth in truths(), before in tells(), after in tells(), done in doings(),
    ) {
        let (was, now) = (truth.seen(before), truth.after(done).seen(after));
        let (there, back) = (Likeness::between(&was, &now), Likeness::between(&now, &was));
        prop_assert_eq!(there.verdict, back.verdict, "{} / {}", there, back);
    }
}
