//! What the values of an agent mean: states, names and loads. Pure, so that any value can be tried.

use async_snmp::Value;
use dip_core::hardware::PowerState;

use crate::pdu_settings::StateObject;

/// A value does not say what its object should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misread {
    /// The agent has no such instance.
    #[error("the PDU has no such object")]
    Absent,
    /// The outlet is being switched.
    #[error("the outlet is being switched (the PDU tells {0})")]
    Changing(i32),
    /// It means nothing that the map knows.
    #[error("the PDU tells {0}, which its map does not know")]
    Odd(String),
}

/// Whether an outlet has power.
pub(crate) fn state(values: &StateObject, value: &Value) -> Result<PowerState, Misread> {
    if value.is_exception() {
        return Err(Misread::Absent);
    }
    // Some agents tell an enumeration as another kind of number.
    let number = value.as_i32().or_else(|| value.as_u32().and_then(|number| i32::try_from(number).ok()));
    match number {
        Some(number) if values.on.contains(&number) => Ok(PowerState::On),
        Some(number) if values.off.contains(&number) => Ok(PowerState::Off),
        Some(number) if values.changing.contains(&number) => Err(Misread::Changing(number)),
        _ => Err(Misread::Odd(value.to_string())),
    }
}

/// The name of an outlet, without what agents pad it with; `None` where it has none.
pub(crate) fn name(value: &Value) -> Result<Option<String>, Misread> {
    if value.is_exception() {
        return Err(Misread::Absent);
    }
    let bytes = value.as_bytes().ok_or_else(|| Misread::Odd(value.to_string()))?;
    let text: String = String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).collect();
    Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
}

/// A measured value in thousandths of its unit, where 1 means so many; `None` where it is not measured.
pub(crate) fn thousandths(value: &Value, milli: u64) -> Option<u64> {
    let number = match value {
        Value::Integer(number) => u64::try_from(*number).ok()?,
        other if other.is_exception() => return None,
        other => other.as_u64()?,
    };
    number.checked_mul(milli)
}

/// How many thousandths 1 means, for a value with so many decimal digits; `None` for more than can be measured.
pub(crate) fn of_digits(value: &Value) -> Option<u64> {
    // Nothing measures finer than thousandths.
    let digits = u32::try_from(thousandths(value, 1)?).ok().filter(|digits| *digits <= 3)?;
    Some(10_u64.pow(3 - digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentry3() -> StateObject {
        StateObject { on: vec![1], off: vec![0], changing: vec![2, 3], ..StateObject::default() }
    }

    #[test]
    fn a_state_is_on_off_changing_or_told_as_it_is() {
        let read = |value| state(&sentry3(), &value);
        assert_eq!(read(Value::Integer(1)), Ok(PowerState::On));
        assert_eq!(read(Value::Gauge32(0)), Ok(PowerState::Off));
        assert_eq!(read(Value::Integer(3)), Err(Misread::Changing(3)));
        assert_eq!(read(Value::Integer(9)), Err(Misread::Odd("9".to_owned())));
        assert_eq!(read(Value::NoSuchInstance), Err(Misread::Absent));
    }

    #[test]
    fn names_lose_their_padding_and_an_empty_one_is_none() {
        let read = |text: &'static [u8]| name(&Value::OctetString(text.into()));
        assert_eq!(read(b"r1-n1 \0"), Ok(Some("r1-n1".to_owned())));
        assert_eq!(read(b"  "), Ok(None));
    }

    #[test]
    fn loads_are_scaled_and_a_negative_one_is_not_measured() {
        assert_eq!(thousandths(&Value::Integer(125), 10), Some(1250));
        assert_eq!(thousandths(&Value::Integer(-1), 10), None);
        assert_eq!(thousandths(&Value::NoSuchObject, 10), None);
        assert_eq!(
            thousandths(&Value::Gauge32(2874), of_digits(&Value::Gauge32(1)).expect("one digit")),
            Some(287_400)
        );
        assert_eq!(of_digits(&Value::Gauge32(40)), None);
    }
}
