//! What layer 7 (cluster coordination) promises to the others.

use super::Fact;

/// The cluster has quorum (`cluster/<cluster>`); the value names the voting members that are healthy.
pub const QUORUM: Fact<Vec<String>> = Fact::new("cluster.quorum");

/// A write was made and read back through the cluster (`cluster/<cluster>`); the value is the revision seen.
pub const WRITABLE: Fact<u64> = Fact::new("cluster.writable");
