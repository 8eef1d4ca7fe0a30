//! UEFI Secure Boot of a machine.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde_json::json;

use super::error::Failure;
use super::machine::Machine;
use super::resource;
use crate::provider::{SecureBoot, SecureBootState};

#[async_trait]
impl SecureBoot for Machine {
    async fn state(&self) -> Result<SecureBootState, ProviderError> {
        self.secure_boot_state().await.map_err(self.failed("ask whether Secure Boot is on"))
    }

    async fn enable(&self) -> Result<(), ProviderError> {
        self.set_secure_boot(true).await.map_err(self.failed("turn on Secure Boot"))
    }

    async fn disable(&self) -> Result<(), ProviderError> {
        self.set_secure_boot(false).await.map_err(self.failed("turn off Secure Boot"))
    }
}

impl Machine {
    async fn secure_boot_state(&self) -> Result<SecureBootState, Failure> {
        let system = self.system().await?.body;
        let told =
            self.client.follow::<resource::SecureBoot>(system.secure_boot.as_ref()).await?.ok_or_else(lacking)?.body;
        let enforced = match told.current_boot.as_deref() {
            Some("Enabled") => Some(true),
            Some("Disabled") => Some(false),
            _ => None,
        };
        // Who tells one of them alone changes it at once, or has no boot to tell of.
        match (enforced, told.enable.0) {
            (None, None) => Err(lacking()),
            (Some(one), None) | (None, Some(one)) => Ok(SecureBootState { enforced: one, enabled: one }),
            (Some(enforced), Some(enabled)) => Ok(SecureBootState { enforced, enabled }),
        }
    }

    async fn set_secure_boot(&self, wanted: bool) -> Result<(), Failure> {
        let system = self.system().await?.body;
        let path = system.secure_boot.0.and_then(|link| link.id).ok_or_else(lacking)?;
        let decide = |now: &resource::SecureBoot| match now.enable.0 {
            Some(enabled) if enabled == wanted => Ok(None),
            Some(_) => Ok(Some(json!({ "SecureBootEnable": wanted }))),
            None => Err(lacking()),
        };
        self.change(&path, decide).await.map(drop)
    }
}

fn lacking() -> Failure {
    Failure::Lacking { what: "the system tells nothing about Secure Boot".to_owned() }
}
