//! The facets of a simulated management controller that are about itself and its machine's parts.

use async_trait::async_trait;
use dip_core::hardware::Hardware;
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::secret::Secret;
use dip_firmware::provider::{
    Account, Accounts, Controller, ControllerState, EventLog, IdentifyLight, Inventory, Light, LockoutPolicy, LogEntry,
    Role, SensorReading, Sensors, Unit,
};

use super::SandboxBmc;
use crate::line::Intent;
use crate::world::{Keeper, LOCKOUT_AFTER};

impl SandboxBmc {
    async fn look<T>(&self, action: &str, look: impl FnOnce(&Keeper) -> T + Send) -> Result<T, ProviderError> {
        self.carry(Intent::Look, &format!("{action} of {}", self.node())).await?;
        Ok(self.line().world().machine(self.node(), |machine| look(&machine.keeper)))
    }

    /// Changes the controller, and counts it where that changed anything; `None` where there is no such thing.
    async fn change(
        &self,
        action: &str,
        change: impl FnOnce(&mut Keeper) -> Option<bool> + Send,
    ) -> Result<(), ProviderError> {
        self.carry(Intent::Change, &format!("{action} of {}", self.node())).await?;
        let world = self.line().world();
        match world.machine(self.node(), |machine| change(&mut machine.keeper)) {
            None => Err(self.line().error(ErrorKind::NotFound, format!("{action} of {}", self.node()))),
            Some(changed) => {
                if changed {
                    world.ledger.count(self.line().subject(), action);
                }
                Ok(())
            }
        }
    }
}

#[async_trait]
impl Inventory for SandboxBmc {
    async fn hardware(&self) -> Result<Hardware, ProviderError> {
        self.carry(Intent::Look, &format!("list the parts of {}", self.node())).await?;
        Ok(self.line().world().machine(self.node(), |machine| {
            let mut hardware = machine.parts.hardware();
            let behind = machine.management.controllers().into_iter().flat_map(|controller| controller.disks);
            hardware.disks.get_or_insert_default().extend(behind);
            hardware
        }))
    }
}

#[async_trait]
impl Sensors for SandboxBmc {
    async fn readings(&self) -> Result<Vec<SensorReading>, ProviderError> {
        self.carry(Intent::Look, &format!("read the sensors of {}", self.node())).await?;
        let reading = |name: &str, value, unit| SensorReading {
            name: name.to_owned(),
            value: Some(value),
            unit,
            health: Some(dip_core::hardware::Health::Ok),
        };
        Ok(vec![reading("Inlet Temp", 22.0, Unit::Celsius), reading("Fan 1", 5_400.0, Unit::Rpm)])
    }
}

#[async_trait]
impl EventLog for SandboxBmc {
    async fn entries(&self) -> Result<Vec<LogEntry>, ProviderError> {
        self.look("read the log", |keeper| keeper.log.clone()).await
    }

    async fn clear(&self) -> Result<(), ProviderError> {
        self.change("clear log", |keeper| Some(!std::mem::take(&mut keeper.log).is_empty())).await
    }
}

#[async_trait]
impl IdentifyLight for SandboxBmc {
    async fn state(&self) -> Result<Option<Light>, ProviderError> {
        self.look("look at the light", |keeper| Some(keeper.light)).await
    }

    async fn set(&self, light: Light) -> Result<(), ProviderError> {
        self.change("switch light", |keeper| Some(std::mem::replace(&mut keeper.light, light) != light)).await
    }
}

#[async_trait]
impl Accounts for SandboxBmc {
    async fn list(&self) -> Result<Vec<Account>, ProviderError> {
        self.look("list the users", Keeper::accounts).await
    }

    async fn set(&self, name: &str, password: &Secret, role: Role) -> Result<(), ProviderError> {
        self.change("set user", |keeper| Some(keeper.set(name, password, role))).await
    }

    async fn set_password(&self, name: &str, password: &Secret) -> Result<(), ProviderError> {
        self.change("set password", |keeper| keeper.set_password(name, password)).await
    }

    async fn has_password(&self, name: &str, password: &Secret) -> Result<bool, ProviderError> {
        self.carry(Intent::Look, &format!("try a password of {}", self.node())).await?;
        let tried = self.line().world().machine(self.node(), |machine| {
            let is_there = machine.keeper.accounts().iter().any(|account| account.name == name);
            is_there.then(|| machine.keeper.log_in(name, password).is_ok())
        });
        tried.ok_or_else(|| self.line().error(ErrorKind::NotFound, format!("try a password of {name}")))
    }

    async fn disable(&self, name: &str) -> Result<(), ProviderError> {
        self.change("disable user", |keeper| keeper.disable(name)).await
    }

    async fn remove(&self, name: &str) -> Result<(), ProviderError> {
        self.change("remove user", |keeper| Some(keeper.remove(name))).await
    }

    async fn lockout(&self) -> Result<Option<LockoutPolicy>, ProviderError> {
        let policy = LockoutPolicy { after: Some(LOCKOUT_AFTER), seconds: Some(300) };
        self.look("read the lock-out policy", |_| Some(policy)).await
    }
}

#[async_trait]
impl Controller for SandboxBmc {
    async fn state(&self) -> Result<ControllerState, ProviderError> {
        let version = self.line().world().machine(self.node(), |machine| machine.management.own_version().to_owned());
        let state = |keeper: &Keeper| ControllerState {
            model: Some("Sandbox BMC".to_owned()),
            firmware: Some(version),
            ntp: Some(keeper.ntp.clone()),
            syslog: Some(keeper.syslog.clone()),
            weaknesses: keeper.weaknesses.clone(),
            certificate: None,
        };
        self.look("read the controller", state).await
    }

    async fn set_ntp(&self, servers: &[String]) -> Result<(), ProviderError> {
        let servers = servers.to_vec();
        self.change("set time servers", |keeper| Some(std::mem::replace(&mut keeper.ntp, servers.clone()) != servers))
            .await
    }

    async fn set_syslog(&self, receivers: &[String]) -> Result<(), ProviderError> {
        let receivers = receivers.to_vec();
        self.change("set log receivers", |keeper| {
            Some(std::mem::replace(&mut keeper.syslog, receivers.clone()) != receivers)
        })
        .await
    }

    async fn close_weaknesses(&self) -> Result<Vec<String>, ProviderError> {
        self.change("close weaknesses", |keeper| Some(!std::mem::take(&mut keeper.weaknesses).is_empty())).await?;
        Ok(Vec::new())
    }

    async fn certificate(&self) -> Result<Option<Vec<u8>>, ProviderError> {
        Err(self.line().error(ErrorKind::Unsupported, format!("look at the certificate of {}", self.node())))
    }

    async fn certificate_request(&self, _: &str) -> Result<String, ProviderError> {
        Err(self.line().error(ErrorKind::Unsupported, format!("ask {} for a request", self.node())))
    }

    async fn set_certificate(&self, _: &str) -> Result<(), ProviderError> {
        Err(self.line().error(ErrorKind::Unsupported, format!("give {} a certificate", self.node())))
    }

    async fn restart(&self) -> Result<(), ProviderError> {
        self.carry(Intent::Change, &format!("restart the controller of {}", self.node())).await?;
        let world = self.line().world();
        world.machine_at(self.node(), |machine, now, _| machine.management.restart(now));
        Ok(())
    }
}
