//! A BMC by IPMI 2.0 over LAN.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use dip_core::hardware::{BootDevice, Identity, PowerState};
use dip_core::provider::{ErrorKind, Power, PowerAction, ProviderError};
use dip_core::secret::Secret;
use tokio::sync::OnceCell;

use super::told::told;
use crate::ipmi::{self, Credentials, ErrorClass, IpmiBmc, IpmiError, Options, Privilege};
use crate::provider::{
    Accounts, Bios, Bmc, Boot, BootMode, BootOverride, BootState, Console, Controller, EventLog, Firmware,
    IdentifyLight, Inventory, NotActed, Persistence, Raid, SecureBoot, Sensors, Tasks, VirtualMedia,
};
use crate::settings::{IPMI, IpmiPrivilege, IpmiSettings};

/// The port of RMCP (IPMI 2.0, 13.1.2).
const PORT: u16 = 623;

/// A BMC by IPMI 2.0. One session is kept, and opened again when the BMC has lost it.
#[derive(Debug, Clone)]
pub struct Ipmi(Arc<Machine>);

impl Ipmi {
    /// A BMC by its address or host name; nothing is sent yet.
    ///
    /// # Errors
    /// Where user or password are longer than IPMI can carry.
    pub fn new(address: &str, user: &str, password: &Secret, settings: &IpmiSettings) -> Result<Self, IpmiError> {
        let credentials = Credentials::new(user, password.expose())?;
        let privilege = match settings.privilege {
            None | Some(IpmiPrivilege::Administrator) => Privilege::Administrator,
            Some(IpmiPrivilege::Operator) => Privilege::Operator,
        };
        Ok(Self(Arc::new(Machine {
            host: address.trim_matches(['[', ']']).to_owned(),
            port: settings.port.unwrap_or(PORT),
            credentials,
            options: Options::default().with_privilege(privilege),
            bmc: OnceCell::new(),
            set: Mutex::new(None),
        })))
    }

    /// Closes the session that is kept, if there is one.
    pub async fn close(&self) {
        if let Some(bmc) = self.0.bmc.get() {
            bmc.close().await;
        }
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
        None
    }

    fn sensors(&self) -> Option<Arc<dyn Sensors>> {
        None
    }

    fn event_log(&self) -> Option<Arc<dyn EventLog>> {
        None
    }

    fn identify_light(&self) -> Option<Arc<dyn IdentifyLight>> {
        None
    }

    fn console(&self) -> Option<Arc<dyn Console>> {
        None
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

    fn tasks(&self) -> Option<Arc<dyn Tasks>> {
        None
    }

    fn accounts(&self) -> Option<Arc<dyn Accounts>> {
        None
    }

    fn controller(&self) -> Option<Arc<dyn Controller>> {
        None
    }
}

struct Machine {
    host: String,
    port: u16,
    credentials: Credentials,
    options: Options,
    bmc: OnceCell<IpmiBmc>,
    /// The boot device that was last set here.
    set: Mutex<Option<ipmi::BootDevice>>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Machine {
    async fn identity(&self) -> Result<Identity, ProviderError> {
        let action = "ask who the machine is";
        let seen = self.bmc(action).await?.identity().await.map_err(|error| self.failed(action, error))?;
        let guid = seen.guid.as_ref();
        Ok(Identity {
            manufacturer: told(seen.manufacturer()),
            model: told(seen.product_name()),
            serial: told(seen.serial()),
            // Makers send the bytes in three orders; a guess would be another machine's UUID.
            uuid: guid.and_then(|guid| Some(guid.uuid(guid.likely_order()?))),
            board_serial: told(seen.board_serial()),
        })
    }

    /// The BMC, its host name looked up at the first call.
    async fn bmc(&self, action: &str) -> Result<&IpmiBmc, ProviderError> {
        self.bmc
            .get_or_try_init(|| async {
                let addr = self.look_up().await.map_err(|error| {
                    ProviderError::new(ErrorKind::Unreachable, IPMI, self.at(action))
                        .advise(format!("check that `{}` is the BMC's address or a host name that resolves", self.host))
                        .because(NotActed::new(error))
                })?;
                Ok(IpmiBmc::new(addr, self.credentials.clone(), self.options))
            })
            .await
    }

    async fn look_up(&self) -> std::io::Result<SocketAddr> {
        let mut found = tokio::net::lookup_host((self.host.as_str(), self.port)).await?;
        found.next().ok_or_else(|| std::io::Error::new(std::io::ErrorKind::NotFound, "the host name has no address"))
    }

    fn at(&self, action: &str) -> String {
        format!("{action} at {}", self.host)
    }

    fn failed(&self, action: &str, error: IpmiError) -> ProviderError {
        let kind = match error.class() {
            ErrorClass::Busy => ErrorKind::Busy,
            ErrorClass::Denied => ErrorKind::Denied,
            ErrorClass::Invalid => ErrorKind::Invalid,
            ErrorClass::Unexpected => ErrorKind::Unexpected,
            // A lost session is opened again at the next call.
            ErrorClass::SessionLost | ErrorClass::Unreachable => ErrorKind::Unreachable,
            ErrorClass::Unsupported => ErrorKind::Unsupported,
        };
        let failed = ProviderError::new(kind, IPMI, self.at(action));
        if error.may_have_acted() { failed.because(error) } else { failed.because(NotActed::new(error)) }
    }
}

#[async_trait]
impl Power for Machine {
    async fn state(&self) -> Result<PowerState, ProviderError> {
        let action = "read the power state";
        let state = self.bmc(action).await?.power_state().await.map_err(|error| self.failed(action, error))?;
        Ok(match state {
            ipmi::PowerState::On => PowerState::On,
            ipmi::PowerState::Off => PowerState::Off,
        })
    }

    async fn request(&self, wanted: PowerAction) -> Result<(), ProviderError> {
        let (wanted, action) = match wanted {
            PowerAction::On => (ipmi::PowerAction::On, "switch on the machine"),
            PowerAction::Off => (ipmi::PowerAction::Off, "switch off the machine"),
            PowerAction::Shutdown => (ipmi::PowerAction::SoftOff, "ask for the shutdown of the machine"),
            // Power cycle does nothing on a machine that is off (28.3).
            PowerAction::Cycle if self.state().await? == PowerState::Off => {
                (ipmi::PowerAction::On, "switch on the machine")
            }
            PowerAction::Cycle => (ipmi::PowerAction::Cycle, "switch the machine off and on"),
        };
        // `IpmiBmc` sends what must not be done twice only once.
        self.bmc(action).await?.power(wanted).await.map(drop).map_err(|error| self.failed(action, error))
    }
}

#[async_trait]
impl Boot for Machine {
    async fn boot_override(&self) -> Result<BootState, ProviderError> {
        let action = "read the boot device";
        let seen = self.bmc(action).await?.boot_device().await.map_err(|error| self.failed(action, error))?;
        let is_ours = *self.set.lock().unwrap_or_else(PoisonError::into_inner) == Some(seen.device);
        // Flags that are not marked as valid are no override (28.13), and may be left from one that was used long ago. But some
        // BMCs never mark them: of those, what was set here is believed.
        let counts = seen.is_marked_valid() || is_ours;
        Ok(if counts { boot_state(seen) } else { NO_OVERRIDE })
    }

    async fn set_boot_override(&self, wanted: BootOverride) -> Result<(), ProviderError> {
        let action = format!("set the boot device {}", wanted.device);
        let bmc = self.bmc(&action).await?;
        let wanted = to_ipmi(wanted);
        bmc.set_boot_device(wanted).await.map_err(|error| self.failed(&action, error))?;
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = Some(wanted.device);
        Ok(())
    }
}

const NO_OVERRIDE: BootState = BootState { device: Some(BootDevice::Default), persistence: None, mode: None };

fn boot_state(seen: ipmi::BootState) -> BootState {
    let device = match seen.device {
        ipmi::BootDevice::None => Some(BootDevice::Default),
        ipmi::BootDevice::Pxe => Some(BootDevice::Network),
        ipmi::BootDevice::Disk => Some(BootDevice::Disk),
        ipmi::BootDevice::Cdrom => Some(BootDevice::Cdrom),
        ipmi::BootDevice::BiosSetup => Some(BootDevice::Setup),
        _ => None,
    };
    let persistence = seen.persistence.map(|persistence| match persistence {
        ipmi::BootPersistence::Once => Persistence::Once,
        ipmi::BootPersistence::Always => Persistence::Always,
    });
    let mode = seen.mode.map(|mode| match mode {
        ipmi::BootMode::Efi => BootMode::Uefi,
        ipmi::BootMode::Bios => BootMode::Bios,
    });
    BootState { device, persistence, mode }
}

fn to_ipmi(wanted: BootOverride) -> ipmi::BootOverride {
    ipmi::BootOverride {
        device: match wanted.device {
            BootDevice::Default => ipmi::BootDevice::None,
            BootDevice::Network => ipmi::BootDevice::Pxe,
            BootDevice::Disk => ipmi::BootDevice::Disk,
            BootDevice::Cdrom => ipmi::BootDevice::Cdrom,
            BootDevice::Setup => ipmi::BootDevice::BiosSetup,
        },
        persistence: match wanted.persistence {
            Persistence::Once => ipmi::BootPersistence::Once,
            Persistence::Always => ipmi::BootPersistence::Always,
        },
        mode: match wanted.mode {
            BootMode::Uefi => ipmi::BootMode::Efi,
            BootMode::Bios => ipmi::BootMode::Bios,
        },
    }
}
