//! The sensors of a machine by IPMI (33, 35).

use async_trait::async_trait;
use dip_core::provider::ProviderError;

use super::machine::Machine;
use crate::ipmi::{Level, Reading, Scale};
use crate::provider::{Health, SensorReading, Sensors, Unit};

#[async_trait]
impl Sensors for Machine {
    async fn readings(&self) -> Result<Vec<SensorReading>, ProviderError> {
        let action = "read the sensors";
        let seen = self.bmc(action).await?.sensors().await.map_err(|error| self.failed(action, error))?;
        // Sensors that only write into the log have nothing to read.
        Ok(seen.into_iter().filter(|reading| reading.sensor.is_readable).map(reading).collect())
    }
}

fn reading(seen: Reading) -> SensorReading {
    let (unit, to_unit) = seen.sensor.scale.as_ref().map_or((Unit::Other, same as fn(f64) -> f64), unit);
    SensorReading {
        value: seen.value.map(to_unit),
        unit,
        health: seen.level.map(|level| match level {
            Level::Ok => Health::Ok,
            Level::NonCritical => Health::Warning,
            Level::Critical | Level::NonRecoverable => Health::Critical,
        }),
        name: seen.sensor.name,
    }
}

/// The word for a unit (Table 43-15), and how its numbers come to that.
fn unit(scale: &Scale) -> (Unit, fn(f64) -> f64) {
    if scale.is_percentage {
        return (Unit::Percent, same);
    }
    match scale.unit {
        _ if !scale.is_plain => (Unit::Other, same),
        1 => (Unit::Celsius, same),
        2 => (Unit::Celsius, |fahrenheit| (fahrenheit - 32.0) / 1.8),
        3 => (Unit::Celsius, |kelvin| kelvin - 273.15),
        4 => (Unit::Volts, same),
        5 => (Unit::Amperes, same),
        6 => (Unit::Watts, same),
        18 => (Unit::Rpm, same),
        _ => (Unit::Other, same),
    }
}

fn same(value: f64) -> f64 {
    value
}
