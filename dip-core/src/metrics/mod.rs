//! Metrics of runs and of drift, in Prometheus' text form. `docs/observability.md` tells each with its labels.
//!
//! Labels are sites, layers, operations and words of fixed lists; never a node, a step or a sentence, so that the number of
//! series of a site stays the same however large it is.

mod drift;
mod exposition;
mod histogram;
mod run;

pub use drift::drift_text;
pub use exposition::CONTENT_TYPE;
pub use histogram::BUCKETS;
pub use run::Metrics;
