//! Cinc, and Chef Infra Client by the same options: local mode with cookbooks of the site.
//!
//! Its options and its log are those of the documentation of Chef Infra Client 18; it was not run against one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use dip_core::provider::{Command, ErrorKind, FileContent, Host, ProviderError};
use serde_json::{Value, json};

use super::transfer::Mirror;
use crate::provider::{ConfigAgent, Failed, Managed, Recap};

/// The name by which errors call it.
const PROVIDER: &str = "cinc";

const MIRROR: Mirror = Mirror { provider: PROVIDER, directory: "/etc/dip/cinc/cookbooks" };

/// The attributes of the node.
const ATTRIBUTES: &str = "/etc/dip/cinc/node.json";

/// Where local mode looks for cookbooks.
const REPOSITORY: &str = "/etc/dip/cinc";

/// Cinc with cookbooks.
#[derive(Debug)]
pub struct Cinc {
    program: String,
    cookbooks: PathBuf,
    run_list: Vec<String>,
}

impl Cinc {
    /// Cinc with cookbooks and what is run of them.
    #[must_use]
    pub fn new(program: String, cookbooks: PathBuf, run_list: Vec<String>) -> Self {
        Self { program, cookbooks, run_list }
    }

    fn attributes(&self, node: &Managed) -> Vec<u8> {
        json!({"dip": node.facts(), "run_list": self.run_list}).to_string().into_bytes()
    }

    async fn go(&self, node: &Managed, host: &dyn Host, more: &[&str]) -> Result<Recap, ProviderError> {
        let command = Command::new(&self.program)
            .args([
                "--local-mode",
                "--no-color",
                "--format",
                "doc",
                "--force-formatter",
                "--chef-license",
                "accept-silent",
            ])
            .args(["--config-option", &format!("chef_repo_path={REPOSITORY}"), "--json-attributes", ATTRIBUTES])
            .args(["--node-name", &node.name])
            .args(more.iter().copied());
        let output = host.run(&command).await?;
        let text = format!("{}\n{}", output.text(), output.error_text());
        let failed = |kind| ProviderError::new(kind, PROVIDER, format!("run on `{}`", node.node));
        match output.status {
            Some(127) => Err(failed(ErrorKind::Unsupported)
                .because(output.error_text())
                .advise(format!("install `{}` on the node, from cinc.sh or a mirror of it", self.program))),
            Some(0) => Ok(recap(&text)),
            _ => {
                let recap = recap(&text);
                if recap.failed.is_empty() {
                    return Err(failed(ErrorKind::Invalid).because(output.error_text()));
                }
                Ok(recap)
            }
        }
    }
}

/// `  * file[/etc/motd] action create` is followed, deeper, by `- update content ...` where it changes something; a resource that
/// fails is told between two lines of `=` with its error below.
fn recap(text: &str) -> Recap {
    let mut recap = Recap::default();
    let mut resource = String::new();
    let mut lines = text.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("* ") {
            name.trim_end_matches(" (up to date)").clone_into(&mut resource);
        } else if line.starts_with("- ") && !resource.is_empty() {
            if recap.changed.last() != Some(&resource) {
                recap.changed.push(resource.clone());
            }
        } else if line.starts_with("Error executing action") {
            // The class of the error is underlined; its words follow.
            let words = lines.by_ref().skip_while(|line| !line.starts_with("---")).nth(1).unwrap_or_default();
            recap.failed.push(Failed { what: resource.clone(), words: words.to_owned() });
        }
    }
    recap
}

#[async_trait]
impl ConfigAgent for Cinc {
    fn product(&self) -> &'static str {
        "Cinc"
    }

    async fn probe(&self, node: &Managed, host: &dyn Host) -> Result<Recap, ProviderError> {
        let mut new = MIRROR.differs(host, &self.cookbooks).await?;
        if host.read(ATTRIBUTES).await?.is_none_or(|now| now.bytes != self.attributes(node)) {
            new.push(ATTRIBUTES.to_owned());
        }
        if !new.is_empty() {
            return Ok(Recap { changed: new, failed: Vec::new() });
        }
        self.go(node, host, &["--why-run"]).await
    }

    async fn run(&self, node: &Managed, host: &dyn Host) -> Result<Recap, ProviderError> {
        MIRROR.put(host, &self.cookbooks).await?;
        host.write(ATTRIBUTES, &FileContent { bytes: self.attributes(node), mode: 0o600 }).await?;
        self.go(node, host, &[]).await
    }

    async fn facts(&self, node: &Managed, host: &dyn Host) -> Result<BTreeMap<String, Value>, ProviderError> {
        let output =
            host.run(&Command::new("ohai").args(["fqdn", "kernel/release", "platform", "platform_version"])).await?;
        // One JSON list for each name.
        let values = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Vec<Value>>();
        let names = ["fqdn", "kernel_release", "platform", "platform_version"];
        names
            .into_iter()
            .zip(values)
            .map(|(name, value)| {
                let value = value.map_err(|error| {
                    ProviderError::new(ErrorKind::Unexpected, PROVIDER, format!("read the facts of `{}`", node.node))
                        .because(error)
                })?;
                Ok((name.to_owned(), value.into_iter().next().unwrap_or_default()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recap_is_read_of_the_documented_log() {
        let text = "Recipe: base::default
  * file[/etc/motd] action create
    - update content in file /etc/motd from e3b0c4 to 5891b5
    --- /etc/motd
  * package[ntp] action install (up to date)
  * execute[broken] action run

    ================================================================================
    Error executing action `run` on resource 'execute[broken]'
    ================================================================================

    Mixlib::ShellOut::ShellCommandFailed
    ------------------------------------
    Expected process to exit with [0], but received '1'
";
        let recap = recap(text);
        assert_eq!(recap.changed, ["file[/etc/motd] action create"]);
        assert_eq!(recap.failed[0].what, "execute[broken] action run");
        assert_eq!(recap.failed[0].words, "Expected process to exit with [0], but received '1'");
    }
}
