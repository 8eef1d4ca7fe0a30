//! What a machine's sensors read.

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

use super::Health;

/// The unit of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Degrees Celsius.
    Celsius,
    /// Turns a minute.
    Rpm,
    /// Volts.
    Volts,
    /// Amperes.
    Amperes,
    /// Watts.
    Watts,
    /// Percent of the most.
    Percent,
    /// Something that dip has no word for.
    Other,
}

impl Unit {
    /// Its sign behind a number; empty for [`Self::Other`].
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Celsius => "°C",
            Self::Rpm => "rpm",
            Self::Volts => "V",
            Self::Amperes => "A",
            Self::Watts => "W",
            Self::Percent => "%",
            Self::Other => "",
        }
    }
}

/// What one sensor reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SensorReading {
    /// The controller's name for it.
    pub name: String,
    /// The reading in its unit; `None` where the sensor is there and cannot be read now, or has states and no number.
    pub value: Option<f64>,
    /// The unit.
    pub unit: Unit,
    /// How the controller rates it.
    pub health: Option<Health>,
}

/// The sensors of one machine.
///
/// # Contract
/// It reads only. A sensor that cannot be read is listed without a value.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Sensors: Send + Sync {
    /// All sensors, in the controller's order.
    async fn readings(&self) -> Result<Vec<SensorReading>, ProviderError>;
}
