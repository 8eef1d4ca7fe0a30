//! A power distribution unit: which outlets have power, what they are called, what they carry.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::PowerState;
use dip_core::provider::ProviderError;

use super::Metering;

/// The outlets of one PDU, counted from 1.
///
/// An ability that the PDU does not offer is an absent facet; one that turns out to lack it answers its calls with
/// [`ErrorKind::Unsupported`](dip_core::provider::ErrorKind::Unsupported).
///
/// # Contract
/// * An outlet that the PDU does not have is [`ErrorKind::NotFound`](dip_core::provider::ErrorKind::NotFound), for every call.
/// * `set_outlet` to the state that the outlet already has is `Ok(())`. It returns when the PDU accepted it; `outlet` tells when it
///   has come true (many PDUs switch outlets one after the other, with a pause).
/// * `outlet` of an outlet that is being switched is what it was, what it will be, or
///   [`ErrorKind::Busy`](dip_core::provider::ErrorKind::Busy).
/// * `cycle_outlet` takes the power away for as long as the PDU itself is set to (seconds), and ends with the outlet on, also where it
///   was off before. It is never sent again once it may have acted: an answer that got lost is
///   [`Retry::Never`](dip_core::provider::Retry::Never).
/// * No call touches any other outlet.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Pdu: Send + Sync {
    /// Whether an outlet has power.
    async fn outlet(&self, outlet: u16) -> Result<PowerState, ProviderError>;

    /// Switches an outlet.
    async fn set_outlet(&self, outlet: u16, state: PowerState) -> Result<(), ProviderError>;

    /// Switches an outlet off and on again.
    ///
    /// # Cancel safety
    /// A PDU that cycles by itself goes on. Where the provider has to switch twice, a call that is dropped may leave the outlet off;
    /// `outlet` tells it.
    async fn cycle_outlet(&self, outlet: u16) -> Result<(), ProviderError>;

    /// What the PDU calls an outlet; `None` where it has no name.
    async fn outlet_name(&self, outlet: u16) -> Result<Option<String>, ProviderError>;

    /// What its outlets carry.
    fn metering(&self) -> Option<Arc<dyn Metering>>;
}
