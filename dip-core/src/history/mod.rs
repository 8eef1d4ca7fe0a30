//! History: how long operations took in past runs, so that a plan can tell how long it will take and a wait when it should end.

mod estimate;
mod files;
mod past;
mod run;
mod sample;
mod text;

pub use estimate::{Bound, Estimate, Leg};
pub use files::{HistoryFiles, Skipped};
pub use past::{HISTORY_VERSION, History};
pub use sample::{Expected, Sample, Source};
