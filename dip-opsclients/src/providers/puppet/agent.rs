//! Puppet as a configuration agent: how it is run, with what, and what it tells.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::provider::{Command, ErrorKind, FileContent, Host, ProviderError};
use serde_json::{Value, json};

use super::enrolment::Enrolment;
use super::program::{PROVIDER, has_certificate, patience, program, refusal, text};
use super::words::recap;
use crate::provider::{ConfigAgent, Managed, Recap};
use crate::providers::transfer::Mirror;

/// External facts: the one place that facter reads both as Debian packages it and as Puppet does.
const FACTS: &str = "/etc/facter/facts.d/dip.json";

const MIRROR: Mirror = Mirror { provider: PROVIDER, directory: "/etc/dip/puppet" };

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

    fn external(node: &Managed) -> Vec<u8> {
        json!({ "dip": node.facts() }).to_string().into_bytes()
    }

    fn command(&self, node: &Managed, mode: Mode) -> Command {
        let command = program("puppet");
        let command = match &self.catalogue {
            Catalogue::Manifest(_) => command.arg("apply"),
            Catalogue::Server { name, environment, .. } => {
                let command = command
                    .args(["agent", "--onetime", "--no-daemonize", "--no-usecacheonfailure", "--waitforcert", "0"])
                    .args(patience())
                    .args(["--server", name, "--certname", &node.name]);
                match environment {
                    // Else an environment that the server does not have is exchanged for `production` without a word.
                    Some(environment) => command.args(["--strict_environment_mode", "--environment", environment]),
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
        let recap = recap(&text(&output));
        // 0 and 2: all well; 4 and 6: a resource failed (puppet-agent(8), --detailed-exitcodes). All else is no run.
        match output.status {
            Some(0 | 2) => Ok(recap),
            Some(4 | 6) if !recap.failed.is_empty() => Ok(recap),
            _ => Err(refusal(&format!("run on `{}`", node.node), node, &output)),
        }
    }
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
        match &self.catalogue {
            Catalogue::Manifest(path) => new.extend(MIRROR.differs(host, path).await?),
            Catalogue::Server { name, .. } => {
                // A run without effect would make a key, and ask the server to sign it.
                if !has_certificate(host, name, node).await? {
                    new.push(certificate(node));
                }
            }
        }
        if !new.is_empty() {
            // What it would do with what it has not got, only the run tells.
            return Ok(Recap { changed: new, failed: Vec::new() });
        }
        match self.go(node, host, Mode::Look).await {
            // What a manifest is denied is its own matter.
            Err(error) if error.kind() == ErrorKind::Denied && matches!(self.catalogue, Catalogue::Server { .. }) => {
                Ok(Recap { changed: vec![certificate(node)], failed: Vec::new() })
            }
            other => other,
        }
    }

    async fn run(&self, node: &Managed, host: &dyn Host) -> Result<Recap, ProviderError> {
        host.write(FACTS, &FileContent { bytes: Self::external(node), mode: 0o644 }).await?;
        match &self.catalogue {
            Catalogue::Manifest(path) => MIRROR.put(host, path).await?,
            Catalogue::Server { name, signer: Some(signer), .. } => {
                Enrolment { node, host, server: name, signer: &**signer }.make().await?;
            }
            Catalogue::Server { .. } => {}
        }
        self.go(node, host, Mode::Change).await
    }

    async fn facts(&self, node: &Managed, host: &dyn Host) -> Result<BTreeMap<String, Value>, ProviderError> {
        let facter = program("puppet").args(["facts", "show", "--render-as", "json"]).args(ASKED);
        let output = host.run(&facter).await?;
        serde_json::from_slice(&output.stdout).map_err(|error| {
            let action = format!("tell the facts of `{}`", node.node);
            ProviderError::new(ErrorKind::Unexpected, PROVIDER, action).because(error)
        })
    }
}

/// What is told of a node that the server does not know.
fn certificate(node: &Managed) -> String {
    format!("certificate of {}", node.name)
}
