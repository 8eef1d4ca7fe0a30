//! Sensor data records: which sensors and parts a machine has, and how raw readings become numbers (§43).

use super::conversion::Conversion;
use super::text::{self, Text};

/// Record id, version, type, length of the rest (§43).
pub(super) const HEADER: usize = 5;

const FULL_SENSOR: u8 = 0x01;
const COMPACT_SENSOR: u8 = 0x02;
const EVENT_ONLY: u8 = 0x03;
const FRU_LOCATOR: u8 = 0x11;

/// What one record of the repository is about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SdrRecord {
    /// Sensors; several where one record is shared.
    Sensors(Vec<Sensor>),
    /// A part with an inventory of its own.
    Fru(FruLocator),
    /// A record that says nothing about sensors or parts, by its type.
    Other(u8),
}

/// A sensor (§43.1 to §43.3).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sensor {
    /// The address of the controller that it belongs to; `0x20` is the BMC.
    pub owner: u8,
    /// The logical unit of the controller.
    pub lun: u8,
    /// Its number there.
    pub number: u8,
    /// Its name.
    pub name: String,
    /// What it is a sensor of.
    pub entity: Entity,
    /// The kind, Table 42-3.
    pub kind: u8,
    /// The kind of its events, Table 42-1; 1 is a threshold sensor.
    pub event_kind: u8,
    /// How its readings are to be read; `None` for sensors that have states and no number.
    pub scale: Option<Scale>,
    /// Whether it can be read at all, or only writes into the log.
    pub is_readable: bool,
}

/// The thing that a sensor or an inventory is of (§39, Table 43-13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Entity {
    /// The kind: 3 processor, 8 memory module, 10 power supply, 32 memory device.
    pub id: u8,
    /// Which one of its kind.
    pub instance: u8,
}

/// How a raw reading becomes a number with a unit.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Scale {
    /// From raw to number.
    pub conversion: Conversion,
    /// The base unit by its number in Table 43-15; 1 is °C.
    pub unit: u8,
    /// Whether it is a percentage of that.
    pub is_percentage: bool,
    /// Whether the base unit stands alone: no rate, no second unit.
    pub is_plain: bool,
}

/// Where the inventory of a part is read (§43.8).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FruLocator {
    /// The controller that has it; `0x20` is the BMC.
    pub owner: u8,
    /// The id of the inventory there.
    pub device: u8,
    /// Whether it is read by FRU commands; else it is a chip on a bus.
    pub is_logical: bool,
    /// What it is the inventory of.
    pub entity: Entity,
    /// Its name.
    pub name: String,
}

impl SdrRecord {
    /// Reads a record; `None` where it is cut off.
    pub fn parse(record: &[u8]) -> Option<Self> {
        let kind = *record.get(3)?;
        Some(match kind {
            FULL_SENSOR => Self::Sensors(vec![full(record)?]),
            COMPACT_SENSOR => Self::Sensors(compact(record)?),
            EVENT_ONLY => Self::Sensors(shared(record, &event_only(record)?, 12)?),
            FRU_LOCATOR => Self::Fru(fru_locator(record)?),
            other => Self::Other(other),
        })
    }
}

/// Table 43-1.
fn full(record: &[u8]) -> Option<Sensor> {
    let units = *record.get(20)?;
    let conversion = Conversion::parse(units >> 6, record.get(23..30)?)?;
    let scale = Scale { conversion, unit: record[21], is_percentage: units & 0x01 != 0, is_plain: units & 0x3E == 0 };
    // Format 3: it has no number (Table 43-1, byte 21).
    let scale = (units >> 6 != 3).then_some(scale);
    sensor(record, scale, name(record, 47)?)
}

/// Table 43-2.
fn compact(record: &[u8]) -> Option<Vec<Sensor>> {
    let first = sensor(record, None, name(record, 31)?)?;
    shared(record, &first, 23)
}

/// Table 43-3.
fn event_only(record: &[u8]) -> Option<Sensor> {
    Some(Sensor {
        owner: *record.get(5)?,
        lun: *record.get(6)? & 0x03,
        number: *record.get(7)?,
        name: name(record, 16)?,
        entity: Entity { id: *record.get(8)?, instance: *record.get(9)? & 0x7F },
        kind: *record.get(10)?,
        event_kind: *record.get(11)? & 0x7F,
        scale: None,
        is_readable: false,
    })
}

fn sensor(record: &[u8], scale: Option<Scale>, name: String) -> Option<Sensor> {
    Some(Sensor {
        owner: *record.get(5)?,
        lun: *record.get(6)? & 0x03,
        number: *record.get(7)?,
        name,
        entity: Entity { id: *record.get(8)?, instance: *record.get(9)? & 0x7F },
        kind: *record.get(12)?,
        event_kind: *record.get(13)? & 0x7F,
        scale,
        is_readable: true,
    })
}

/// All sensors of a record that several share: numbers and instances count up, names end in a number or letter (Table 43-2).
/// `at` is the place of the two bytes that say so.
fn shared(record: &[u8], first: &Sensor, at: usize) -> Option<Vec<Sensor>> {
    let (share, modifier) = (*record.get(at)?, *record.get(at + 1)?);
    let count = (share & 0x0F).max(1);
    let sensors = (0..count).map(|n| Sensor {
        number: first.number.wrapping_add(n),
        name: match (count, share >> 4 & 0x03) {
            (1, _) => first.name.clone(),
            (_, 0) => format!("{}{}", first.name, u16::from(modifier & 0x7F) + u16::from(n)),
            (_, _) => format!("{}{}", first.name, char::from(b'A' + (modifier & 0x7F).wrapping_add(n) % 26)),
        },
        entity: match modifier & 0x80 {
            0 => first.entity,
            _ => Entity { instance: first.entity.instance.wrapping_add(n), ..first.entity },
        },
        ..first.clone()
    });
    Some(sensors.collect())
}

/// Table 43-7.
fn fru_locator(record: &[u8]) -> Option<FruLocator> {
    Some(FruLocator {
        owner: *record.get(5)?,
        device: *record.get(6)?,
        is_logical: *record.get(7)? & 0x80 != 0,
        entity: Entity { id: *record.get(12)?, instance: *record.get(13)? & 0x7F },
        name: name(record, 15)?,
    })
}

/// The name behind a type and length byte (§43.15). A name that is cut off is told as far as it goes.
fn name(record: &[u8], at: usize) -> Option<String> {
    let head = *record.get(at)?;
    let field = record.get(at + 1..)?;
    let field = &field[..field.len().min(usize::from(head & 0x1F))];
    let packed = match head >> 6 {
        0 => Text::Utf16,
        1 => Text::BcdPlus,
        2 => Text::SixBit,
        _ => Text::Latin1,
    };
    Some(text::clean(&packed.decode(field)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The header and the fields that both kinds of sensor records share.
    fn start(kind: u8, len: usize) -> Vec<u8> {
        let mut record = vec![0; len];
        record[..14].copy_from_slice(&[1, 0, 0x51, kind, len as u8 - 5, 0x20, 0, 0x30, 10, 1, 0x7F, 0x68, 0x01, 0x01]);
        record
    }

    fn full_record() -> Vec<u8> {
        let mut record = start(FULL_SENSOR, 52);
        // Two's complement, °C; M = 2, B = -1, R = -1.
        record[20..30].copy_from_slice(&[0x80, 1, 0, 0, 2, 0, 0xFF, 0xC0, 0, 0xF0]);
        record[47..52].copy_from_slice(&[0xC4, b'T', b'e', b'm', b'p']);
        record
    }

    #[test]
    fn a_full_record_gives_one_sensor_with_its_scale() {
        let Some(SdrRecord::Sensors(sensors)) = SdrRecord::parse(&full_record()) else { panic!("it is one") };
        let [sensor] = &sensors[..] else { panic!("one") };
        assert_eq!((sensor.name.as_str(), sensor.number, sensor.entity.id), ("Temp", 0x30, 10));
        let scale = sensor.scale.expect("it has a number");
        assert!(scale.is_plain && !scale.is_percentage && scale.unit == 1);
        let value = scale.conversion.value(0xF6).expect("it is linear");
        assert!((value - (2.0 * -10.0 - 1.0) / 10.0).abs() < 1e-9, "{value}");
    }

    #[test]
    fn a_compact_record_is_shared_by_several_sensors() {
        let mut record = start(COMPACT_SENSOR, 35);
        record[23..25].copy_from_slice(&[0x03, 0x81]);
        record[31..35].copy_from_slice(&[0xC3, b'F', b'a', b'n']);
        let Some(SdrRecord::Sensors(sensors)) = SdrRecord::parse(&record) else { panic!("they are") };
        let told = sensors.iter().map(|sensor| (sensor.name.as_str(), sensor.number, sensor.entity.instance));
        assert_eq!(told.collect::<Vec<_>>(), [("Fan1", 0x30, 1), ("Fan2", 0x31, 2), ("Fan3", 0x32, 3)]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..70), kind in 0u8..0x14) {
            if bytes.len() > 3 {
                bytes[3] = kind;
            }
            if let Some(SdrRecord::Sensors(sensors)) = SdrRecord::parse(&bytes) {
                for conversion in sensors.iter().filter_map(|sensor| Some(sensor.scale?.conversion)) {
                    let _ = conversion.value(0x80);
                }
            }
        }
    }
}
