//! Puppet on the node: `puppet agent` with a server, or `puppet apply` with a manifest of the site (Puppet 6 and later).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::provider::{Command, ErrorKind, FileContent, Host, Output, ProviderError};
use serde_json::{Value, json};

use super::transfer::Mirror;
use crate::provider::{ConfigAgent, Failed, Managed, Recap};

/// The name by which errors call it.
const PROVIDER: &str = "puppet";

/// External facts: the one place that facter reads both as Debian packages it and as Puppet does.
const FACTS: &str = "/etc/facter/facts.d/dip.json";

const MIRROR: Mirror = Mirror { provider: PROVIDER, directory: "/etc/dip/puppet" };

/// The packages of Puppet itself put nothing where a login finds it.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/puppetlabs/bin";

/// Of what facter tells, what others ask for.
const ASKED: [&str; 6] = ["architecture", "fqdn", "kernelrelease", "memory", "os", "processors"];

/// Where a node's catalogue comes from.
pub enum Catalogue {
    /// A manifest of the site, or a directory of them.
    Manifest(PathBuf),
    /// A server.
    Server {
        /// Its host name.
        name: String,
        /// The environment; the server's own choice where it is left out.
        environment: Option<String>,
        /// The host that it runs on, on which dip signs; somebody else signs where it is left out.
        signer: Option<Arc<dyn Host>>,
    },
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Manifest(path) => f.debug_tuple("Manifest").field(path).finish(),
            Self::Server { name, .. } => f.debug_tuple("Server").field(name).finish(),
        }
    }
}

/// Puppet with a catalogue.
#[derive(Debug)]
pub struct Puppet {
    catalogue: Catalogue,
}

/// Whether a run changes anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Look,
    Change,
}

impl Puppet {
    /// Puppet with a catalogue.
    #[must_use]
    pub fn new(catalogue: Catalogue) -> Self {
        Self { catalogue }
    }

    fn failed(kind: ErrorKind, node: &Managed) -> ProviderError {
        ProviderError::new(kind, PROVIDER, format!("run on `{}`", node.node))
    }

    fn external(node: &Managed) -> Vec<u8> {
        json!({ "dip": node.facts() }).to_string().into_bytes()
    }

    fn command(&self, node: &Managed, mode: Mode) -> Command {
        let command = Command::new("env").args([PATH, "LC_ALL=C.UTF-8", "puppet"]);
        let command = match &self.catalogue {
            Catalogue::Manifest(_) => command.arg("apply"),
            Catalogue::Server { name, environment, .. } => {
                let command = command
                    .args(["agent", "--onetime", "--no-daemonize", "--no-usecacheonfailure", "--waitforcert", "0"])
                    .args(["--server", name, "--certname", &node.name]);
                match environment {
                    Some(environment) => command.args(["--environment", environment]),
                    None => command,
                }
            }
        };
        let command = command.args(["--detailed-exitcodes", "--color=false", "--logdest=console", "--verbose"]);
        let command = if mode == Mode::Look { command.arg("--noop") } else { command };
        match &self.catalogue {
            Catalogue::Manifest(_) => command.arg(MIRROR.directory),
            Catalogue::Server { .. } => command,
        }
    }

    async fn go(&self, node: &Managed, host: &dyn Host, mode: Mode) -> Result<Recap, ProviderError> {
        let output = host.run(&self.command(node, mode)).await?;
        let text = format!("{}\n{}", output.text(), output.error_text());
        let recap = recap(&text);
        // 0 and 2: all well; 4 and 6: a resource failed (puppet-agent(8), --detailed-exitcodes). All else is no run.
        match output.status {
            Some(0 | 2) => Ok(recap),
            Some(4 | 6) if !recap.failed.is_empty() => Ok(recap),
            _ => Err(Self::no_run(node, &output, &text)),
        }
    }

    fn no_run(node: &Managed, output: &Output, text: &str) -> ProviderError {
        let words: Vec<_> =
            text.lines().filter(|line| line.starts_with("Error:") || line.contains("ertificate")).collect();
        let words = if words.is_empty() { text.trim().replace('\n', "; ") } else { words.join("; ") };
        let has = |part: &str| text.contains(part);
        if output.status == Some(127) {
            let error = Self::failed(ErrorKind::Unsupported, node).because(words);
            return error.advise("let `os.packages` name the package of the Puppet agent");
        }
        let kind = if has("no certificate found")
            || has("sign this agent's certificate")
            || has("certificate verify failed")
        {
            ErrorKind::Denied
        } else if has("Connection refused") || has("getaddrinfo") || has("timed out") || has("No route to host") {
            ErrorKind::Unreachable
        } else {
            ErrorKind::Invalid
        };
        Self::failed(kind, node).because(words)
    }

    /// Has the server know the node: the agent asks, and what it asks with is signed if the server has got the same.
    async fn enrol(node: &Managed, host: &dyn Host, server: &str, signer: &dyn Host) -> Result<(), ProviderError> {
        let refused = |kind, words: String| {
            ProviderError::new(kind, PROVIDER, format!("have a certificate signed for `{}`", node.name)).because(words)
        };
        let ssl = |verb: &str| {
            Command::new("env").args([PATH, "puppet", "ssl", verb, "--server", server, "--certname", &node.name])
        };
        if host.run(&ssl("verify")).await?.succeeded() {
            return Ok(());
        }
        host.run(&ssl("submit_request")).await?;
        let agent = Command::new("env").args([PATH, "puppet", "agent", "--fingerprint", "--certname", &node.name]);
        let own = digest(&host.run(&agent).await?.text());
        let ca = |verb: &str| Command::new("env").args([PATH, "puppetserver", "ca", verb, "--certname", &node.name]);
        let listed = signer.run(&ca("list")).await?;
        let asked = digest(&listed.text());
        if own.is_none() || own != asked {
            let words = format!(
                "the server was asked with {}, and the node asks with {}",
                asked.unwrap_or_else(|| "nothing".to_owned()),
                own.unwrap_or_else(|| "nothing".to_owned())
            );
            return Err(refused(ErrorKind::Denied, words));
        }
        let signed = signer.run(&ca("sign")).await?;
        if !signed.succeeded() {
            return Err(refused(ErrorKind::Denied, format!("{} {}", signed.text(), signed.error_text())));
        }
        let fetched = host.run(&ssl("download_cert")).await?;
        if fetched.succeeded() { Ok(()) } else { Err(refused(ErrorKind::Unexpected, fetched.error_text())) }
    }
}

/// The SHA-256 that a line tells: `(SHA256) 12:34:...`.
fn digest(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("(SHA256)")?;
    rest.split_whitespace().next().map(str::to_owned)
}

/// `Notice: /Stage[main]/Main/File[/etc/motd]/content: ...` is a change; `Error: /Stage[main]/...: ...` a failure.
fn recap(text: &str) -> Recap {
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

#[async_trait]
impl ConfigAgent for Puppet {
    fn product(&self) -> &'static str {
        "Puppet"
    }

    async fn probe(&self, node: &Managed, host: &dyn Host) -> Result<Recap, ProviderError> {
        let mut new = Vec::new();
        if host.read(FACTS).await?.is_none_or(|now| now.bytes != Self::external(node)) {
            new.push(FACTS.to_owned());
        }
        if let Catalogue::Manifest(path) = &self.catalogue {
            new.extend(MIRROR.differs(host, path).await?);
            if !new.is_empty() {
                // What it would do with what it has not got, only the run tells.
                return Ok(Recap { changed: new, failed: Vec::new() });
            }
        }
        match self.go(node, host, Mode::Look).await {
            Ok(mut recap) => {
                recap.changed.splice(0..0, new);
                Ok(recap)
            }
            Err(error) if error.kind() == ErrorKind::Denied && matches!(self.catalogue, Catalogue::Server { .. }) => {
                Ok(Recap { changed: vec![format!("certificate of {}", node.name)], failed: Vec::new() })
            }
            Err(error) => Err(error),
        }
    }

    async fn run(&self, node: &Managed, host: &dyn Host) -> Result<Recap, ProviderError> {
        host.write(FACTS, &FileContent { bytes: Self::external(node), mode: 0o644 }).await?;
        match &self.catalogue {
            Catalogue::Manifest(path) => MIRROR.put(host, path).await?,
            Catalogue::Server { name, signer: Some(signer), .. } => Self::enrol(node, host, name, &**signer).await?,
            Catalogue::Server { .. } => {}
        }
        self.go(node, host, Mode::Change).await
    }

    async fn facts(&self, node: &Managed, host: &dyn Host) -> Result<BTreeMap<String, Value>, ProviderError> {
        let facter = Command::new("env").args([PATH, "puppet", "facts", "show", "--render-as", "json"]);
        let output = host.run(&facter.args(ASKED)).await?;
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Self::failed(ErrorKind::Unexpected, node).because(format!("facts: {error}")))
    }
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
    fn a_fingerprint_is_found_in_what_agent_and_server_print() {
        assert_eq!(digest("(SHA256) 12:AB\n").as_deref(), Some("12:AB"));
        assert_eq!(
            digest("Requested Certificates:\n    n1.lab.test       (SHA256)  12:AB\n").as_deref(),
            Some("12:AB")
        );
        assert_eq!(digest("Missing Certificates:\n    n1"), None);
    }
}
