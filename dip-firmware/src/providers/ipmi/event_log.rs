//! The event log of a machine by IPMI (31, 32).

use std::collections::HashMap;

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use jiff::Timestamp;

use super::machine::Machine;
use crate::ipmi::{Direction, Event, SdrRecord, SelEntry, SelRecord};
use crate::provider::{EventLog, Health, LogEntry};

#[async_trait]
impl EventLog for Machine {
    async fn entries(&self) -> Result<Vec<LogEntry>, ProviderError> {
        let action = "read the event log";
        let bmc = self.bmc(action).await?;
        let entries = bmc.event_log().await.map_err(|error| self.failed(action, error))?;
        // Without the records, sensors are told by kind and number.
        let names = bmc.sdr().await.map(|records| names(&records)).unwrap_or_default();
        Ok(entries.iter().map(|entry| told(entry, &names)).collect())
    }

    async fn clear(&self) -> Result<(), ProviderError> {
        let action = "clear the event log";
        self.bmc(action).await?.clear_event_log().await.map_err(|error| self.failed(action, error))
    }
}

/// Names of sensors by owner, logical unit and number.
type Names = HashMap<(u8, u8, u8), String>;

fn names(records: &[SdrRecord]) -> Names {
    let sensors = records.iter().flat_map(|record| match record {
        SdrRecord::Sensors(sensors) => &sensors[..],
        _ => &[],
    });
    sensors.map(|sensor| ((sensor.owner, sensor.lun, sensor.number), sensor.name.clone())).collect()
}

fn told(entry: &SelEntry, names: &Names) -> LogEntry {
    let event = match &entry.record {
        SelRecord::Event(event) => Some(event),
        _ => None,
    };
    LogEntry {
        id: entry.id.to_string(),
        at: entry.seconds.and_then(|seconds| Timestamp::from_second(i64::from(seconds)).ok()),
        severity: event.and_then(severity),
        subject: event.map(|event| {
            let named = names.get(&(event.generator, event.lun, event.sensor)).filter(|name| !name.is_empty());
            named.cloned().unwrap_or_else(|| format!("{} {:#04x}", event.sensor_kind_name(), event.sensor))
        }),
        message: entry.record.to_string(),
    }
}

/// How bad an event is, where its kind says that (Tables 42-1 and 42-2).
fn severity(event: &Event) -> Option<Health> {
    let bad = match (event.kind, event.offset()) {
        // Thresholds: lower and upper non-critical, then those beyond.
        (0x01, 0 | 1 | 6 | 7) | (0x07, 1 | 4) => Health::Warning,
        (0x01, 2..=5 | 8..=11) | (0x07, 2 | 3 | 5 | 6) => Health::Critical,
        // Severities: a transition to OK.
        (0x07, 0) => return Some(Health::Ok),
        _ => return None,
    };
    Some(if event.direction == Direction::Asserted { bad } else { Health::Ok })
}
