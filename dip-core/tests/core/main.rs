//! The planner, the engine and the journal, tried on a toy layer whose world is a map in memory.

mod crash;
mod drift;
mod estimate;
mod explain;
mod history;
mod journal;
mod old_files;
mod plan;
mod property;
mod readiness;
mod resume;
mod rollout;
mod run;
mod schedule;
mod toy;
