//! What layer 7 (cluster coordination) promises to the others.

use super::Fact;

/// The cluster has quorum (`cluster/<cluster>`); the value names the voting members that are healthy.
pub const QUORUM: Fact<Vec<String>> = Fact::new("cluster.quorum");

/// The cluster counts a node among its members (`member/<cluster>/<node>`); what is given is that it no longer does.
pub const JOINED: Fact<String> = Fact::new("cluster.joined");

/// A write was made and read back through the cluster (`cluster/<cluster>`); the value is the revision seen.
pub const WRITABLE: Fact<u64> = Fact::new("cluster.writable");
