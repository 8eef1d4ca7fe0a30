//! A BMC that speaks several protocols.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::Identity;
use dip_core::provider::{Power, ProviderError};

use super::facet::Facet;
use super::protocols::{Effect, Protocols};
use crate::provider::{
    Accounts, Bios, Bmc, Boot, Console, Controller, EventLog, Events, Firmware, IdentifyLight, Inventory, Raid,
    SecureBoot, Sensors, Tasks, VirtualMedia,
};

/// A BMC that speaks several protocols.
///
/// A reading is tried by one protocol after the other. A change goes on to the next only where the last one cannot have
/// acted: it does not offer the change, or the error carries [`NotActed`](crate::provider::NotActed). A protocol that refuses the
/// credentials ends the call: trying a wrong password everywhere locks accounts. The protocol that worked is asked first from then on;
/// one that has an ability which the first one lacks, for that ability.
pub struct Preferred(Arc<Protocols>);

impl Preferred {
    /// A BMC at an address with its protocols by name, the preferred one first.
    ///
    /// # Panics
    /// Where there is no protocol.
    #[must_use]
    pub fn new(address: &str, protocols: Vec<(&'static str, Arc<dyn Bmc>)>) -> Self {
        assert!(!protocols.is_empty(), "a BMC has at least one protocol");
        Self(Arc::new(Protocols::new(address, protocols)))
    }

    /// The protocol that is asked first: the one that worked last.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        self.0.first(None)
    }

    /// The protocol that is asked first for a facet.
    #[must_use]
    pub fn protocol_for(&self, facet: Facet) -> &'static str {
        self.0.first(Some(facet))
    }

    /// The protocols as a facet, if one of them may have it.
    fn facet(&self, facet: Facet) -> Option<Arc<Protocols>> {
        self.0.offers(facet).then(|| Arc::clone(&self.0))
    }
}

impl fmt::Debug for Preferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preferred")
            .field("address", &self.0.address)
            .field("protocols", &self.0.names().collect::<Vec<_>>())
            .field("worked", &self.protocol())
            .finish()
    }
}

#[async_trait]
impl Bmc for Preferred {
    async fn identity(&self) -> Result<Identity, ProviderError> {
        let words = "ask who the machine is";
        self.0.call(Facet::Identity, words, Effect::Reads, |protocol| Some(Box::pin(protocol.bmc.identity()))).await
    }

    fn power(&self) -> Option<Arc<dyn Power>> {
        Some(self.facet(Facet::Power)?)
    }

    fn boot(&self) -> Option<Arc<dyn Boot>> {
        Some(self.facet(Facet::Boot)?)
    }

    fn inventory(&self) -> Option<Arc<dyn Inventory>> {
        Some(self.facet(Facet::Inventory)?)
    }

    fn sensors(&self) -> Option<Arc<dyn Sensors>> {
        Some(self.facet(Facet::Sensors)?)
    }

    fn event_log(&self) -> Option<Arc<dyn EventLog>> {
        Some(self.facet(Facet::EventLog)?)
    }

    fn identify_light(&self) -> Option<Arc<dyn IdentifyLight>> {
        Some(self.facet(Facet::IdentifyLight)?)
    }

    fn console(&self) -> Option<Arc<dyn Console>> {
        Some(self.facet(Facet::Console)?)
    }

    fn virtual_media(&self) -> Option<Arc<dyn VirtualMedia>> {
        Some(self.facet(Facet::VirtualMedia)?)
    }

    fn bios(&self) -> Option<Arc<dyn Bios>> {
        Some(self.facet(Facet::Bios)?)
    }

    fn secure_boot(&self) -> Option<Arc<dyn SecureBoot>> {
        Some(self.facet(Facet::SecureBoot)?)
    }

    fn raid(&self) -> Option<Arc<dyn Raid>> {
        Some(self.facet(Facet::Raid)?)
    }

    fn firmware(&self) -> Option<Arc<dyn Firmware>> {
        Some(self.facet(Facet::Firmware)?)
    }

    fn events(&self) -> Option<Arc<dyn Events>> {
        Some(self.facet(Facet::Events)?)
    }

    fn tasks(&self) -> Option<Arc<dyn Tasks>> {
        Some(self.facet(Facet::Tasks)?)
    }

    fn accounts(&self) -> Option<Arc<dyn Accounts>> {
        Some(self.facet(Facet::Accounts)?)
    }

    fn controller(&self) -> Option<Arc<dyn Controller>> {
        Some(self.facet(Facet::Controller)?)
    }
}
