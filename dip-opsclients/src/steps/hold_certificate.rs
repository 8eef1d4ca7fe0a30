//! `opsclients.hold_certificate`: the node holds a key of its own and a certificate of the site's authority for it, which `openssl`
//! finds good and which does not end soon.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::certificate::{CertificateName, SeenCertificate};
use dip_core::fact::Facts;
use dip_core::fact::opsclients::{CERTIFICATE, CLOCK};
use dip_core::fact::os::{HOST_NAME, PACKAGES};
use dip_core::id::{LayerId, NodeName, ServiceName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::{CertificateAuthority, CertificateWish, Command};
use dip_core::step::{Environment, Need, Step};
use dip_core::subject::Subject;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::node::Node;

/// Never leaves the node.
const KEY: &str = "/etc/dip/tls/key.pem";
/// The node's certificate, and those between it and the anchors.
const CHAIN: &str = "/etc/dip/tls/certificate.pem";
/// Whom all servers of the site are trusted by.
const ANCHORS: &str = "/etc/dip/tls/authority.pem";

/// It is there while a new certificate was put down and not all who use it were told.
const UNTOLD: &str = "/etc/dip/tls/untold";

/// The key is whole or not there: a half one would be taken for good.
const MAKE_KEY: &str = r#"umask 077 && mkdir -p "${1%/*}" && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.part" && mv "$1.part" "$1""#;

const DAY: Duration = Duration::from_secs(86_400);

/// Has the site's authority sign for a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldCertificate {
    /// The node.
    pub node: NodeName,
    /// Who signs.
    pub authority: ServiceName,
    /// For what the certificate is, the name that people know it by first.
    pub names: Vec<CertificateName>,
    /// For how many days it should count.
    pub days: u32,
    /// So many days before its end it is replaced.
    pub renew_before: u32,
    /// Units that are reloaded, or started again, when it was replaced.
    pub reload: Vec<String>,
}

impl HoldCertificate {
    pub(crate) fn step(self) -> Step {
        let subject = Subject::node(&self.node);
        let given = CERTIFICATE.of(&subject);
        // A certificate of tomorrow is refused.
        let before = [PACKAGES.of(&subject), HOST_NAME.of(&subject), CLOCK.of(&subject)];
        let step = Step::new(LayerId::OpsClients, subject, &self)
            .give(given)
            .in_environment(&self.node, Environment::Installed);
        before.into_iter().map(Need::IfGiven).fold(step, Step::need)
    }

    /// What the node's certificate lacks, without asking `openssl`; and the certificate.
    async fn lacks(&self, node: &Node, authority: &dyn CertificateAuthority) -> Result<(Diff, String), OperationError> {
        let diff = node.diff_file(Diff::default(), ANCHORS, Some(authority.anchors())).await?;
        let text = node.text(CHAIN).await?;
        let Some(seen) = text.and_then(|text| SeenCertificate::all_of(&text).ok()).map(|mut all| all.remove(0)) else {
            return Ok((diff.and(CHAIN, None::<&str>, Some(format!("signed by `{}`", self.authority))), String::new()));
        };
        Ok((seen.lacks(diff, &self.names, self.renew_before, Timestamp::now()), seen.fingerprint()))
    }

    /// What `openssl` on the node says: the chain reaches the anchors, and the certificate is for the node's key.
    async fn verified(&self, node: &Node, diff: Diff) -> Result<Diff, OperationError> {
        let verify = ["verify", "-purpose", "sslserver", "-CAfile", ANCHORS, "-untrusted", CHAIN, CHAIN];
        let output = node.run(&Command::new("openssl").args(verify)).await?;
        if !output.succeeded() {
            let words = format!("{} {}", output.error_text(), output.text());
            return Ok(diff.and("openssl verify", Some(words.trim().replace('\n', "; ")), Some("OK")));
        }
        let certified = node.run(&Command::new("openssl").args(["x509", "-pubkey", "-noout", "-in", CHAIN])).await?;
        let own = node.run(&Command::new("openssl").args(["pkey", "-pubout", "-in", KEY])).await?;
        if own.text() != certified.text() {
            return Ok(diff.and("key of the certificate", Some("another"), Some(KEY)));
        }
        Ok(diff)
    }

    async fn look(&self, node: &Node, authority: &dyn CertificateAuthority) -> Result<(Diff, String), OperationError> {
        let (diff, fingerprint) = self.lacks(node, authority).await?;
        // What is not there, openssl need not look at.
        if fingerprint.is_empty() {
            Ok((diff, fingerprint))
        } else {
            Ok((self.verified(node, diff).await?, fingerprint))
        }
    }

    async fn sign(&self, node: &Node, authority: &dyn CertificateAuthority) -> Result<(), OperationError> {
        if !node.run(&Command::new("openssl").args(["pkey", "-noout", "-in", KEY])).await?.succeeded() {
            node.succeed(&Command::new("sh").args(["-c", MAKE_KEY, "sh", KEY])).await?;
        }
        let called = self.names.first().map(ToString::to_string).unwrap_or_default();
        let request = Command::new("openssl").args(["req", "-new", "-key", KEY, "-subj"]).arg(format!("/CN={called}"));
        let output = node.run(&request).await?;
        if !output.succeeded() {
            return Err(node.refused(&request, &output));
        }
        let wish = CertificateWish { request: output.text(), names: self.names.clone(), lifetime: DAY * self.days };
        let chain = authority.sign(&wish).await?;
        node.put_file(ANCHORS, Some(authority.anchors())).await?;
        if !self.reload.is_empty() {
            // Before the certificate: whoever goes on after a crash finds the certificate in order.
            node.put_file(UNTOLD, Some("Written by dip: who uses the certificate is told of it.\n")).await?;
        }
        node.put_file(CHAIN, Some(&chain)).await
    }

    /// Whether somebody who uses the certificate may still have the one before it.
    async fn is_untold(&self, node: &Node) -> Result<bool, OperationError> {
        Ok(!self.reload.is_empty() && node.text(UNTOLD).await?.is_some())
    }

    async fn tell(&self, node: &Node) -> Result<(), OperationError> {
        for unit in &self.reload {
            node.succeed(&Command::new("systemctl").args(["reload-or-restart", "--", unit])).await?;
        }
        if self.reload.is_empty() { Ok(()) } else { node.put_file(UNTOLD, None).await }
    }
}

#[async_trait]
impl Operation for HoldCertificate {
    const NAME: &'static str = "opsclients.hold_certificate";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let authority = cx.provider::<dyn CertificateAuthority>(&Subject::service(&self.authority))?;
        let (mut diff, fingerprint) = self.look(&node, &*authority).await?;
        if self.is_untold(&node).await? {
            diff = diff.and("told of the certificate", None::<&str>, Some(self.reload.join(", ")));
        }
        Ok(diff.or_holds(Facts::new().with(&CERTIFICATE, &Subject::node(&self.node), &fingerprint)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let authority = cx.provider::<dyn CertificateAuthority>(&Subject::service(&self.authority))?;
        // A certificate that is as it should be is not signed anew because somebody could not be told of it.
        if !self.is_untold(&node).await? || !self.look(&node, &*authority).await?.0.is_empty() {
            self.sign(&node, &*authority).await?;
        }
        self.tell(&node).await?;
        Ok(Applied::Done)
    }
}
