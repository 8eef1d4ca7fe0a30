//! The event log of a machine.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::json;

use super::address::last_part;
use super::error::Failure;
use super::health::severity;
use super::machine::{Machine, target};
use super::members::Member;
use super::resource::{self, LogService};
use crate::provider::{EventLog, LogEntry};
use crate::providers::told::told;

/// What makers call the log of the machine's hardware, the best first: Dell's and OpenBMC's, HPE's, Lenovo's, Supermicro's and the DMTF's.
const HARDWARE: &[&str] = &["sel", "iml", "eventlog", "activelog", "standardlog", "platformlog", "log1", "log"];
/// Logs of another kind: who did what at the controller, faults that are open, dumps, output of a console.
const OTHERS: &[&str] =
    &["audit", "dump", "fault", "journal", "lclog", "hostlogger", "postcode", "crashdump", "iel", "sl"];

#[async_trait]
impl EventLog for Machine {
    async fn entries(&self) -> Result<Vec<LogEntry>, ProviderError> {
        self.read_log().await.map_err(self.failed("read the event log"))
    }

    async fn clear(&self) -> Result<(), ProviderError> {
        let clear = async {
            for log in self.logs().await? {
                let Some(log) = self.client.member::<LogService>(&log).await? else { continue };
                if let Some(action) = log.actions.as_ref().and_then(|actions| actions.clear.as_ref()) {
                    return self.client.post(target(Some(action), "LogService.ClearLog")?, &json!({})).await;
                }
            }
            Err(Failure::Lacking { what: "the event log cannot be cleared".to_owned() })
        };
        clear.await.map(drop).map_err(self.failed("clear the event log"))
    }
}

impl Machine {
    async fn read_log(&self) -> Result<Vec<LogEntry>, Failure> {
        // Some services list logs that they do not show.
        for log in self.logs().await? {
            let Some(log) = self.client.member::<LogService>(&log).await? else { continue };
            let Some(listed) = self.all::<resource::LogEntry>(log.entries.as_ref()).await? else { continue };
            let told = listed.into_iter().map(|(member, told)| entry(&member, told.unwrap_or_default()));
            let mut entries: Vec<_> = told.collect();
            in_order(&mut entries);
            return Ok(entries);
        }
        Err(lacking())
    }

    /// The logs, the likeliest first to be that of the machine's hardware, which some keep with the system and some with the controller.
    async fn logs(&self) -> Result<Vec<Member>, Failure> {
        let system = self.system().await?.body;
        let mut logs = self.client.members(system.log_services.as_ref()).await?.unwrap_or_default();
        if rank(&logs) >= HARDWARE.len() {
            match self.manager(&system).await {
                Ok(manager) => {
                    logs.extend(self.client.members(manager.body.log_services.as_ref()).await?.unwrap_or_default());
                }
                Err(Failure::Lacking { .. }) => {}
                Err(failure) => return Err(failure),
            }
        }
        logs.sort_by_key(|log| rank_of(log.id()));
        // A log of who did what is not the machine's, and must not be cleared in its stead.
        logs.retain(|log| rank_of(log.id()) <= HARDWARE.len());
        Ok(logs)
    }
}

fn lacking() -> Failure {
    Failure::Lacking { what: "the service tells of no event log".to_owned() }
}

fn rank(logs: &[Member]) -> usize {
    logs.iter().map(|log| rank_of(log.id())).min().unwrap_or(usize::MAX)
}

/// How likely a log is the one of the machine's hardware; the smallest is the likeliest.
fn rank_of(id: &str) -> usize {
    let id = id.to_lowercase();
    match HARDWARE.iter().position(|name| *name == id) {
        Some(place) => place,
        None if OTHERS.iter().any(|name| id == *name || name.len() > 3 && id.contains(name)) => HARDWARE.len() + 1,
        None => HARDWARE.len(),
    }
}

fn entry(member: &Member, entry: resource::LogEntry) -> LogEntry {
    let origin =
        entry.links.as_ref().and_then(|links| links.origin_of_condition.as_ref()?.id.as_deref().map(last_part));
    let subject = told(entry.sensor_type.as_deref()).or_else(|| told(origin));
    let id = entry.id.0.filter(|id| !id.is_empty()).unwrap_or_else(|| member.id().to_owned());
    let message = told(entry.message.as_deref()).or_else(|| told(entry.message_id.as_deref())).unwrap_or_default();
    let at = entry.event_timestamp.as_deref().and_then(time).or_else(|| entry.created.as_deref().and_then(time));
    LogEntry { id, at, severity: entry.severity.as_deref().and_then(severity), subject, message }
}

/// A time as controllers write it. One without a zone is of the controller's own clock, which is taken for UTC; the first day of 1970
/// is a clock that nobody set.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let zoned = text.parse::<Timestamp>().ok();
    let at = zoned.or_else(|| TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok())?;
    (at.as_second() > 24 * 60 * 60).then_some(at)
}

/// Oldest first, whichever way the service lists them.
fn in_order(entries: &mut [LogEntry]) {
    let number = |entry: &LogEntry| entry.id.parse::<u64>().ok();
    if entries.iter().all(|entry| entry.at.is_some()) {
        entries.sort_by_key(|entry| (entry.at, number(entry)));
    } else if entries.iter().all(|entry| number(entry).is_some()) {
        entries.sort_by_key(number);
    }
}

/// Reads a body as an entry, for fuzzers.
#[cfg(feature = "fuzzing")]
pub(super) fn read(body: &[u8]) {
    let Ok(value) = super::answer::value_of(body) else { return };
    if let Ok(told) = serde_json::from_value(value) {
        let member = Member::at("/redfish/v1/Systems/1/LogServices/Log1/Entries/1");
        in_order(&mut [entry(&member, told)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_controllers_write_them() {
        assert_eq!(time("2023-04-24T14:05:38-05:00").map(|at| at.to_string()).as_deref(), Some("2023-04-24T19:05:38Z"));
        assert_eq!(time("2023-04-24T14:05:38").map(|at| at.to_string()).as_deref(), Some("2023-04-24T14:05:38Z"));
        for none in ["", "1970-01-01T00:00:23Z", "TIME_NA", "24.04.2023"] {
            assert_eq!(time(none), None, "{none}");
        }
    }

    #[test]
    fn the_log_of_the_hardware_is_preferred_to_others() {
        let best = |ids: &[&str]| ids.iter().min_by_key(|id| rank_of(id)).copied().map(str::to_owned);
        assert_eq!(best(&["Lclog", "FaultList", "Sel"]).as_deref(), Some("Sel"));
        assert_eq!(best(&["SL", "Event", "IML"]).as_deref(), Some("IML"));
        assert_eq!(best(&["AuditLog", "ActiveLog"]).as_deref(), Some("ActiveLog"));
        assert_eq!(best(&["Dump", "Journal", "Events"]).as_deref(), Some("Events"));
    }

    #[test]
    fn entries_are_told_oldest_first() {
        let of = |id: &str, at: Option<&str>| LogEntry {
            id: id.to_owned(),
            at: at.and_then(time),
            severity: None,
            subject: None,
            message: String::new(),
        };
        let ids = |mut entries: Vec<LogEntry>| {
            in_order(&mut entries);
            entries.into_iter().map(|entry| entry.id).collect::<Vec<_>>()
        };
        let day = |day: u8| format!("2026-11-{day:02}T00:00:00Z");
        assert_eq!(
            ids(vec![of("9", Some(&day(3))), of("10", Some(&day(3))), of("1", Some(&day(2)))]),
            ["1", "9", "10"]
        );
        assert_eq!(ids(vec![of("10", None), of("9", Some(&day(1)))]), ["9", "10"]);
        assert_eq!(ids(vec![of("b", None), of("a", None)]), ["b", "a"]);
    }
}
