//! A BMC by IPMI 2.0, and which facets it offers.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::Identity;
use dip_core::provider::{Power, ProviderError};
use dip_core::secret::Secret;

use super::machine::Machine;
use crate::ipmi::{IpmiError, Sockets};
use crate::provider::{
    Accounts, Bios, Bmc, Boot, Console, Controller, EventLog, Events, Firmware, IdentifyLight, Inventory, Raid,
    SecureBoot, Sensors, Tasks, VirtualMedia,
};
use crate::settings::IpmiSettings;

/// A BMC by IPMI 2.0. One session is kept, and opened again when the BMC has lost it.
#[derive(Debug, Clone)]
pub struct Ipmi(Arc<Machine>);

impl Ipmi {
    /// A BMC by its address or host name, asked over sockets that may be shared with others; nothing is sent yet.
    ///
    /// # Errors
    /// Where user or password are longer than IPMI can carry.
    pub fn new(
        sockets: &Sockets,
        address: &str,
        user: &str,
        password: &Secret,
        settings: &IpmiSettings,
    ) -> Result<Self, IpmiError> {
        Machine::new(sockets, address, user, password, settings).map(Arc::new).map(Self)
    }

    /// Closes the session that is kept, if there is one.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

#[async_trait]
impl Bmc for Ipmi {
    async fn identity(&self) -> Result<Identity, ProviderError> {
        self.0.identity().await
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

    fn console(&self) -> Option<Arc<dyn Console>> {
        Some(Arc::clone(&self.0) as Arc<dyn Console>)
    }

    fn virtual_media(&self) -> Option<Arc<dyn VirtualMedia>> {
        None
    }

    fn bios(&self) -> Option<Arc<dyn Bios>> {
        None
    }

    fn secure_boot(&self) -> Option<Arc<dyn SecureBoot>> {
        None
    }

    fn raid(&self) -> Option<Arc<dyn Raid>> {
        None
    }

    fn firmware(&self) -> Option<Arc<dyn Firmware>> {
        None
    }

    /// Alerts of IPMI are SNMP traps, which others receive.
    fn events(&self) -> Option<Arc<dyn Events>> {
        None
    }

    fn tasks(&self) -> Option<Arc<dyn Tasks>> {
        None
    }

    fn accounts(&self) -> Option<Arc<dyn Accounts>> {
        Some(Arc::clone(&self.0) as Arc<dyn Accounts>)
    }

    fn controller(&self) -> Option<Arc<dyn Controller>> {
        Some(Arc::clone(&self.0) as Arc<dyn Controller>)
    }
}
