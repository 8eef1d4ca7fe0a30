//! DIP layer 4, operations clients: what a node must run so that it can be operated.
//!
//! Steps, each proposed only where the node's settings ask for it:
//! * `opsclients.follow_time`: chrony follows the site's time service, and is in sync with it.
//! * `opsclients.use_resolver`: the node asks the site's resolvers, and finds its own name through them.
//! * `opsclients.serve_metrics`: the Prometheus node exporter runs and answers.
//!
//! This layer has no provider trait of its own: all three act through [`dip_core::provider::Host`]. The agents of
//! configuration systems (Chef, Puppet, Salt, Ansible), which will have one, are not here yet; neither are logging and caches.
//!
//! The steps know Debian's paths and units, and systemd. They install nothing: let `os.packages` name `chrony` and
//! `prometheus-node-exporter` where the image does not have them.
//!
//! ```
//! use dip_core::layer::Layer;
//! use dip_opsclients::OpsClientsLayer;
//! let operations = { let mut known = Default::default(); OpsClientsLayer.operations(&mut known); known };
//! assert!(operations.knows("opsclients.follow_time"));
//! ```

mod layer;
mod node;
pub mod settings;
pub mod steps;
#[cfg(test)]
mod testing;
mod unit;

pub use layer::{OpsClientsLayer, time_servers};
