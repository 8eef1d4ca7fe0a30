//! The history itself: samples by operation, and what they lead one to expect. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::sample::Samples;
use super::{Expected, Sample, run};
use crate::journal::{Change, Event, Record};
use crate::operation::Diff;
use crate::plan::{PlannedStep, Reading};
use crate::step::Step;

/// The version of the form in which a history is written.
///
/// | version | written by | read by |
/// |---|---|---|
/// | 1 | 0.1 | 0.1 |
pub const HISTORY_VERSION: u32 = 1;

/// How long operations took in past runs.
///
/// ```
/// use dip_core::history::History;
/// let history = History::new();
/// assert_eq!(history.runs(), 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct History {
    dip_history: u32,
    runs: usize,
    operations: BTreeMap<String, Past>,
}

/// What is known of one operation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Past {
    /// Where something was changed.
    made: Samples,
    /// Where it was so already, or came about by other steps.
    none: Samples,
}

impl Default for History {
    fn default() -> Self {
        Self { dip_history: HISTORY_VERSION, runs: 0, operations: BTreeMap::new() }
    }
}

impl History {
    /// No past runs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a run, also one that goes on; later ones win over earlier ones. Whether the records were those of a run:
    /// they begin with its plan.
    pub fn add(&mut self, records: &[Record]) -> bool {
        let Some(Event::Began { plan, .. }) = records.first().map(|record| &record.event) else { return false };
        let mut is_useful = false;
        run::samples(plan, records, |step, change, sample| {
            is_useful = true;
            let operation = plan.step(step).step.call.operation();
            if !self.operations.contains_key(operation) {
                self.operations.insert(operation.to_owned(), Past::default());
            }
            let past = self.operations.get_mut(operation).expect("it was put there");
            match change {
                Change::Made => past.made.add(sample),
                Change::None => past.none.add(sample),
            }
        });
        self.runs += usize::from(is_useful);
        true
    }

    /// From how many runs it is: those in which a step came to its end.
    #[must_use]
    pub const fn runs(&self) -> usize {
        self.runs
    }

    /// The samples that tell how long a step will take, sorted; none where no run knows its operation.
    ///
    /// A step that is known to differ will be changed, so that changes count. One that cannot be seen yet may need none: all
    /// count, as often as they happened.
    #[must_use]
    pub fn samples(&self, operation: &str, reading: &Reading) -> Vec<Sample> {
        let Some(past) = self.operations.get(operation) else { return Vec::new() };
        let is_change = matches!(reading, Reading::Differs(_)) && !past.made.is_empty();
        let others = if is_change { None } else { Some(past.none.iter()) };
        let mut samples: Vec<Sample> = past.made.iter().chain(others.into_iter().flatten()).collect();
        samples.sort_unstable();
        samples
    }

    /// How long a step will take, by what past runs tell of its operation, else by its patience.
    #[must_use]
    pub fn expected(&self, planned: &PlannedStep) -> Expected {
        self.known(planned).unwrap_or_else(|| Expected::by_default(planned.step.patience))
    }

    /// When a step should be as wanted that was first worked on at a time: the median. `None` where no run knows its
    /// operation, because nobody should be told a guess as an end.
    #[must_use]
    pub fn expected_end(&self, planned: &PlannedStep, since: Timestamp) -> Option<Timestamp> {
        let median = self.known(planned)?.median;
        since.checked_add(median).ok()
    }

    /// The expectation from past runs alone.
    #[must_use]
    pub fn known(&self, planned: &PlannedStep) -> Option<Expected> {
        Expected::of(&self.samples(planned.step.call.operation(), &planned.reading))
    }

    /// How long a step usually takes, for [`Engine::expecting`](crate::engine::Engine::expecting): the median of its operation,
    /// changes first, else its default. What past runs tell is worked out once and not for each step.
    pub fn usual(&self) -> impl Fn(&Step) -> Duration + Send + Sync + 'static {
        let differs = Reading::Differs(Diff::default());
        let median = |operation: &String| Some(Expected::of(&self.samples(operation, &differs))?.median);
        let known: BTreeMap<String, Duration> =
            self.operations.keys().filter_map(|operation| Some((operation.clone(), median(operation)?))).collect();
        move |step| {
            let known = known.get(step.call.operation()).copied();
            known.unwrap_or_else(|| Expected::by_default(step.patience).median)
        }
    }
}

/// The form on disk; the version is looked at before anything else is believed.
#[derive(Deserialize)]
struct Stored {
    dip_history: u32,
    runs: usize,
    operations: BTreeMap<String, Past>,
}

impl<'de> Deserialize<'de> for History {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Stored { dip_history, runs, operations } = Stored::deserialize(deserializer)?;
        if dip_history != HISTORY_VERSION {
            let text = format!("the history has form {dip_history}, and this dip reads form {HISTORY_VERSION}");
            return Err(serde::de::Error::custom(text));
        }
        Ok(Self { dip_history, runs, operations })
    }
}
