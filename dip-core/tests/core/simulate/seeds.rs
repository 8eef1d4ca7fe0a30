//! A thousand seeds.

use std::collections::BTreeMap;

use dip_core::journal::{Event, Health};
use dip_core::report::Outcome;

use super::course::{Course, simulate};

const SEEDS: u64 = 1_000;

/// A number that somebody has set: `DIP_SEED` for one seed alone, `DIP_SEEDS` for more of them than usual.
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// What a course has in it, to see that the seeds do not pass by what they are for.
fn count(course: &Course, counts: &mut BTreeMap<&str, usize>) {
    let mut add = |what, is: bool| *counts.entry(what).or_default() += usize::from(is);
    let any = |is: fn(&Event) -> bool| course.records.iter().any(|record| is(&record.event));
    add("ready", course.outcome == Some(Outcome::Ready));
    add("failed", course.outcome == Some(Outcome::Failed));
    add("impossible", course.outcome.is_none());
    add("crashed", course.crashes > 0);
    add("stopped", course.stops > 0);
    add("ordered", any(|event| matches!(event, Event::Ordered(_))));
    add("tried again", any(|event| matches!(event, Event::Retrying { .. })));
    add("waited", any(|event| matches!(event, Event::Waiting { .. })));
    add("looked, well", any(|event| matches!(event, Event::Looked { health: Health::Good, .. })));
    add("looked, not well", any(|event| matches!(event, Event::Looked { health: Health::Poor(_), .. })));
    let gave_up = |event: &Event| matches!(event, Event::Failed { error, .. } if error.starts_with("it would wait"));
    add("given up", any(gave_up));
    if let Some(Event::Began { plan, .. }) = course.records.first().map(|record| &record.event) {
        add("waves", !plan.budgets().waves().is_empty());
        add("boots", !plan.boots().is_empty());
        add("hours", !(plan.site().conduct.windows.is_empty() && plan.site().conduct.freezes.is_empty()));
    }
}

/// Shows the course of one seed: with `--nocapture`, or where it goes wrong.
#[expect(clippy::print_stderr, reason = "whoever replays a seed wants to see it")]
fn replay(seed: u64) {
    let course = simulate(seed).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
    for record in course.records.iter().skip(1) {
        eprintln!("{} {:?}", record.at, record.event);
    }
}

#[test]
fn a_thousand_seeds_end_ready_or_with_a_true_explanation() {
    if let Some(seed) = number("DIP_SEED") {
        replay(seed);
        return;
    }
    let mut counts = BTreeMap::new();
    let mut wrong = Vec::new();
    let seeds = number("DIP_SEEDS").unwrap_or(SEEDS);
    for seed in 0..seeds {
        // A panic of the engine must tell its seed too.
        let end = std::panic::catch_unwind(|| simulate(seed)).unwrap_or_else(|_| Err("it panics".to_owned()));
        match end {
            Ok(course) => count(&course, &mut counts),
            Err(words) => {
                let first = words.lines().next().unwrap_or_default();
                wrong.push(format!("DIP_SEED={seed} cargo test -p dip-core --test core simulate\n  {first}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {seeds} seeds went wrong:\n{}", wrong.len(), wrong.join("\n"));
    for (what, times) in counts {
        assert!(times >= 20, "{what}: only {times} of {seeds} seeds");
    }
}

#[test]
fn a_seed_gives_the_same_course_each_time() {
    let course = |seed| {
        let records = simulate(seed).map(|course| course.records).unwrap_or_default();
        let told = records.iter().skip(1).map(|record| match &record.event {
            // An order has an id of its own each time.
            Event::Ordered(order) => format!("{} {}", record.at, order.command),
            Event::Opened { fence, .. } => format!("{} {fence}", record.at),
            event => format!("{} {event:?}", record.at),
        });
        told.collect::<Vec<_>>()
    };
    for seed in 0..30 {
        assert_eq!(course(seed), course(seed), "seed {seed}");
    }
}
