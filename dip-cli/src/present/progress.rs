//! A run on a terminal: one bar for each layer, what runs, what waits and why.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dip::core::engine::{RunView, Status};
use dip::core::id::{LayerId, StepId};
use dip::core::journal::{Event, Record};
use dip::core::plan::Plan;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jiff::Timestamp;

use crate::present::lines::Lines;
use crate::present::style::Style;

/// How often the lines below the bars are made anew: often enough to read, seldom enough to cost nothing.
const REFRESH: Duration = Duration::from_millis(200);

/// How many reasons to wait are shown at once.
const REASONS: usize = 3;

/// The bars of one run.
pub(crate) struct Progress {
    all: MultiProgress,
    bars: BTreeMap<LayerId, ProgressBar>,
    running: ProgressBar,
    waiting: Vec<ProgressBar>,
    doing: BTreeMap<StepId, Doing>,
    lines: Lines,
    plan: Arc<Plan>,
    told: Option<Instant>,
}

/// A step that was begun and is not at its end.
enum Doing {
    Runs,
    Waits { reason: String, since: Timestamp },
}

impl Progress {
    /// The bars of a run of which `before` has happened already.
    pub(crate) fn new(plan: Arc<Plan>, before: &[Record], style: Style) -> Self {
        let all = MultiProgress::new();
        let template = |text: &str| ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_bar());
        let mut counts: BTreeMap<LayerId, u64> = BTreeMap::new();
        for planned in plan.steps() {
            *counts.entry(planned.step.layer).or_default() += 1;
        }
        let bars: BTreeMap<LayerId, ProgressBar> = counts
            .into_iter()
            .map(|(layer, count)| {
                let bar = all.add(ProgressBar::new(count));
                bar.set_style(template("  {prefix:13} {bar:30} {pos:>6}/{len}").progress_chars("█▌░"));
                bar.set_prefix(format!("{} {layer}", layer.number()));
                (layer, bar)
            })
            .collect();
        let lower = || {
            let bar = all.add(ProgressBar::new_spinner());
            bar.set_style(template("  {wide_msg}"));
            bar
        };
        let running = lower();
        let waiting = (0..REASONS).map(|_| lower()).collect();
        if let Some(view) = RunView::of(before) {
            for (index, planned) in plan.steps().iter().enumerate() {
                if matches!(view.schedule.status(StepId::at(index)), Status::Settled(_)) {
                    bars[&planned.step.layer].inc(1);
                }
            }
        }
        bars.values().for_each(ProgressBar::tick);
        Self { all, bars, running, waiting, doing: BTreeMap::new(), lines: Lines::new(style), plan, told: None }
    }

    pub(crate) fn record(&mut self, record: &Record) {
        match &record.event {
            Event::Started { step, .. } | Event::Applying { step, .. } => {
                self.doing.insert(*step, Doing::Runs);
            }
            Event::Waiting { step, reason, .. } => self.waits(*step, reason, record.at),
            Event::Retrying { step, error, .. } => self.waits(*step, error, record.at),
            Event::Settled { step, .. } => {
                self.doing.remove(step);
                self.bars[&self.plan.step(*step).step.layer].inc(1);
            }
            Event::Failed { step, .. } => {
                self.doing.remove(step);
            }
            _ => {}
        }
        // That it stops was told when it was asked for.
        let is_told = matches!(record.event, Event::Stopping) || !Lines::is_incident(record);
        if let Some(text) = self.lines.line(&self.plan, record).filter(|_| !is_told) {
            self.note(&text);
        }
        if self.told.is_none_or(|told| told.elapsed() >= REFRESH) {
            self.told = Some(Instant::now());
            self.tell(record.at);
        }
    }

    /// Prints a line above the bars.
    pub(crate) fn note(&self, text: &str) {
        // What cannot be shown on the terminal is in the journal.
        let _ = self.all.println(text);
    }

    fn waits(&mut self, step: StepId, reason: &str, at: Timestamp) {
        let since = match self.doing.get(&step) {
            Some(Doing::Waits { since, .. }) => *since,
            Some(Doing::Runs) | None => at,
        };
        self.doing.insert(step, Doing::Waits { reason: reason.to_owned(), since });
    }

    fn tell(&self, now: Timestamp) {
        let mut running = Vec::new();
        let mut waiting: BTreeMap<&str, Vec<(Timestamp, StepId)>> = BTreeMap::new();
        for (step, doing) in &self.doing {
            match doing {
                Doing::Runs => running.push(*step),
                Doing::Waits { reason, since } => waiting.entry(reason).or_default().push((*since, *step)),
            }
        }
        let name = |step: StepId| &self.plan.step(step).step.name;
        self.running.set_message(match running[..] {
            [] => String::new(),
            [one] => format!("runs: {}", name(one)),
            [first, ..] => format!("runs: {} steps, {} ...", running.len(), name(first)),
        });
        // Those that wait for the longest come first: they are where somebody may have to look.
        let mut reasons: Vec<(Timestamp, StepId, usize, &str)> = waiting
            .into_iter()
            .filter_map(|(reason, steps)| steps.iter().min().map(|(since, step)| (*since, *step, steps.len(), reason)))
            .collect();
        reasons.sort();
        let mut reasons = reasons.into_iter();
        for bar in &self.waiting {
            bar.set_message(reasons.next().map_or_else(String::new, |(since, step, count, reason)| {
                let age = now.duration_since(since).as_secs();
                let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
                format!("waits {age} s: {}{more}: {reason}", name(step))
            }));
        }
    }

    pub(crate) fn finish(&self) {
        self.bars.values().for_each(ProgressBar::abandon);
        self.running.finish_and_clear();
        self.waiting.iter().for_each(ProgressBar::finish_and_clear);
    }
}
