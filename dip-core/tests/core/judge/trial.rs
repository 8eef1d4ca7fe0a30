//! The records of a run, one after the other, and the report that comes of them.

use std::collections::BTreeSet;

use dip_core::engine::Status;
use dip_core::id::StepId;
use dip_core::journal::{Change, Command, Event, Record};
use dip_core::report::{Outcome, Report};
use dip_core::step::StepName;

use super::away::Away;
use super::hours;
use super::rules::Judge;

/// What the records have told so far.
#[derive(Debug, Default)]
struct Trial {
    done: BTreeSet<StepId>,
    over: BTreeSet<StepId>,
    failed: BTreeSet<StepId>,
    skipped: BTreeSet<StepId>,
    /// Those that something may have been changed for.
    touched: BTreeSet<StepId>,
    active: BTreeSet<StepId>,
    /// Those that this owner has begun, or one before it so that it matters.
    begun: BTreeSet<StepId>,
    /// Those that this owner has begun and that nobody let begin anew.
    going: BTreeSet<StepId>,
    away: Away,
    is_held: bool,
    held: BTreeSet<StepId>,
    released: BTreeSet<usize>,
    is_stopping: bool,
    has_ended: bool,
}

/// A sentence for what is wrong unless something is so.
macro_rules! must {
    ($is:expr, $($words:tt)*) => {
        if !$is {
            return Err(format!($($words)*));
        }
    };
}

impl Judge<'_> {
    /// Judges the records of one or more owners and the report of the last.
    pub(crate) fn judge(&self, records: &[Record], report: &Report) -> Result<(), String> {
        let mut trial = Trial::default();
        for (index, record) in records.iter().enumerate() {
            must!(record.sequence == index as u64, "record {index} has the number {}", record.sequence);
            let is_late = index == 0 || record.at >= records[index - 1].at;
            must!(is_late, "record {index} is older than the one before it");
            trial.take(self, record).map_err(|wrong| {
                let name = record.event.step().map(|step| self.plan.step(step).step.name.to_string());
                let what = if index == 0 { "Began".to_owned() } else { format!("{:?}", record.event) };
                format!("record {index} at {} ({}): {what}: {wrong}", record.at, name.unwrap_or_default())
            })?;
        }
        must!(trial.has_ended, "the last record is not the end");
        self.judge_report(&trial, report)
    }

    fn judge_report(&self, trial: &Trial, report: &Report) -> Result<(), String> {
        let blocked = self.blocked(&trial.failed, &trial.done);
        for (step, told) in self.steps().zip(&report.steps) {
            let (is_failed, is_blocked) = (trial.failed.contains(&step), blocked.contains(&step));
            let is_done = trial.done.contains(&step);
            let fits = match &told.status {
                Status::Settled(_) => is_done && !is_failed && !trial.skipped.contains(&step),
                Status::Skipped { .. } => trial.skipped.contains(&step),
                Status::Failed { .. } => is_failed,
                Status::Blocked { by } => is_blocked && !is_done && self.is_to_blame(trial, by, step),
                // Only a run that somebody stopped leaves anything waiting.
                Status::Waiting(_) => trial.is_stopping && !is_done && !is_failed && !is_blocked,
                Status::Running { .. } => false,
            };
            must!(fits, "{}: {:?}, failed {is_failed}, blocked {is_blocked}", told.name, told.status);
        }
        let left = self.steps().any(|step| !trial.done.contains(&step));
        let outcome = match (trial.failed.is_empty(), left) {
            (false, _) => Outcome::Failed,
            (true, false) => Outcome::Ready,
            (true, true) => Outcome::Interrupted,
        };
        must!(report.outcome == outcome, "the outcome is {:?} and should be {outcome:?}", report.outcome);
        Ok(())
    }

    fn is_to_blame(&self, trial: &Trial, by: &StepName, step: StepId) -> bool {
        let by = self.steps().find(|step| self.plan.step(*step).step.name == *by);
        by.is_some_and(|by| trial.failed.contains(&by) && self.depends(step, by))
    }
}

impl Trial {
    fn take(&mut self, judge: &Judge<'_>, record: &Record) -> Result<(), String> {
        match &record.event {
            Event::Opened { .. } => self.open(judge),
            Event::Stopping => self.is_stopping = true,
            Event::Ended { .. } => self.has_ended = true,
            Event::Ordered(order) => self.obey(judge, &order.command)?,
            Event::Looked { budget, health } => self.away.look(*budget, health),
            Event::Began { .. } => {}
            event => {
                let step = event.step().ok_or("what is of no step is not known to the judge")?;
                must!(!self.has_ended, "after the end of the run");
                must!(!self.over.contains(&step), "after its end");
                self.of_step(judge, record, step)?;
                self.away.see(judge, step, &self.begun, &self.done);
            }
        }
        Ok(())
    }

    /// Another owner: nothing is under way, what failed is tried again, and holds have ended.
    fn open(&mut self, judge: &Judge<'_>) {
        self.active.clear();
        self.over = self.skipped.clone();
        self.failed.clear();
        self.going.clear();
        self.held.clear();
        (self.is_held, self.is_stopping, self.has_ended) = (false, false, false);
        self.begun = self.touched.difference(&self.done).copied().collect();
        self.away.open(judge, &self.begun, &self.done);
    }

    fn of_step(&mut self, judge: &Judge<'_>, record: &Record, step: StepId) -> Result<(), String> {
        match &record.event {
            Event::Started { .. } => {
                self.begin(judge, record, step)?;
                self.work(judge, step)
            }
            Event::Applying { .. } => {
                self.touched.insert(step);
                if self.done.remove(&step) {
                    // It was looked at again, and has come undone.
                    self.begun.insert(step);
                    self.away.gone(judge, step);
                }
                self.work(judge, step)
            }
            Event::Settled { change, .. } => {
                must!((*change == Change::Made) == self.touched.contains(&step), "it tells {change:?}");
                self.active.remove(&step);
                self.done.insert(step);
                self.over.insert(step);
                Ok(())
            }
            Event::Failed { error, .. } => {
                if error.starts_with("it would wait for ever") {
                    must!(self.away.would_wait(judge, step), "nothing bars it");
                    must!(self.active.is_empty(), "others are under way, who may help");
                }
                self.active.remove(&step);
                self.done.remove(&step);
                self.failed.insert(step);
                self.over.insert(step);
                Ok(())
            }
            event => {
                // It was only watched for.
                if let Event::Waiting { change: Change::None, .. } = event {
                    self.touched.remove(&step);
                }
                self.active.remove(&step);
                Ok(())
            }
        }
    }

    /// What must be so whenever somebody works on a step.
    fn work(&mut self, judge: &Judge<'_>, step: StepId) -> Result<(), String> {
        must!(judge.may_start(step, &|other| self.done.contains(&other)), "before its needs");
        self.active.insert(step);
        must!(self.active.len() <= judge.limits.workers, "{} work at once", self.active.len());
        for lock in &judge.plan.step(step).step.locks {
            let capacity = judge.limits.capacity(lock.as_str());
            let held = judge.held(&self.active, lock, capacity);
            must!(held <= capacity, "{held} units of {lock} are held, of which there are {capacity}");
        }
        Ok(())
    }

    /// What must be so when a step is begun.
    fn begin(&mut self, judge: &Judge<'_>, record: &Record, step: StepId) -> Result<(), String> {
        must!(!self.is_stopping, "it starts though the run is stopping");
        let is_new = self.going.insert(step);
        if !is_new {
            return Ok(());
        }
        must!(!self.is_held && !self.held.contains(&step), "it starts though it is held");
        for (index, wave) in judge.waves.iter().enumerate().filter(|(_, wave)| wave.then.contains(&step)) {
            must!(
                !wave.pause || self.released.contains(&index),
                "it starts though nobody said that the next wave may go"
            );
        }
        if judge.disrupts(step) {
            must!(hours::is_open(&judge.plan.site().conduct, record.at), "it starts though no window is open");
            // Whoever takes a run over looks again at what is done; that takes nobody away.
            if !self.done.contains(&step) {
                self.away.take(judge, step)?;
            }
        }
        if !self.done.contains(&step) {
            self.begun.insert(step);
        }
        Ok(())
    }

    fn obey(&mut self, judge: &Judge<'_>, command: &Command) -> Result<(), String> {
        let find = |name: &StepName| judge.steps().find(|step| judge.plan.step(*step).step.name == *name);
        let step = command.step().map(|name| find(name).ok_or("it names no step of the plan")).transpose()?;
        match (command, step) {
            (Command::Retry { .. }, Some(step)) => {
                must!(self.failed.remove(&step), "it has not failed");
                self.over.remove(&step);
                self.going.remove(&step);
            }
            (Command::Skip { .. }, Some(step)) => {
                must!(!self.active.contains(&step), "it is being worked on");
                self.failed.remove(&step);
                self.skipped.insert(step);
                self.done.insert(step);
                self.over.insert(step);
                self.away.see(judge, step, &self.begun, &self.done);
            }
            (Command::Hold { .. }, None) => self.is_held = true,
            (Command::Hold { .. }, Some(step)) => {
                must!(!self.going.contains(&step), "it has begun");
                self.held.insert(step);
            }
            (Command::Continue { .. }, Some(step)) => drop(self.held.remove(&step)),
            (Command::Continue { .. }, None) => {
                self.is_held = false;
                self.held.clear();
                let is_done = |wave: &super::rules::Before| wave.first.is_subset(&self.done);
                let waves = judge.waves.iter().enumerate().filter(|(_, wave)| wave.pause && is_done(wave));
                self.released.extend(waves.map(|(index, _)| index));
            }
            (Command::Down { node, .. }, _) => self.away.report(node, true),
            (Command::Up { node }, _) => self.away.report(node, false),
            (Command::Retry { .. } | Command::Skip { .. }, None) => return Err("it names no step".to_owned()),
        }
        Ok(())
    }
}
