//! Two values compared field by field.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Its path: `input.settings.vm.swappiness`, `needs`.
    pub path: String,
    /// What the first has; `None` where it has nothing there. Of a list, what only the first has.
    pub before: Option<Value>,
    /// What the second has; `None` where it has nothing there. Of a list, what only the second has.
    pub after: Option<Value>,
}

/// What differs between two values.
pub(super) fn changes(before: &Value, after: &Value) -> Vec<FieldChange> {
    changes_of("", Some(before), Some(after))
}

/// What differs at a path where either may have nothing.
pub(super) fn changes_of(path: &str, before: Option<&Value>, after: Option<&Value>) -> Vec<FieldChange> {
    // A field that is not set and one that is `null` say the same.
    let set = |value: Option<&Value>| value.filter(|value| !value.is_null()).cloned();
    let (before, after) = (set(before), set(after));
    match (&before, &after) {
        (None, None) => Vec::new(),
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let keys: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            let inner = |key: &String| if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            keys.into_iter().flat_map(|key| changes_of(&inner(key), one.get(key), other.get(key))).collect()
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => lists(path, one, other),
        _ if before == after => Vec::new(),
        _ => vec![FieldChange { path: path.to_owned(), before, after }],
    }
}

/// Lists of things with fields are compared place by place where they are equally long; all others by what only one has.
fn lists(path: &str, one: &[Value], other: &[Value]) -> Vec<FieldChange> {
    if one == other {
        return Vec::new();
    }
    if one.len() == other.len() && one.iter().chain(other).all(|item| item.as_object().is_some_and(|of| of.len() > 1)) {
        let pairs = one.iter().zip(other).enumerate();
        return pairs.flat_map(|(at, (a, b))| changes_of(&format!("{path}[{at}]"), Some(a), Some(b))).collect();
    }
    let (before, after) = (without(one, other), without(other, one));
    let change = |before, after| FieldChange { path: path.to_owned(), before, after };
    match (&before[..], &after[..]) {
        // The same in another order.
        ([], []) => vec![change(Some(one.into()), Some(other.into()))],
        ([was], [is]) => vec![change(Some(was.clone()), Some(is.clone()))],
        _ => {
            let gone = before.into_iter().map(|was| change(Some(was), None));
            gone.chain(after.into_iter().map(|is| change(None, Some(is)))).collect()
        }
    }
}

/// The items of a list that another one does not have, each as often as it lacks there.
fn without(these: &[Value], those: &[Value]) -> Vec<Value> {
    let mut counts: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    those.iter().for_each(|item| *counts.entry(item.to_string()).or_default() += 1);
    let lacks = |item: &&Value| match counts.get_mut(&item.to_string()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    these.iter().filter(lacks).cloned().collect()
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "all of it" } else { &self.path };
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{path}: {} → {}", words(before), words(after)),
            (None, Some(after)) => write!(f, "+ {path}: {}", words(after)),
            (Some(before), None) => write!(f, "- {path}: {}", words(before)),
            (None, None) => f.write_str(path),
        }
    }
}

/// A value as a person reads it: texts without quotes, lists and fields with commas.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "``".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            map.iter().map(|(key, value)| format!("{key} {}", words(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: Value, after: Value) -> Vec<String> {
        changes(&before, &after).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn fields_are_told_by_their_path_and_lists_by_what_only_one_has() {
        assert_eq!(told(json!({"a": {"b": 1, "c": 2}}), json!({"a": {"b": 1, "c": 3}})), ["a.c: 2 → 3"]);
        assert_eq!(told(json!({"a": null}), json!({"a": "x"})), ["+ a: x"]);
        assert_eq!(told(json!({"a": null}), json!({})), Vec::<String>::new());
        assert_eq!(
            told(json!(["a", "b"]), json!(["b", "c", "d"])),
            ["- all of it: a", "+ all of it: c", "+ all of it: d"]
        );
        assert_eq!(told(json!({"l": ["a", "b"]}), json!({"l": ["b", "a"]})), ["l: a, b → b, a"]);
        assert_eq!(
            told(json!({"l": [{"kind": "x", "port": 1}]}), json!({"l": [{"kind": "x", "port": 2}]})),
            ["l[0].port: 1 → 2"]
        );
        assert_eq!(told(json!({"needs": [{"all": ["f"]}]}), json!({"needs": []})), ["- needs: all f"]);
    }
}
