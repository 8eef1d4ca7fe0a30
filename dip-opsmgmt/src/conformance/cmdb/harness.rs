//! What a CMDB under trial brings.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::Failure;
use dip_core::hardware::MacAddr;
use dip_core::id::NicName;

use crate::provider::{Cmdb, NicRecord, NodeRecord};

/// A CMDB under trial.
#[async_trait]
pub trait CmdbHarness: Send + Sync {
    /// The provider.
    fn cmdb(&self) -> Arc<dyn Cmdb>;

    /// A provider with wrong credentials; `None` where the CMDB asks for none.
    fn with_wrong_credentials(&self) -> Option<Arc<dyn Cmdb>>;

    /// A provider for a CMDB that does not answer; `None` where there can be none.
    fn of_dead_server(&self) -> Option<Arc<dyn Cmdb>>;

    /// The record of a node that shares nothing with any other. Each call gives another one.
    fn fresh(&self) -> NodeRecord;

    /// Makes a record of the node with fields that are not dip's, as a person would; `None` where that cannot be done.
    async fn seed_other_fields(&self, record: &NodeRecord) -> Result<Option<()>, Failure>;

    /// Whether the fields that [`seed_other_fields`](Self::seed_other_fields) made are all there and as they were.
    async fn other_fields_are_untouched(&self, record: &NodeRecord) -> Result<(), Failure>;

    /// Writes dip's fields of a record without a mark, as a person would; `None` where that cannot be done.
    async fn seed_unmarked(&self, record: &NodeRecord) -> Result<Option<()>, Failure>;

    /// The interfaces of a node in the CMDB's own fields, as a person finds them there; `None` where it has no such fields. The first
    /// address by which it says that the node is known comes with them.
    async fn native(&self, record: &NodeRecord) -> Result<Option<NativeNode>, Failure>;

    /// Makes an interface of a node in the CMDB's own fields as a person would, and the node where it is not there.
    async fn seed_native(&self, record: &NodeRecord, nic: &NicRecord) -> Result<(), Failure>;

    /// Changes the MAC address of an interface of a node in the CMDB's own fields as a person would.
    async fn change_native_mac(&self, record: &NodeRecord, nic: &NicName, mac: MacAddr) -> Result<(), Failure>;
}

/// What the own fields of a CMDB say of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NativeNode {
    /// Its interfaces, in the order of their names.
    pub nics: Vec<NicRecord>,
    /// The IPv4 address by which it is known.
    pub primary: Option<IpAddr>,
}

pub(super) type Harness = Arc<dyn CmdbHarness>;
