//! What Puppet prints: what a run did, why there was none, and what a server has under a name.

use dip_core::provider::ErrorKind;

use crate::provider::{Failed, Recap};

/// `Notice: /Stage[main]/Main/File[/etc/motd]/content: ...` is a change; `Error: /Stage[main]/...: ...` a failure.
pub(super) fn recap(text: &str) -> Recap {
    let mut recap = Recap::default();
    let resource = |line: &str| {
        let (path, words) = line.split_once(": ")?;
        let name = path.strip_prefix("/Stage[main]/")?;
        Some((name.to_owned(), words.trim().to_owned()))
    };
    for line in text.lines() {
        if let Some((name, _)) = line.strip_prefix("Notice: ").and_then(resource) {
            recap.changed.push(name);
        } else if let Some((what, words)) = line.strip_prefix("Error: ").and_then(resource) {
            recap.failed.push(Failed { what, words });
        }
    }
    recap
}

/// The lines that say what went wrong, each once.
pub(super) fn errors(text: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("Error: ")) {
        // It is asked thrice (for plug-ins, for the catalogue, for the report), and fails thrice.
        if !words.contains(&line) && !line.starts_with("Could not send report") {
            words.push(line);
        }
    }
    if words.is_empty() {
        words = text.lines().filter(|line| !line.starts_with("Info: ") && !line.trim().is_empty()).collect();
    }
    words.join("; ")
}

/// Why there was no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Another run goes on.
    Busy,
    /// The server has signed nothing for the node yet.
    NotSigned,
    /// The server has signed another key under the name.
    OfAnotherKey,
    /// The server does not take the node's certificate (any more).
    Revoked,
    /// The server is not the one whose authority the node knows.
    OtherAuthority,
    /// Nobody answers.
    NoAnswer,
    /// What it should do cannot be read, or something else.
    Other,
}

impl Refusal {
    pub(super) fn of(text: &str) -> Self {
        let has = |part: &str| text.contains(part);
        // The first that fits: where TLS fails, a connection was there.
        if has("already in progress") || has("Error 503 on SERVER") {
            Self::Busy
        } else if has("does not match its private key") {
            Self::OfAnotherKey
        } else if has("has not yet been signed") || has("has not been signed yet") {
            Self::NotSigned
        } else if has("certificate verify failed") {
            Self::OtherAuthority
        } else if has("alert certificate") || has("certificate revoked") {
            Self::Revoked
        } else if has("No more routes") {
            Self::NoAnswer
        } else {
            Self::Other
        }
    }

    pub(super) fn kind(self) -> ErrorKind {
        match self {
            Self::Busy => ErrorKind::Busy,
            Self::NotSigned | Self::Revoked | Self::OtherAuthority => ErrorKind::Denied,
            Self::OfAnotherKey => ErrorKind::Conflict,
            Self::NoAnswer => ErrorKind::Unreachable,
            Self::Other => ErrorKind::Invalid,
        }
    }

    /// What to do about it, for a node of this name.
    pub(super) fn advice(self, name: &str) -> Option<String> {
        match self {
            Self::NotSigned => Some(format!(
                "sign it on the server (`puppetserver ca sign --certname {name}`), or name the server's node as `server_node`"
            )),
            Self::OfAnotherKey => Some(format!(
                "if the node was installed anew, let the server forget what it was: `puppetserver ca clean --certname {name}`"
            )),
            Self::Revoked => Some(format!(
                "if the server revoked it by mistake, begin anew: `puppet ssl clean --certname {name}` on the node"
            )),
            Self::OtherAuthority => Some(
                "if the server has a new authority, remove the directory that `puppet config print ssldir` names"
                    .to_owned(),
            ),
            Self::Busy | Self::NoAnswer | Self::Other => None,
        }
    }
}

/// What a server has under a name (`puppetserver ca list --certname NAME`).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Listed {
    Missing,
    Requested(String),
    Signed(String),
}

impl Listed {
    /// Reads it; `None` where the server says something else.
    pub(super) fn read(text: &str) -> Option<Self> {
        let digest = || digest(text);
        if text.contains("Requested Certificates:") {
            digest().map(Self::Requested)
        } else if text.contains("Signed Certificates:") {
            digest().map(Self::Signed)
        } else {
            text.contains("Missing Certificates:").then_some(Self::Missing)
        }
    }
}

/// The SHA-256 that a line tells: `(SHA256) 12:34:...`.
pub(super) fn digest(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("(SHA256)")?;
    rest.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recap_is_read_of_the_log() {
        // Printed by Puppet 7.23.
        let text = "Notice: Compiled catalog for n1 in environment production in 0.01 seconds
Info: Applying configuration version '1700000000'
Notice: /Stage[main]/Main/File[/etc/motd]/content: current_value '{sha256}e3', should be '{sha256}ab' (noop)
Notice: Class[Main]: Would have triggered 'refresh' from 1 event
Notice: Stage[main]: Would have triggered 'refresh' from 1 event
Error: /Stage[main]/Main/Exec[nothing]/returns: change from 'notrun' to ['0'] failed: Could not find command '/nothing'
Notice: Applied catalog in 0.01 seconds
";
        let recap = recap(text);
        assert_eq!(recap.changed, ["Main/File[/etc/motd]/content"]);
        assert_eq!(recap.failed.len(), 1);
        assert_eq!(recap.failed[0].what, "Main/Exec[nothing]/returns");
        assert!(recap.failed[0].words.ends_with("Could not find command '/nothing'"), "{recap:?}");
    }

    #[test]
    fn what_a_server_has_under_a_name_is_read_of_its_list() {
        assert_eq!(digest("(SHA256) 12:AB\n").as_deref(), Some("12:AB"));
        let list = |text: &str| Listed::read(text);
        let requested = list("Requested Certificates:\n    n1.lab.test       (SHA256)  12:AB\n");
        assert_eq!(requested, Some(Listed::Requested("12:AB".to_owned())));
        let signed = list("Signed Certificates:\n    n1       (SHA256)  12:AB\talt names: [\"DNS:n1\"]\n");
        assert_eq!(signed, Some(Listed::Signed("12:AB".to_owned())));
        assert_eq!(list("Missing Certificates:\n    n1"), Some(Listed::Missing));
        assert_eq!(list("Fatal error when running action 'list'"), None);
    }

    #[test]
    fn why_there_was_no_run_is_known_by_the_words_of_puppet() {
        // Printed by Puppet 7.23 with Puppet Server 7.9.5.
        for (text, refusal) in [
            ("Notice: Run of Puppet configuration client already in progress; skipping  (/var/...)", Refusal::Busy),
            ("Error: Could not run: The certificate for 'n1' has not yet been signed", Refusal::NotSigned),
            ("Info: Certificate for n1 has not been signed yet\nCouldn't fetch certificate ...", Refusal::NotSigned),
            ("Error: The certificate for 'CN=n1' does not match its private key", Refusal::OfAnotherKey),
            (
                "Error: certificate verify failed [unable to get local issuer certificate for ...]",
                Refusal::OtherAuthority,
            ),
            ("Error: Request to https://... failed: SSL_read: sslv3 alert certificate unknown", Refusal::Revoked),
            (
                "Error: Connection to https://... failed (Connection refused)\nError: No more routes to ca",
                Refusal::NoAnswer,
            ),
            ("Error: Failed to apply catalog: Environment 'x' not found on server, aborting run.", Refusal::Other),
        ] {
            assert_eq!(Refusal::of(text), refusal, "{text}");
        }
    }

    #[test]
    fn what_went_wrong_is_told_once_and_without_what_went_well() {
        let text = "Info: Using environment 'production'\nError: No more routes to fileserver\nError: No more routes to fileserver
Error: Could not send report: No more routes to report\n";
        assert_eq!(errors(text), "No more routes to fileserver");
        assert_eq!(errors("Info: a key was made\nCouldn't fetch certificate\n"), "Couldn't fetch certificate");
    }
}
