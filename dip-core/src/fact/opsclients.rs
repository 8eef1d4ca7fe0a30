//! What layer 4 (operations clients) promises to the others.

use super::Fact;

/// The node's clock is in sync with the site's time (`node/<node>`); the value names the source it follows.
pub const CLOCK: Fact<String> = Fact::new("opsclients.clock");

/// The node resolves names through the site's resolvers (`node/<node>`); the value is the name that was resolved.
pub const RESOLVER: Fact<String> = Fact::new("opsclients.resolver");

/// The node serves its metrics (`node/<node>`); the value is the address that a monitoring server scrapes, `host:port`.
pub const METRICS: Fact<String> = Fact::new("opsclients.metrics");
