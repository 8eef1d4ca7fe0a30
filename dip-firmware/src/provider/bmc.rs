//! A management controller: who its machine is, and which abilities it offers.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::Identity;
use dip_core::provider::{Power, ProviderError};

use super::Boot;

/// The management controller of one machine.
///
/// An ability that it does not offer is an absent facet. Which facets there are is known without asking the machine;
/// a machine that turns out to lack one answers its calls with
/// [`ErrorKind::Unsupported`](dip_core::provider::ErrorKind::Unsupported).
///
/// # Contract
/// * Wrong credentials are [`ErrorKind::Denied`](dip_core::provider::ErrorKind::Denied) and never tried again; a controller that is
///   silent or refuses connections is [`ErrorKind::Unreachable`](dip_core::provider::ErrorKind::Unreachable), with backoff.
/// * No call is made before it is needed, and a lost session is renewed inside a call.
/// * Any call may be cancelled; the controller can be asked afterwards.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Bmc: Send + Sync {
    /// Who the machine is. What the controller does not tell is `None`; blank fields count as not told.
    async fn identity(&self) -> Result<Identity, ProviderError>;

    /// The machine's power.
    fn power(&self) -> Option<Arc<dyn Power>>;

    /// The machine's boot device.
    fn boot(&self) -> Option<Arc<dyn Boot>>;
}
