//! Facts with their values: what a check found, and what a step is given to work with.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Fact, FactKey};
use crate::subject::Subject;

/// A set of facts with their values.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facts(BTreeMap<FactKey, Value>);

/// A fact's stored value does not have the type that its name promises.
#[derive(Debug, thiserror::Error)]
#[error("fact {key} does not hold the type that its name promises")]
pub struct FactTypeError {
    key: FactKey,
    source: serde_json::Error,
}

impl Facts {
    /// No facts.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds the value of a fact about a subject.
    ///
    /// # Panics
    /// Where the value's `Serialize` fails, which the types of facts must not do.
    #[must_use]
    pub fn with<T: Serialize>(self, fact: &Fact<T>, subject: &Subject, value: &T) -> Self {
        self.with_key(fact.of(subject), value)
    }

    /// Adds the value of a fact by its key (for one that belongs to a boot).
    ///
    /// # Panics
    /// Where the value's `Serialize` fails, which the types of facts must not do.
    #[must_use]
    pub fn with_key<T: Serialize>(mut self, key: FactKey, value: &T) -> Self {
        let value = serde_json::to_value(value).expect("fact types serialise to JSON");
        self.0.insert(key, value);
        self
    }

    /// Adds a value as it stands.
    pub fn insert(&mut self, key: FactKey, value: Value) {
        self.0.insert(key, value);
    }

    /// Adds all facts of another set, which win over present ones.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The value of a fact by its key, typed.
    ///
    /// # Errors
    /// Where the stored value is not a `T`.
    pub fn read<T: DeserializeOwned>(&self, key: &FactKey) -> Result<Option<T>, FactTypeError> {
        self.0
            .get(key)
            .map(|value| T::deserialize(value).map_err(|source| FactTypeError { key: key.clone(), source }))
            .transpose()
    }

    /// The raw value of a fact.
    #[must_use]
    pub fn raw(&self, key: &FactKey) -> Option<&Value> {
        self.0.get(key)
    }

    /// Whether the fact is known.
    #[must_use]
    pub fn contains(&self, key: &FactKey) -> bool {
        self.0.contains_key(key)
    }

    /// All facts, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&FactKey, &Value)> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl IntoIterator for Facts {
    type Item = (FactKey, Value);
    type IntoIter = std::collections::btree_map::IntoIter<FactKey, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
