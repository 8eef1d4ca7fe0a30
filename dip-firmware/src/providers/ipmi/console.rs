//! The serial console of a machine by IPMI (15).

use async_trait::async_trait;
use dip_core::provider::ProviderError;

use super::machine::Machine;
use crate::provider::{Console, ConsoleStream};

#[async_trait]
impl Console for Machine {
    async fn open(&self) -> Result<Box<dyn ConsoleStream>, ProviderError> {
        let action = "open the serial console";
        let console = self.bmc(action).await?.console().await.map_err(|error| self.failed(action, error))?;
        Ok(Box::new(console))
    }

    async fn take(&self) -> Result<Box<dyn ConsoleStream>, ProviderError> {
        let action = "end the serial console of somebody else";
        self.bmc(action).await?.end_console().await.map_err(|error| self.failed(action, error))?;
        self.open().await
    }
}
