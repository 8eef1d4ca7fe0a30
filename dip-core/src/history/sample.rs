//! One measured duration, many of them, and what to expect from them.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::operation::Patience;

/// How many samples are kept of one operation: enough for a 90th percentile that one odd run does not move, and few enough
/// that machines which were replaced are forgotten.
pub(super) const KEPT: usize = 64;

/// How long one step took in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sample {
    /// From its first start until it was seen to be as wanted, waits and further attempts included.
    pub took: Duration,
    /// For how much of that a worker had it: waits hold none.
    pub held: Duration,
}

/// The newest samples of an operation, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Samples(VecDeque<Sample>);

impl Samples {
    pub(super) fn add(&mut self, sample: Sample) {
        self.0.push_back(sample);
        // Read from a file, there may be more than one too many.
        while self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Sample> {
        self.0.iter().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where an expectation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// From so many samples of past runs.
    Runs {
        /// How many.
        samples: usize,
    },
    /// From nothing but the step's patience.
    Default,
}

/// How long a step is expected to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// One of ten such steps is faster than this.
    pub p10: Duration,
    /// Half of them are faster than this.
    pub median: Duration,
    /// Nine of ten are faster than this.
    pub p90: Duration,
    /// How long a worker has it, in the median.
    pub held: Duration,
    /// Where this comes from.
    pub source: Source,
}

/// What a step of which no past run knows is expected to take, as a part of its patience. A deadline is set so that nearly
/// nothing that goes well reaches it; an eighth of it is 15 s for a step that talks to a server, and 1 min 52 s for a boot.
const DEFAULT_PART: u32 = 8;

impl Expected {
    /// What is expected where no run is known: an eighth of the deadline, half of it at best and twice of it at worst; a
    /// worker has it for an eighth of the time that one attempt may take.
    #[must_use]
    pub fn by_default(patience: Patience) -> Self {
        let median = patience.deadline / DEFAULT_PART;
        let held = (patience.attempt / DEFAULT_PART).min(median);
        Self { p10: median / 2, median, p90: median * 2, held, source: Source::Default }
    }

    /// What samples tell; `None` where there are none. They must be sorted.
    pub(crate) fn of(sorted: &[Sample]) -> Option<Self> {
        let last = sorted.len().checked_sub(1)?;
        // The nearest rank: a value that was measured, never one between two.
        let at = |percent: usize| sorted[(last * percent + 50) / 100];
        let mut held: Vec<Duration> = sorted.iter().map(|sample| sample.held).collect();
        held.sort_unstable();
        Some(Self {
            p10: at(10).took,
            median: at(50).took,
            p90: at(90).took,
            held: held[(last * 50 + 50) / 100],
            source: Source::Runs { samples: sorted.len() },
        })
    }

    /// Whether past runs tell this.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        matches!(self.source, Source::Runs { .. })
    }
}
