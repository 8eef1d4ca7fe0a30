//! The planner, the engine and the journal, tried on a toy layer whose world is a map in memory.

mod drift;
mod exposition;
mod journal;
mod metrics;
mod old_files;
mod plan;
mod property;
mod recorder;
mod resume;
mod run;
mod schedule;
mod spans;
mod toy;
