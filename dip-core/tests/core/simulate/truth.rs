//! Whether what a report tells is true of the world.

use std::collections::BTreeMap;
use std::time::Duration;

use dip_core::engine::Status;
use dip_core::id::StepId;
use dip_core::journal::{Event, Health, Record};
use dip_core::plan::{Plan, PlannedStep, Reading};
use dip_core::report::{Outcome, Report};

use super::case::{Case, Luck};
use crate::toy::Stage;

pub(super) async fn check(
    case: &Case,
    stage: &Stage,
    plan: &Plan,
    records: &[Record],
    report: &Report,
) -> Result<(), String> {
    let mut is_skipped = false;
    for (index, told) in report.steps.iter().enumerate() {
        let thing = thing_of(told.name.as_str());
        match &told.status {
            Status::Failed { error, .. } => {
                let luck = thing.and_then(|thing| case.lucks.get(thing)).copied().unwrap_or(Luck::Fine);
                if !is_true(error, luck) && !was_given_up(error, StepId::at(index), records) {
                    return Err(format!("{} has {luck:?}, and is told as: {error}", told.name));
                }
            }
            Status::Settled(_) => {
                let is_there = thing.is_none_or(|thing| stage.change(|world| world.things.contains(thing)));
                if !is_there {
                    return Err(format!("{} is told to be there and is not", told.name));
                }
            }
            Status::Skipped { .. } => is_skipped = true,
            _ => {}
        }
    }
    intents(stage, plan, records)?;
    // Ready is ready: whoever looks again sees no difference. What a node must be off for is not seen while it runs.
    if report.outcome == Outcome::Ready && !is_skipped {
        let again = match stage.prepare().await {
            Ok(again) => again,
            // What a running node hides is planned again, and who was down in the first plan is up in this one and has a
            // wave: that need not be possible.
            Err(_) => return Ok(()),
        };
        let differs = |left: &&PlannedStep| matches!(left.reading, Reading::Differs(_)) && left.step.boot.is_none();
        let left: Vec<_> = again.plan.steps().iter().filter(differs).map(|left| left.step.name.to_string()).collect();
        if !left.is_empty() {
            return Err(format!("it is ready, and there is still to do: {left:?}"));
        }
    }
    Ok(())
}

fn thing_of(step: &str) -> Option<&str> {
    step.strip_prefix("toy.set thing/")
}

fn is_true(error: &str, luck: Luck) -> bool {
    let says = |words: &str| error.contains(words);
    match luck {
        Luck::Fine => false,
        Luck::Refused(_) => says("denied"),
        Luck::Foreign => says("conflict"),
        Luck::Busy(_) => says("busy"),
        Luck::NeverTrue => says("did not come true"),
        Luck::Slow(seconds) => seconds >= 120 && says("did not come true"),
        Luck::Lost => false,
        Luck::Silent(..) => says("unreachable"),
        Luck::Panics => says("panic") && says("has a bug"),
    }
}

/// Whether a step failed because it might not start, and the journal tells of what barred it for long enough.
fn was_given_up(error: &str, step: StepId, records: &[Record]) -> bool {
    // Whether somebody truly barred it has been judged.
    if error.starts_with("it would wait for ever") {
        return true;
    }
    if !error.contains("was not healthy for ten minutes") {
        return false;
    }
    let failed =
        records.iter().rposition(|record| matches!(&record.event, Event::Failed { step: of, .. } if *of == step));
    let Some(end) = failed else { return false };
    let looks = records[..end].iter().rev().filter_map(|record| match &record.event {
        Event::Looked { health, .. } => Some((record.at, health)),
        _ => None,
    });
    let poor = looks.take_while(|(_, health)| matches!(health, Health::Poor(_))).map(|(at, _)| at).last();
    poor.is_some_and(|since| records[end].at.duration_since(since).unsigned_abs() >= Duration::from_secs(600))
}

/// Nothing was done that the journal does not tell of.
fn intents(stage: &Stage, plan: &Plan, records: &[Record]) -> Result<(), String> {
    let mut told: BTreeMap<&str, usize> = BTreeMap::new();
    for record in records {
        if let Event::Applying { step, .. } = &record.event
            && let Some(thing) = thing_of(plan.step(*step).step.name.as_str())
        {
            *told.entry(thing).or_default() += 1;
        }
    }
    for name in stage.applied() {
        // The parts of boots are told by their nodes.
        if name.contains(' ') {
            continue;
        }
        match told.get_mut(name.as_str()).filter(|left| **left > 0) {
            Some(left) => *left -= 1,
            None => return Err(format!("{name} was set more often than the journal tells")),
        }
    }
    Ok(())
}
