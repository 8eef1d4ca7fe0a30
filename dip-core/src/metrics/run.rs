//! The metrics of one run, from its records: as they happen, or from a journal.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::exposition::{Exposition, Family, Kind, seconds};
use super::histogram::Histogram;
use crate::engine::{RunView, Status, Waiting};
use crate::id::{LayerId, StepId};
use crate::journal::{Change, Event, FailureKind, Health, Record};
use crate::plan::Plan;
use crate::report::Outcome;

/// Counts what happens in one run.
///
/// ```
/// use dip_core::metrics::Metrics;
/// # let records: Vec<dip_core::journal::Record> = Vec::new();
/// let mut metrics = Metrics::new();
/// records.iter().for_each(|record| metrics.record(record));
/// let text = metrics.to_prometheus();
/// # assert!(text.is_empty(), "no run has begun");
/// ```
#[derive(Debug, Default)]
pub struct Metrics {
    records: u64,
    /// `None` until the record that holds the plan.
    run: Option<Run>,
}

#[derive(Debug)]
struct Run {
    view: RunView,
    owners: u64,
    /// Looks at the health of those who would stay: how many found it good, and how many did not.
    gates: [u64; 2],
    operations: Vec<Counts>,
    /// The place of each step's operation in `operations`.
    operation_of: Vec<usize>,
    /// Since when each step that is not at its end is worked on or waited for.
    begun: Vec<Option<Timestamp>>,
}

/// What is counted for one operation of one layer.
#[derive(Debug)]
struct Counts {
    layer: LayerId,
    operation: String,
    attempts: u64,
    applies: u64,
    retries: u64,
    waits: u64,
    failures: BTreeMap<&'static str, u64>,
    took: Histogram,
}

impl Metrics {
    /// Nothing has happened.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what happened. The records of a run are given in their order, from the first on.
    pub fn record(&mut self, record: &Record) {
        self.records += 1;
        match &mut self.run {
            None => self.run = RunView::of(std::slice::from_ref(record)).map(Run::new),
            Some(run) => run.record(record),
        }
    }

    /// All of it in Prometheus' text form; nothing where no run has begun. The same records always give the same text.
    #[must_use]
    pub fn to_prometheus(&self) -> String {
        let Some(run) = &self.run else { return String::new() };
        let mut text = Exposition::new(run.view.plan().site().name.as_str());
        run.write_run(&mut text);
        run.write_steps(&mut text);
        run.write_counts(&mut text);
        let help = "Records in the journal of the run.";
        text.family("dip_journal_records_total", Kind::Counter, help).sample(&[], self.records);
        text.finish()
    }
}

impl Run {
    fn new(view: RunView) -> Self {
        let (operations, operation_of) = operations(view.plan());
        let begun = vec![None; operation_of.len()];
        Self { view, owners: 0, gates: [0; 2], operations, operation_of, begun }
    }

    fn record(&mut self, record: &Record) {
        self.view.record(record);
        match &record.event {
            Event::Opened { .. } => self.owners += 1,
            Event::Looked { health, .. } => self.gates[usize::from(*health != Health::Good)] += 1,
            _ => {}
        }
        let Some(step) = record.event.step() else { return };
        // A journal from elsewhere may name steps that its plan does not have.
        let Some(&operation) = self.operation_of.get(step.index()) else { return };
        let (counts, begun) = (&mut self.operations[operation], &mut self.begun[step.index()]);
        match &record.event {
            Event::Started { .. } => {
                counts.attempts += 1;
                begun.get_or_insert(record.at);
            }
            Event::Applying { .. } => counts.applies += 1,
            Event::Waiting { .. } => counts.waits += 1,
            Event::Retrying { .. } => counts.retries += 1,
            Event::Settled { .. } => counts.finish(begun.take(), record.at),
            Event::Failed { kind, .. } => {
                counts.finish(begun.take(), record.at);
                *counts.failures.entry(failure(*kind)).or_default() += 1;
            }
            _ => {}
        }
    }

    fn write_run(&self, text: &mut Exposition<'_>) {
        let view = &self.view;
        let labels = [("run", &*view.run), ("plan", view.plan().id().short())];
        text.family("dip_run_info", Kind::Gauge, "The run that these metrics are about.").sample(&labels, 1);
        let help = "How the run ended: 1 at its outcome, 0 at all others; open where it goes on or its process died.";
        let mut family = text.family("dip_run_outcome", Kind::Gauge, help);
        let outcome = view.outcome.map_or("open", outcome);
        for word in ["failed", "interrupted", "open", "ready"] {
            family.sample(&[("outcome", word)], u8::from(word == outcome));
        }
        let took = Duration::try_from(view.last.duration_since(view.began)).unwrap_or_default();
        let mut gauge = |name, help, value: f64| text.family(name, Kind::Gauge, help).sample(&[], value);
        gauge("dip_run_began_timestamp_seconds", "When the run began.", seconds(view.began));
        gauge("dip_run_last_record_timestamp_seconds", "When anything last happened in the run.", seconds(view.last));
        let help = "From the first record of the run to the last, pauses between its owners included.";
        gauge("dip_run_duration_seconds", help, took.as_secs_f64());
        let help = "How often a process took the run over, the first included.";
        text.family("dip_run_owners_total", Kind::Counter, help).sample(&[], self.owners);
        let help = "Looks at the health of those who would stay, before one of them is taken away.";
        let mut family = text.family("dip_gate_looks_total", Kind::Counter, help);
        for (health, count) in ["good", "poor"].into_iter().zip(self.gates) {
            family.sample(&[("health", health)], count);
        }
    }

    /// Where the steps stand now.
    fn write_steps(&self, text: &mut Exposition<'_>) {
        let mut outcomes = vec![[0_u64; OUTCOMES.len()]; self.operations.len()];
        let mut states = [0_u64; STATES.len()];
        let mut oldest: Vec<Option<Timestamp>> = vec![None; self.operations.len()];
        for (index, operation) in self.operation_of.iter().enumerate() {
            let status = self.view.schedule.status(StepId::at(index));
            outcomes[*operation][place(&OUTCOMES, outcome_of(&status))] += 1;
            if let Some(state) = state_of(&status) {
                states[place(&STATES, state)] += 1;
                oldest[*operation] = oldest[*operation].into_iter().chain(self.begun[index]).min();
            }
        }
        let mut family = text.family("dip_steps", Kind::Gauge, "Steps of the plan by what has become of them.");
        for (counts, outcomes) in self.operations.iter().zip(outcomes) {
            for (word, count) in OUTCOMES.iter().zip(outcomes) {
                family.sample(&[counts.labels().as_slice(), &[("outcome", word)]].concat(), count);
            }
        }
        let help = "Steps that are not at their end by what they do now, or what they wait for.";
        let mut family = text.family("dip_steps_open", Kind::Gauge, help);
        for (word, count) in STATES.iter().zip(states) {
            family.sample(&[("state", word)], count);
        }
        let help = "Since when the step of this operation that is open the longest is worked on or waited for.";
        let mut family = text.family("dip_step_open_since_timestamp_seconds", Kind::Gauge, help);
        for (counts, since) in self.operations.iter().zip(oldest) {
            if let Some(since) = since {
                family.sample(&counts.labels(), seconds(since));
            }
        }
    }

    fn write_counts(&self, text: &mut Exposition<'_>) {
        let mut each = |name, help, value: fn(&Counts) -> u64| {
            let mut family = text.family(name, Kind::Counter, help);
            self.operations.iter().for_each(|counts| family.sample(&counts.labels(), value(counts)));
        };
        each("dip_step_attempts_total", "Attempts that were begun.", |counts| counts.attempts);
        each("dip_step_applies_total", "Times that something was about to be changed.", |counts| counts.applies);
        each("dip_step_retries_total", "Attempts that failed and were followed by another.", |counts| counts.retries);
        each("dip_step_waits_total", "Looks that found it asked for and not so yet.", |counts| counts.waits);
        let help = "Steps that failed for good, by kind; a step that is tried again after a resume may fail again.";
        let mut family = text.family("dip_step_failures_total", Kind::Counter, help);
        for counts in &self.operations {
            for kind in ["conflict", "error", "refused", "unsettled"] {
                let labels = [counts.labels().as_slice(), &[("kind", kind)]].concat();
                family.sample(&labels, counts.failures.get(kind).copied().unwrap_or(0));
            }
        }
        let help = "From the first look at a step to its end, waits and pauses between owners included.";
        let mut family: Family<'_> = text.family("dip_step_duration_seconds", Kind::Histogram, help);
        self.operations.iter().for_each(|counts| counts.took.write(&mut family, &counts.labels()));
    }
}

impl Counts {
    fn labels(&self) -> [(&str, &str); 2] {
        [("layer", self.layer.as_str()), ("operation", &self.operation)]
    }

    /// A step came to its end. What was settled by another owner's look has no beginning, and is not measured.
    fn finish(&mut self, begun: Option<Timestamp>, at: Timestamp) {
        if let Some(begun) = begun {
            self.took.observe(Duration::try_from(at.duration_since(begun)).unwrap_or_default());
        }
    }
}

/// The operations of a plan in the order of their names, and for each step which is its own.
fn operations(plan: &Plan) -> (Vec<Counts>, Vec<usize>) {
    let key = |step: usize| {
        let step = &plan.step(StepId::at(step)).step;
        (step.layer, step.call.operation())
    };
    let mut places: BTreeMap<(LayerId, &str), usize> = (0..plan.steps().len()).map(|step| (key(step), 0)).collect();
    places.values_mut().enumerate().for_each(|(at, place)| *place = at);
    let of_step = (0..plan.steps().len()).map(|step| places[&key(step)]).collect();
    let counts = places.into_keys().map(|(layer, operation)| Counts {
        layer,
        operation: operation.to_owned(),
        attempts: 0,
        applies: 0,
        retries: 0,
        waits: 0,
        failures: BTreeMap::new(),
        took: Histogram::default(),
    });
    (counts.collect(), of_step)
}

const OUTCOMES: [&str; 6] = ["blocked", "changed", "failed", "held", "open", "skipped"];
const STATES: [&str; 13] = [
    "backoff", "budget", "gate", "held", "limit", "lock", "needs", "pause", "running", "settling", "stopped", "turn",
    "window",
];

fn place(words: &[&str], word: &str) -> usize {
    words.iter().position(|known| *known == word).expect("each word that is used stands in its list")
}

const fn outcome_of(status: &Status) -> &'static str {
    match status {
        Status::Settled(Change::Made) => "changed",
        Status::Settled(Change::None) => "held",
        Status::Failed { .. } => "failed",
        Status::Blocked { .. } => "blocked",
        Status::Skipped { .. } => "skipped",
        Status::Waiting(_) | Status::Running { .. } => "open",
    }
}

const fn state_of(status: &Status) -> Option<&'static str> {
    match status {
        Status::Running { .. } => Some("running"),
        Status::Waiting(waiting) => Some(match waiting {
            Waiting::Needs(_) => "needs",
            Waiting::Turn => "turn",
            Waiting::Limit { .. } => "limit",
            Waiting::Lock { .. } => "lock",
            Waiting::Settling { .. } => "settling",
            Waiting::Backoff { .. } => "backoff",
            Waiting::Budget { .. } => "budget",
            Waiting::Gate { .. } => "gate",
            Waiting::Window { .. } => "window",
            Waiting::Pause { .. } => "pause",
            Waiting::Held { .. } => "held",
            Waiting::Stopped => "stopped",
        }),
        Status::Settled(_) | Status::Skipped { .. } | Status::Failed { .. } | Status::Blocked { .. } => None,
    }
}

const fn failure(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Conflict => "conflict",
        FailureKind::Error => "error",
        FailureKind::Refused => "refused",
        FailureKind::Unsettled => "unsettled",
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Failed => "failed",
        Outcome::Interrupted => "interrupted",
        Outcome::Ready => "ready",
    }
}
