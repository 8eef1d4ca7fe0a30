//! Values as services write them: absent, `null`, of another form, numbers as text.

use std::ops::Deref;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A value that may not be told. One that has not the form which the schema gives it counts as not told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::providers::redfish) struct Maybe<T>(pub(in crate::providers::redfish) Option<T>);

/// A list that may not be told. Items that cannot be read are left out.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::providers::redfish) struct List<T>(pub(in crate::providers::redfish) Option<Vec<T>>);

/// A number, as such or as text: some services write `"1"`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::providers::redfish) struct Number(pub(in crate::providers::redfish) f64);

/// A whole number, as such, with a point, or as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::providers::redfish) struct Whole(pub(in crate::providers::redfish) i64);

impl<T> List<T> {
    /// The items; none where the list is not told.
    pub(in crate::providers::redfish) fn items(&self) -> &[T] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl Maybe<Whole> {
    /// The number where it is not negative and small enough.
    pub(in crate::providers::redfish) fn count<N: TryFrom<i64>>(&self) -> Option<N> {
        self.0.and_then(|whole| N::try_from(whole.0).ok())
    }
}

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Deref for Maybe<T> {
    type Target = Option<T>;

    fn deref(&self) -> &Option<T> {
        &self.0
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(T::deserialize(Value::deserialize(deserializer)?).ok()))
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Value::Array(items) = Value::deserialize(deserializer)? else { return Ok(Self(None)) };
        Ok(Self(Some(items.into_iter().filter_map(|item| T::deserialize(item).ok()).collect())))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let number = match &value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let wrong = || serde::de::Error::custom("not a number");
        number.filter(|number: &f64| number.is_finite()).map(Self).ok_or_else(wrong)
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if let Some(whole) = value.as_i64() {
            return Ok(Self(whole));
        }
        let Number(number) = Number::deserialize(value).map_err(serde::de::Error::custom)?;
        // Above 2^53 a float is no longer exact, and no size of a machine is that large.
        let is_whole = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 2^53")]
        if is_whole { Ok(Self(number as i64)) } else { Err(serde::de::Error::custom("not a whole number")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read<T: DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).expect("it takes anything")
    }

    #[test]
    fn a_value_of_another_form_is_not_told() {
        for odd in [json!(null), json!({}), json!([]), json!(7)] {
            assert_eq!(read::<Maybe<String>>(odd), Maybe(None));
        }
        assert_eq!(read::<Maybe<String>>(json!("x")), Maybe(Some("x".to_owned())));
    }

    #[test]
    fn items_that_cannot_be_read_are_left_out() {
        assert_eq!(read::<List<String>>(json!(["a", null, 7, "b"])).items(), ["a", "b"]);
        assert_eq!(read::<List<String>>(json!("a")), List(None));
        assert_eq!(read::<List<String>>(json!([])), List(Some(vec![])));
    }

    #[test]
    fn numbers_are_read_as_services_write_them() {
        for written in [json!(8), json!(8.0), json!("8"), json!(" 8 ")] {
            assert_eq!(read::<Maybe<Whole>>(written).count::<u32>(), Some(8));
        }
        for odd in [json!(8.5), json!("eight"), json!(""), json!(-8), json!(1e300), json!("NaN")] {
            assert_eq!(read::<Maybe<Whole>>(odd).count::<u32>(), None);
        }
        assert_eq!(read::<Maybe<Number>>(json!("3.3")), Maybe(Some(Number(3.3))));
        assert_eq!(read::<Maybe<Number>>(json!("inf")), Maybe(None));
    }
}
