//! What the IPMI trials run on: a lab BMC whose machine is a real process, and a bad network.

mod network;
mod sim;

pub(crate) use network::{Faults, LossyNetwork};
pub(crate) use sim::{PASSWORD, Sim, USER, free_address};
