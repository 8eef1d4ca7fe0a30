//! What a simulated management controller does beside power: settings, Secure Boot, volumes, firmware, tasks.

use std::collections::BTreeSet;

use async_trait::async_trait;
use dip_core::provider::{ErrorKind, ProviderError};
use dip_firmware::provider::{
    Accepted, Bios, BiosAttributes, BiosState, Component, Firmware, Raid, SecureBoot, SecureBootState,
    StorageController, TaskRef, TaskState, Tasks, WantedVolume,
};

use super::SandboxBmc;
use crate::line::Intent;

#[async_trait]
impl Bios for SandboxBmc {
    async fn state(&self) -> Result<BiosState, ProviderError> {
        self.carry(Intent::Look, &format!("read the BIOS attributes of {}", self.node())).await?;
        Ok(self.line().world().machine(self.node(), |machine| machine.management.bios().clone()))
    }

    async fn set(&self, wanted: &BiosAttributes) -> Result<Accepted, ProviderError> {
        let action = format!("set the BIOS attributes of {}", self.node());
        self.carry(Intent::Change, &action).await?;
        let taken = self.line().world().machine(self.node(), |machine| machine.management.set_bios(wanted));
        taken.map_err(|wrong| self.line().error(ErrorKind::Invalid, action).advise(wrong.to_string()))
    }
}

#[async_trait]
impl SecureBoot for SandboxBmc {
    async fn state(&self) -> Result<SecureBootState, ProviderError> {
        self.carry(Intent::Look, &format!("read Secure Boot of {}", self.node())).await?;
        Ok(self.line().world().machine(self.node(), |machine| machine.management.secure_boot()))
    }

    async fn enable(&self) -> Result<(), ProviderError> {
        self.secure(true).await
    }

    async fn disable(&self) -> Result<(), ProviderError> {
        self.secure(false).await
    }
}

impl SandboxBmc {
    async fn secure(&self, enabled: bool) -> Result<(), ProviderError> {
        self.carry(Intent::Change, &format!("switch Secure Boot of {}", self.node())).await?;
        let world = self.line().world();
        world.machine_at(self.node(), |machine, _, around| machine.management.secure(enabled, around));
        Ok(())
    }

    fn has_controller(&self, controller: &str, action: &str) -> Result<(), ProviderError> {
        if self.line().world().machine(self.node(), |machine| machine.management.has_controller(controller)) {
            return Ok(());
        }
        let advice = format!("it has no storage controller {controller}");
        Err(self.line().error(ErrorKind::NotFound, action).advise(advice))
    }
}

#[async_trait]
impl Raid for SandboxBmc {
    async fn controllers(&self) -> Result<Vec<StorageController>, ProviderError> {
        self.carry(Intent::Look, &format!("read the storage controllers of {}", self.node())).await?;
        Ok(self.line().world().machine(self.node(), |machine| machine.management.controllers()))
    }

    async fn create(&self, controller: &str, wanted: &WantedVolume) -> Result<Accepted, ProviderError> {
        let action = format!("make volume {} of {}", wanted.name, self.node());
        self.carry(Intent::Change, &action).await?;
        self.has_controller(controller, &action)?;
        let world = self.line().world();
        let empty = world.machine(self.node(), |machine| machine.management.empty_slots(wanted));
        if !empty.is_empty() {
            let advice = format!("no disk is in slot {}", empty.join(", "));
            return Err(self.line().error(ErrorKind::NotFound, action).advise(advice));
        }
        let slots: BTreeSet<&String> = wanted.disks.iter().collect();
        if slots.len() < wanted.disks.len() || slots.len() < wanted.level.fewest_disks() {
            let advice = format!("{} needs at least {} different disks", wanted.level, wanted.level.fewest_disks());
            return Err(self.line().error(ErrorKind::Invalid, action).advise(advice));
        }
        let taken = world.machine_at(self.node(), |machine, now, around| {
            let at = machine.moment(now, around);
            machine.management.make(wanted, at)
        });
        taken.map_err(|taken| self.line().conflict(action, &taken))
    }

    async fn delete(&self, controller: &str, volume: &str) -> Result<Accepted, ProviderError> {
        let action = format!("remove volume {volume} of {}", self.node());
        self.carry(Intent::Change, &action).await?;
        self.has_controller(controller, &action)?;
        Ok(self.line().world().machine_at(self.node(), |machine, now, around| {
            let at = machine.moment(now, around);
            machine.management.remove(volume, at)
        }))
    }
}

#[async_trait]
impl Firmware for SandboxBmc {
    async fn components(&self) -> Result<Vec<Component>, ProviderError> {
        self.carry(Intent::Look, &format!("read the firmware of {}", self.node())).await?;
        Ok(self.line().world().machine(self.node(), |machine| machine.management.components()))
    }

    async fn install(&self, url: &str, components: &[String]) -> Result<Accepted, ProviderError> {
        let action = format!("install firmware on {}", self.node());
        self.carry(Intent::Change, &action).await?;
        let world = self.line().world();
        let unknown = components
            .iter()
            .find(|component| !world.machine(self.node(), |machine| machine.management.knows(component)));
        if let Some(unknown) = unknown {
            return Err(self
                .line()
                .error(ErrorKind::NotFound, action)
                .advise(format!("it has no component {unknown}")));
        }
        let accepted = world.machine_at(self.node(), |machine, now, around| {
            let at = machine.moment(now, around);
            machine.management.install(url, components, at)
        });
        accepted
            .ok_or_else(|| self.line().error(ErrorKind::Busy, action).advise("it works on these components already"))
    }
}

#[async_trait]
impl Tasks for SandboxBmc {
    async fn task(&self, task: &TaskRef) -> Result<TaskState, ProviderError> {
        self.carry(Intent::Look, &format!("look at task {} of {}", task.0, self.node())).await?;
        Ok(self.line().world().machine_at(self.node(), |machine, now, _| machine.management.task(task, now)))
    }
}
