//! Entries of the system event log (§32).

use std::fmt;

use ipmi_rs_core::storage::sdr::{SensorType, decode_event};

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SelEntry {
    /// Its id, unique until the log is cleared.
    pub id: u16,
    /// Seconds since 1970 by the BMC's clock; `None` where the clock was not set, or the entry has no time.
    pub seconds: Option<u32>,
    /// What happened.
    pub record: SelRecord,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelRecord {
    /// A sensor's event (§32.1).
    Event(Event),
    /// A maker's own record with a time (§32.2): its type, the maker's number, six bytes.
    TimedOem {
        /// C0h to DFh.
        kind: u8,
        /// IANA enterprise number.
        maker: u32,
        /// The maker's own bytes.
        data: [u8; 6],
    },
    /// Any other record (§32.3): its type and all of its bytes.
    Oem {
        /// E0h to FFh for makers; others are reserved.
        kind: u8,
        /// The maker's own bytes.
        data: [u8; 13],
    },
}

/// An event of a sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The address of the controller whose sensor it is, or the number of the software.
    pub generator: u8,
    /// The logical unit of the controller.
    pub lun: u8,
    /// The kind of the sensor, Table 42-3.
    pub sensor_kind: u8,
    /// The number of the sensor.
    pub sensor: u8,
    /// Whether it has come or gone.
    pub direction: Direction,
    /// The kind of event, Table 42-1.
    pub kind: u8,
    /// Which of its kind in the lowest four bits, and what the sensor adds.
    pub data: [u8; 3],
}

/// Whether an event has come or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It has come.
    Asserted,
    /// It has gone.
    Deasserted,
}

/// Before this, a time counts from the start of the BMC and not from 1970 (§37.1).
const PRE_INIT: u32 = 0x2000_0000;
const UNSPECIFIED: u32 = 0xFFFF_FFFF;
const SYSTEM_EVENT: u8 = 0x02;

impl SelEntry {
    /// Bytes of an entry.
    pub const LEN: usize = 16;

    /// Reads an entry.
    #[must_use]
    pub fn parse(bytes: &[u8; Self::LEN]) -> Self {
        let id = u16::from_le_bytes([bytes[0], bytes[1]]);
        let kind = bytes[2];
        let told = u32::from_le_bytes([bytes[3], bytes[4], bytes[5], bytes[6]]);
        let seconds = (told >= PRE_INIT && told != UNSPECIFIED).then_some(told);
        match kind {
            SYSTEM_EVENT => Self { id, seconds, record: SelRecord::Event(event(bytes)) },
            0xC0..=0xDF => {
                let maker = u32::from_le_bytes([bytes[7], bytes[8], bytes[9], 0]);
                let data = std::array::from_fn(|n| bytes[10 + n]);
                Self { id, seconds, record: SelRecord::TimedOem { kind, maker, data } }
            }
            _ => {
                let data = std::array::from_fn(|n| bytes[3 + n]);
                Self { id, seconds: None, record: SelRecord::Oem { kind, data } }
            }
        }
    }
}

fn event(bytes: &[u8; SelEntry::LEN]) -> Event {
    let direction = if bytes[12] & 0x80 == 0 { Direction::Asserted } else { Direction::Deasserted };
    Event {
        generator: bytes[7],
        lun: bytes[8] & 0x03,
        sensor_kind: bytes[10],
        sensor: bytes[11],
        direction,
        kind: bytes[12] & 0x7F,
        data: [bytes[13], bytes[14], bytes[15]],
    }
}

impl Event {
    /// Which of its kind it is.
    #[must_use]
    pub fn offset(&self) -> u8 {
        self.data[0] & 0x0F
    }

    /// The kind of its sensor, in the words of Table 42-3.
    #[must_use]
    pub fn sensor_kind_name(&self) -> String {
        SensorType::from(self.sensor_kind).to_string()
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        decode_event(f, self.kind, SensorType::from(self.sensor_kind), self.offset())?;
        f.write_str(match self.direction {
            Direction::Asserted => ", asserted",
            Direction::Deasserted => ", deasserted",
        })
    }
}

impl fmt::Display for SelRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, data): (u8, &[u8]) = match self {
            Self::Event(event) => return event.fmt(f),
            Self::TimedOem { kind, maker, data } => {
                write!(f, "record of maker {maker}, ")?;
                (*kind, data)
            }
            Self::Oem { kind, data } => (*kind, data),
        };
        write!(f, "type {kind:#04x}:")?;
        data.iter().try_for_each(|byte| write!(f, " {byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_event_has_its_fields_of_table_32_1() {
        let entry = SelEntry::parse(&[
            7, 0, 0x02, 0x00, 0x5E, 0x9A, 0x66, 0x20, 0x00, 0x04, 0x01, 0x30, 0x81, 0x59, 0x70, 0x6E,
        ]);
        assert_eq!((entry.id, entry.seconds), (7, Some(0x669A_5E00)));
        let SelRecord::Event(event) = entry.record else { panic!("it is one") };
        assert_eq!((event.sensor, event.offset(), event.direction), (0x30, 9, Direction::Deasserted));
        assert_eq!(event.to_string(), "Upper Critical - going high, deasserted");
        assert_eq!(event.sensor_kind_name(), "Temperature");
    }

    #[test]
    fn the_records_of_makers_are_told_as_bytes() {
        let mut bytes = [9, 0, 0xC1, 0, 0, 0, 0x60, 0xA2, 0x02, 0x00, 1, 2, 3, 4, 5, 0xAB];
        let timed = SelEntry::parse(&bytes);
        assert_eq!(timed.record.to_string(), "record of maker 674, type 0xc1: 01 02 03 04 05 ab");
        assert_eq!(timed.seconds, Some(0x6000_0000));
        bytes[2] = 0xE0;
        assert_eq!(SelEntry::parse(&bytes).seconds, None);
    }

    #[test]
    fn a_clock_that_was_not_set_tells_no_time() {
        for told in [0, 1000, PRE_INIT - 1, UNSPECIFIED] {
            let mut bytes = [0; 16];
            bytes[2] = SYSTEM_EVENT;
            bytes[3..7].copy_from_slice(&told.to_le_bytes());
            assert_eq!(SelEntry::parse(&bytes).seconds, None, "{told}");
        }
    }

    proptest! {
        #[test]
        fn every_entry_can_be_read_and_told(bytes: [u8; 16]) {
            prop_assert!(!SelEntry::parse(&bytes).record.to_string().is_empty());
        }
    }
}
