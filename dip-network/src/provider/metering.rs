//! What a PDU measures: power, current and voltage, each in its own unit.

use std::fmt;

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident, $symbol:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (whole, rest) = (self.0 / 1000, self.0 % 1000);
                match format!("{rest:03}").trim_end_matches('0') {
                    "" => write!(f, concat!("{} ", $symbol), whole),
                    digits => write!(f, concat!("{}.{} ", $symbol), whole, digits),
                }
            }
        }
    };
}

unit!(
    /// Active electrical power in thousandths of a watt; shown in watts, `287.4 W`.
    Milliwatts,
    "W"
);
unit!(
    /// Electrical current (RMS) in thousandths of an ampere; shown in amperes, `1.25 A`.
    Milliamperes,
    "A"
);
unit!(
    /// Voltage (RMS) in thousandths of a volt; shown in volts, `230.1 V`.
    Millivolts,
    "V"
);

/// What an outlet, or a whole PDU, carries at a moment. What is not measured is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Active power.
    pub power: Option<Milliwatts>,
    /// Current; of a PDU with several phases, that of the first.
    pub current: Option<Milliamperes>,
    /// Voltage; of a PDU with several phases, that of the first.
    pub voltage: Option<Millivolts>,
}

impl Load {
    /// Whether nothing of it is measured.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// The meters of a PDU.
///
/// # Contract
/// * A meter that the PDU does not have is [`ErrorKind::Unsupported`](dip_core::provider::ErrorKind::Unsupported), an outlet that it does not
///   have [`ErrorKind::NotFound`](dip_core::provider::ErrorKind::NotFound).
/// * What is answered has at least one value.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Metering: Send + Sync {
    /// What an outlet carries.
    async fn outlet_load(&self, outlet: u16) -> Result<Load, ProviderError>;

    /// What the whole PDU carries.
    async fn unit_load(&self) -> Result<Load, ProviderError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_shown_as_a_person_reads_them() {
        assert_eq!(Milliwatts(287_400).to_string(), "287.4 W");
        assert_eq!(Milliamperes(50).to_string(), "0.05 A");
        assert_eq!(Millivolts(230_000).to_string(), "230 V");
    }
}
