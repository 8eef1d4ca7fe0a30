//! The command lines of Puppet.

use dip_core::provider::{Command, ErrorKind, Host, Output, ProviderError};

use super::words;
use crate::provider::Managed;

/// The name by which errors call it.
pub(super) const PROVIDER: &str = "puppet";

/// The packages of Puppet itself put nothing where a login finds it.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/puppetlabs/bin";

/// A program of Puppet, in the words that [`words`] reads.
pub(super) fn program(name: &str) -> Command {
    Command::new("env").args([PATH, "LC_ALL=C.UTF-8", name])
}

/// A verb of `puppet ssl` against a server. Left to itself it asks again every two minutes while the server does not answer.
pub(super) fn ssl(verb: &str, server: &str, node: &Managed) -> Command {
    program("puppet").args(["ssl", verb, "--color=false", "--waitforcert", "0"]).args(patience()).args([
        "--server",
        server,
        "--certname",
        &node.name,
    ])
}

/// For each connection; without it one that nobody answers costs two minutes.
pub(super) const fn patience() -> [&'static str; 2] {
    ["--http_connect_timeout", "10s"]
}

/// Whether the node has a certificate for its key, as far as the node can tell. Asks nobody.
pub(super) async fn has_certificate(host: &dyn Host, server: &str, node: &Managed) -> Result<bool, ProviderError> {
    let output = host.run(&ssl("verify", server, node)).await?;
    match output.status {
        Some(127) => Err(refusal(&format!("run on `{}`", node.node), node, &output)),
        _ => Ok(output.succeeded()),
    }
}

/// What was printed, both ways.
pub(super) fn text(output: &Output) -> String {
    format!("{}\n{}", output.text(), output.error_text())
}

/// The failure that an output tells, with what to do about it.
pub(super) fn refusal(action: &str, node: &Managed, output: &Output) -> ProviderError {
    let text = text(output);
    let words = words::errors(&text);
    if output.status == Some(127) {
        let error = ProviderError::new(ErrorKind::Unsupported, PROVIDER, action).because(words);
        return error.advise("let `os.packages` name the package of the Puppet agent");
    }
    let refusal = words::Refusal::of(&text);
    let error = ProviderError::new(refusal.kind(), PROVIDER, action).because(words);
    match refusal.advice(&node.name) {
        Some(advice) => error.advise(advice),
        None => error,
    }
}
