//! A run on a terminal: one bar for each layer, what runs, what waits and why.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dip::core::engine::{RunView, Status, Waiting};
use dip::core::id::{LayerId, StepId};
use dip::core::journal::{Event, Record};
use dip::core::plan::Plan;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::present::lines::line;
use crate::present::style::Style;

/// How often the lines below the bars are made anew: often enough to read, seldom enough to cost nothing.
const REFRESH: Duration = Duration::from_millis(200);

/// The bars of one run.
pub(crate) struct Progress {
    all: MultiProgress,
    bars: BTreeMap<LayerId, ProgressBar>,
    running: ProgressBar,
    waiting: ProgressBar,
    view: Option<RunView>,
    style: Style,
    plan: Arc<Plan>,
    told: Option<Instant>,
}

impl Progress {
    pub(crate) fn new(plan: Arc<Plan>, style: Style) -> Self {
        let all = MultiProgress::new();
        let template = |text: &str| ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_bar());
        let mut counts: BTreeMap<LayerId, u64> = BTreeMap::new();
        for planned in plan.steps() {
            *counts.entry(planned.step.layer).or_default() += 1;
        }
        let bars = counts
            .into_iter()
            .map(|(layer, count)| {
                let bar = all.add(ProgressBar::new(count));
                bar.set_style(template("  {prefix:12} {bar:30} {pos:>6}/{len:<6} {msg}").progress_chars("█▌░"));
                bar.set_prefix(format!("{} {layer}", layer.number()));
                (layer, bar)
            })
            .collect();
        let lower = || {
            let bar = all.add(ProgressBar::new_spinner());
            bar.set_style(template("  {wide_msg}"));
            bar
        };
        let (running, waiting) = (lower(), lower());
        Self { all, bars, running, waiting, view: None, style, plan, told: None }
    }

    pub(crate) fn record(&mut self, record: &Record, before: &[Record]) {
        match &mut self.view {
            Some(view) => view.record(record),
            None => {
                let mut records = before.to_vec();
                records.push(record.clone());
                self.view = RunView::of(&records);
                self.count_all();
            }
        }
        match &record.event {
            Event::Settled { step, .. } => self.bars[&self.plan.step(*step).step.layer].inc(1),
            Event::Failed { .. } | Event::Retrying { .. } | Event::Stopping => {
                if let Some(text) = line(&self.plan, record, self.style) {
                    let _ = self.all.println(text);
                }
            }
            _ => {}
        }
        if self.told.is_none_or(|told| told.elapsed() >= REFRESH) {
            self.told = Some(Instant::now());
            self.tell();
        }
    }

    /// A resumed run starts with what was settled before.
    fn count_all(&self) {
        let Some(view) = &self.view else { return };
        for (index, planned) in self.plan.steps().iter().enumerate() {
            if matches!(view.schedule.status(StepId::at(index)), Status::Settled(_)) {
                self.bars[&planned.step.layer].inc(1);
            }
        }
    }

    fn tell(&self) {
        let Some(view) = &self.view else { return };
        let mut running = Vec::new();
        let mut waiting = Vec::new();
        for index in 0..self.plan.steps().len() {
            let name = || &self.plan.step(StepId::at(index)).step.name;
            match view.schedule.status(StepId::at(index)) {
                Status::Running { .. } => running.push(name().to_string()),
                Status::Waiting(reason @ (Waiting::Settling { .. } | Waiting::Backoff { .. } | Waiting::Lock(_))) => {
                    waiting.push(format!("{} {reason}", name()));
                }
                _ => {}
            }
        }
        self.running.set_message(summary("runs", &running));
        self.waiting.set_message(summary("waits", &waiting));
    }

    pub(crate) fn finish(&self) {
        for bar in self.bars.values() {
            bar.abandon();
        }
        self.running.finish_and_clear();
        self.waiting.finish_and_clear();
    }
}

fn summary(word: &str, names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("{word}: {one}"),
        [first, rest @ ..] => format!("{word}: {first} and {} more", rest.len()),
    }
}
