//! The table of all that a BMC can be asked: each facet with its verbs, what they answer, whether they change anything, and how they
//! are told of. Providers that hand every call on to another are made of it.

use dip_core::provider::PowerAction;

/// What the table names, for those who use it.
pub(crate) mod named {
    pub(crate) use std::sync::Arc;

    pub(crate) use dip_core::hardware::PowerState;
    pub(crate) use dip_core::provider::{Power, PowerAction, ProviderError};
    pub(crate) use dip_core::secret::Secret;

    pub(crate) use super::power_words;
    pub(crate) use crate::provider::{
        Accepted, Account, Accounts, Bios, BiosAttributes, BiosState, Bmc, Boot, BootOverride, BootState, Component,
        Console, ConsoleStream, Controller, ControllerState, EventLog, EventStream, Events, Firmware, Hardware,
        IdentifyLight, Inventory, Light, LockoutPolicy, LogEntry, MediaSlot, Raid, Role, SecureBoot, SecureBootState,
        SensorReading, Sensors, StorageController, Subscription, TaskRef, TaskState, Tasks, VirtualMedia, WantedVolume,
    };
}

/// Gives the whole table to a macro, behind what the macro is told besides: `facet Trait { Reads "words", verb(argument: Type) ->
/// Answer; }`.
macro_rules! all_facets {
    ($into:ident $($besides:tt)*) => {
        $into! {
            $($besides)*
            power Power {
                Reads "read the power state", state() -> PowerState;
                Changes power_words(action), request(action: PowerAction) -> ();
            }
            boot Boot {
                Reads "read the boot device", boot_override() -> BootState;
                Changes "set the boot device", set_boot_override(wanted: BootOverride) -> ();
            }
            inventory Inventory {
                Reads "list the parts of the machine", hardware() -> Hardware;
            }
            sensors Sensors {
                Reads "read the sensors", readings() -> Vec<SensorReading>;
            }
            event_log EventLog {
                Reads "read the event log", entries() -> Vec<LogEntry>;
                Changes "clear the event log", clear() -> ();
            }
            events Events {
                Reads "follow the events", follow() -> Box<dyn EventStream>;
                Reads "list the subscriptions", subscriptions() -> Vec<Subscription>;
                Changes "subscribe to the events", subscribe(destination: &str, context: &str) -> String;
                Changes "end a subscription", unsubscribe(id: &str) -> ();
            }
            identify_light IdentifyLight {
                Reads "ask whether the light shines", state() -> Option<Light>;
                Changes "turn the light on or off", set(light: Light) -> ();
            }
            console Console {
                Changes "open the console", open() -> Box<dyn ConsoleStream>;
                Changes "take the console", take() -> Box<dyn ConsoleStream>;
            }
            virtual_media VirtualMedia {
                Reads "list the virtual drives", slots() -> Vec<MediaSlot>;
                Changes "insert an image", insert(slot: &str, url: &str) -> ();
                Changes "empty a virtual drive", eject(slot: &str) -> ();
            }
            bios Bios {
                Reads "read the BIOS settings", state() -> BiosState;
                Changes "change the BIOS settings", set(wanted: &BiosAttributes) -> Accepted;
            }
            secure_boot SecureBoot {
                Reads "ask whether Secure Boot is on", state() -> SecureBootState;
                Changes "turn on Secure Boot", enable() -> ();
                Changes "turn off Secure Boot", disable() -> ();
            }
            raid Raid {
                Reads "list the storage controllers", controllers() -> Vec<StorageController>;
                Changes "make a volume", create(controller: &str, wanted: &WantedVolume) -> Accepted;
                Changes "take a volume away", delete(controller: &str, volume: &str) -> Accepted;
            }
            firmware Firmware {
                Reads "list the firmware", components() -> Vec<Component>;
                Changes "install firmware", install(url: &str, components: &[String]) -> Accepted;
            }
            tasks Tasks {
                Reads "ask how far a task is", task(task: &TaskRef) -> TaskState;
            }
            accounts Accounts {
                Reads "list the users", list() -> Vec<Account>;
                Changes "set a user", set(name: &str, password: &Secret, role: Role) -> ();
                Changes "set a password", set_password(name: &str, password: &Secret) -> ();
                // A wrong password that is tried by every protocol is as many failed logins.
                Changes "try a password", has_password(name: &str, password: &Secret) -> bool;
                Changes "disable a user", disable(name: &str) -> ();
                Changes "take a user away", remove(name: &str) -> ();
                Reads "ask how guessing is guarded against", lockout() -> Option<LockoutPolicy>;
            }
            controller Controller {
                Reads "ask about the controller", state() -> ControllerState;
                Changes "set the time servers of the controller", set_ntp(servers: &[String]) -> ();
                Changes "set the log receivers of the controller", set_syslog(receivers: &[String]) -> ();
                Changes "close weak ways into the controller", close_weaknesses() -> Vec<String>;
                Changes "ask for a request for a certificate", certificate_request(name: &str) -> String;
                Changes "replace the certificate of the controller", set_certificate(pem: &str) -> ();
                Reads "look at the certificate of the controller", certificate() -> Option<Vec<u8>>;
                Changes "restart the controller", restart() -> ();
            }
        }
    };
}

/// Makes a type a [`Bmc`] that hands every call on to a client which is found when it is needed. The type has `template()`, which says what
/// facets there are, `client()`, and `told(result)`, through which every result goes.
macro_rules! handed_on {
    ($by:ident $($facet:ident $trait:ident {
        $($effect:ident $words:expr, $verb:ident($($name:ident: $type:ty),*) -> $told:ty;)*
    })*) => {
        #[async_trait]
        impl Bmc for $by {
            async fn identity(&self) -> Result<Identity, ProviderError> {
                let told = self.client().await?.identity().await;
                self.told(told).await
            }

            $(fn $facet(&self) -> Option<Arc<dyn $trait>> {
                self.template().$facet().map(|_| Arc::new(self.clone()) as Arc<dyn $trait>)
            })*
        }

        $(#[async_trait]
        impl $trait for $by {
            $(async fn $verb(&self, $($name: $type),*) -> Result<$told, ProviderError> {
                let facet = self.client().await?.$facet().ok_or_else(|| {
                    ProviderError::new(ErrorKind::Unsupported, "bmc", $words)
                })?;
                let told = facet.$verb($($name),*).await;
                self.told(told).await
            })*
        })*
    };
}

pub(crate) use {all_facets, handed_on};

pub(crate) const fn power_words(action: PowerAction) -> &'static str {
    match action {
        PowerAction::On => "switch on the machine",
        PowerAction::Off => "switch off the machine",
        PowerAction::Shutdown => "ask for the shutdown of the machine",
        PowerAction::Cycle => "switch the machine off and on",
    }
}
