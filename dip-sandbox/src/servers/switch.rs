//! A simulated switch.

use async_trait::async_trait;
use dip_core::hardware::VlanId;
use dip_core::id::{SiteName, SwitchName};
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::subject::Subject;
use dip_network::provider::{PortState, Switch};

use crate::line::{Intent, Line};
use crate::world::Ports;

#[derive(Debug)]
pub(crate) struct SandboxSwitch {
    line: Line,
    name: SwitchName,
}

impl SandboxSwitch {
    pub(crate) const fn new(line: Line, name: SwitchName) -> Self {
        Self { line, name }
    }

    fn no_such_port(&self, action: &str, port: &str) -> ProviderError {
        self.line.error(ErrorKind::NotFound, action).because(format!("switch {} has no port `{port}`", self.name))
    }
}

#[async_trait]
impl Switch for SandboxSwitch {
    async fn port(&self, port: &str) -> Result<PortState, ProviderError> {
        let action = format!("read port {}/{port}", self.name);
        self.line.carry(Intent::Look, &action).await?;
        let state = self.line.world().switch(&self.name, |ports| ports.state(port).cloned()).flatten();
        state.ok_or_else(|| self.no_such_port(&action, port))
    }

    async fn set_access_vlan(&self, port: &str, vlan: VlanId, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("put port {}/{port} into VLAN {vlan}", self.name);
        self.line.carry(Intent::Change, &action).await?;
        self.change(port, owner, action, "set VLAN", |ports| ports.set(port, vlan, Some(owner)))
    }

    async fn disown(&self, port: &str, owner: &SiteName) -> Result<(), ProviderError> {
        let action = format!("take the mark off port {}/{port}", self.name);
        self.line.carry(Intent::Change, &action).await?;
        self.change(port, owner, action, "take mark off", |ports| ports.disown(port))
    }
}

impl SandboxSwitch {
    fn change(
        &self,
        port: &str,
        owner: &SiteName,
        action: String,
        word: &str,
        change: impl FnOnce(&mut Ports) -> Option<bool>,
    ) -> Result<(), ProviderError> {
        let world = self.line.world();
        let outcome = world.switch(&self.name, |ports| {
            let held = ports.state(port).and_then(|state| state.owner.clone()).filter(|held| held != owner);
            match held {
                Some(other) => Err(other),
                None => Ok(change(ports)),
            }
        });
        match outcome {
            Some(Ok(Some(changed))) => {
                if changed {
                    world.ledger.count(&Subject::port(&self.name, port), word);
                }
                Ok(())
            }
            Some(Err(other)) => Err(self.line.error(ErrorKind::Conflict, action).advise(format!(
                "the port is marked as site `{other}`'s; take the link out of one of the two site files"
            ))),
            Some(Ok(None)) | None => Err(self.no_such_port(&action, port)),
        }
    }
}
