//! The operations of layer 4.

mod follow_time;
mod hold_certificate;
mod run_agent;
mod run_memcached;
mod send_logs;
mod serve_metrics;
mod ssh_login;
mod time_clients;
mod trust_ssh;
mod use_package_proxy;
mod use_resolver;

pub use follow_time::{Clock, FollowTime};
pub use hold_certificate::HoldCertificate;
pub use run_agent::RunAgent;
pub use run_memcached::RunMemcached;
pub use send_logs::SendLogs;
pub use serve_metrics::ServeMetrics;
pub use time_clients::Server;
pub use trust_ssh::TrustSsh;
pub use use_package_proxy::UsePackageProxy;
pub use use_resolver::UseResolver;
