//! What layer 6 (operations management) promises to the others.

use std::net::IpAddr;

use super::Fact;

/// The node's names in the site's DNS: its addresses, forward and reverse (`node/<node>`).
pub const NAME: Fact<Vec<IpAddr>> = Fact::new("opsmgmt.name");

/// The node's record in the site's CMDB (`node/<node>`); the value is the record's id there.
pub const CMDB_RECORD: Fact<String> = Fact::new("opsmgmt.cmdb_record");

/// The node is scraped by the site's monitoring, and up (`node/<node>`); the value is the target.
pub const MONITORED: Fact<String> = Fact::new("opsmgmt.monitored");
