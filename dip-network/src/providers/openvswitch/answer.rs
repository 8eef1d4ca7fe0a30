//! What an OVSDB server answers to a transaction (RFC 7047, sections 4.1.3 and 5.2).

use serde_json::Value;

/// The results of the operations of a transaction, one for each.
#[derive(Debug, PartialEq)]
pub(super) struct Results(Vec<Value>);

/// A transaction was not carried out, or the answer cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AnswerError {
    /// The server's own words.
    #[error("{error}{}", details.as_ref().map(|details| format!(" ({details})")).unwrap_or_default())]
    Refused { error: String, details: Option<String> },
    /// The answer has not the form that the protocol demands.
    #[error("its answer has no {0}")]
    Malformed(&'static str),
}

impl Results {
    /// Reads an answer to `count` operations.
    pub(super) fn read(answer: &Value, count: usize) -> Result<Self, AnswerError> {
        if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
            return Err(refused(error));
        }
        let results =
            answer.get("result").and_then(Value::as_array).ok_or(AnswerError::Malformed("list of results"))?;
        // A failed operation stands as an object with `error`; those after it are null. A failure to commit comes as one more.
        if let Some(failed) = results.iter().find(|result| result.get("error").is_some_and(|error| !error.is_null())) {
            return Err(refused(failed));
        }
        if results.len() < count {
            return Err(AnswerError::Malformed("result for each operation"));
        }
        Ok(Self(results.clone()))
    }

    /// The rows that the operation at `index`, a `select`, found.
    pub(super) fn rows(&self, index: usize) -> Result<&[Value], AnswerError> {
        let rows = self.0.get(index).and_then(|result| result.get("rows")).and_then(Value::as_array);
        rows.map(Vec::as_slice).ok_or(AnswerError::Malformed("rows"))
    }

    /// How many rows the operation at `index`, an `update` or `mutate`, changed.
    pub(super) fn count(&self, index: usize) -> Result<u64, AnswerError> {
        let count = self.0.get(index).and_then(|result| result.get("count")).and_then(Value::as_u64);
        count.ok_or(AnswerError::Malformed("count"))
    }
}

/// `{"error": "...", "details": "..."}`, or a bare string, as some servers send it.
fn refused(error: &Value) -> AnswerError {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match error.get("error") {
        Some(inner) => AnswerError::Refused { error: text(inner), details: error.get("details").map(text) },
        None => AnswerError::Refused { error: text(error), details: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_servers_own_words_are_kept() {
        let answer = json!({"id": 1, "error": null, "result": [
            {"rows": []},
            {"error": "constraint violation", "details": "5000 is not in the valid range 0 to 4,095"},
            null
        ]});
        let error = Results::read(&answer, 3).expect_err("it was refused");
        assert_eq!(error.to_string(), "constraint violation (5000 is not in the valid range 0 to 4,095)");
        let answer = json!({"id": 1, "result": null, "error": {"error": "unknown database"}});
        assert_eq!(Results::read(&answer, 1).expect_err("it was refused").to_string(), "unknown database");
    }

    #[test]
    fn a_failure_to_commit_comes_after_the_last_operation() {
        let answer =
            json!({"id": 1, "error": null, "result": [{"count": 1}, {"error": "referential integrity violation"}]});
        assert!(matches!(Results::read(&answer, 1), Err(AnswerError::Refused { .. })));
    }

    #[test]
    fn an_answer_that_is_too_short_is_not_taken_for_success() {
        assert!(Results::read(&json!({"id": 1, "error": null, "result": [{}]}), 2).is_err());
        assert!(Results::read(&json!({"id": 1}), 0).is_err());
        let results = Results::read(&json!({"error": null, "result": [{"rows": 3}]}), 1).expect("one result");
        assert!(results.rows(0).is_err() && results.rows(9).is_err() && results.count(0).is_err());
    }
}
