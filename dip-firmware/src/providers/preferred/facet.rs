//! The facets of a BMC by name.

use crate::provider::Bmc;

/// What a BMC can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Facet {
    /// Who the machine is.
    Identity,
    /// Its power.
    Power,
    /// Its boot device.
    Boot,
    /// Its parts.
    Inventory,
    /// Its sensors.
    Sensors,
    /// Its event log.
    EventLog,
    /// What it tells by itself.
    Events,
    /// Its light.
    IdentifyLight,
    /// Its serial console.
    Console,
    /// Its virtual drives.
    VirtualMedia,
    /// Its BIOS settings.
    Bios,
    /// Its Secure Boot.
    SecureBoot,
    /// Its storage controllers.
    Raid,
    /// Its firmware.
    Firmware,
    /// The tasks of the controller.
    Tasks,
    /// The users of the controller.
    Accounts,
    /// The controller itself.
    Controller,
}

impl Facet {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Identity,
        Self::Power,
        Self::Boot,
        Self::Inventory,
        Self::Sensors,
        Self::EventLog,
        Self::Events,
        Self::IdentifyLight,
        Self::Console,
        Self::VirtualMedia,
        Self::Bios,
        Self::SecureBoot,
        Self::Raid,
        Self::Firmware,
        Self::Tasks,
        Self::Accounts,
        Self::Controller,
    ];

    /// Whether a BMC may have it, as far as that is known without asking.
    #[must_use]
    pub fn is_of(self, bmc: &dyn Bmc) -> bool {
        match self {
            Self::Identity => true,
            Self::Power => bmc.power().is_some(),
            Self::Boot => bmc.boot().is_some(),
            Self::Inventory => bmc.inventory().is_some(),
            Self::Sensors => bmc.sensors().is_some(),
            Self::EventLog => bmc.event_log().is_some(),
            Self::Events => bmc.events().is_some(),
            Self::IdentifyLight => bmc.identify_light().is_some(),
            Self::Console => bmc.console().is_some(),
            Self::VirtualMedia => bmc.virtual_media().is_some(),
            Self::Bios => bmc.bios().is_some(),
            Self::SecureBoot => bmc.secure_boot().is_some(),
            Self::Raid => bmc.raid().is_some(),
            Self::Firmware => bmc.firmware().is_some(),
            Self::Tasks => bmc.tasks().is_some(),
            Self::Accounts => bmc.accounts().is_some(),
            Self::Controller => bmc.controller().is_some(),
        }
    }
}
