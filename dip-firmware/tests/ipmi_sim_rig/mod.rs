//! What the IPMI trials run on: `ipmi_sim` processes with a machine that is a real process, and a bad network.

mod network;
mod sim;

pub(crate) use network::{Faults, LossyNetwork};
pub(crate) use sim::{GUID, PASSWORD, Sim, USER, free_address, missing_programs};
