//! Makes a Puppet server know a node: the node asks for a certificate, and the server signs it once both tell the same fingerprint.

use dip_core::provider::{ErrorKind, Host, Output, ProviderError};

use super::program::{PROVIDER, has_certificate, program, refusal, ssl, text};
use super::words::{Listed, Refusal, digest};
use crate::provider::Managed;

/// A node, the server, and the host on which the server signs.
pub(super) struct Enrolment<'a> {
    pub(super) node: &'a Managed,
    pub(super) host: &'a dyn Host,
    pub(super) server: &'a str,
    pub(super) signer: &'a dyn Host,
}

impl Enrolment<'_> {
    pub(super) async fn make(&self) -> Result<(), ProviderError> {
        if has_certificate(self.host, self.server, self.node).await? {
            return Ok(());
        }
        let asked = self.ssl("submit_request").await?;
        // Who has asked before, or has a certificate already, is told of a conflict: what it is with, the next answers tell.
        if !asked.succeeded() && !text(&asked).contains("conflict on the server") {
            return Err(self.refusal(&asked));
        }
        // A server may sign by itself, and one that has signed before need not again.
        if self.downloaded().await? {
            return Ok(());
        }
        let agent = program("puppet").args(["agent", "--fingerprint", "--certname", &self.node.name]);
        let own = digest(&self.host.run(&agent).await?.text());
        match (self.listed().await?, own) {
            (Listed::Requested(asked), Some(own)) if asked == own => {}
            (Listed::Requested(asked), own) => {
                let own = own.unwrap_or_else(|| "nothing that the server has taken".to_owned());
                return Err(self.taken(format!("the server was asked with {asked}, and the node asks with {own}")));
            }
            (Listed::Signed(signed), _) => {
                return Err(self.taken(format!("the server has signed {signed}, and it is not for the node's key")));
            }
            (Listed::Missing, _) => {
                let words = "the server says that nobody has asked, though the node did";
                return Err(self.failure(ErrorKind::Unexpected).because(words));
            }
        }
        let signed = self.on_server("sign").await?;
        if !signed.succeeded() {
            return Err(self.failure(ErrorKind::Denied).because(one_line(&signed)));
        }
        if self.downloaded().await? {
            return Ok(());
        }
        Err(self.failure(ErrorKind::Unexpected).because("the server has signed it, and says that it has not"))
    }

    async fn ssl(&self, verb: &str) -> Result<Output, ProviderError> {
        self.host.run(&ssl(verb, self.server, self.node)).await
    }

    async fn on_server(&self, verb: &str) -> Result<Output, ProviderError> {
        self.signer.run(&program("puppetserver").args(["ca", verb, "--certname", &self.node.name])).await
    }

    /// Whether the server had a certificate for the node's key.
    async fn downloaded(&self) -> Result<bool, ProviderError> {
        let output = self.ssl("download_cert").await?;
        match Refusal::of(&text(&output)) {
            _ if output.succeeded() => Ok(true),
            // That of another one is told below, with the fingerprint that the server has.
            Refusal::NotSigned | Refusal::OfAnotherKey => Ok(false),
            _ => Err(self.refusal(&output)),
        }
    }

    async fn listed(&self) -> Result<Listed, ProviderError> {
        let output = self.on_server("list").await?;
        Listed::read(&text(&output)).ok_or_else(|| {
            let error = self.failure(ErrorKind::Unexpected).because(one_line(&output));
            error.advise("`puppetserver ca list` must work on the node that `server_node` names")
        })
    }

    fn action(&self) -> String {
        format!("have a certificate signed for `{}`", self.node.name)
    }

    fn failure(&self, kind: ErrorKind) -> ProviderError {
        ProviderError::new(kind, PROVIDER, self.action())
    }

    fn refusal(&self, output: &Output) -> ProviderError {
        refusal(&self.action(), self.node, output)
    }

    /// Somebody else has the name at the server. It may be the node itself before it was installed anew; who knows that says so there.
    fn taken(&self, words: String) -> ProviderError {
        let error = self.failure(ErrorKind::Conflict).because(words);
        match Refusal::OfAnotherKey.advice(&self.node.name) {
            Some(advice) => error.advise(advice),
            None => error,
        }
    }
}

fn one_line(output: &Output) -> String {
    text(output).trim().lines().map(str::trim).collect::<Vec<_>>().join("; ")
}
