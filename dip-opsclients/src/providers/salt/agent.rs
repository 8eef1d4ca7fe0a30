//! Salt as a configuration agent: how it is called, with what, and what it tells.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::provider::{Command, ErrorKind, FileContent, Host, ProviderError};
use serde_json::{Value, json};

use super::master::{Master, not_installed, refused};
use super::words::{Refusal, errors, recap};
use crate::provider::{ConfigAgent, Managed, Recap};
use crate::providers::transfer::Mirror;

/// The name by which errors call it.
pub(super) const PROVIDER: &str = "salt";

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
        if output.status == Some(127) {
            return Err(not_installed(&format!("run on `{}`", node.node), output.error_text()));
        }
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        told.get("local").cloned().ok_or_else(|| {
            let words = errors(&format!("{}\n{}", output.error_text(), output.text()));
            refused(Refusal::of(&words), format!("run on `{}`", node.node), &node.name, words)
        })
    }

    async fn highstate(&self, node: &Managed, host: &dyn Host, more: &[&str]) -> Result<Recap, ProviderError> {
        let told = self.tell(node, host, &[&["state.apply"], more].concat()).await?;
        recap(&told).map_err(|words| Self::failed(ErrorKind::Invalid, node).because(words))
    }
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
        match &self.states {
            States::Directory(path) => new.extend(MIRROR.differs(host, path).await?),
            States::Master { name, .. } => {
                let key = || format!("key of {}", node.name);
                let master = Master { name, node, host };
                if !master.has_key().await? {
                    new.push(key());
                } else if new.is_empty() {
                    match master.answers().await {
                        Err(error) if error.kind() == ErrorKind::Denied => new.push(key()),
                        answered => answered?,
                    }
                }
            }
        }
        if !new.is_empty() {
            // What it would do with what it has not got, only the run tells.
            return Ok(Recap { changed: new, failed: Vec::new() });
        }
        self.highstate(node, host, &["test=True"]).await
    }

    async fn run(&self, node: &Managed, host: &dyn Host) -> Result<Recap, ProviderError> {
        host.write(CONFIGURATION, &FileContent { bytes: self.configuration(node), mode: 0o644 }).await?;
        match &self.states {
            States::Directory(path) => MIRROR.put(host, path).await?,
            States::Master { name, keeper } => {
                let master = Master { name, node, host };
                match keeper {
                    Some(keeper) => master.enrol(&**keeper).await?,
                    None => master.answers().await?,
                }
            }
        }
        self.highstate(node, host, &[]).await
    }

    async fn facts(&self, node: &Managed, host: &dyn Host) -> Result<BTreeMap<String, Value>, ProviderError> {
        let told = self.tell(node, host, &["grains.items"]).await?;
        let all = told.as_object().cloned().unwrap_or_default();
        Ok(all.into_iter().filter(|(name, _)| ASKED.contains(&name.as_str())).collect())
    }
}
