//! Salt on the node: `salt-call` with a master, or with states of the site (Salt 3006 and later). Written from its documentation; it
//! was not run against one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::provider::{Command, ErrorKind, FileContent, Host, ProviderError};
use serde_json::{Map, Value, json};

use super::transfer::Mirror;
use crate::provider::{ConfigAgent, Failed, Managed, Recap};

/// The name by which errors call it.
const PROVIDER: &str = "salt";

/// The minion reads all files beside its own (`default_include`).
const CONFIGURATION: &str = "/etc/salt/minion.d/dip.conf";

const MIRROR: Mirror = Mirror { provider: PROVIDER, directory: "/etc/dip/salt" };

/// Of the grains, what others ask for.
const ASKED: [&str; 8] =
    ["cpuarch", "fqdn", "kernelrelease", "mem_total", "num_cpus", "os", "osrelease", "saltversion"];

/// Where a node's states come from.
pub enum States {
    /// A directory of the site with its `top.sls`.
    Directory(PathBuf),
    /// A master.
    Master {
        /// Its host name.
        name: String,
        /// The host that it runs on, on which dip accepts keys; somebody else does where it is left out.
        keeper: Option<Arc<dyn Host>>,
    },
}

impl std::fmt::Debug for States {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory(path) => f.debug_tuple("Directory").field(path).finish(),
            Self::Master { name, .. } => f.debug_tuple("Master").field(name).finish(),
        }
    }
}

/// Salt with states.
#[derive(Debug)]
pub struct Salt {
    states: States,
}

impl Salt {
    /// Salt with states.
    #[must_use]
    pub fn new(states: States) -> Self {
        Self { states }
    }

    fn failed(kind: ErrorKind, node: &Managed) -> ProviderError {
        ProviderError::new(kind, PROVIDER, format!("run on `{}`", node.node))
    }

    /// JSON is YAML, which the minion reads.
    fn configuration(&self, node: &Managed) -> Vec<u8> {
        let mut all = json!({"id": node.name, "grains": {"dip": node.facts()}});
        match &self.states {
            States::Directory(_) => {
                all["file_client"] = json!("local");
                all["file_roots"] = json!({"base": [MIRROR.directory]});
            }
            States::Master { name, .. } => all["master"] = json!(name),
        }
        format!("# Written by dip from the settings `opsclients.agent` of this node. Changes here are undone.\n{all}\n")
            .into_bytes()
    }

    fn call(&self, function: &[&str]) -> Command {
        let command = Command::new("salt-call").args(["--out=json", "--log-level=error", "--retcode-passthrough"]);
        let command = if matches!(self.states, States::Directory(_)) { command.arg("--local") } else { command };
        command.args(function.iter().copied())
    }

    async fn tell(&self, node: &Managed, host: &dyn Host, function: &[&str]) -> Result<Value, ProviderError> {
        let output = host.run(&self.call(function)).await?;
        let words = || format!("{} {}", output.error_text(), output.text()).trim().replace('\n', "; ");
        if output.status == Some(127) {
            let error = Self::failed(ErrorKind::Unsupported, node).because(words());
            return Err(error.advise("let `os.packages` name the package of the Salt minion"));
        }
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        match told.get("local") {
            Some(local) => Ok(local.clone()),
            None => {
                let has = |part: &str| words().contains(part);
                let kind = if has("has cached the public key") || has("rejected") {
                    ErrorKind::Denied
                } else if has("Unable to sign_in") || has("Connection refused") || has("DNS lookup") {
                    ErrorKind::Unreachable
                } else {
                    ErrorKind::Invalid
                };
                Err(Self::failed(kind, node).because(words()))
            }
        }
    }

    async fn highstate(&self, node: &Managed, host: &dyn Host, more: &[&str]) -> Result<Recap, ProviderError> {
        let told = self.tell(node, host, &[&["state.apply"], more].concat()).await?;
        recap(&told).map_err(|words| Self::failed(ErrorKind::Invalid, node).because(words))
    }

    /// Has the master accept the minion's key, if it has got the same key that the node has.
    async fn enrol(&self, node: &Managed, host: &dyn Host, keeper: &dyn Host) -> Result<(), ProviderError> {
        // The first call makes the key and asks; the master does not know it yet.
        host.run(&self.call(&["test.ping"])).await?;
        let local = Command::new("salt-call").args(["--local", "--out=json", "key.finger"]);
        let own: Value = serde_json::from_slice(&host.run(&local).await?.stdout).unwrap_or_default();
        let listed = keeper.run(&Command::new("salt-key").args(["--out=json", "-f", &node.name])).await?;
        let listed: Value = serde_json::from_slice(&listed.stdout).unwrap_or_default();
        let kept = |list: &str| listed[list][&node.name].as_str().map(str::to_owned);
        let own = own["local"].as_str().map(str::to_owned);
        if own.is_some() && kept("minions") == own {
            return Ok(());
        }
        let refused = |words: String| {
            let action = format!("have the key of `{}` accepted", node.name);
            ProviderError::new(ErrorKind::Denied, PROVIDER, action).because(words)
        };
        if own.is_none() || kept("minions_pre") != own {
            return Err(refused("the master was asked with another key than the node has, or not at all".to_owned()));
        }
        let accepted = keeper.run(&Command::new("salt-key").args(["-y", "-a", &node.name])).await?;
        if accepted.succeeded() { Ok(()) } else { Err(refused(accepted.error_text())) }
    }
}

/// What a highstate says: an object of states, or a list of sentences where there was none. A state's result is `null` where a
/// test found something to do.
fn recap(told: &Value) -> Result<Recap, String> {
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
            Some(false) => {
                let words = state["comment"].as_str().unwrap_or_default().trim().to_owned();
                recap.failed.push(Failed { what, words });
            }
            Some(true) if !changed => {}
            Some(true) | None => recap.changed.push(what),
        }
    }
    Ok(recap)
}

#[async_trait]
impl ConfigAgent for Salt {
    fn product(&self) -> &'static str {
        "Salt"
    }

    async fn probe(&self, node: &Managed, host: &dyn Host) -> Result<Recap, ProviderError> {
        let mut new = Vec::new();
        if host.read(CONFIGURATION).await?.is_none_or(|now| now.bytes != self.configuration(node)) {
            new.push(CONFIGURATION.to_owned());
        }
        if let States::Directory(path) = &self.states {
            new.extend(MIRROR.differs(host, path).await?);
        }
        if !new.is_empty() {
            // What it would do with what it has not got, only the run tells.
            return Ok(Recap { changed: new, failed: Vec::new() });
        }
        match self.highstate(node, host, &["test=True"]).await {
            Err(error) if error.kind() == ErrorKind::Denied => {
                Ok(Recap { changed: vec![format!("key of {}", node.name)], failed: Vec::new() })
            }
            other => other,
        }
    }

    async fn run(&self, node: &Managed, host: &dyn Host) -> Result<Recap, ProviderError> {
        host.write(CONFIGURATION, &FileContent { bytes: self.configuration(node), mode: 0o644 }).await?;
        match &self.states {
            States::Directory(path) => MIRROR.put(host, path).await?,
            States::Master { keeper: Some(keeper), .. } => self.enrol(node, host, &**keeper).await?,
            States::Master { .. } => {}
        }
        self.highstate(node, host, &[]).await
    }

    async fn facts(&self, node: &Managed, host: &dyn Host) -> Result<BTreeMap<String, Value>, ProviderError> {
        let told = self.tell(node, host, &["grains.items"]).await?;
        let all = told.as_object().cloned().unwrap_or_default();
        Ok(all.into_iter().filter(|(name, _)| ASKED.contains(&name.as_str())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recap_is_read_of_a_highstate_and_of_its_refusal() {
        let told = json!({
            "file_|-motd_|-/etc/motd_|-managed":
                {"__id__": "motd", "__run_num__": 0, "result": null, "changes": {"diff": "+x"}, "comment": "would"},
            "test_|-fine_|-fine_|-nop": {"__id__": "fine", "__run_num__": 1, "result": true, "changes": {}, "comment": ""},
            "cmd_|-broken_|-false_|-run":
                {"__id__": "broken", "__run_num__": 2, "result": false, "changes": {}, "comment": "Command \"false\" run"},
        });
        let recap = recap(&told).expect("states");
        assert_eq!(recap.changed, ["motd"]);
        assert_eq!(recap.failed[0].words, "Command \"false\" run");
        let words = super::recap(&json!(["Rendering SLS 'base:x' failed"])).expect_err("no states");
        assert_eq!(words, "Rendering SLS 'base:x' failed");
    }
}
