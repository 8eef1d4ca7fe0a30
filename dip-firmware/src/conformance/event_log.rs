//! Trials of the event log.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use dip_core::conformance::{Trial, Verdict};

use super::harness::{BmcHarness, expect, facet, offered, trial};
use crate::provider::LogEntry;

/// The trials of [`EventLog`](crate::provider::EventLog).
#[must_use]
pub fn trials(harness: &Arc<dyn BmcHarness>) -> Vec<Trial> {
    vec![
        trial(harness, "clearing_twice_is_once", |harness| async move {
            let log = offered!(facet(harness.bmc().event_log(), "an event log"));
            for _ in 0..2 {
                log.clear().await?;
                let left = log.entries().await?;
                // Some controllers write that it was cleared.
                expect(left.len() <= 1, "nothing is left but a note of the clearing", &left)?;
            }
            Ok(Verdict::Passed)
        }),
        trial(harness, "what_happens_is_told_after_what_happened_before", |harness| async move {
            let log = offered!(facet(harness.bmc().event_log(), "an event log"));
            log.clear().await?;
            for times in 1..=2 {
                let Some(subject) = harness.provoke_event().await? else {
                    return Ok(Verdict::Ignored("nobody can let something happen here".to_owned()));
                };
                let mut entries = log.entries().await?;
                let about = |entries: &[LogEntry]| {
                    entries.iter().filter(|entry| entry.subject.as_ref() == Some(&subject)).count()
                };
                // A controller looks at its sensors every few seconds.
                for _ in 0..50 {
                    if about(&entries) >= times {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    entries = log.entries().await?;
                }
                expect(about(&entries) >= times, &format!("it tells of {subject} {times} times"), &entries)?;
                let ids: HashSet<_> = entries.iter().map(|entry| &entry.id).collect();
                expect(ids.len() == entries.len(), "each has an id of its own", &entries)?;
                let sorted = entries
                    .windows(2)
                    .all(|pair| pair[0].at.is_none() || pair[1].at.is_none() || pair[0].at <= pair[1].at);
                expect(sorted, "the oldest is told first", &entries)?;
            }
            log.clear().await?;
            Ok(Verdict::Passed)
        }),
    ]
}
