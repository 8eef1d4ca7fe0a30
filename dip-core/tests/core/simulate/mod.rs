//! Simulation: the whole engine on virtual time, from seeds. Each seed is a site, its steps, its faults, and what people and crashes
//! do to the run; each ends ready or with a true explanation. `DIP_SEED=123 cargo test -p dip-core --test core simulate` replays one.

mod case;
mod course;
mod draw;
mod operator;
mod seeds;
mod truth;
