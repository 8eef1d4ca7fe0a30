//! A call: an operation's name and its typed input, as data that can be stored, sent and read.

use std::sync::Arc;

use serde::ser::{Error as _, SerializeStruct};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::Operation;
use crate::fact::FactKey;
use crate::id::Symbol;
use crate::scratch;

/// An operation by its name, with its input as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    operation: Symbol,
    /// JSON.
    input: Arc<str>,
}

impl Call {
    /// The call of an operation.
    ///
    /// # Panics
    /// Where the operation's `Serialize` fails, which inputs must not do.
    #[must_use]
    pub fn new<O: Operation>(operation: &O) -> Self {
        let input = scratch::shared(|bytes| serde_json::to_writer(bytes, operation));
        Self { operation: Symbol::of(O::NAME), input: input.expect("inputs of operations serialise to JSON") }
    }

    /// The operation's name, `layer.verb_noun`.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.operation.as_str()
    }

    /// The operation, where it is this one and its input can be read.
    #[must_use]
    pub fn as_operation<O: Operation>(&self) -> Option<O> {
        (self.operation() == O::NAME).then(|| serde_json::from_str(self.input()).ok()).flatten()
    }

    /// The input as JSON text.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.input
    }
}

impl Serialize for Call {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let input: &RawValue = serde_json::from_str(&self.input).map_err(S::Error::custom)?;
        let mut call = serializer.serialize_struct("Call", 2)?;
        call.serialize_field("operation", &self.operation)?;
        call.serialize_field("input", input)?;
        call.end()
    }
}

#[derive(Deserialize)]
#[serde(rename = "Call")]
struct Read {
    operation: Symbol,
    input: Box<RawValue>,
}

impl<'de> Deserialize<'de> for Call {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read { operation, input } = Read::deserialize(deserializer)?;
        Ok(Self { operation, input: input.get().into() })
    }
}

/// A part of an input: known now, or a fact that becomes known while the plan runs.
///
/// A step whose input is `From` a fact must also need that fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input<T> {
    /// Known when the plan is made.
    Value(T),
    /// Known when this fact is.
    From(FactKey),
}
