//! How long steps took, sorted into fixed buckets.

use std::time::Duration;

use super::exposition::Family;

/// The upper bounds of the buckets, in seconds: an answer of a server, a service that starts, a machine that boots, an
/// installation, a transfer of firmware or data.
pub const BUCKETS: [f64; 12] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 180.0, 300.0, 600.0, 1800.0, 3600.0, 10_800.0];

#[derive(Debug, Clone, Default)]
pub(super) struct Histogram {
    /// How many fell into each bucket, not added up; what is above all of them is counted in `count` alone.
    counts: [u64; BUCKETS.len()],
    count: u64,
    sum: Duration,
}

impl Histogram {
    pub(super) fn observe(&mut self, took: Duration) {
        if let Some(count) =
            BUCKETS.iter().position(|bound| took.as_secs_f64() <= *bound).map(|at| &mut self.counts[at])
        {
            *count += 1;
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(took);
    }

    /// Writes it; the form wants each bucket to count all below its bound.
    pub(super) fn write(&self, family: &mut Family<'_>, labels: &[(&str, &str)]) {
        let mut below = 0;
        for (bound, count) in BUCKETS.iter().zip(self.counts) {
            below += count;
            family.suffixed("_bucket", &[labels, &[("le", &bound.to_string())]].concat(), below);
        }
        family.suffixed("_bucket", &[labels, &[("le", "+Inf")]].concat(), self.count);
        family.suffixed("_sum", labels, self.sum.as_secs_f64());
        family.suffixed("_count", labels, self.count);
    }
}
