//! What a controller tells by itself, without being asked again and again.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

use super::LogEntry;

/// Somebody to whom a controller sends its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The controller's id of it.
    pub id: String,
    /// Where the events go: a URL.
    pub destination: String,
    /// In which form: `Redfish`, `SyslogUDP`, `SNMPv2c`; `None` where it does not tell.
    pub protocol: Option<String>,
    /// What whoever made it wrote on it, which comes with each event.
    pub context: Option<String>,
}

/// Events as they come.
#[async_trait]
pub trait EventStream: Send {
    /// The next event; it waits as long as there is none. A stream that broke off is taken up again where it ended, as far as the
    /// controller keeps what was missed.
    ///
    /// # Errors
    /// Where the controller does not come back. The stream may be asked again.
    ///
    /// # Cancel safety
    /// A call that is cancelled loses no event.
    async fn next(&mut self) -> Result<LogEntry, ProviderError>;
}

/// The events of one controller (Redfish `EventService`).
///
/// # Contract
/// * `subscribe` twice for the same destination and context is once; `unsubscribe` of what is not there is `Ok(())`.
/// * A controller that lacks the one or the other answers with [`ErrorKind::Unsupported`](dip_core::provider::ErrorKind::Unsupported).
#[async_trait]
pub trait Events: Send + Sync {
    /// Follows the events from now on.
    async fn follow(&self) -> Result<Box<dyn EventStream>, ProviderError>;

    /// To whom events are sent.
    async fn subscriptions(&self) -> Result<Vec<Subscription>, ProviderError>;

    /// Lets events be sent to a URL (`https:`), with a text that comes with each; tells the id of the subscription.
    async fn subscribe(&self, destination: &str, context: &str) -> Result<String, ProviderError>;

    /// Ends a subscription.
    async fn unsubscribe(&self, id: &str) -> Result<(), ProviderError>;
}
