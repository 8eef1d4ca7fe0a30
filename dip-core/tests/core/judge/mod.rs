//! A judge that knows nothing of the schedule: it reads a plan's data and the records of a run, and tells what is wrong.

mod away;
mod hours;
mod rules;
mod trial;

pub(crate) use rules::Judge;
