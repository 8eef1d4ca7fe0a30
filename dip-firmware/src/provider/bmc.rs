//! A management controller: who its machine is, and which abilities it offers.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::Identity;
use dip_core::provider::{Power, ProviderError};

use super::{
    Accounts, Bios, Boot, Console, Controller, EventLog, Events, Firmware, IdentifyLight, Inventory, Raid, SecureBoot,
    Sensors, Tasks, VirtualMedia,
};

/// The management controller of one machine.
///
/// An ability that it does not offer is an absent facet. Which facets there are is known without asking the machine;
/// a machine that turns out to lack one answers its calls with
/// [`ErrorKind::Unsupported`](dip_core::provider::ErrorKind::Unsupported).
///
/// # Contract
/// * Wrong credentials are [`ErrorKind::Denied`](dip_core::provider::ErrorKind::Denied) and never tried again, and a denial of another
///   kind carries [`NoLoginRefused`](super::NoLoginRefused); a controller that is
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

    /// The parts of the machine.
    fn inventory(&self) -> Option<Arc<dyn Inventory>>;

    /// The machine's sensors.
    fn sensors(&self) -> Option<Arc<dyn Sensors>>;

    /// The machine's event log.
    fn event_log(&self) -> Option<Arc<dyn EventLog>>;

    /// What the controller tells by itself.
    fn events(&self) -> Option<Arc<dyn Events>>;

    /// The light by which the machine is found in its rack.
    fn identify_light(&self) -> Option<Arc<dyn IdentifyLight>>;

    /// The machine's serial console.
    fn console(&self) -> Option<Arc<dyn Console>>;

    /// Images presented to the machine as a drive.
    fn virtual_media(&self) -> Option<Arc<dyn VirtualMedia>>;

    /// The settings of the machine's firmware.
    fn bios(&self) -> Option<Arc<dyn Bios>>;

    /// Whether the machine starts only what is signed.
    fn secure_boot(&self) -> Option<Arc<dyn SecureBoot>>;

    /// The machine's storage controllers.
    fn raid(&self) -> Option<Arc<dyn Raid>>;

    /// The versions of firmware in the machine.
    fn firmware(&self) -> Option<Arc<dyn Firmware>>;

    /// The work that the controller does on its own time.
    fn tasks(&self) -> Option<Arc<dyn Tasks>>;

    /// The users of the controller.
    fn accounts(&self) -> Option<Arc<dyn Accounts>>;

    /// The controller itself.
    fn controller(&self) -> Option<Arc<dyn Controller>>;
}
