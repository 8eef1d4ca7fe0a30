//! DIP layer 4, operations clients: what a node must run so that it can be operated.
//!
//! Steps, each proposed only where the node's settings ask for it, and each done when its effect was seen:
//! * `opsclients.follow_time`: chrony or systemd-timesyncd follows the site's time service, and is in sync with it.
//! * `opsclients.use_resolver`: the node asks the site's resolvers, and finds its own name through them.
//! * `opsclients.serve_metrics`: the Prometheus node exporter runs and answers.
//! * `opsclients.send_logs`: rsyslog sends the log to the site's receiver, where a message was seen ([`provider::LogReceiver`]).
//! * `opsclients.trust_ssh`: the site's SSH authority ([`provider::SshAuthority`]) is believed at both ends, and a login worked.
//! * `opsclients.hold_certificate`: the node has a certificate of the site's authority that `openssl` finds good.
//! * `opsclients.use_package_proxy`: packages come by a proxy that answers.
//! * `opsclients.run_memcached`: memcached answers.
//! * `opsclients.run_agent`: a configuration system ([`provider::ConfigAgent`]: Ansible, Puppet, Salt, Cinc) has the node, and a run
//!   would change nothing.
//!
//! What differs between Debian, the Red Hat family and SUSE is one table, in `family.rs`. The steps install nothing: let
//! `os.packages` name what the image does not have.
//!
//! ```
//! use dip_core::layer::Layer;
//! use dip_opsclients::OpsClientsLayer;
//! let operations = { let mut known = Default::default(); OpsClientsLayer.operations(&mut known); known };
//! assert!(operations.knows("opsclients.follow_time"));
//! ```

mod block;
#[cfg(feature = "conformance")]
pub mod conformance;
mod family;
mod layer;
mod node;
mod propose;
pub mod provider;
pub mod providers;
pub mod settings;
pub mod steps;
#[cfg(test)]
mod testing;
mod unit;

pub use layer::OpsClientsLayer;
pub use propose::{metrics_address, time_servers};
