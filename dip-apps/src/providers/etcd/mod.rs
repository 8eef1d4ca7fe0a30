//! etcd as the systemd service `etcd` of the node's distribution, configured by its environment file.
//!
//! Source: etcd v3.4 "Configuration flags" (every flag `--x-y` is also `ETCD_X_Y`) and "Clustering guide", static bootstrap.

mod configuration;
mod workload;

pub use workload::Etcd;
