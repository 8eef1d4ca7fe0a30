//! What the trials of agents with a server share: a server that is made ready before each use, and refusals.

use std::collections::BTreeMap;

use async_trait::async_trait;
use dip_core::conformance::Failure;
use dip_core::provider::{ErrorKind, Host, ProviderError, sentence};
use dip_opsclients::provider::{ConfigAgent, Managed, Recap};
use serde_json::Value;

use crate::lab::must;

/// Makes a server ready.
#[async_trait]
pub(crate) trait Ground: Send + Sync {
    async fn prepare(&self) -> Result<(), Failure>;
}

/// An agent whose server is made ready before each use.
pub(crate) struct Prepared<G, A> {
    pub(crate) ground: G,
    pub(crate) agent: A,
}

impl<G: Ground, A: ConfigAgent> Prepared<G, A> {
    async fn agent(&self) -> Result<&A, ProviderError> {
        let fault = |error: Failure| ProviderError::new(ErrorKind::Unexpected, "lab", "start a server").because(error);
        self.ground.prepare().await.map_err(fault)?;
        Ok(&self.agent)
    }
}

#[async_trait]
impl<G: Ground, A: ConfigAgent> ConfigAgent for Prepared<G, A> {
    fn product(&self) -> &'static str {
        self.agent.product()
    }

    async fn probe(&self, node: &Managed, host: &dyn Host) -> Result<Recap, ProviderError> {
        self.agent().await?.probe(node, host).await
    }

    async fn run(&self, node: &Managed, host: &dyn Host) -> Result<Recap, ProviderError> {
        self.agent().await?.run(node, host).await
    }

    async fn facts(&self, node: &Managed, host: &dyn Host) -> Result<BTreeMap<String, Value>, ProviderError> {
        self.agent().await?.facts(node, host).await
    }
}

/// It was refused in this way, with all these words.
pub(crate) fn refused(told: Result<Recap, ProviderError>, kind: ErrorKind, parts: &[&str]) -> Result<(), Failure> {
    match told {
        Ok(recap) => Err(format!("it should be refused ({parts:?}), and it ran: {recap:?}").into()),
        Err(error) => {
            let words = sentence(&error);
            must(error.kind() == kind, || format!("it is not {kind}: {words}"))?;
            must(parts.iter().all(|part| words.contains(part)), || format!("{parts:?} should be in: {words}"))
        }
    }
}
