//! BMCs of several makers, modelled after what their services tell: each has a small tree of resources, does what it is asked, and
//! refuses in its maker's own way. Faults can be put in its way. It is a model: none of it was measured on a machine here.

mod actions;
mod bmc;
mod changes;
mod fault;
mod maker;
mod parts;
mod state;
mod tree;

pub(crate) use bmc::{ModelBmc, SLOW};
pub(crate) use fault::Fault;
pub(crate) use maker::Maker;
