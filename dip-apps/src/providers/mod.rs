//! The workloads that this layer brings up, each behind a feature of its name.

mod connect;
#[cfg(feature = "etcd")]
pub mod etcd;

pub(crate) use connect::connect;
