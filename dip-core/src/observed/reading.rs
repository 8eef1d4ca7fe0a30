//! Dated readings of facts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fact::{FactKey, Facts};

/// The value of a fact at the time it was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The value.
    pub value: Value,
    /// When it was seen.
    pub at: Timestamp,
}

/// All that was seen of a site. It is partial: what is not in it is not known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    readings: BTreeMap<FactKey, Reading>,
}

impl Observed {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps facts as seen at a time, in place of older readings.
    pub fn record(&mut self, facts: Facts, at: Timestamp) {
        self.readings.extend(facts.into_iter().map(|(key, value)| (key, Reading { value, at })));
    }

    /// The last reading of a fact.
    #[must_use]
    pub fn reading(&self, key: &FactKey) -> Option<&Reading> {
        self.readings.get(key)
    }
}
