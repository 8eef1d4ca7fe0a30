//! dip's schedule on virtual time: what starts takes as long as its task says, and nothing else takes any.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use dip::core::engine::Schedule;
use dip::core::fact::Facts;
use dip::core::id::StepId;
use dip::core::journal::{Change, Event, Record};
use dip::core::step::Step;
use dip::{Limits, Plan};
use jiff::{SignedDuration, Timestamp};

use super::Instance;

/// The makespan in milliseconds, where the schedule is told the `expected` durations.
pub(crate) fn run(instance: &Instance, plan: &Arc<Plan>, limits: &Limits, expected: &[u64], start: Timestamp) -> u64 {
    let usual = |step: &Step| {
        let task: usize = step.call.input().parse().expect("the input is the number of the task");
        Duration::from_millis(expected[task])
    };
    let mut schedule = Schedule::replay(Arc::clone(plan), limits.clone(), &[]).expecting(usual);
    let mut running: BinaryHeap<Reverse<(u64, StepId)>> = BinaryHeap::new();
    let mut sequence = 0;
    let mut now = 0;
    loop {
        let at = start + SignedDuration::from_millis(i64::try_from(now).expect("a run of less than 292 million years"));
        for action in schedule.poll(at) {
            let begun = action.start().expect("a simulated site has neither budgets nor values");
            running.push(Reverse((now + instance.tasks[begun.step.index()].millis, begun.step)));
        }
        let Some(&Reverse((end, _))) = running.peek() else {
            assert!(schedule.is_finished(), "nothing is left");
            return now;
        };
        now = end;
        let at = start + SignedDuration::from_millis(i64::try_from(now).expect("a run of less than 292 million years"));
        while let Some(&Reverse((end, step))) = running.peek()
            && end == now
        {
            running.pop();
            let event = Event::Settled { step, change: Change::Made, facts: Facts::new() };
            schedule.record(&Record { sequence, at, event });
            sequence += 1;
        }
    }
}
