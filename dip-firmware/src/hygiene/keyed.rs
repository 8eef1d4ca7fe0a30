//! A controller behind its keyring: each call goes to a client that got in.

use std::fmt;

use async_trait::async_trait;
use dip_core::hardware::Identity;
use dip_core::provider::ErrorKind;

use super::Keyring;
use super::keyring::is_refused;
use crate::provider::table::named::*;
use crate::provider::table::{all_facets, handed_on};

/// A controller whose password may change while it is worked with. Its facets are those of a client by any password.
#[derive(Clone)]
pub struct Keyed {
    keyring: Arc<Keyring>,
    template: Arc<dyn Bmc>,
}

impl fmt::Debug for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed").field("keyring", &self.keyring).finish_non_exhaustive()
    }
}

impl Keyed {
    /// The controller that a keyring opens.
    ///
    /// # Errors
    /// Where no client can be made.
    pub fn new(keyring: Arc<Keyring>) -> Result<Self, ProviderError> {
        let template = keyring.template()?;
        Ok(Self { keyring, template })
    }

    fn template(&self) -> &Arc<dyn Bmc> {
        &self.template
    }

    async fn client(&self) -> Result<Arc<dyn Bmc>, ProviderError> {
        Ok(self.keyring.client().await?.0)
    }

    /// Hands a result on, and remembers who was refused. Who got in and lacks a privilege was not.
    async fn told<T>(&self, result: Result<T, ProviderError>) -> Result<T, ProviderError> {
        if let Err(error) = &result
            && is_refused(error)
        {
            self.keyring.refused().await;
        }
        result
    }
}

all_facets!(handed_on Keyed);
