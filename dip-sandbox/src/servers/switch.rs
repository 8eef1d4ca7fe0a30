//! A simulated switch.

use async_trait::async_trait;
use dip_core::hardware::VlanId;
use dip_core::id::{SiteName, SwitchName};
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::subject::Subject;
use dip_network::provider::{PortState, Switch};

use crate::line::{Intent, Line};

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
        let world = self.line.world();
        let outcome = world.switch(&self.name, |ports| {
            let held = ports.state(port).and_then(|state| state.owner.clone()).filter(|held| held != owner);
            match held {
                Some(other) => Err(other),
                None => Ok(ports.set(port, vlan, Some(owner))),
            }
        });
        match outcome {
            Some(Ok(Some(changed))) => {
                if changed {
                    world.ledger.count(&Subject::port(&self.name, port), "set VLAN");
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
