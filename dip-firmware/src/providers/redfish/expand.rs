//! Collections with what is in them, in one request where the service can do that (DSP0266, "$expand").

use std::sync::atomic::{AtomicBool, Ordering};

use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::error::Failure;
use super::machine::Machine;
use super::members::Member;
use super::resource::{ExpandQuery, Link};
use crate::quirks::Quirk;

/// Whether a service expands collections.
#[derive(Debug, Default)]
pub(super) struct Expansion {
    /// The query that the service says it understands; `None` within where it says nothing.
    query: OnceCell<Option<&'static str>>,
    /// It did not do what it says.
    failed: AtomicBool,
}

/// All members of a collection with what is told of each.
type Told<T> = Vec<(Member, Option<T>)>;

impl Machine {
    /// All members of a collection with what is told of each; `None` where there is no such collection. Where the service does not
    /// expand, whatever it says of itself, each member is read by itself.
    pub(super) async fn all<T: DeserializeOwned>(&self, collection: Option<&Link>) -> Result<Option<Told<T>>, Failure> {
        let id = collection.and_then(|link| link.id.as_deref()).filter(|id| !id.contains(['?', '#']));
        let (Some(id), Some(query)) = (id, self.expand_query().await?) else {
            return self.client.all(collection).await;
        };
        let expanded = Link { id: Some(format!("{id}{query}")) };
        let members = match self.client.members(Some(&expanded)).await {
            Ok(Some(members)) => members,
            // It refuses the query, or needs longer for all members than anybody waits.
            Ok(None) | Err(Failure::Silent { .. }) => return self.all_unexpanded(collection).await,
            Err(Failure::Refused { status, .. })
                if status.is_client_error() && !matches!(status.as_u16(), 401 | 403 | 429) =>
            {
                return self.all_unexpanded(collection).await;
            }
            Err(failure) => return Err(failure),
        };
        if members.iter().any(|member| !member.is_whole()) {
            self.expansion.give_up(self.client.host());
        }
        self.client.bodies(members).await.map(Some)
    }

    /// A service whose collection can be read without the query, and not with it, does not expand.
    async fn all_unexpanded<T: DeserializeOwned>(&self, collection: Option<&Link>) -> Result<Option<Told<T>>, Failure> {
        let plain = self.client.all(collection).await?;
        if plain.is_some() {
            self.expansion.give_up(self.client.host());
        }
        Ok(plain)
    }

    async fn expand_query(&self) -> Result<Option<&'static str>, Failure> {
        if self.expansion.failed.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let told = self.expansion.query.get_or_try_init(|| async {
            let features = self.client.root().await?.protocol_features_supported.0;
            let query = features.and_then(|features| features.expand_query.0).and_then(|it| query(&it));
            // Nobody is asked who made it where the service claims nothing.
            let lies = query.is_some() && self.has(Quirk::ExpandNever).await?;
            Ok::<_, Failure>(query.filter(|_| !lies))
        });
        told.await.copied()
    }
}

impl Expansion {
    fn give_up(&self, host: &str) {
        tracing::debug!(bmc = host, "the service says that it expands collections, and does not");
        self.failed.store(true, Ordering::Relaxed);
    }
}

/// The members of a collection are what it contains, and none of its `Links`: `.` is enough, and spares what `*` would bring beside.
fn query(told: &ExpandQuery) -> Option<&'static str> {
    let is = |told: &super::resource::Maybe<bool>| told.0 == Some(true);
    match (is(&told.no_links), is(&told.expand_all), is(&told.levels)) {
        (true, _, true) => Some("?$expand=.($levels=1)"),
        (true, _, false) => Some("?$expand=."),
        (false, true, true) => Some("?$expand=*($levels=1)"),
        (false, true, false) => Some("?$expand=*"),
        (false, false, _) => None,
    }
}
