//! Boots: which environments a node passes through so that every step of it finds the one that it needs.
//!
//! [`Own`] knows the order of one node's steps and searches its fewest boots; [`Simulation`] goes through the work of all
//! nodes as a run would, and lets each node boot when that costs it least; [`count`] tells what came of it.

mod count;
mod own;
mod planned;
mod search;
mod set;
mod shape;
mod simulate;

pub use count::BootCount;
pub use planned::PlannedBoot;
pub(crate) use planned::{Part, Trip};
pub(crate) use shape::{Placed, Shape};
pub(crate) use simulate::{Simulation, Traveller};

use crate::id::NodeName;
use crate::site::{NodeState, Site};
use crate::step::Environment;

/// Where a node is when nothing is left to do: one that should be gone has no power, every other runs its system.
pub(crate) fn rest(site: &Site, node: &NodeName) -> Environment {
    match site.nodes.get(node).map(|node| node.state) {
        Some(NodeState::Absent) => Environment::Off,
        _ => Environment::Installed,
    }
}
