//! A machine of the datacenter as the model of a BMC sees it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use dip_core::hardware::{Hardware, PowerState};
use dip_core::id::NodeName;
use dip_core::provider::PowerAction;
use dip_core::secret::Secret;
use dip_firmware::models::{self, Attribute, Refusal};
use dip_firmware::provider::{
    Accepted, BiosAttributes, BiosState, BootOverride, Component, Role, SecureBootState, StorageController, TaskRef,
    TaskState, WantedVolume,
};

use super::machine::{Machine, Surroundings};
use super::management::registry;
use super::{Keeper, World};
use crate::fault::Fault;

/// A machine, by its name: the datacenter holds the models of its BMCs, and they do not hold the datacenter.
#[derive(Debug)]
pub(crate) struct Body {
    world: Weak<World>,
    node: NodeName,
}

impl Body {
    pub(crate) fn new(world: &Arc<World>, node: NodeName) -> Self {
        Self { world: Arc::downgrade(world), node }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Machine, Duration, Surroundings<'_>) -> T) -> T {
        let world = self.world.upgrade().expect("whoever asks a BMC holds its datacenter");
        world.machine_at(&self.node, act)
    }

    /// Changes the controller's users, and counts it where that changed anything.
    fn keep(&self, action: &str, change: impl FnOnce(&mut Keeper) -> Option<bool>) {
        self.with(|machine, _, around| {
            if change(&mut machine.keeper) == Some(true) {
                around.ledger.count(around.subject, action);
            }
        });
    }
}

impl models::Machine for Body {
    fn identity(&mut self) -> (String, String) {
        self.with(|machine, _, _| (machine.parts.serial.clone(), machine.parts.uuid.clone()))
    }

    fn hardware(&mut self) -> Hardware {
        self.with(|machine, _, _| machine.parts.hardware())
    }

    fn power(&mut self) -> PowerState {
        self.with(|machine, _, _| machine.power())
    }

    fn request(&mut self, action: PowerAction) {
        let world = self.world.upgrade().expect("whoever asks a BMC holds its datacenter");
        let subject = dip_core::subject::Subject::node(&self.node);
        if world.bite(&subject, |fault| matches!(fault, Fault::PowerCommandLost { .. })).is_none() {
            world.request_power(&self.node, action);
        }
    }

    fn boot(&mut self) -> BootOverride {
        self.with(|machine, _, _| machine.next_boot)
    }

    fn set_boot(&mut self, wanted: BootOverride) {
        self.with(|machine, _, around| {
            if std::mem::replace(&mut machine.next_boot, wanted) != wanted {
                around.ledger.count(around.subject, "set boot device");
            }
        });
    }

    fn bios(&mut self) -> BiosState {
        self.with(|machine, _, _| machine.management.bios().clone())
    }

    fn registry(&mut self) -> Vec<Attribute> {
        registry()
    }

    fn set_bios(&mut self, wanted: &BiosAttributes) -> Result<(), Refusal> {
        let taken = self.with(|machine, _, _| machine.management.set_bios(wanted));
        taken.map(drop).map_err(|wrong| Refusal::Wrong(wrong.to_string()))
    }

    fn secure_boot(&mut self) -> SecureBootState {
        self.with(|machine, _, _| machine.management.secure_boot())
    }

    fn secure(&mut self, enabled: bool) {
        self.with(|machine, _, around| machine.management.secure(enabled, around));
    }

    fn storage(&mut self) -> Vec<StorageController> {
        self.with(|machine, _, _| {
            let mut controllers = machine.management.controllers();
            // Disks that the site file names stand in bays of their own.
            let disks = machine.parts.hardware().disks.unwrap_or_default();
            if !disks.is_empty() {
                let (id, model) = ("AHCI.1".to_owned(), Some("AHCI".to_owned()));
                controllers.push(StorageController { id, model, levels: None, disks, volumes: Vec::new() });
            }
            controllers
        })
    }

    fn make(&mut self, _: &str, wanted: &WantedVolume) -> Result<Accepted, Refusal> {
        self.with(|machine, now, around| {
            let at = machine.moment(now, around);
            let taken = machine.management.make(wanted, at);
            let accepted = taken.map_err(|taken| Refusal::Wrong(taken.to_string()))?;
            Ok(as_task(accepted, machine.management.volume_job(&wanted.name)))
        })
    }

    fn remove(&mut self, volume: &str) -> Accepted {
        self.with(|machine, now, around| {
            let at = machine.moment(now, around);
            let accepted = machine.management.remove(volume, at);
            as_task(accepted, machine.management.volume_job(volume))
        })
    }

    fn components(&mut self) -> Vec<Component> {
        self.with(|machine, _, _| machine.management.components())
    }

    fn install(&mut self, image: &str, components: &[String]) -> Result<Accepted, Refusal> {
        self.with(|machine, now, around| {
            let at = machine.moment(now, around);
            let accepted = machine.management.install(image, components, at);
            let accepted = accepted.ok_or_else(|| Refusal::Busy("an update of these components runs".to_owned()))?;
            Ok(as_task(accepted, machine.management.install_job(image)))
        })
    }

    fn tasks(&mut self) -> Vec<(TaskRef, TaskState)> {
        let told = self.with(|machine, now, _| machine.management.tasks(now));
        told.into_iter().map(|(number, state)| (TaskRef(number.to_string()), state)).collect()
    }

    fn restart_controller(&mut self) {
        self.with(|machine, now, _| machine.management.restart(now));
    }

    fn administrator(&mut self) -> String {
        let users = self.with(|machine, _, _| machine.keeper.accounts());
        users.into_iter().next().map(|user| user.name).unwrap_or_default()
    }

    fn lets_in(&mut self, user: &str, password: &Secret) -> bool {
        self.with(|machine, _, _| machine.keeper.log_in(user, password).is_ok())
    }

    fn set_password(&mut self, user: &str, password: &Secret) {
        self.keep("set password", |keeper| {
            let known = keeper.set_password(user, password);
            known.or_else(|| Some(keeper.set(user, password, Role::Administrator)))
        });
    }

    fn bar(&mut self, user: &str) {
        self.keep("disable user", |keeper| keeper.disable(user));
    }
}

/// Work that waits for a reset has a number too.
fn as_task(accepted: Accepted, job: Option<u32>) -> Accepted {
    match (accepted, job) {
        (Accepted::Done, _) | (Accepted::AtReset, None) => Accepted::Done,
        (Accepted::AtReset, Some(number)) => Accepted::Task(TaskRef(number.to_string())),
        // The number alone: each maker has its own way to write it.
        (Accepted::Task(TaskRef(id)), _) => {
            let number = id.trim_start_matches(|c: char| !c.is_ascii_digit()).trim_start_matches('0');
            Accepted::Task(TaskRef(number.to_owned()))
        }
    }
}
