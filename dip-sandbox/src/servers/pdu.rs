//! A simulated power distribution unit.

use async_trait::async_trait;
use dip_core::hardware::PowerState;
use dip_core::id::PduName;
use dip_core::provider::{ErrorKind, ProviderError};
use dip_network::provider::Pdu;

use crate::line::{Intent, Line};

#[derive(Debug)]
pub(crate) struct SandboxPdu {
    line: Line,
    name: PduName,
}

impl SandboxPdu {
    pub(crate) const fn new(line: Line, name: PduName) -> Self {
        Self { line, name }
    }

    fn no_such_outlet(&self, action: String, outlet: u16) -> ProviderError {
        self.line.error(ErrorKind::NotFound, action).because(format!("PDU {} has no outlet {outlet}", self.name))
    }
}

#[async_trait]
impl Pdu for SandboxPdu {
    async fn outlet(&self, outlet: u16) -> Result<PowerState, ProviderError> {
        let action = format!("read outlet {}/{outlet}", self.name);
        self.line.carry(Intent::Look, &action).await?;
        let state = self.line.world().outlets(&self.name, |outlets| outlets.state(outlet)).flatten();
        state.ok_or_else(|| self.no_such_outlet(action, outlet))
    }

    async fn set_outlet(&self, outlet: u16, state: PowerState) -> Result<(), ProviderError> {
        let action = format!("switch outlet {}/{outlet} {state}", self.name);
        self.line.carry(Intent::Change, &action).await?;
        let world = self.line.world();
        match world.outlets(&self.name, |outlets| outlets.set(outlet, state)).flatten() {
            Some(true) => {
                world.ledger.count(self.line.subject(), format!("switch outlet {outlet} {state}"));
                world.feed(&self.name, outlet);
                Ok(())
            }
            Some(false) => Ok(()),
            None => Err(self.no_such_outlet(action, outlet)),
        }
    }
}
