//! DIP layer 7, cluster coordination: membership and quorum.
//!
//! Steps:
//! * `cluster.await_quorum`: as many members are healthy as the cluster needs to decide anything.
//! * `cluster.verify_write`: a write was made and is read back through the cluster.
//!
//! Providers, each behind a feature of its name: `etcd` ([`provider::Membership`], over etcd's own HTTP interface).
//!
//! A site may name its load balancers (service kind `haproxy`), so that they are known; no step changes one yet.
//!
//! ```
//! use dip_core::layer::Layer;
//! use dip_cluster::ClusterLayer;
//! let operations = { let mut known = Default::default(); ClusterLayer.operations(&mut known); known };
//! assert!(operations.knows("cluster.await_quorum"));
//! ```

#[cfg(feature = "conformance")]
pub mod conformance;
mod layer;
pub mod provider;
pub mod providers;
pub mod settings;
pub mod steps;

pub use layer::ClusterLayer;
