//! What layer 4 (operations clients) promises to the others.

use super::Fact;

/// The node's clock is in sync with the site's time (`node/<node>`); the value names the source it follows.
pub const CLOCK: Fact<String> = Fact::new("opsclients.clock");

/// The node resolves names through the site's resolvers (`node/<node>`); the value is the name that was resolved.
pub const RESOLVER: Fact<String> = Fact::new("opsclients.resolver");

/// The node serves its metrics (`node/<node>`); the value is the address that a monitoring server scrapes, `host:port`.
pub const METRICS: Fact<String> = Fact::new("opsclients.metrics");

/// Messages of the node's system log reach the site's receiver (`node/<node>`); the value says where one was seen.
pub const LOGGING: Fact<String> = Fact::new("opsclients.logging");

/// The node's SSH server shows a certificate of the site's authority and lets its users in (`node/<node>`); the value is the
/// serial number of the certificate.
pub const SSH_TRUST: Fact<String> = Fact::new("opsclients.ssh_trust");

/// The node holds a key and a certificate of the site's authority (`node/<node>`); the value is the certificate's SHA-256.
pub const CERTIFICATE: Fact<String> = Fact::new("opsclients.certificate");

/// The node's package manager asks a proxy that answers (`node/<node>`); the value is its URL.
pub const PACKAGE_PROXY: Fact<String> = Fact::new("opsclients.package_proxy");

/// The node's memcached answers (`node/<node>`); the value is its version.
pub const MEMCACHED: Fact<String> = Fact::new("opsclients.memcached");

/// A run of the node's configuration agent would change nothing (`node/<node>`); the value names the product.
pub const AGENT: Fact<String> = Fact::new("opsclients.agent");

/// What the configuration agent knows of the node, by the agent's own names (`node/<node>`).
pub const AGENT_FACTS: Fact<std::collections::BTreeMap<String, serde_json::Value>> =
    Fact::new("opsclients.agent_facts");
