//! Which protocol is asked, and which next.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use dip_core::provider::{ErrorKind, ProviderError};

use super::facet::Facet;
use super::tried::Tried;
use crate::provider::{Bmc, NotActed};

/// The protocols of one BMC, the preferred first.
pub(super) struct Protocols {
    pub(super) address: String,
    protocols: Vec<Protocol>,
    worked: Mutex<Worked>,
}

/// A protocol by name.
pub(super) struct Protocol {
    pub(super) name: &'static str,
    pub(super) bmc: Arc<dyn Bmc>,
}

/// Which of the protocols worked last.
#[derive(Debug, Clone, Default)]
struct Worked {
    /// For whatever is not told below.
    first: usize,
    /// For a facet that the first one turned out not to have, or to fail over. Whoever sets something by it must also read it there, or
    /// a change would seem not to have come about.
    facets: BTreeMap<Facet, usize>,
}

/// Whether a call that failed may have changed the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Reads,
    Changes,
}

/// The call by one protocol; `None` where it does not have the facet.
pub(super) type Attempt<'a, T> = Option<Pin<Box<dyn Future<Output = Result<T, ProviderError>> + Send + 'a>>>;

impl Protocols {
    pub(super) fn new(address: &str, protocols: Vec<(&'static str, Arc<dyn Bmc>)>) -> Self {
        let protocols = protocols.into_iter().map(|(name, bmc)| Protocol { name, bmc }).collect();
        Self { address: address.to_owned(), protocols, worked: Mutex::default() }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.protocols.iter().map(|protocol| protocol.name)
    }

    /// Whether any of them may have a facet.
    pub(super) fn offers(&self, facet: Facet) -> bool {
        self.protocols.iter().any(|protocol| facet.is_of(&*protocol.bmc))
    }

    /// The protocol that is asked first for a facet; `None` for whatever is not told of a facet alone.
    pub(super) fn first(&self, facet: Option<Facet>) -> &'static str {
        let worked = self.worked();
        let index = facet.and_then(|facet| worked.facets.get(&facet)).unwrap_or(&worked.first);
        self.protocols[*index].name
    }

    pub(super) async fn call<'a, T>(
        &'a self,
        facet: Facet,
        action: &str,
        effect: Effect,
        attempt: impl Fn(&'a Protocol) -> Attempt<'a, T> + Send + Sync,
    ) -> Result<T, ProviderError> {
        let worked = self.worked();
        let first = *worked.facets.get(&facet).unwrap_or(&worked.first);
        let others = (0..self.protocols.len()).filter(|index| *index != first);
        let mut tried = Tried::default();
        for index in std::iter::once(first).chain(others) {
            let protocol = &self.protocols[index];
            let Some(call) = attempt(protocol) else {
                tried.push(protocol.name, ProviderError::new(ErrorKind::Unsupported, protocol.name, action));
                continue;
            };
            match call.await {
                Ok(done) => {
                    self.remember(facet, index, &tried);
                    return Ok(done);
                }
                Err(error) => {
                    let goes_on = may_go_on(effect, &error);
                    tried.push(protocol.name, error);
                    if !goes_on {
                        break;
                    }
                }
            }
        }
        Err(tried.into_error(format!("{action} at {}", self.address)))
    }

    /// Keeps who worked: for everything where another one was not reached, for the facet alone where another one lacks it or fails
    /// over it. Who was busy is asked first again.
    fn remember(&self, facet: Facet, index: usize, tried: &Tried) {
        if tried.is_empty() || tried.has(ErrorKind::Busy) {
            return;
        }
        let protocol = self.protocols[index].name;
        let mut worked = self.worked.lock().unwrap_or_else(PoisonError::into_inner);
        if tried.has(ErrorKind::Unreachable) {
            tracing::info!(bmc = %self.address, protocol, %tried, "another protocol of the BMC works");
            worked.first = index;
            // Which of them is reached has changed; what each of them has is found out again.
            worked.facets.clear();
        } else if worked.facets.insert(facet, index) != Some(index) {
            tracing::debug!(bmc = %self.address, protocol, ?facet, %tried, "another protocol of the BMC has the ability");
        }
    }

    fn worked(&self) -> Worked {
        self.worked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn may_go_on(effect: Effect, error: &ProviderError) -> bool {
    match (effect, error.kind()) {
        (_, ErrorKind::Denied) => false,
        (Effect::Reads, _) | (Effect::Changes, ErrorKind::Unsupported) => true,
        (Effect::Changes, _) => NotActed::is_cause_of(error),
    }
}
