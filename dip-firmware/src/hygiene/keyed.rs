//! A controller behind its keyring: each call goes to a client that got in.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::{Hardware, Identity, PowerState};
use dip_core::provider::{ErrorKind, Power, PowerAction, ProviderError};
use dip_core::secret::Secret;

use super::Keyring;
use crate::provider::{
    Accepted, Account, Accounts, Bios, BiosAttributes, BiosState, Bmc, Boot, BootOverride, BootState, Component,
    Console, ConsoleStream, Controller, ControllerState, EventLog, EventStream, Events, Firmware, IdentifyLight,
    Inventory, Light, LockoutPolicy, LogEntry, MediaSlot, Raid, Role, SecureBoot, SecureBootState, SensorReading,
    Sensors, StorageController, Subscription, TaskRef, TaskState, Tasks, VirtualMedia, WantedVolume,
};

/// A controller whose password may change while it is worked with. Its facets are those of a client by any password.
#[derive(Clone)]
pub struct Keyed {
    keyring: Arc<Keyring>,
    template: Arc<dyn Bmc>,
}

impl fmt::Debug for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed").field("keyring", &self.keyring).finish_non_exhaustive()
    }
}

impl Keyed {
    /// The controller that a keyring opens.
    ///
    /// # Errors
    /// Where no client can be made.
    pub fn new(keyring: Arc<Keyring>) -> Result<Self, ProviderError> {
        let template = keyring.template()?;
        Ok(Self { keyring, template })
    }

    async fn client(&self) -> Result<Arc<dyn Bmc>, ProviderError> {
        Ok(self.keyring.client().await?.0)
    }

    /// Hands a result on, and remembers who was refused.
    async fn told<T>(&self, result: Result<T, ProviderError>) -> Result<T, ProviderError> {
        if let Err(error) = &result
            && error.kind() == ErrorKind::Denied
        {
            self.keyring.refused().await;
        }
        result
    }
}

/// The facets of a client, and calls of facets handed on to those of the client that got in.
macro_rules! handed_on {
    ($($facet:ident -> $trait:ident {
        $(fn $verb:ident($($name:ident: $type:ty),*) -> $told:ty;)*
    })*) => {
        #[async_trait]
        impl Bmc for Keyed {
            async fn identity(&self) -> Result<Identity, ProviderError> {
                let told = self.client().await?.identity().await;
                self.told(told).await
            }

            $(fn $facet(&self) -> Option<Arc<dyn $trait>> {
                self.template.$facet().map(|_| Arc::new(self.clone()) as Arc<dyn $trait>)
            })*
        }

        $(#[async_trait]
        impl $trait for Keyed {
            $(async fn $verb(&self, $($name: $type),*) -> Result<$told, ProviderError> {
                let facet = self.client().await?.$facet().ok_or_else(|| {
                    ProviderError::new(ErrorKind::Unsupported, "bmc", concat!("use its ", stringify!($facet)))
                })?;
                let told = facet.$verb($($name),*).await;
                self.told(told).await
            })*
        })*
    };
}

handed_on! {
    power -> Power {
        fn state() -> PowerState;
        fn request(action: PowerAction) -> ();
    }
    boot -> Boot {
        fn boot_override() -> BootState;
        fn set_boot_override(wanted: BootOverride) -> ();
    }
    inventory -> Inventory {
        fn hardware() -> Hardware;
    }
    sensors -> Sensors {
        fn readings() -> Vec<SensorReading>;
    }
    event_log -> EventLog {
        fn entries() -> Vec<LogEntry>;
        fn clear() -> ();
    }
    events -> Events {
        fn follow() -> Box<dyn EventStream>;
        fn subscriptions() -> Vec<Subscription>;
        fn subscribe(destination: &str, context: &str) -> String;
        fn unsubscribe(id: &str) -> ();
    }
    identify_light -> IdentifyLight {
        fn state() -> Option<Light>;
        fn set(light: Light) -> ();
    }
    console -> Console {
        fn open() -> Box<dyn ConsoleStream>;
        fn take() -> Box<dyn ConsoleStream>;
    }
    virtual_media -> VirtualMedia {
        fn slots() -> Vec<MediaSlot>;
        fn insert(slot: &str, url: &str) -> ();
        fn eject(slot: &str) -> ();
    }
    bios -> Bios {
        fn state() -> BiosState;
        fn set(wanted: &BiosAttributes) -> Accepted;
    }
    secure_boot -> SecureBoot {
        fn state() -> SecureBootState;
        fn enable() -> ();
        fn disable() -> ();
    }
    raid -> Raid {
        fn controllers() -> Vec<StorageController>;
        fn create(controller: &str, wanted: &WantedVolume) -> Accepted;
        fn delete(controller: &str, volume: &str) -> Accepted;
    }
    firmware -> Firmware {
        fn components() -> Vec<Component>;
        fn install(url: &str, components: &[String]) -> Accepted;
    }
    tasks -> Tasks {
        fn task(task: &TaskRef) -> TaskState;
    }
    accounts -> Accounts {
        fn list() -> Vec<Account>;
        fn set(name: &str, password: &Secret, role: Role) -> ();
        fn set_password(name: &str, password: &Secret) -> ();
        fn has_password(name: &str, password: &Secret) -> bool;
        fn disable(name: &str) -> ();
        fn remove(name: &str) -> ();
        fn lockout() -> Option<LockoutPolicy>;
    }
    controller -> Controller {
        fn state() -> ControllerState;
        fn set_ntp(servers: &[String]) -> ();
        fn set_syslog(receivers: &[String]) -> ();
        fn close_weaknesses() -> Vec<String>;
        fn certificate_request(name: &str) -> String;
        fn set_certificate(pem: &str) -> ();
        fn restart() -> ();
    }
}
