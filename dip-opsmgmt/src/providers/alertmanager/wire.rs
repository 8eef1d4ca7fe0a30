//! What is said over `/api/v2`, as its OpenAPI description (`api/v2/openapi.yaml` of Alertmanager) has it; what dip does not read is
//! left out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An alert (`gettableAlert`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToldAlert {
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) starts_at: Timestamp,
}

/// A matcher of a silence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Matcher {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) is_regex: bool,
    #[serde(default = "equal")]
    pub(super) is_equal: bool,
}

const fn equal() -> bool {
    true
}

impl Matcher {
    pub(super) fn is(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned(), is_regex: false, is_equal: true }
    }

    /// As a `filter` of silences. `None` where its name is not one that all releases read without quotes.
    pub(super) fn as_filter(&self) -> Option<String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !self.name.bytes().all(plain) || self.name.starts_with(|first: char| first.is_ascii_digit()) {
            return None;
        }
        let value = self.value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        Some(format!("{}=\"{value}\"", self.name))
    }
}

/// A silence as it is (`gettableSilence`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToldSilence {
    pub(super) id: String,
    pub(super) status: State,
    pub(super) matchers: Vec<Matcher>,
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) created_by: String,
    pub(super) comment: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct State {
    pub(super) state: String,
}

impl ToldSilence {
    pub(super) fn is_over(&self) -> bool {
        self.status.state == "expired"
    }
}

/// A silence to be made, or prolonged where it has an id (`postableSilence`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WantedSilence {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    pub(super) matchers: Vec<Matcher>,
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) created_by: String,
    pub(super) comment: String,
}

/// What was made.
#[derive(Debug, Deserialize)]
pub(super) struct Made {
    #[serde(rename = "silenceID")]
    pub(super) id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matcher_is_a_filter_with_its_value_in_quotes() {
        assert_eq!(Matcher::is("node", "n1").as_filter().as_deref(), Some("node=\"n1\""));
        assert_eq!(Matcher::is("team", "a \"b\" \\").as_filter().as_deref(), Some("team=\"a \\\"b\\\" \\\\\""));
        assert_eq!(Matcher::is("node-name", "n1").as_filter(), None);
    }
}
