//! The settings that this layer reads of nodes and services, as types and as the shape that the site file is checked against.

mod agents;
mod node;
mod schema;
mod services;

pub(crate) use agents::{ANSIBLE, CINC, PUPPET, SALT};
pub use agents::{AnsibleSettings, CincSettings, PuppetSettings, SaltSettings};
pub use node::{
    AgentSettings, CertificateSettings, LoggingSettings, MemcachedSettings, MetricsSettings, OpsClientsSettings,
    PackageProxySettings, Reach, ResolverClient, ResolverSettings, SshSettings, TimeClient, TimeSettings,
};
pub use schema::schema;
pub(crate) use services::{NTP, SSH_AUTHORITY, SYSLOG};
pub use services::{NtpSettings, SeenIn, SshAuthoritySettings, SyslogProtocol, SyslogSettings};
