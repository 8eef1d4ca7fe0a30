//! The planner, the engine and the journal, tried on a toy layer whose world is a map in memory.

mod crash;
mod drift;
mod explain;
mod journal;
mod old_files;
mod plan;
mod property;
mod removal;
mod resume;
mod rollout;
mod run;
mod schedule;
mod toy;
