//! Which zone a name is in, remembered for its domain; who asks for one domain at the same time shares an answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dip_core::provider::{Carry, Gather};

use super::names::Zones;
use super::server::ZoneServer;
use crate::providers::fault::{Fault, Reach};

/// How long the zone of a domain is remembered: zones come and go by people's hands.
const REMEMBERED: Duration = Duration::from_secs(60);

/// The zone of a name.
pub(super) type Placed = Result<String, Fault>;

/// The zones of domains.
#[derive(Debug)]
pub(super) struct Places {
    asked: Gather<String, Placed>,
    /// By domain, with when that was asked.
    known: Mutex<BTreeMap<String, (Instant, String)>>,
}

impl Places {
    pub(super) fn new() -> Self {
        Self { asked: Gather::new(), known: Mutex::default() }
    }

    fn known(&self, domain: &str) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(domain).filter(|(asked, _)| asked.elapsed() < REMEMBERED).map(|(_, zone)| zone.clone())
    }
}

impl<S: ZoneServer> Zones<S> {
    /// The zone that a name is in.
    pub(super) async fn zone(&self, name: &str) -> Placed {
        let domain = name.split_once('.').map_or("", |(_, domain)| domain);
        match self.places.known(domain) {
            Some(zone) => Ok(zone),
            None => self.places.asked.join(domain, name.to_owned(), self).await,
        }
    }
}

#[async_trait]
impl<S: ZoneServer> Carry<String, Placed> for Zones<S> {
    async fn carry(&self, domain: &str, names: &[Arc<String>]) -> Vec<Placed> {
        let mut all = Vec::with_capacity(names.len());
        for name in names {
            if let Some(zone) = self.places.known(domain) {
                all.push(Ok(zone));
                continue;
            }
            let placed = self.server.zone(name).await;
            match &placed {
                // The name of a zone itself tells nothing of its neighbours.
                Ok(zone) if *zone != **name => {
                    let mut known = self.places.known.lock().unwrap_or_else(PoisonError::into_inner);
                    known.insert(domain.to_owned(), (Instant::now(), zone.clone()));
                }
                // Nobody else would be answered either.
                Err(fault) if fault.reach() == Reach::Server => {
                    all.resize(names.len(), placed);
                    return all;
                }
                _ => {}
            }
            all.push(placed);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::Table;
    use super::*;

    /// How often the server was asked for the zones of a hundred names at once, and how many were told.
    async fn asked(table: Table) -> (usize, usize) {
        let zones = Arc::new(Zones::of(table));
        let tasks: Vec<_> = (0..100)
            .map(|number| {
                let zones = Arc::clone(&zones);
                tokio::spawn(async move { zones.zone(&format!("n{number}.lab.example")).await })
            })
            .collect();
        let mut told = 0;
        for task in tasks {
            told += usize::from(task.await.expect("it does not panic").is_ok_and(|zone| zone == "lab.example"));
        }
        (zones.server.asked(), told)
    }

    #[tokio::test]
    async fn the_zone_of_a_domain_is_asked_for_once_for_all_of_its_names() {
        assert_eq!(asked(Table::default()).await, (1, 100));
    }

    #[tokio::test]
    async fn a_dead_server_is_not_asked_for_each_name() {
        assert_eq!(asked(Table::dead()).await, (1, 0), "once for all who came together");
    }
}
