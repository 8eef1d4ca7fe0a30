//! The power of a machine, by whoever can switch it: a BMC, a PDU outlet, a hypervisor.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::ProviderError;
use crate::hardware::PowerState;

/// A change of a machine's power. Each is a wish for a state or one event; "already there" is never an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerAction {
    /// Power on.
    On,
    /// Power off at once.
    Off,
    /// Ask the running system to shut down.
    Shutdown,
    /// Off and on again.
    Cycle,
}

/// The power of one machine.
///
/// # Contract
/// `On` of a machine that is on and `Off` of one that is off are `Ok(())`. A call returns when the request is accepted;
/// `state` tells when it has come true. `Cycle` is never repeated by a provider once it may have acted.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Power: Send + Sync {
    /// Whether the machine has power now.
    async fn state(&self) -> Result<PowerState, ProviderError>;

    /// Asks for a change.
    async fn request(&self, action: PowerAction) -> Result<(), ProviderError>;
}
