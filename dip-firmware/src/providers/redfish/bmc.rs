//! What a BMC offers by Redfish.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::Identity;
use dip_core::provider::{Power, ProviderError};
use dip_core::secret::Secret;

use super::error::RedfishError;
use super::machine::Machine;
use crate::hygiene::Vouching;
use crate::provider::{
    Accounts, Bios, Bmc, Boot, Console, Controller, EventLog, Firmware, IdentifyLight, Inventory, Raid, SecureBoot,
    Sensors, Tasks, VirtualMedia,
};
use crate::providers::told::{told, uuid};
use crate::quirks::Quirk;
use crate::settings::RedfishSettings;

/// A BMC by Redfish.
#[derive(Debug, Clone)]
pub struct Redfish(Arc<Machine>);

impl Redfish {
    /// A BMC by its address or host name; nothing is sent yet.
    ///
    /// # Errors
    /// Where the address or the settings cannot be used.
    pub fn new(address: &str, user: &str, password: &Secret, settings: &RedfishSettings) -> Result<Self, RedfishError> {
        Self::vouched_for(address, user, password, settings, &Vouching::default())
    }

    /// A BMC whose certificate may be one of the site's own authority, whatever its settings say.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn vouched_for(
        address: &str,
        user: &str,
        password: &Secret,
        settings: &RedfishSettings,
        vouching: &Vouching,
    ) -> Result<Self, RedfishError> {
        Ok(Self(Arc::new(Machine::new(address, user, password, settings, vouching)?)))
    }

    /// Closes the session that is kept, if there is one.
    pub async fn close(&self) {
        self.0.client.close().await;
    }
}

#[async_trait]
impl Bmc for Redfish {
    async fn identity(&self) -> Result<Identity, ProviderError> {
        let read = async {
            let system = self.0.system().await?.body;
            let labelled = self.0.has(Quirk::SerialIsSku).await?;
            let serial = if labelled { &system.sku } else { &system.serial_number };
            Ok(Identity {
                manufacturer: told(system.manufacturer.as_deref()),
                model: told(system.model.as_deref()),
                serial: told(serial.as_deref()),
                uuid: uuid(system.uuid.as_deref()),
                // A system resource has no field for it.
                board_serial: None,
            })
        };
        read.await.map_err(self.0.failed("ask who the machine is"))
    }

    fn power(&self) -> Option<Arc<dyn Power>> {
        Some(Arc::clone(&self.0) as Arc<dyn Power>)
    }

    fn boot(&self) -> Option<Arc<dyn Boot>> {
        Some(Arc::clone(&self.0) as Arc<dyn Boot>)
    }

    fn inventory(&self) -> Option<Arc<dyn Inventory>> {
        Some(Arc::clone(&self.0) as Arc<dyn Inventory>)
    }

    fn sensors(&self) -> Option<Arc<dyn Sensors>> {
        Some(Arc::clone(&self.0) as Arc<dyn Sensors>)
    }

    fn event_log(&self) -> Option<Arc<dyn EventLog>> {
        Some(Arc::clone(&self.0) as Arc<dyn EventLog>)
    }

    fn identify_light(&self) -> Option<Arc<dyn IdentifyLight>> {
        Some(Arc::clone(&self.0) as Arc<dyn IdentifyLight>)
    }

    /// Redfish tells where a console is, and leads to it by SSH or IPMI: no console of its own.
    fn console(&self) -> Option<Arc<dyn Console>> {
        None
    }

    fn virtual_media(&self) -> Option<Arc<dyn VirtualMedia>> {
        Some(Arc::clone(&self.0) as Arc<dyn VirtualMedia>)
    }

    fn bios(&self) -> Option<Arc<dyn Bios>> {
        Some(Arc::clone(&self.0) as Arc<dyn Bios>)
    }

    fn secure_boot(&self) -> Option<Arc<dyn SecureBoot>> {
        Some(Arc::clone(&self.0) as Arc<dyn SecureBoot>)
    }

    fn raid(&self) -> Option<Arc<dyn Raid>> {
        Some(Arc::clone(&self.0) as Arc<dyn Raid>)
    }

    fn firmware(&self) -> Option<Arc<dyn Firmware>> {
        Some(Arc::clone(&self.0) as Arc<dyn Firmware>)
    }

    fn tasks(&self) -> Option<Arc<dyn Tasks>> {
        Some(Arc::clone(&self.0) as Arc<dyn Tasks>)
    }

    fn accounts(&self) -> Option<Arc<dyn Accounts>> {
        Some(Arc::clone(&self.0) as Arc<dyn Accounts>)
    }

    fn controller(&self) -> Option<Arc<dyn Controller>> {
        Some(Arc::clone(&self.0) as Arc<dyn Controller>)
    }
}
