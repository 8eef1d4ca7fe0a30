//! All layers over a simulated datacenter: the main job, the same by seeds with faults, and what happens when all is done twice.

mod cabling;
#[path = "../../../dip-core/tests/core/judge/mod.rs"]
mod judge;
mod outlets;
mod repeat;
mod scene;
mod simulate;
mod whole;
