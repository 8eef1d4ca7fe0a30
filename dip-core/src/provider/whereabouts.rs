//! Where an interface is on the network of a site. A layer that knows a machine by its MAC address asks; who serves addresses answers.

use std::net::IpAddr;

use async_trait::async_trait;

use super::ProviderError;
use crate::hardware::MacAddr;

/// Which addresses the interfaces of a site have. It answers for [`Subject::addresses`](crate::subject::Subject::addresses).
///
/// # Contract
/// An interface that nobody knows has no addresses, which is no error. One that has several is told with all of them, each once.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Whereabouts: Send + Sync {
    /// The addresses of an interface, those that are kept for it and those that it was lent.
    async fn addresses_of(&self, mac: MacAddr) -> Result<Vec<IpAddr>, ProviderError>;
}
