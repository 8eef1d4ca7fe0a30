//! The trials that providers of this layer's traits must pass, on the real products.

mod config_agent;

pub use config_agent::{AgentHarness, config_agent};
