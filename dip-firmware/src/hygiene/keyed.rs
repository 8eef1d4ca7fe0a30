//! A controller behind its keyring: each call goes to a client that got in.

use std::fmt;

use async_trait::async_trait;
use dip_core::hardware::Identity;
use dip_core::provider::ErrorKind;

use super::Keyring;
use crate::provider::table::all_facets;
use crate::provider::table::named::*;

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

    async fn client(&self) -> Result<Arc<dyn Bmc>, ProviderError> {
        Ok(self.keyring.client().await?.0)
    }

    /// Hands a result on, and remembers who was refused.
    async fn told<T>(&self, result: Result<T, ProviderError>) -> Result<T, ProviderError> {
        if let Err(error) = &result
            && error.kind() == ErrorKind::Denied
        {
            self.keyring.refused().await;
        }
        result
    }
}

/// The facets of a client, and calls of facets handed on to those of the client that got in.
macro_rules! handed_on {
    ($($facet:ident $trait:ident {
        $($effect:ident $words:expr, $verb:ident($($name:ident: $type:ty),*) -> $told:ty;)*
    })*) => {
        #[async_trait]
        impl Bmc for Keyed {
            async fn identity(&self) -> Result<Identity, ProviderError> {
                let told = self.client().await?.identity().await;
                self.told(told).await
            }

            $(fn $facet(&self) -> Option<Arc<dyn $trait>> {
                self.template.$facet().map(|_| Arc::new(self.clone()) as Arc<dyn $trait>)
            })*
        }

        $(#[async_trait]
        impl $trait for Keyed {
            $(async fn $verb(&self, $($name: $type),*) -> Result<$told, ProviderError> {
                let facet = self.client().await?.$facet().ok_or_else(|| {
                    ProviderError::new(ErrorKind::Unsupported, "bmc", $words)
                })?;
                let told = facet.$verb($($name),*).await;
                self.told(told).await
            })*
        })*
    };
}

all_facets!(handed_on);
