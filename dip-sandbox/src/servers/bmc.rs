//! A simulated management controller.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::{BootDevice, Identity, PowerState};
use dip_core::id::NodeName;
use dip_core::provider::{ErrorKind, Power, PowerAction, ProviderError, Retry};
use dip_core::secret::Secret;
use dip_firmware::provider::{
    Accounts, Bios, Bmc, Boot, BootOverride, BootState, Console, Controller, EventLog, Events, Firmware, IdentifyLight,
    Inventory, Raid, SecureBoot, Sensors, Tasks, VirtualMedia,
};

use super::absence::{absence, busy, linger};
use crate::fault::Fault;
use crate::line::{Intent, Line};

/// One controller; clones are lines to the same one.
#[derive(Debug, Clone)]
pub(crate) struct SandboxBmc {
    line: Arc<Line>,
    node: NodeName,
    /// As whom, where it asks for a password.
    login: Option<(String, Secret)>,
}

impl SandboxBmc {
    pub(crate) fn new(line: Line, node: NodeName) -> Self {
        Self { line: Arc::new(line), node, login: None }
    }

    /// The same line with a password that the controller checks.
    pub(crate) fn as_user(&self, user: &str, password: &Secret) -> Self {
        Self { login: Some((user.to_owned(), password.clone())), ..self.clone() }
    }

    /// Carries a request to the controller. It answers whatever its machine does, as long as mains reaches it.
    pub(super) async fn carry(&self, intent: Intent, action: &str) -> Result<(), ProviderError> {
        if let Some(why) = absence(&self.line, &self.node) {
            return Err(self.line.no_answer(action, why).await);
        }
        self.line.carry(intent, action).await?;
        linger(&self.line).await;
        if let Some(after) = busy(&self.line) {
            let busy = self.line.error(ErrorKind::Busy, action).because("the controller asks to come back later");
            return Err(busy.retry_as(Retry::After(after)));
        }
        let Some((user, password)) = &self.login else { return Ok(()) };
        let login = self.line.world().machine(&self.node, |machine| machine.keeper.log_in(user, password));
        login.map_err(|refused| self.line.error(ErrorKind::Denied, action).because(refused))
    }

    pub(super) fn line(&self) -> &Line {
        &self.line
    }

    pub(super) fn node(&self) -> &NodeName {
        &self.node
    }
}

#[async_trait]
impl Bmc for SandboxBmc {
    async fn identity(&self) -> Result<Identity, ProviderError> {
        self.carry(Intent::Look, &format!("read who {} is", self.node)).await?;
        Ok(self.line.world().machine(&self.node, |machine| machine.parts.identity()))
    }

    fn power(&self) -> Option<Arc<dyn Power>> {
        Some(Arc::new(self.clone()))
    }

    fn boot(&self) -> Option<Arc<dyn Boot>> {
        Some(Arc::new(self.clone()))
    }

    fn inventory(&self) -> Option<Arc<dyn Inventory>> {
        Some(Arc::new(self.clone()))
    }

    fn sensors(&self) -> Option<Arc<dyn Sensors>> {
        Some(Arc::new(self.clone()))
    }

    fn event_log(&self) -> Option<Arc<dyn EventLog>> {
        Some(Arc::new(self.clone()))
    }

    fn identify_light(&self) -> Option<Arc<dyn IdentifyLight>> {
        Some(Arc::new(self.clone()))
    }

    fn console(&self) -> Option<Arc<dyn Console>> {
        None
    }

    fn virtual_media(&self) -> Option<Arc<dyn VirtualMedia>> {
        None
    }

    fn bios(&self) -> Option<Arc<dyn Bios>> {
        Some(Arc::new(self.clone()))
    }

    fn secure_boot(&self) -> Option<Arc<dyn SecureBoot>> {
        Some(Arc::new(self.clone()))
    }

    fn raid(&self) -> Option<Arc<dyn Raid>> {
        Some(Arc::new(self.clone()))
    }

    fn firmware(&self) -> Option<Arc<dyn Firmware>> {
        Some(Arc::new(self.clone()))
    }

    fn events(&self) -> Option<Arc<dyn Events>> {
        None
    }

    fn tasks(&self) -> Option<Arc<dyn Tasks>> {
        Some(Arc::new(self.clone()))
    }

    fn accounts(&self) -> Option<Arc<dyn Accounts>> {
        Some(Arc::new(self.clone()))
    }

    fn controller(&self) -> Option<Arc<dyn Controller>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Power for SandboxBmc {
    async fn state(&self) -> Result<PowerState, ProviderError> {
        self.carry(Intent::Look, &format!("read the power of {}", self.node)).await?;
        Ok(self.line.world().machine(&self.node, |machine| machine.power()))
    }

    async fn request(&self, action: PowerAction) -> Result<(), ProviderError> {
        self.carry(Intent::Change, &format!("switch the power of {}", self.node)).await?;
        if self.line.bite(|fault| matches!(fault, Fault::PowerCommandLost { .. })).is_none() {
            self.line.world().request_power(&self.node, action);
        }
        Ok(())
    }
}

#[async_trait]
impl Boot for SandboxBmc {
    async fn boot_override(&self) -> Result<BootState, ProviderError> {
        self.carry(Intent::Look, &format!("read the boot device of {}", self.node)).await?;
        let next = self.line.world().machine(&self.node, |machine| machine.next_boot);
        let set = next.device != BootDevice::Default;
        Ok(BootState {
            device: Some(next.device),
            persistence: set.then_some(next.persistence),
            mode: set.then_some(next.mode),
        })
    }

    async fn set_boot_override(&self, wanted: BootOverride) -> Result<(), ProviderError> {
        self.carry(Intent::Change, &format!("set the boot device of {}", self.node)).await?;
        let world = self.line.world();
        if world.machine(&self.node, |machine| std::mem::replace(&mut machine.next_boot, wanted) != wanted) {
            world.ledger.count(self.line.subject(), "set boot device");
        }
        Ok(())
    }
}
