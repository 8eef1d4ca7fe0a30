//! Every facet with every verb, passed to one protocol after the other.

use async_trait::async_trait;
use dip_core::hardware::Identity;

use super::Preferred;
use super::facet::Facet;
use super::protocols::{Effect, Protocols};
use crate::provider::table::all_facets;
use crate::provider::table::named::*;

/// Implements [`Bmc`] for a BMC of several protocols, and each facet's trait by its protocols.
macro_rules! forward {
    ($($facet:ident $trait:ident {
        $($effect:ident $words:expr, $verb:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*
    })*) => {
        #[async_trait]
        impl Bmc for Preferred {
            async fn identity(&self) -> Result<Identity, ProviderError> {
                let words = "ask who the machine is";
                self.protocols().call(Facet::Identity, words, Effect::Reads, |protocol| {
                    Some(Box::pin(protocol.bmc.identity()))
                })
                .await
            }

            $(fn $facet(&self) -> Option<Arc<dyn $trait>> {
                Some(self.facet(Facet::$trait)?)
            })*
        }

        $(#[async_trait]
        impl $trait for Protocols {
            $(async fn $verb(&self, $($arg: $type),*) -> Result<$answer, ProviderError> {
                self.call(Facet::$trait, $words, Effect::$effect, |protocol| {
                    let facet = protocol.bmc.$facet()?;
                    Some(Box::pin(async move { facet.$verb($($arg),*).await }))
                })
                .await
            })*
        })*
    };
}

all_facets!(forward);
