//! What layer 5 (applications) promises to the others.

use super::Fact;

/// A member of a workload runs on a node (`member/<cluster>/<node>`); the value is the workload's version as it tells it.
pub const MEMBER: Fact<String> = Fact::new("apps.member");
