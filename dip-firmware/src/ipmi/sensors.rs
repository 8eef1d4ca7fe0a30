//! What the sensors of a machine read (§35), each by its record in the repository.

use std::sync::Arc;

use super::bmc::IpmiBmc;
use super::error::{ErrorClass, IpmiError};
use super::opcode::Opcode;
use super::options::Resend;
use super::sdr::{SdrRecord, Sensor};
use super::sdr_reader;

/// Address of the BMC: only its own sensors are asked, not those of controllers behind it.
const BMC: u8 = 0x20;
/// The kind of events of a sensor with thresholds (Table 42-1).
const THRESHOLDS: u8 = 0x01;

/// What one sensor reads.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reading {
    /// The sensor.
    pub sensor: Sensor,
    /// Its number in the unit of its scale; `None` where it has none or cannot be read now.
    pub value: Option<f64>,
    /// How far it is from what is allowed; `None` where it has no thresholds or cannot be read now.
    pub level: Option<Level>,
}

/// How a reading lies to the thresholds of its sensor (§35.14, Table 35-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Between all thresholds.
    Ok,
    /// At or beyond a non-critical one.
    NonCritical,
    /// At or beyond a critical one.
    Critical,
    /// At or beyond a non-recoverable one.
    NonRecoverable,
}

/// The thresholds of a sensor that it lets be read, in its unit (§35.9).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Thresholds {
    /// Lower non-critical.
    pub lower_non_critical: Option<f64>,
    /// Lower critical.
    pub lower_critical: Option<f64>,
    /// Lower non-recoverable.
    pub lower_non_recoverable: Option<f64>,
    /// Upper non-critical.
    pub upper_non_critical: Option<f64>,
    /// Upper critical.
    pub upper_critical: Option<f64>,
    /// Upper non-recoverable.
    pub upper_non_recoverable: Option<f64>,
}

impl IpmiBmc {
    /// The records of the repository, read again only when it has changed.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn sdr(&self) -> Result<Arc<Vec<SdrRecord>>, IpmiError> {
        let stamp = sdr_reader::stamp(&*self.session).await?;
        let mut kept = self.sdr.lock().await;
        if let Some((of, records)) = &*kept
            && *of == stamp
        {
            return Ok(Arc::clone(records));
        }
        let records = Arc::new(sdr_reader::read(&*self.session).await?);
        *kept = Some((stamp, Arc::clone(&records)));
        Ok(records)
    }

    /// What all sensors of the machine read, in the order of the repository.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state). A single sensor that cannot be read is told without a value.
    pub async fn sensors(&self) -> Result<Vec<Reading>, IpmiError> {
        let records = self.sdr().await?;
        let sensors = records.iter().flat_map(|record| match record {
            SdrRecord::Sensors(sensors) => &sensors[..],
            _ => &[],
        });
        let mut readings = Vec::new();
        for sensor in sensors {
            readings.push(self.reading(sensor).await?);
        }
        Ok(readings)
    }

    async fn reading(&self, sensor: &Sensor) -> Result<Reading, IpmiError> {
        let blank = Reading { sensor: sensor.clone(), value: None, level: None };
        if !sensor.is_readable || sensor.owner != BMC || sensor.lun != 0 {
            return Ok(blank);
        }
        let reply = match self.request(GET_READING, &[sensor.number], Resend::Allowed).await {
            Ok(reply) => reply,
            // A part that is not there, or a machine that is off.
            Err(IpmiError::Completion { code, .. })
                if matches!(code.value(), 0xC1 | 0xC9..=0xCE | 0xD3 | 0xD5 | 0xFF) =>
            {
                return Ok(blank);
            }
            Err(error) => return Err(error),
        };
        let [raw, flags, ref states @ ..] = *reply else {
            return Err(self.session.malformed(GET_READING, "the reading has fewer than 2 bytes"));
        };
        // Bit 6: it is being read; bit 5: what is told is not up to date.
        if flags & 0x40 == 0 || flags & 0x20 != 0 {
            return Ok(blank);
        }
        let level = states.first().filter(|_| sensor.event_kind == THRESHOLDS).map(|bits| Level::of(*bits));
        Ok(Reading { value: self.value(sensor, raw).await?, level, ..blank })
    }

    /// The number of a raw reading.
    async fn value(&self, sensor: &Sensor, raw: u8) -> Result<Option<f64>, IpmiError> {
        let Some(scale) = &sensor.scale else { return Ok(None) };
        if !scale.conversion.is_non_linear() {
            return Ok(scale.conversion.value(raw));
        }
        let reply = self.request(GET_FACTORS, &[sensor.number, raw], Resend::Allowed).await?;
        let factors = reply.get(1..).and_then(|factors| scale.conversion.with_factors(factors));
        let factors =
            factors.ok_or_else(|| self.session.malformed(GET_FACTORS, "the factors have fewer than 7 bytes"))?;
        Ok(factors.value(raw))
    }

    /// The thresholds of a sensor; all absent where it has none.
    ///
    /// # Errors
    /// As [`power_state`](Self::power_state).
    pub async fn thresholds(&self, sensor: &Sensor) -> Result<Thresholds, IpmiError> {
        if sensor.event_kind != THRESHOLDS || sensor.owner != BMC || sensor.lun != 0 {
            return Ok(Thresholds::default());
        }
        let reply = match self.request(GET_THRESHOLDS, &[sensor.number], Resend::Allowed).await {
            Err(error) if matches!(error.class(), ErrorClass::Unsupported | ErrorClass::Invalid) => {
                return Ok(Thresholds::default());
            }
            other => other?,
        };
        let Some((readable, raw)) = reply.split_first_chunk::<1>().filter(|(_, raw)| raw.len() >= 6) else {
            return Err(self.session.malformed(GET_THRESHOLDS, "the thresholds have fewer than 7 bytes"));
        };
        let mut values = [None; 6];
        for (n, value) in values.iter_mut().enumerate() {
            if readable[0] & (1 << n) != 0 {
                *value = self.value(sensor, raw[n]).await?;
            }
        }
        let [lower_non_critical, lower_critical, lower_non_recoverable, upper_non_critical, upper_critical, last] =
            values;
        Ok(Thresholds {
            lower_non_critical,
            lower_critical,
            lower_non_recoverable,
            upper_non_critical,
            upper_critical,
            upper_non_recoverable: last,
        })
    }
}

const GET_READING: Opcode = Opcode::raw(NETFN_SENSOR, 0x2D);
const GET_FACTORS: Opcode = Opcode::raw(NETFN_SENSOR, 0x23);
const GET_THRESHOLDS: Opcode = Opcode::raw(NETFN_SENSOR, 0x27);
const NETFN_SENSOR: u8 = 0x04;

impl Level {
    fn of(bits: u8) -> Self {
        // The same three from below and from above.
        match (bits & 0x3F | bits >> 3) & 0x07 {
            0 => Self::Ok,
            1 => Self::NonCritical,
            2 | 3 => Self::Critical,
            _ => Self::NonRecoverable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_threshold_that_is_passed_counts_from_above_as_from_below() {
        for (bits, level) in [
            (0x00, Level::Ok),
            (0x01, Level::NonCritical),
            (0x08, Level::NonCritical),
            (0x18, Level::Critical),
            (0x07, Level::NonRecoverable),
            // The two highest bits are reserved.
            (0xC0, Level::Ok),
        ] {
            assert_eq!(Level::of(bits), level, "{bits:#x}");
        }
    }
}
