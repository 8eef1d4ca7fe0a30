//! What Salt says: what a highstate came to, and why there was none.

use dip_core::provider::ErrorKind;
use serde_json::{Map, Value};

use crate::provider::{Failed, Recap};

/// What a highstate says: an object of states, or a list of sentences where there was none. A state's result is `null` where a
/// test found something to do.
pub(super) fn recap(told: &Value) -> Result<Recap, String> {
    let states: &Map<String, Value> = told.as_object().ok_or_else(|| match told.as_array() {
        Some(lines) => lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "),
        None => told.to_string(),
    })?;
    let mut states: Vec<_> = states.values().collect();
    states.sort_by_key(|state| state["__run_num__"].as_u64());
    let mut recap = Recap::default();
    for state in states {
        let what = state["__id__"].as_str().unwrap_or("a state").to_owned();
        let changed = state["changes"].as_object().is_some_and(|changes| !changes.is_empty());
        match state["result"].as_bool() {
            Some(false) => recap.failed.push(Failed { what, words: failure(state) }),
            Some(true) if !changed => {}
            Some(true) | None => recap.changed.push(what),
        }
    }
    Ok(recap)
}

/// The comment, and of a command (`cmd.run`) what it printed: its comment tells the command line alone.
fn failure(state: &Value) -> String {
    let printed = ["stderr", "stdout"].map(|way| state["changes"][way].as_str());
    let parts = std::iter::once(state["comment"].as_str()).chain(printed);
    parts.flatten().map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

/// The sentences among the lines of a log, each once; tracebacks are left out.
pub(super) fn errors(text: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for line in text.lines() {
        let inner = ["future:", "Traceback", "tornado."].iter().any(|start| line.starts_with(start));
        let line = line.split_once(']').filter(|_| line.starts_with('[')).map_or(line, |(_, rest)| rest.trim());
        let noise = inner || line.starts_with(' ') || line.starts_with("Task exception was never retrieved");
        if !noise && !line.is_empty() && !words.contains(&line) {
            words.push(line);
        }
    }
    words.join("; ")
}

/// Why a master does not serve a minion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Its key waits for somebody who accepts it.
    NotAccepted,
    /// Its key was rejected, or another key has the minion's name.
    Rejected,
    /// The master is not the one that the minion knows.
    OtherMaster,
    /// It does not answer.
    NoAnswer,
    /// Something else.
    Other,
}

impl Refusal {
    pub(super) fn of(text: &str) -> Self {
        let has = |part: &str| text.contains(part);
        if has("rejected this minion's public key") {
            Self::Rejected
        } else if has("has cached the public key") || has("has the minion key been accepted") {
            Self::NotAccepted
        } else if has("signature did not validate") || has("master public key") || has("Invalid master key") {
            Self::OtherMaster
        } else if has("DNS lookup") || has("not found or not responsive") || has("Connection refused") {
            Self::NoAnswer
        } else {
            Self::Other
        }
    }

    pub(super) fn kind(self) -> ErrorKind {
        match self {
            Self::NotAccepted | Self::Rejected | Self::OtherMaster => ErrorKind::Denied,
            Self::NoAnswer => ErrorKind::Unreachable,
            Self::Other => ErrorKind::Invalid,
        }
    }

    /// What to do about it, for a minion of this name.
    pub(super) fn advice(self, name: &str) -> Option<String> {
        match self {
            Self::NotAccepted => Some(format!(
                "accept its key on the master (`salt-key -a {name}`), or name the master's node as `master_node`"
            )),
            Self::Rejected => {
                Some(format!("if the node was installed anew, let the master forget what it was: `salt-key -d {name}`"))
            }
            Self::OtherMaster => {
                Some("if the master is a new one, remove /etc/salt/pki/minion/minion_master.pub on the node".to_owned())
            }
            Self::NoAnswer | Self::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_recap_is_read_of_a_highstate_and_of_its_refusal() {
        // The shape that Salt 3007 prints.
        let told = json!({
            "file_|-motd_|-/etc/motd_|-managed":
                {"__id__": "motd", "__run_num__": 0, "result": null, "changes": {"diff": "+x"}, "comment": "would"},
            "test_|-fine_|-fine_|-nop": {"__id__": "fine", "__run_num__": 1, "result": true, "changes": {}, "comment": ""},
            "cmd_|-broken_|-exit 3_|-run": {"__id__": "broken", "__run_num__": 2, "result": false, "comment": "Command \"exit 3\" run",
                "changes": {"pid": 1, "retcode": 3, "stdout": "nothing works", "stderr": ""}},
        });
        let recap = recap(&told).expect("states");
        assert_eq!(recap.changed, ["motd"]);
        assert_eq!(recap.failed[0].words, "Command \"exit 3\" run: nothing works");
        let words = super::recap(&json!(["Rendering SLS 'base:x' failed"])).expect_err("no states");
        assert_eq!(words, "Rendering SLS 'base:x' failed");
    }

    #[test]
    fn why_a_master_does_not_serve_is_known_by_the_words_of_salt() {
        // Printed by Salt 3007.
        for (text, refusal) in [
            (
                "[ERROR   ] The Salt Master has cached the public key for this node, this salt minion ...",
                Refusal::NotAccepted,
            ),
            ("[CRITICAL] The Salt Master has rejected this minion's public key!", Refusal::Rejected),
            ("[CRITICAL] The payload signature did not validate.", Refusal::OtherMaster),
            ("[ERROR   ] DNS lookup or connection check of 'nowhere.lab.test' failed.", Refusal::NoAnswer),
            ("Passed invalid arguments", Refusal::Other),
        ] {
            assert_eq!(Refusal::of(text), refusal, "{text}");
        }
    }

    #[test]
    fn sentences_are_told_without_the_inside_of_the_program() {
        let text = "[ERROR   ] Task exception was never retrieved\nfuture: <Task finished name='Task-6'>\nTraceback (most recent call last):
  File \"/opt/salt/tcp.py\", line 1629, in publish
tornado.iostream.StreamClosedError: Stream is closed
[CRITICAL] The payload signature did not validate.\n[CRITICAL] The payload signature did not validate.\nIt ends.\n";
        assert_eq!(errors(text), "The payload signature did not validate.; It ends.");
    }
}
