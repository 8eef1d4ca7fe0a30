//! A minion and its master: whether it serves the minion, and the minion's key accepted there.

use dip_core::provider::{Command, ErrorKind, Host, ProviderError};
use serde_json::Value;

use super::agent::PROVIDER;
use super::words::{Refusal, errors};
use crate::provider::Managed;

/// Seconds for a first answer; it takes three, and twenty where the master has another key. `salt-call` waits without an end for a
/// master that does not answer.
const PATIENCE: &str = "60";

/// The minion's public key.
const KEY: &str = "/etc/salt/pki/minion/minion.pub";

/// A minion and the master that its configuration names.
#[derive(Clone, Copy)]
pub(super) struct Master<'a> {
    pub(super) name: &'a str,
    pub(super) node: &'a Managed,
    pub(super) host: &'a dyn Host,
}

impl Master<'_> {
    /// Whether the minion has ever made a key. Asks nobody.
    pub(super) async fn has_key(self) -> Result<bool, ProviderError> {
        Ok(self.host.read(KEY).await?.is_some())
    }

    /// Asks it something small; a minion that has no key makes one and asks to be accepted.
    pub(super) async fn answers(self) -> Result<(), ProviderError> {
        let call =
            ["-k", "5", PATIENCE, "salt-call", "--out=json", "--log-level=error", "--retcode-passthrough", "test.ping"];
        let output = self.host.run(&Command::new("timeout").args(call)).await?;
        let words = errors(&output.error_text());
        let action = format!("ask the master `{}` for `{}`", self.name, self.node.name);
        match output.status {
            Some(0) => Ok(()),
            Some(127) => Err(not_installed(&action, words)),
            status => {
                let refusal = match Refusal::of(&words) {
                    // `timeout` has ended or killed it (timeout(1)).
                    Refusal::Other if matches!(status, Some(124 | 137)) => Refusal::NoAnswer,
                    refusal => refusal,
                };
                let words = if words.is_empty() { format!("no answer within {PATIENCE} s") } else { words };
                Err(refused(refusal, action, &self.node.name, words))
            }
        }
    }

    /// Has the master accept the minion's key, if it was asked with the same key that the node has.
    pub(super) async fn enrol(self, keeper: &dyn Host) -> Result<(), ProviderError> {
        let denied = match self.answers().await {
            Err(error) if error.kind() == ErrorKind::Denied => error,
            answered => return answered,
        };
        let name = &self.node.name;
        let local = Command::new("salt-call").args(["--local", "--out=json", "--log-level=error", "key.finger"]);
        let own: Value = serde_json::from_slice(&self.host.run(&local).await?.stdout).unwrap_or_default();
        let listed = keeper.run(&Command::new("salt-key").args(["--out=json", "-f", name])).await?;
        let lists: Value = serde_json::from_slice(&listed.stdout).unwrap_or_default();
        let refused = |kind, words: String| {
            ProviderError::new(kind, PROVIDER, format!("have the key of `{name}` accepted")).because(words)
        };
        if !listed.succeeded() || !lists.is_object() {
            let error = refused(ErrorKind::Unexpected, errors(&format!("{}\n{}", listed.error_text(), listed.text())));
            return Err(error.advise("`salt-key` must work on the node that `master_node` names"));
        }
        let own = own["local"].as_str().map(str::to_owned);
        let kept = |list: &str| lists[list][name].as_str().map(str::to_owned);
        let (accepted, asked) = (kept("minions"), kept("minions_pre"));
        let told = |key: Option<String>| key.unwrap_or_else(|| "none".to_owned());
        if own.is_none() || accepted == own {
            // What it refuses is not the minion's key.
            return Err(denied);
        }
        if let Some(other) = accepted.or_else(|| asked.clone().filter(|_| asked != own)) {
            let words = format!("the master has the key {other} under this name, and the node has {}", told(own));
            let error = refused(ErrorKind::Conflict, words);
            return Err(match Refusal::Rejected.advice(name) {
                Some(advice) => error.advise(advice),
                None => error,
            });
        }
        if asked.is_none() {
            return Err(denied);
        }
        // It ends with status 0 whatever it did: the answer afterwards tells.
        keeper.run(&Command::new("salt-key").args(["-y", "-a", name])).await?;
        self.answers().await
    }
}

/// The failure of a minion of this name, by why its master does not serve it.
pub(super) fn refused(refusal: Refusal, action: impl Into<String>, name: &str, words: String) -> ProviderError {
    let error = ProviderError::new(refusal.kind(), PROVIDER, action).because(words);
    match refusal.advice(name) {
        Some(advice) => error.advise(advice),
        None => error,
    }
}

/// The failure of a node without Salt.
pub(super) fn not_installed(action: &str, words: String) -> ProviderError {
    let error = ProviderError::new(ErrorKind::Unsupported, PROVIDER, action).because(words);
    error.advise("let `os.packages` name the package of the Salt minion")
}
