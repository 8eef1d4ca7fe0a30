//! The planner, the engine and the journal, tried on a toy layer whose world is a map in memory.

mod boot_oracle;
mod boots;
mod change;
mod crash;
mod drift;
mod estimate;
mod explain;
mod exposition;
mod guards;
mod history;
mod journal;
mod metrics;
mod old_files;
mod plan;
mod property;
mod readiness;
mod recorder;
mod removal;
mod resume;
mod rollout;
mod run;
mod schedule;
mod spans;
mod stale;
mod toy;
