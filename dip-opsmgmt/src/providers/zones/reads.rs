//! Questions about a zone that were gathered: a few are asked one by one, many are answered from a transfer of the zone.
//!
//! A transfer that is in memory serves again as long as the zone's serial number is what it was (RFC 2136 section 3.6: it
//! changes with the zone before anybody is told either). So an answer is never older than its question, also after our own changes.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use dip_core::provider::{Carry, ErrorKind};

use super::names::Zones;
use super::server::{Look, Seen, ZoneServer};
use super::snapshot::Snapshot;
use crate::providers::fault::Fault;

/// What is at the names that one caller asks about.
pub(super) type Looked = Result<Vec<Seen>, Fault>;

/// From so many questions on a transfer is tried: it costs about as much as some twenty questions.
const MANY: usize = 24;

/// A question costs about as much as transferring so many records: 0.1 ms against 1–2 µs, on BIND and Knot.
const RECORDS_A_QUESTION: usize = 64;

#[async_trait]
impl<S: ZoneServer> Carry<Vec<Look>, Looked> for Zones<S> {
    async fn carry(&self, zone: &str, items: &[Arc<Vec<Look>>]) -> Vec<Looked> {
        let looks: Vec<&Look> = items.iter().flat_map(|item| item.iter()).collect();
        let seen = match self.worth_a_transfer(zone, looks.len()).await {
            true => match self.snapshot(zone).await {
                Ok(snapshot) => Ok(looks.iter().map(|look| snapshot.look(look)).collect()),
                Err(fault) if fault.kind() == ErrorKind::Unsupported => {
                    self.closed.lock().unwrap_or_else(PoisonError::into_inner).insert(zone.to_owned());
                    self.server.look(zone, &looks).await
                }
                Err(fault) => Err(fault),
            },
            false => self.server.look(zone, &looks).await,
        };
        match seen {
            Ok(seen) => {
                let mut seen = seen.into_iter();
                items.iter().map(|item| Ok(seen.by_ref().take(item.len()).collect())).collect()
            }
            Err(fault) => vec![Err(fault); items.len()],
        }
    }
}

impl<S: ZoneServer> Zones<S> {
    /// All of a zone as it is now.
    pub(super) async fn snapshot(&self, zone: &str) -> Result<Arc<Snapshot>, Fault> {
        let slot = self.slot(zone);
        let mut last = slot.lock().await;
        if let Some(last) = &*last
            && last.serial.is_some()
            && self.server.serial(zone).await? == last.serial
        {
            return Ok(Arc::clone(last));
        }
        let snapshot = Arc::new(Snapshot::from(self.server.transfer(zone).await?));
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).remove(zone);
        *last = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    async fn worth_a_transfer(&self, zone: &str, questions: usize) -> bool {
        if questions < MANY || self.closed.lock().unwrap_or_else(PoisonError::into_inner).contains(zone) {
            return false;
        }
        let slot = self.slot(zone);
        let last = slot.lock().await;
        last.as_ref().is_none_or(|last| questions * RECORDS_A_QUESTION >= last.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::{Data, Kind};
    use super::super::table::Table;
    use super::*;

    fn looks(count: usize) -> Vec<Arc<Vec<Look>>> {
        let look = |number| Look { name: format!("n{number}.lab.example"), kinds: &[Kind::A] };
        (0..count).map(|number| Arc::new(vec![look(number)])).collect()
    }

    async fn seen(zones: &Zones<Table>, count: usize) -> usize {
        let answers = zones.carry("lab.example", &looks(count)).await;
        answers.into_iter().filter(|answer| answer.as_ref().is_ok_and(|seen| !seen[0].data.is_empty())).count()
    }

    #[tokio::test]
    async fn many_questions_are_answered_from_one_transfer_until_the_zone_changes() {
        let zones = Zones::of(Table::with(&[("n3.lab.example", Data::A([10, 1, 0, 3].into()))]));
        assert_eq!((seen(&zones, 2).await, zones.server.transfers()), (0, 0));
        assert_eq!((seen(&zones, 100).await, zones.server.transfers()), (1, 1));
        assert_eq!((seen(&zones, 100).await, zones.server.transfers()), (1, 1));
        let edit = super::super::edit::Edit::default().add("n4.lab.example", 60, Data::A([10, 1, 0, 4].into()));
        zones.server.write("lab.example", &[&edit]).await.expect("a table takes all");
        assert_eq!((seen(&zones, 100).await, zones.server.transfers()), (2, 2));
    }

    #[tokio::test]
    async fn a_server_that_gives_no_transfer_is_asked_one_by_one() {
        let zones = Zones::of(Table::closed(&[("n3.lab.example", Data::A([10, 1, 0, 3].into()))]));
        assert_eq!(seen(&zones, 100).await, 1);
        assert_eq!((seen(&zones, 100).await, zones.server.transfers()), (1, 1), "it is not tried again");
    }
}
