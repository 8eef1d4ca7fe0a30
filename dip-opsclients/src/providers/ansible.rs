//! Ansible: run where dip runs, against the node over SSH, with the host keys that the site pins.
//!
//! Runs `ansible-playbook` and `ansible` (ansible-core 2.14 and later) with an inventory of the one node and a callback of our own.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
use dip_core::provider::{ErrorKind, Host, ProviderError};
use dip_core::report::handoff::ansible_group;
use dip_core::secret::Secret;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use super::controller::Workplace;
use crate::provider::{ConfigAgent, Failed, Managed, Recap};

/// The name by which errors call it.
const PROVIDER: &str = "ansible";

/// Prints what happens as JSON.
const CALLBACK: &str = include_str!("recap.py");

/// Of the thousands of lines that `setup` tells, those that others ask for.
const FACTS: [&str; 9] = [
    "ansible_architecture",
    "ansible_default_ipv4",
    "ansible_distribution",
    "ansible_distribution_version",
    "ansible_fqdn",
    "ansible_kernel",
    "ansible_memtotal_mb",
    "ansible_processor_vcpus",
    "ansible_python_version",
];

/// Ansible with a playbook.
pub struct Ansible {
    playbook: PathBuf,
    login: AnsibleLogin,
}

/// How Ansible logs in to nodes.
pub struct AnsibleLogin {
    /// The user.
    pub user: String,
    /// How the user becomes root.
    pub elevation: Elevation,
    /// The user's private key.
    pub key: Secret,
    /// A file of host keys.
    pub known_hosts: PathBuf,
}

/// How a user becomes root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Elevation {
    /// It is root.
    None,
    /// By `sudo` without a password.
    Sudo,
}

/// A line of the callback.
#[derive(Debug, Deserialize)]
struct Told {
    event: Event,
    task: String,
    changed: bool,
    words: String,
    facts: Option<Map<String, Value>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    Ok,
    Failed,
    Ignored,
    Unreachable,
}

impl Ansible {
    /// Ansible with a playbook, and how it logs in.
    #[must_use]
    pub fn new(playbook: PathBuf, login: AnsibleLogin) -> Self {
        Self { playbook, login }
    }

    fn failed(&self, kind: ErrorKind, node: &Managed) -> ProviderError {
        ProviderError::new(kind, PROVIDER, format!("run {} for `{}`", self.playbook.display(), node.node))
    }

    async fn play(&self, node: &Managed, arguments: &[&str]) -> Result<Vec<Told>, ProviderError> {
        let mut line = Command::new("ansible-playbook");
        let playbook = std::path::absolute(&self.playbook)
            .map_err(|error| self.failed(ErrorKind::Invalid, node).because(error))?;
        // Roles and an `ansible.cfg` lie beside the playbook.
        if let Some(directory) = playbook.parent() {
            line.current_dir(directory);
        }
        line.args(arguments).arg(playbook);
        self.tell(node, line).await
    }

    /// Runs a program of Ansible with the inventory of the node; what it told.
    async fn tell(&self, node: &Managed, mut line: Command) -> Result<Vec<Told>, ProviderError> {
        let place = Workplace::new().map_err(|error| self.failed(ErrorKind::Unexpected, node).because(error))?;
        let write = |name: &str, text: &str| {
            place.write(name, text).map_err(|error| self.failed(ErrorKind::Unexpected, node).because(error))
        };
        // A private key without a last line break is none for OpenSSH.
        let key = write("key", &format!("{}\n", self.login.key.expose().trim_end()))?;
        let inventory = write("inventory.json", &self.inventory(node, &key).to_string())?;
        write("dip_recap.py", CALLBACK)?;
        line.arg("--inventory")
            .arg(inventory)
            .env("ANSIBLE_CALLBACK_PLUGINS", place.path())
            .env("ANSIBLE_STDOUT_CALLBACK", "dip_recap")
            .env("ANSIBLE_LOAD_CALLBACK_PLUGINS", "1")
            .env("ANSIBLE_LOCAL_TEMP", place.path().join("tmp"))
            .env("ANSIBLE_SSH_CONTROL_PATH_DIR", place.path().join("cp"))
            .env("ANSIBLE_HOST_KEY_CHECKING", "1")
            .env("ANSIBLE_RETRY_FILES_ENABLED", "0")
            .env("ANSIBLE_NOCOLOR", "1")
            // Modules go by the connection that is there; else each costs three more.
            .env("ANSIBLE_PIPELINING", "1")
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true);
        let output = line.output().await.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                self.failed(ErrorKind::Unsupported, node).because(error).advise("install ansible-core where dip runs")
            }
            _ => self.failed(ErrorKind::Unexpected, node).because(error),
        })?;
        let text = String::from_utf8_lossy(&output.stdout);
        let told: Vec<Told> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if let Some(away) = told.iter().find(|told| told.event == Event::Unreachable) {
            return Err(self.failed(ErrorKind::Unreachable, node).because(away.words.trim()));
        }
        // 0: all well; 2: a task failed, which is told (ansible-playbook(1)). All else is no run.
        match output.status.code() {
            Some(0) => Ok(told),
            Some(2) if told.iter().any(|told| told.event == Event::Failed) => Ok(told),
            _ => {
                let words = String::from_utf8_lossy(&output.stderr);
                let words: Vec<_> = words.lines().filter(|line| !line.trim().is_empty()).take(6).collect();
                Err(self.failed(ErrorKind::Invalid, node).because(words.join("; ")))
            }
        }
    }

    /// An inventory of one node; JSON is YAML (the plugin `ansible.builtin.yaml`).
    fn inventory(&self, node: &Managed, key: &std::path::Path) -> Value {
        let mut host: Map<String, Value> =
            node.vars.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
        host.insert("dip".to_owned(), node.facts());
        host.insert("ansible_host".to_owned(), json!(node.address));
        host.insert("ansible_user".to_owned(), json!(self.login.user));
        host.insert("ansible_become".to_owned(), json!(self.login.elevation == Elevation::Sudo));
        host.insert("ansible_ssh_private_key_file".to_owned(), json!(key));
        let known_hosts = self.login.known_hosts.display();
        let ssh = format!(
            "-F none -o UserKnownHostsFile=\"{known_hosts}\" -o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
        );
        host.insert("ansible_ssh_common_args".to_owned(), json!(ssh));
        let member = json!({"hosts": {node.node.as_str(): {}}});
        let rack = node.rack.iter().map(|rack| ansible_group("rack", rack.as_str()));
        let profiles = node.profiles.iter().map(|profile| ansible_group("profile", profile.as_str()));
        let children: Map<String, Value> = rack.chain(profiles).map(|name| (name, member.clone())).collect();
        json!({"all": {"hosts": {node.node.as_str(): host}, "children": children}})
    }
}

fn recap(told: Vec<Told>) -> Recap {
    let mut recap = Recap::default();
    for told in told {
        match told.event {
            Event::Failed => recap.failed.push(Failed { what: told.task, words: told.words.trim().to_owned() }),
            Event::Ok if told.changed => recap.changed.push(told.task),
            Event::Ok | Event::Ignored | Event::Unreachable => {}
        }
    }
    recap
}

impl fmt::Debug for Ansible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ansible")
            .field("playbook", &self.playbook)
            .field("user", &self.login.user)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AnsibleLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnsibleLogin").field("user", &self.user).finish_non_exhaustive()
    }
}

#[async_trait]
impl ConfigAgent for Ansible {
    fn product(&self) -> &'static str {
        "Ansible"
    }

    async fn probe(&self, node: &Managed, _: &dyn Host) -> Result<Recap, ProviderError> {
        Ok(recap(self.play(node, &["--check"]).await?))
    }

    async fn run(&self, node: &Managed, _: &dyn Host) -> Result<Recap, ProviderError> {
        Ok(recap(self.play(node, &[]).await?))
    }

    async fn facts(&self, node: &Managed, _: &dyn Host) -> Result<BTreeMap<String, Value>, ProviderError> {
        let mut line = Command::new("ansible");
        line.args([node.node.as_str(), "--module-name", "ansible.builtin.setup"]);
        let told = self.tell(node, line).await?;
        let all = told.into_iter().find_map(|told| told.facts).unwrap_or_default();
        Ok(all.into_iter().filter(|(name, _)| FACTS.contains(&name.as_str())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Told {
        serde_json::from_str(line).expect("a line of the callback")
    }

    #[test]
    fn a_recap_has_what_changed_and_what_failed_in_its_own_words() {
        let recap = recap(vec![
            told(r#"{"event":"ok","task":"motd","changed":true,"words":""}"#),
            told(r#"{"event":"ok","task":"users","changed":false,"words":""}"#),
            told(r#"{"event":"ignored","task":"maybe","changed":false,"words":"no"}"#),
            told(r#"{"event":"failed","task":"nginx","changed":false,"words":"No package matching 'nginx'\n"}"#),
        ]);
        assert_eq!(recap.changed, ["motd"]);
        let failed = Failed { what: "nginx".to_owned(), words: "No package matching 'nginx'".to_owned() };
        assert_eq!(recap.failed, [failed]);
    }
}
