//! Dated readings of facts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::fact::{FactKey, Facts};
use crate::operation::Call;

/// The value of a fact at the time it was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The value.
    pub value: Value,
    /// When it was seen.
    pub at: Timestamp,
    /// Whose check saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<CallMark>,
}

/// Tells whether a call is the one that a fact was read by: the same operation with the same input, so that what was read
/// under another wish says nothing of this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallMark(String);

impl CallMark {
    /// The mark of a call.
    #[must_use]
    pub fn of(call: &Call) -> Self {
        let digest =
            Sha256::new().chain_update(call.operation()).chain_update([0]).chain_update(call.input()).finalize();
        // Half of it is far more than calls of one site need to be told apart.
        Self(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
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
        self.keep(facts, at, None);
    }

    /// Keeps what the check of a call saw at a time, in place of older readings.
    pub fn record_by(&mut self, call: &Call, facts: Facts, at: Timestamp) {
        if !facts.is_empty() {
            self.keep(facts, at, Some(CallMark::of(call)));
        }
    }

    /// Facts of one boot are left out: the next plan numbers its boots anew, and its first is another one.
    fn keep(&mut self, facts: Facts, at: Timestamp, by: Option<CallMark>) {
        for (key, value) in facts.into_iter().filter(|(key, _)| key.boot().is_none()) {
            let opposite = if key.is_gone() { key.present() } else { key.gone() };
            self.readings.remove(&opposite);
            self.readings.insert(key, Reading { value, at, by: by.clone() });
        }
    }

    /// Forgets facts that are not so any more.
    pub fn forget<'a>(&mut self, facts: impl IntoIterator<Item = &'a FactKey>) {
        for fact in facts {
            self.readings.remove(fact);
        }
    }

    /// Forgets all that was read before a time: it is too old to be believed.
    pub fn forget_before(&mut self, time: Timestamp) {
        self.readings.retain(|_, reading| reading.at >= time);
    }

    /// The last reading of a fact.
    #[must_use]
    pub fn reading(&self, key: &FactKey) -> Option<&Reading> {
        self.readings.get(key)
    }
}
