//! Every verb of every facet, passed to one protocol after the other: a table of what each is called, whether it changes anything, and
//! how it is told of.

use async_trait::async_trait;
use dip_core::hardware::PowerState;
use dip_core::provider::{Power, PowerAction, ProviderError};
use dip_core::secret::Secret;

use super::facet::Facet;
use super::protocols::{Effect, Protocols};
use crate::provider::{
    Accepted, Account, Accounts, Bios, BiosAttributes, BiosState, Boot, BootOverride, BootState, Component, Console,
    ConsoleStream, Controller, ControllerState, EventLog, EventStream, Events, Firmware, Hardware, IdentifyLight,
    Inventory, Light, LockoutPolicy, LogEntry, MediaSlot, Raid, Role, SecureBoot, SecureBootState, SensorReading,
    Sensors, StorageController, Subscription, TaskRef, TaskState, Tasks, VirtualMedia, WantedVolume,
};

/// Implements a facet's trait by the protocols: `Reads` or `Changes`, the words of the action, and the verb as the trait has it.
macro_rules! forward {
    ($trait:ident by $facet:ident { $($effect:ident $words:expr, $verb:ident($($arg:ident: $type:ty),*) -> $answer:ty;)* }) => {
        #[async_trait]
        impl $trait for Protocols {
            $(async fn $verb(&self, $($arg: $type),*) -> Result<$answer, ProviderError> {
                self.call(Facet::$trait, $words, Effect::$effect, |protocol| {
                    let facet = protocol.bmc.$facet()?;
                    Some(Box::pin(async move { facet.$verb($($arg),*).await }))
                })
                .await
            })*
        }
    };
}

forward! { Power by power {
    Reads "read the power state", state() -> PowerState;
    Changes power_words(action), request(action: PowerAction) -> ();
}}

forward! { Boot by boot {
    Reads "read the boot device", boot_override() -> BootState;
    Changes "set the boot device", set_boot_override(wanted: BootOverride) -> ();
}}

forward! { Inventory by inventory {
    Reads "list the parts of the machine", hardware() -> Hardware;
}}

forward! { Sensors by sensors {
    Reads "read the sensors", readings() -> Vec<SensorReading>;
}}

forward! { EventLog by event_log {
    Reads "read the event log", entries() -> Vec<LogEntry>;
    Changes "clear the event log", clear() -> ();
}}

forward! { Events by events {
    Reads "follow the events", follow() -> Box<dyn EventStream>;
    Reads "list the subscriptions", subscriptions() -> Vec<Subscription>;
    Changes "subscribe to the events", subscribe(destination: &str, context: &str) -> String;
    Changes "end a subscription", unsubscribe(id: &str) -> ();
}}

forward! { IdentifyLight by identify_light {
    Reads "ask whether the light shines", state() -> Option<Light>;
    Changes "turn the light on or off", set(light: Light) -> ();
}}

forward! { Console by console {
    Changes "open the console", open() -> Box<dyn ConsoleStream>;
    Changes "take the console", take() -> Box<dyn ConsoleStream>;
}}

forward! { VirtualMedia by virtual_media {
    Reads "list the virtual drives", slots() -> Vec<MediaSlot>;
    Changes "insert an image", insert(slot: &str, url: &str) -> ();
    Changes "empty a virtual drive", eject(slot: &str) -> ();
}}

forward! { Bios by bios {
    Reads "read the BIOS settings", state() -> BiosState;
    Changes "change the BIOS settings", set(wanted: &BiosAttributes) -> Accepted;
}}

forward! { SecureBoot by secure_boot {
    Reads "ask whether Secure Boot is on", state() -> SecureBootState;
    Changes "turn on Secure Boot", enable() -> ();
    Changes "turn off Secure Boot", disable() -> ();
}}

forward! { Raid by raid {
    Reads "list the storage controllers", controllers() -> Vec<StorageController>;
    Changes "make a volume", create(controller: &str, wanted: &WantedVolume) -> Accepted;
    Changes "take a volume away", delete(controller: &str, volume: &str) -> Accepted;
}}

forward! { Firmware by firmware {
    Reads "list the firmware", components() -> Vec<Component>;
    Changes "install firmware", install(url: &str, components: &[String]) -> Accepted;
}}

forward! { Tasks by tasks {
    Reads "ask how far a task is", task(task: &TaskRef) -> TaskState;
}}

forward! { Accounts by accounts {
    Reads "list the users", list() -> Vec<Account>;
    Changes "set a user", set(name: &str, password: &Secret, role: Role) -> ();
    Changes "set a password", set_password(name: &str, password: &Secret) -> ();
    // A wrong password that is tried by every protocol is as many failed logins.
    Changes "try a password", has_password(name: &str, password: &Secret) -> bool;
    Changes "disable a user", disable(name: &str) -> ();
    Changes "take a user away", remove(name: &str) -> ();
    Reads "ask how guessing is guarded against", lockout() -> Option<LockoutPolicy>;
}}

forward! { Controller by controller {
    Reads "ask about the controller", state() -> ControllerState;
    Changes "set the time servers of the controller", set_ntp(servers: &[String]) -> ();
    Changes "set the log receivers of the controller", set_syslog(receivers: &[String]) -> ();
    Changes "close weak ways into the controller", close_weaknesses() -> Vec<String>;
    Changes "ask for a request for a certificate", certificate_request(name: &str) -> String;
    Changes "replace the certificate of the controller", set_certificate(pem: &str) -> ();
    Changes "restart the controller", restart() -> ();
}}

const fn power_words(action: PowerAction) -> &'static str {
    match action {
        PowerAction::On => "switch on the machine",
        PowerAction::Off => "switch off the machine",
        PowerAction::Shutdown => "ask for the shutdown of the machine",
        PowerAction::Cycle => "switch the machine off and on",
    }
}
