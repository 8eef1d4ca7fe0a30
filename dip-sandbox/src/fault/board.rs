//! The board of faults that are set and have not worn off.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use dip_core::subject::Subject;

use super::Fault;

/// Faults by the one whom they concern, so that a call looks only at its own.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<HashMap<Subject, Vec<Armed>>>);

#[derive(Debug)]
struct Armed {
    fault: Fault,
    from: Duration,
    /// How often it has bitten.
    bites: u32,
}

/// A fault that bit just now.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub(crate) fault: Fault,
    /// When the fault was due.
    pub(crate) from: Duration,
    /// Whether it is the first time, which is when the log tells it.
    pub(crate) first: bool,
}

impl Board {
    pub(crate) fn arm(&self, fault: Fault, from: Duration) {
        let subject = fault.subject();
        let armed = Armed { fault, from, bites: 0 };
        self.0.lock().expect("no holder of the board's lock panics").entry(subject).or_default().push(armed);
    }

    /// Lets the first due fault of the subject bite that is one of these.
    pub(crate) fn bite(&self, subject: &Subject, now: Duration, wanted: impl Fn(&Fault) -> bool) -> Option<Hit> {
        let mut board = self.0.lock().expect("no holder of the board's lock panics");
        let armed = board.get_mut(subject)?;
        let found = armed.iter_mut().find(|armed| armed.is_due(now) && wanted(&armed.fault))?;
        found.bites += 1;
        let hit = Hit { fault: found.fault.clone(), from: found.from, first: found.bites == 1 };
        armed.retain(|armed| !armed.is_over(now));
        Some(hit)
    }

    /// Takes the faults of a subject off that have begun and are of these.
    pub(crate) fn mend(&self, subject: &Subject, now: Duration, mended: impl Fn(&Fault) -> bool) {
        let mut board = self.0.lock().expect("no holder of the board's lock panics");
        if let Some(armed) = board.get_mut(subject) {
            armed.retain(|armed| armed.from > now || !mended(&armed.fault));
        }
    }
}

impl Armed {
    fn is_due(&self, now: Duration) -> bool {
        self.from <= now && !self.is_over(now)
    }

    fn is_over(&self, now: Duration) -> bool {
        self.fault.times().is_some_and(|times| self.bites >= times)
            || self.fault.lasting().is_some_and(|lasting| now >= self.from + lasting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dip_core::id::NodeName;

    fn node() -> NodeName {
        NodeName::new("n1").expect("a name")
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_fault_with_a_count_bites_so_often_and_not_before_its_time() {
        let board = Board::default();
        board.arm(Fault::PowerCommandLost { node: node(), times: 2 }, seconds(10));
        let bite = |now| board.bite(&Subject::node(&node()), seconds(now), |_| true);
        assert!(bite(9).is_none());
        assert!(bite(10).is_some_and(|hit| hit.first));
        assert!(bite(11).is_some_and(|hit| !hit.first));
        assert!(bite(12).is_none());
    }

    #[test]
    fn a_fault_with_a_duration_wears_off() {
        let board = Board::default();
        board.arm(Fault::BmcSilent { node: node(), lasting: seconds(30) }, seconds(10));
        let bite = |now| board.bite(&Subject::node(&node()), seconds(now), |_| true);
        assert!(bite(10).is_some());
        assert!(bite(39).is_some());
        assert!(bite(40).is_none());
    }
}
