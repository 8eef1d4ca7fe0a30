//! A simulated Alertmanager.

use async_trait::async_trait;
use dip_core::id::{NodeName, ServiceName, SiteName};
use dip_core::provider::{ProviderError, Silence, Silences};
use dip_opsmgmt::provider::{Alert, Alerts, AlertsOf};

use crate::line::{Intent, Line};

#[derive(Debug)]
pub(crate) struct SandboxAlerts {
    line: Line,
    name: ServiceName,
}

impl SandboxAlerts {
    pub(crate) const fn new(line: Line, name: ServiceName) -> Self {
        Self { line, name }
    }
}

#[async_trait]
impl Alerts for SandboxAlerts {
    async fn firing(&self, of: &AlertsOf) -> Result<Vec<Alert>, ProviderError> {
        self.line.carry(Intent::Look, "ask which alerts fire").await?;
        let now = self.line.world().time.date();
        Ok(self.line.world().alarms(&self.name, |alarms| alarms.firing(of, now)).unwrap_or_default())
    }
}

#[async_trait]
impl Silences for SandboxAlerts {
    async fn silence(&self, wanted: &Silence) -> Result<(), ProviderError> {
        self.line.carry(Intent::Change, &format!("silence the alerts of {}", wanted.node)).await?;
        let world = self.line.world();
        let now = world.time.date();
        if world.alarms(&self.name, |alarms| alarms.silence(wanted, now)) == Some(true) {
            world.ledger.count(self.line.subject(), format!("silence {}", wanted.node));
        }
        Ok(())
    }

    async fn end(&self, site: &SiteName, run: &str, node: Option<NodeName>) -> Result<(), ProviderError> {
        self.line.carry(Intent::Change, "end silences").await?;
        let world = self.line.world();
        if world.alarms(&self.name, |alarms| alarms.end(site, run, node.as_ref())) == Some(true) {
            world.ledger.count(self.line.subject(), "end silences".to_owned());
        }
        Ok(())
    }
}
