//! A simulator of runs: a site of steps with durations, needs and locks, the pure [`dip::core::engine::Schedule`] over it on
//! virtual time, and what it is measured by: FIFO list scheduling, and a bound below which no schedule can come.

mod bound;
mod family;
mod layer;
mod list;
mod random;
mod run;

pub(crate) use bound::bound;
pub(crate) use family::{FAMILIES, Instance, Tightness, instance};
pub(crate) use layer::{limits, plan};
pub(crate) use list::{Rule, list};
pub(crate) use random::Random;
pub(crate) use run::run;
