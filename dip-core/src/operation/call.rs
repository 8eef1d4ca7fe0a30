//! A call: an operation's name and its typed input, as data that can be stored, sent and read.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Operation;
use crate::fact::FactKey;
use crate::id::Symbol;

/// An operation by its name, with its input as JSON text.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Call {
    operation: Symbol,
    input: Arc<RawValue>,
}

impl Call {
    /// The call of an operation.
    ///
    /// # Panics
    /// Where the operation's `Serialize` fails, which inputs must not do.
    #[must_use]
    pub fn new<O: Operation>(operation: &O) -> Self {
        let input = serde_json::value::to_raw_value(operation).expect("inputs of operations serialise to JSON");
        Self { operation: Symbol::of(O::NAME), input: input.into() }
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
        self.input.get()
    }
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.operation == other.operation && self.input() == other.input()
    }
}

impl Eq for Call {}

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
