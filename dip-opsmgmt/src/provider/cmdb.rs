//! A CMDB: the record of a node, of which dip writes its own fields and no others.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::{Identity, MacAddr};
use dip_core::id::{NicName, NodeName, RackName, SiteName};
use dip_core::provider::{Holder, Inventory, Ipam, ProviderError};
use ipnetwork::IpNetwork;
use serde::{Deserialize, Serialize};

/// The fields of a node's record that dip writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// The node.
    pub node: NodeName,
    /// Its fully qualified host name.
    pub host_name: String,
    /// Its addresses, the primary one first.
    pub addresses: Vec<IpAddr>,
    /// The rack that it stands in, where the site says one.
    pub rack: Option<RackName>,
    /// Who the machine is, as it tells itself.
    pub identity: Identity,
    /// Its interfaces of which the site says a MAC address or addresses, in the order of their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nics: Vec<NicRecord>,
}

/// An interface in a node's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicRecord {
    /// Its name.
    pub name: NicName,
    /// Its MAC address.
    pub mac: Option<MacAddr>,
    /// Its addresses, each with the length of the prefix that it is in: `10.1.0.11/24`.
    pub addresses: Vec<IpNetwork>,
}

impl fmt::Display for NicRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mac = self.mac.iter().map(ToString::to_string);
        let all: Vec<String> = mac.chain(self.addresses.iter().map(ToString::to_string)).collect();
        f.write_str(&all.join(" "))
    }
}

/// What the CMDB has about a node, of dip's fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRecord {
    /// The id of the record in the CMDB: a number, a path, a URL.
    pub id: String,
    /// The fields.
    pub record: NodeRecord,
    /// The site whose mark they carry; `None` where they carry none: somebody else wrote them.
    pub owner: Option<SiteName>,
}

/// The node records of one CMDB.
///
/// # Contract
/// * `write` sets dip's fields and the mark of their owner, and leaves all else in the record as it is. A record that is not there is
///   made. Twice is once, and a `read` right after sees it.
/// * Fields that carry another site's mark, or none, are
///   [`ErrorKind::Conflict`](dip_core::provider::ErrorKind::Conflict) for `write` and `remove`; the error tells who holds them, and
///   nothing is changed. A record that has none of dip's fields is nobody's: dip adds its fields to it.
/// * A CMDB with interfaces and addresses of its own gets those of the node there too: `write` makes what is missing, with the owner's
///   mark, and fills what is empty. What somebody else wrote there and says otherwise is a `Conflict` that tells who holds it, unless
///   the CMDB's settings say that dip owns it; an address of another machine always is one. `read` tells them as they are there, so
///   that a change by hand is seen; `remove` takes away what dip made, and puts back what it wrote over.
/// * `may_write` tells what `write` would be refused for, and changes nothing.
/// * A record that somebody else changes during a `write` does not lose their change: the call starts again or fails as
///   [`ErrorKind::Busy`](dip_core::provider::ErrorKind::Busy).
/// * `remove` takes dip's fields away, and the record with them if nothing else is in it; what is not there is `Ok(())`.
/// * `claim` puts the owner's mark on a record that `from` holds, and leaves what it says as it is. One that the owner holds
///   already, and a record that is not there, is `Ok(())`; one that anybody else holds is a `Conflict`.
/// * `disown` takes the owner's mark off again and leaves the rest. One without a mark is `Ok(())`, another site's a `Conflict`.
/// * A reader sees dip's fields before or after a `write`, never in between; so does everybody after a cancelled call. Interfaces and
///   addresses of the CMDB's own follow one after another, and a further `write` goes on where one ended.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Cmdb: Send + Sync {
    /// dip's fields of a node's record; `None` where there are none.
    async fn read(&self, node: &NodeName) -> Result<Option<HeldRecord>, ProviderError>;

    /// Writes dip's fields of a node's record, on behalf of a site.
    async fn write(&self, record: &NodeRecord, owner: &SiteName) -> Result<(), ProviderError>;

    /// Whether somebody else holds what a [`write`](Self::write) of this record would change.
    ///
    /// # Errors
    /// As `Conflict`, where it would be refused, and by whom it is held; else where the CMDB cannot be asked.
    async fn may_write(&self, record: &NodeRecord, owner: &SiteName) -> Result<(), ProviderError>;

    /// Puts a site's mark on dip's fields of a node's record that somebody else holds, by a reviewed claim.
    async fn claim(&self, node: &NodeName, from: &Holder, owner: &SiteName) -> Result<(), ProviderError>;

    /// Takes a site's mark off dip's fields of a node's record.
    async fn disown(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError>;

    /// Takes dip's fields of a node's record away, on behalf of a site.
    async fn remove(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError>;

    /// All records that have dip's fields, every site's, in the order of nodes.
    async fn list(&self) -> Result<Vec<HeldRecord>, ProviderError>;

    /// Who has addresses beside dip's fields, by records of the CMDB's own; `None` where it keeps none.
    fn ipam(&self) -> Option<Arc<dyn Ipam>>;

    /// The racks and nodes that a site may take from it; `None` where dip cannot read them.
    fn inventory(&self) -> Option<Arc<dyn Inventory>>;
}
