//! A BMC that speaks several protocols.

use std::fmt;
use std::sync::Arc;

use super::facet::Facet;
use super::protocols::Protocols;
use crate::provider::Bmc;

/// A BMC that speaks several protocols.
///
/// A reading is tried by one protocol after the other. A change goes on to the next only where the last one cannot have
/// acted: it does not offer the change, or the error carries [`NotActed`](crate::provider::NotActed). A protocol that refuses the
/// credentials ends the call: trying a wrong password everywhere locks accounts. The protocol that worked is asked first from then on;
/// one that has an ability which the first one lacks, for that ability.
pub struct Preferred(Arc<Protocols>);

impl Preferred {
    /// A BMC at an address with its protocols by name, the preferred one first.
    ///
    /// # Panics
    /// Where there is no protocol.
    #[must_use]
    pub fn new(address: &str, protocols: Vec<(&'static str, Arc<dyn Bmc>)>) -> Self {
        assert!(!protocols.is_empty(), "a BMC has at least one protocol");
        Self(Arc::new(Protocols::new(address, protocols)))
    }

    /// The protocol that is asked first: the one that worked last.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        self.0.first(None)
    }

    /// The protocol that is asked first for a facet.
    #[must_use]
    pub fn protocol_for(&self, facet: Facet) -> &'static str {
        self.0.first(Some(facet))
    }

    pub(super) fn protocols(&self) -> &Protocols {
        &self.0
    }

    /// The protocols as a facet, if one of them may have it.
    pub(super) fn facet(&self, facet: Facet) -> Option<Arc<Protocols>> {
        self.0.offers(facet).then(|| Arc::clone(&self.0))
    }
}

impl fmt::Debug for Preferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preferred")
            .field("address", &self.0.address)
            .field("protocols", &self.0.names().collect::<Vec<_>>())
            .field("worked", &self.protocol())
            .finish()
    }
}
