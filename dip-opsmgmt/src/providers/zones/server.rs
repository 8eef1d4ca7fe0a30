//! What a product must say of its server, so that names can be kept in its zones.

use async_trait::async_trait;

use super::edit::Edit;
use super::record::{Data, Kind, Record};
use crate::providers::fault::Fault;

/// A server with zones. All names are in lower case, without a dot at their end.
#[async_trait]
pub trait ZoneServer: Send + Sync + 'static {
    /// As errors name it.
    const PRODUCT: &'static str;

    /// The most bytes of a message, as [`Edit::weight`] counts them.
    const CAPACITY: usize;

    /// Who compares what an edit expects with what is there.
    const COMPARES: Compares;

    /// The time to live of new records, in seconds.
    fn ttl(&self) -> u32;

    /// The zone that a name is in.
    async fn zone(&self, name: &str) -> Result<String, Fault>;

    /// What stands at these names, in their order.
    async fn look(&self, zone: &str, looks: &[&Look]) -> Result<Vec<Seen>, Fault>;

    /// Whether a name has records of any type of its own, not from a wildcard, nor only names below it.
    async fn used(&self, zone: &str, name: &str) -> Result<bool, Fault>;

    /// The serial number of a zone, where it tells that nothing has changed since; `None` where it does not.
    async fn serial(&self, zone: &str) -> Result<Option<u32>, Fault>;

    /// All records of a zone. `Unsupported` where the server does not let them be had.
    async fn transfer(&self, zone: &str) -> Result<Transfer, Fault>;

    /// Makes all of several edits of a zone that share no name, or none.
    async fn write(&self, zone: &str, edits: &[&Edit]) -> Result<Outcome, Fault>;
}

/// A question: which records of some types are at a name?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    pub(crate) name: String,
    pub(crate) kinds: &'static [Kind],
}

/// What is at a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The records of the types that were asked for.
    pub(crate) data: Vec<Data>,
    /// Where an alias (CNAME) at the name leads.
    pub(crate) alias: Option<String>,
    /// Whether the name is used.
    pub(crate) usage: Usage,
}

/// Whether a name has records of any type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Usage {
    /// It has none.
    #[default]
    Unused,
    /// The server knows it, maybe by a wildcard or for a name below it: [`ZoneServer::used`] tells.
    Known,
    /// It has some of its own.
    Used,
}

/// Who compares what an edit expects with what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compares {
    /// The server, together with the change: then a new name is written without a look, which nothing can come between.
    Server,
    /// dip, by a look right before the change.
    Dip,
}

/// All of a zone.
#[derive(Debug, Clone)]
pub struct Transfer {
    pub(crate) serial: Option<u32>,
    pub(crate) records: Vec<Record>,
}

/// What came of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All was changed.
    Changed,
    /// Nothing was changed, because something that must be the case is not.
    Prevented,
}
