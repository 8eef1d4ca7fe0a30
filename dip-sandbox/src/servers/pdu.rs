//! A simulated power distribution unit.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::hardware::PowerState;
use dip_core::id::PduName;
use dip_core::provider::{ErrorKind, ProviderError};
use dip_network::provider::{Load, Metering, Milliamperes, Millivolts, Milliwatts, Pdu};

use crate::line::{Intent, Line};

/// What an outlet with power carries: a server that is not busy, at 230 V.
const DRAWS: Load = load(230_000, 1000);
const NOTHING: Load = load(0, 0);

const fn load(milliwatts: u64, milliamperes: u64) -> Load {
    Load {
        power: Some(Milliwatts(milliwatts)),
        current: Some(Milliamperes(milliamperes)),
        voltage: Some(Millivolts(230_000)),
    }
}

/// One PDU; clones are lines to the same one.
#[derive(Debug, Clone)]
pub(crate) struct SandboxPdu {
    line: Arc<Line>,
    name: PduName,
}

impl SandboxPdu {
    pub(crate) fn new(line: Line, name: PduName) -> Self {
        Self { line: Arc::new(line), name }
    }

    fn no_such_outlet(&self, action: String, outlet: u16) -> ProviderError {
        self.line.error(ErrorKind::NotFound, action).because(format!("PDU {} has no outlet {outlet}", self.name))
    }

    /// Carries a request to the PDU, and tells the state of the outlet.
    async fn look(&self, intent: Intent, action: String, outlet: u16) -> Result<PowerState, ProviderError> {
        self.line.carry(intent, &action).await?;
        let state = self.line.world().outlets(&self.name, |outlets| outlets.state(outlet)).flatten();
        state.ok_or_else(|| self.no_such_outlet(action, outlet))
    }

    /// Switches an outlet that is there.
    fn switch(&self, outlet: u16, state: PowerState) {
        let world = self.line.world();
        if world.outlets(&self.name, |outlets| outlets.set(outlet, state)).flatten() == Some(true) {
            world.ledger.count(self.line.subject(), format!("switch outlet {outlet} {state}"));
            world.feed(&self.name, outlet);
        }
    }
}

#[async_trait]
impl Pdu for SandboxPdu {
    async fn outlet(&self, outlet: u16) -> Result<PowerState, ProviderError> {
        self.look(Intent::Look, format!("read outlet {}/{outlet}", self.name), outlet).await
    }

    async fn set_outlet(&self, outlet: u16, state: PowerState) -> Result<(), ProviderError> {
        self.look(Intent::Change, format!("switch outlet {}/{outlet} {state}", self.name), outlet).await?;
        self.switch(outlet, state);
        Ok(())
    }

    async fn cycle_outlet(&self, outlet: u16) -> Result<(), ProviderError> {
        self.look(Intent::Change, format!("switch outlet {}/{outlet} off and on", self.name), outlet).await?;
        // The PDU does it by itself, whoever goes on waiting: both at once, as its seconds without power make no difference here.
        self.switch(outlet, PowerState::Off);
        self.switch(outlet, PowerState::On);
        Ok(())
    }

    async fn outlet_name(&self, outlet: u16) -> Result<Option<String>, ProviderError> {
        self.look(Intent::Look, format!("read the name of outlet {}/{outlet}", self.name), outlet).await?;
        Ok(Some(format!("{}-{outlet}", self.name)))
    }

    fn metering(&self) -> Option<Arc<dyn Metering>> {
        Some(Arc::new(self.clone()))
    }
}

#[async_trait]
impl Metering for SandboxPdu {
    async fn outlet_load(&self, outlet: u16) -> Result<Load, ProviderError> {
        let state = self.look(Intent::Look, format!("measure outlet {}/{outlet}", self.name), outlet).await?;
        Ok(if state == PowerState::On { DRAWS } else { NOTHING })
    }

    async fn unit_load(&self) -> Result<Load, ProviderError> {
        self.line.carry(Intent::Look, &format!("measure {}", self.name)).await?;
        let on = |state: &PowerState| *state == PowerState::On;
        let fed =
            self.line.world().outlets(&self.name, |outlets| outlets.iter().filter(|(_, state)| on(state)).count());
        let fed = fed.unwrap_or_default() as u64;
        Ok(load(fed * 230_000, fed * 1000))
    }
}
