//! DIP layer 5, applications: workloads on top of ready state.
//!
//! Steps:
//! * `apps.start_member`: a member of a cluster's workload is configured on its node and runs.
//!
//! Providers, each behind a feature of its name: `etcd` ([`provider::Workload`], as a systemd service on the nodes).
//!
//! ```
//! use dip_core::layer::Layer;
//! use dip_apps::AppsLayer;
//! let operations = { let mut known = Default::default(); AppsLayer.operations(&mut known); known };
//! assert!(operations.knows("apps.start_member"));
//! ```

#[cfg(feature = "conformance")]
pub mod conformance;
mod layer;
pub mod provider;
pub mod providers;
pub mod settings;
pub mod steps;

pub use layer::AppsLayer;
