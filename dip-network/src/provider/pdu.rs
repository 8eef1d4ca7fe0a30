//! A power distribution unit: which outlets have power.

use async_trait::async_trait;
use dip_core::hardware::PowerState;
use dip_core::provider::ProviderError;

/// The outlets of one PDU, counted from 1.
///
/// No real provider of it is part of this crate yet, so `NetworkLayer` registers none: a site may list its PDUs, and dip
/// uses them as failure domains only. The simulated datacenter and a program of your own can provide it.
///
/// # Contract
/// * An outlet that the PDU does not have is [`ErrorKind::NotFound`](dip_core::provider::ErrorKind::NotFound).
/// * `set_outlet` to the state that the outlet already has is `Ok(())`. It returns when the PDU accepted it; `outlet` tells when it
///   has come true (many PDUs switch outlets one after the other, with a pause).
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Pdu: Send + Sync {
    /// Whether an outlet has power.
    async fn outlet(&self, outlet: u16) -> Result<PowerState, ProviderError>;

    /// Switches an outlet.
    async fn set_outlet(&self, outlet: u16, state: PowerState) -> Result<(), ProviderError>;
}
