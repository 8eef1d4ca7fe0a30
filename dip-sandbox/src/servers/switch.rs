//! A simulated switch. It can hold all that a site can want of a port, and has every ability.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::id::{SiteName, SwitchName};
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::site::Port;
use dip_core::subject::Subject;
use dip_network::provider::{
    Abilities, ConfirmedChange, LearnedMac, Lldp, MacTable, Neighbour, PortState, Startup, Switch, Unconfirmed,
};

use crate::line::{Intent, Line};
use crate::world::Ports;

#[derive(Debug, Clone)]
pub(crate) struct SandboxSwitch {
    line: Arc<Line>,
    name: SwitchName,
}

impl SandboxSwitch {
    pub(crate) fn new(line: Line, name: SwitchName) -> Self {
        Self { line: Arc::new(line), name }
    }

    fn no_such_port(&self, action: &str, port: &str) -> ProviderError {
        self.line.error(ErrorKind::NotFound, action).because(format!("switch {} has no port `{port}`", self.name))
    }

    fn ports<T>(&self, act: impl FnOnce(&mut Ports) -> T) -> Option<T> {
        self.line.world().switch(&self.name, act)
    }

    async fn carry(&self, intent: Intent, action: String) -> Result<String, ProviderError> {
        self.line.carry(intent, &action).await?;
        Ok(action)
    }

    fn set(&self, port: &str, wanted: &Port, owner: &SiteName, action: String) -> Result<(), ProviderError> {
        self.change(port, Some(wanted), owner, action, "set port", |ports| ports.set(port, wanted, owner))
    }

    fn change(
        &self,
        port: &str,
        wanted: Option<&Port>,
        owner: &SiteName,
        action: String,
        word: &str,
        change: impl FnOnce(&mut Ports) -> Option<bool>,
    ) -> Result<(), ProviderError> {
        let outcome = self.ports(|ports| match ports.holder(port, wanted).filter(|held| *held != owner) {
            Some(other) => Err(other.clone()),
            None => Ok(change(ports)),
        });
        match outcome {
            Some(Ok(Some(changed))) => {
                if changed {
                    self.line.world().ledger.count(&Subject::port(&self.name, port), word);
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

#[async_trait]
impl Switch for SandboxSwitch {
    async fn port(&self, port: &str) -> Result<PortState, ProviderError> {
        let action = self.carry(Intent::Look, format!("read port {}/{port}", self.name)).await?;
        let state = self.ports(|ports| ports.state(port).cloned()).flatten();
        state.ok_or_else(|| self.no_such_port(&action, port))
    }

    fn lack(&self, _: &Port) -> Option<String> {
        None
    }

    async fn set_port(&self, port: &str, wanted: &Port, owner: &SiteName) -> Result<(), ProviderError> {
        let action = self.carry(Intent::Change, format!("set port {}/{port}", self.name)).await?;
        self.set(port, wanted, owner, action)
    }

    async fn disown(&self, port: &str, owner: &SiteName) -> Result<(), ProviderError> {
        let action = self.carry(Intent::Change, format!("take the mark off port {}/{port}", self.name)).await?;
        self.change(port, None, owner, action, "take mark off", |ports| ports.disown(port))
    }

    async fn abilities(&self) -> Result<Abilities, ProviderError> {
        let this = Arc::new(self.clone());
        Ok(Abilities {
            mac_table: Ok(Arc::clone(&this) as Arc<dyn MacTable>),
            lldp: Ok(Arc::clone(&this) as Arc<dyn Lldp>),
            startup: Ok(Arc::clone(&this) as Arc<dyn Startup>),
            confirmed: Ok(this as Arc<dyn ConfirmedChange>),
        })
    }
}

#[async_trait]
impl MacTable for SandboxSwitch {
    async fn learned(&self) -> Result<Vec<LearnedMac>, ProviderError> {
        self.carry(Intent::Look, format!("read what {} learned", self.name)).await?;
        Ok(self.line.world().learned(&self.name))
    }
}

#[async_trait]
impl Lldp for SandboxSwitch {
    async fn neighbours(&self) -> Result<Vec<Neighbour>, ProviderError> {
        self.carry(Intent::Look, format!("read whom {} hears", self.name)).await?;
        Ok(self.line.world().neighbours(&self.name))
    }
}

#[async_trait]
impl Startup for SandboxSwitch {
    async fn is_saved(&self) -> Result<bool, ProviderError> {
        self.carry(Intent::Look, format!("compare what {} runs and starts with", self.name)).await?;
        Ok(self.ports(|ports| ports.is_saved()).unwrap_or(true))
    }

    async fn save(&self) -> Result<(), ProviderError> {
        self.carry(Intent::Change, format!("save what {} runs", self.name)).await?;
        let changes = self.ports(|ports| {
            let changes = !ports.is_saved();
            ports.save();
            changes
        });
        if changes == Some(true) {
            self.line.world().ledger.count(&Subject::switch(&self.name), "save");
        }
        Ok(())
    }
}

#[async_trait]
impl ConfirmedChange for SandboxSwitch {
    async fn begin(
        &self,
        port: &str,
        wanted: &Port,
        owner: &SiteName,
        within: Duration,
    ) -> Result<Box<dyn Unconfirmed>, ProviderError> {
        let action = self.carry(Intent::Change, format!("set port {}/{port} for {within:?}", self.name)).await?;
        let until = self.line.world().time.now() + within;
        let remembered = self.ports(|ports| ports.remember(port, until)).flatten();
        let change = remembered.ok_or_else(|| self.no_such_port(&action, port))?;
        if let Err(error) = self.set(port, wanted, owner, action) {
            self.ports(|ports| ports.confirm(change));
            return Err(error);
        }
        Ok(Box::new(Pending { switch: self.clone(), change, port: port.to_owned() }))
    }
}

#[derive(Debug)]
struct Pending {
    switch: SandboxSwitch,
    change: u64,
    port: String,
}

#[async_trait]
impl Unconfirmed for Pending {
    async fn confirm(self: Box<Self>) -> Result<(), ProviderError> {
        let Self { switch, change, port } = *self;
        let action = switch.carry(Intent::Change, format!("confirm port {}/{port}", switch.name)).await?;
        match switch.ports(|ports| ports.confirm(change)) {
            Some(true) => Ok(()),
            _ => Err(switch.line.error(ErrorKind::NotFound, action).advise("the switch took the change back already")),
        }
    }
}
