//! `firmware.install_certificate`: a controller shows a certificate of the site's own authority, for its own names, that does not end
//! soon.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::certificate::{CertificateName, SeenCertificate, requested_key};
use dip_core::fact::Facts;
use dip_core::fact::firmware::{BMC_CERTIFICATE, BMC_PASSWORD, BMC_WEAKNESSES, IDENTITY};
use dip_core::id::{LayerId, NodeName, ServiceName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::{CertificateAuthority, CertificateWish, ErrorKind, ProviderError, sentence};
use dip_core::secret::{SecretError, Standing};
use dip_core::site::Origin;
use dip_core::step::{Hazard, Need, Step};
use dip_core::subject::Subject;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::boot_ref::bmc_lock;
use super::facet::facet;
use crate::hygiene::{CertificateBook, Entry};
use crate::provider::Controller;

const DAY: Duration = Duration::from_secs(86_400);
/// A controller starts its web server anew with a new certificate, which takes it seconds to minutes.
const POLL: Duration = Duration::from_secs(2);

/// Has the site's authority sign for a controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallCertificate {
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
}

/// What an authority and a book know, for one look or change.
struct Desk {
    controller: Arc<dyn Controller>,
    authority: Arc<dyn CertificateAuthority>,
    book: Arc<CertificateBook>,
    entries: Vec<Entry>,
    /// The authority's own certificates, and those between them and the controllers'.
    trusted: Vec<SeenCertificate>,
}

impl InstallCertificate {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let subject = Subject::node(&self.node);
        // Not the certificate of another machine; not over a password that everybody knows; not before the clock is right, since
        // controllers refuse a certificate of tomorrow.
        let before = [IDENTITY.of(&subject), BMC_PASSWORD.of(&subject), BMC_WEAKNESSES.of(&subject)];
        let key = BMC_CERTIFICATE.of(&subject);
        let step = Step::new(LayerId::Firmware, subject, &self).give(key).lock(bmc_lock(&self.node)).origin(origin);
        let step = step.hazard(Hazard::Disrupts);
        before.into_iter().map(Need::IfGiven).fold(step, Step::need)
    }

    fn desk(&self, cx: &Context<'_>) -> Result<Desk, OperationError> {
        let controller = facet(cx, &self.node, "be given a certificate", |bmc| bmc.controller())?;
        let authority = cx.provider::<dyn CertificateAuthority>(&Subject::service(&self.authority))?;
        let book = cx.provider::<CertificateBook>(&Subject::node(&self.node))?;
        let entries = book.entries().map_err(|error| self.unusable(&error))?;
        let mut trusted = SeenCertificate::all_of(authority.anchors()).map_err(|error| {
            OperationError::Impossible(format!(
                "the certificate of authority `{}` cannot be used: {error}",
                self.authority
            ))
        })?;
        trust_between(&mut trusted, entries.iter().flat_map(|entry| &entry.between));
        Ok(Desk { controller, authority, book, entries, trusted })
    }

    /// What a certificate lacks.
    fn lacks(&self, seen: &SeenCertificate, trusted: &[SeenCertificate]) -> Diff {
        let mut diff = Diff::default();
        if !seen.is_signed_by(trusted) {
            diff = diff.and("issuer of the certificate", Some(&seen.issuer), trusted.first().map(|it| &it.subject));
        }
        seen.lacks(diff, &self.names, self.renew_before, Timestamp::now())
    }

    fn is_sound(&self, seen: &SeenCertificate, trusted: &[SeenCertificate]) -> bool {
        self.lacks(seen, trusted) == Diff::default()
    }

    /// Has a certificate made by a request of the controller, or by the one that a former program left.
    async fn signed(&self, desk: &Desk) -> Result<Entry, OperationError> {
        let unusable = |error: SecretError| self.unusable(&error);
        let (version, request) = desk.book.next().map_err(unusable)?;
        let request = match request {
            Some(request) => request,
            None => {
                let name = self.names.iter().find(|name| matches!(name, CertificateName::Dns(_)));
                let name = name.or(self.names.first()).map(ToString::to_string).unwrap_or_default();
                let request = desk.controller.certificate_request(&name).await?;
                desk.book.keep_request(version, &request).map_err(unusable)?;
                request
            }
        };
        let wish = CertificateWish { request, names: self.names.clone(), lifetime: DAY * self.days };
        let pem = match desk.authority.sign(&wish).await {
            Err(error) if error.kind() == ErrorKind::Invalid => {
                desk.book.forget_request(version).map_err(unusable)?;
                return Err(error.into());
            }
            signed => signed?,
        };
        let useless = |why: String| {
            OperationError::Impossible(format!(
                "authority `{}` gave a certificate for the BMC of node `{}` that is of no use: {why}",
                self.authority, self.node
            ))
        };
        let mut between = SeenCertificate::all_of(&pem).map_err(|error| useless(error.to_string()))?;
        let certificate = between.remove(0);
        let mut trusted = desk.trusted.clone();
        trust_between(&mut trusted, between.iter());
        if requested_key(&wish.request).ok().as_ref() != Some(&certificate.key) {
            return Err(useless("it is for another key than the one that was asked for".to_owned()));
        }
        let lacks = self.lacks(&certificate, &trusted);
        if lacks != Diff::default() {
            return Err(useless(lacks.to_string()));
        }
        desk.book.keep(version, &pem).map_err(unusable)?;
        Ok(Entry { version, standing: Standing::Minted, pem, certificate, between })
    }

    /// Gives the controller a certificate; tells whether it takes it.
    async fn give(&self, desk: &Desk, entry: &Entry) -> Result<Result<(), ProviderError>, OperationError> {
        let mark = |standing| desk.book.mark(entry.version, standing).map_err(|error| self.unusable(&error));
        mark(Standing::Sent)?;
        match desk.controller.set_certificate(&entry.pem).await {
            Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Unexpected) => {
                // It has made another key since; or it never takes one like this.
                mark(Standing::Refused)?;
                Ok(Err(error))
            }
            given => Ok(Ok(given?)),
        }
    }

    fn unusable(&self, error: &SecretError) -> OperationError {
        let why = sentence(error);
        OperationError::Impossible(format!("the book of certificates of node `{}` cannot be used: {why}", self.node))
    }
}

/// Adds those of some certificates that are signed by one that is trusted, and so may sign others.
fn trust_between<'a>(trusted: &mut Vec<SeenCertificate>, between: impl Iterator<Item = &'a SeenCertificate>) {
    let mut between: Vec<_> = between.filter(|certificate| certificate.is_authority).collect();
    // Each round trusts one more, or there is none left.
    while let Some(at) = between.iter().position(|certificate| certificate.is_signed_by(trusted)) {
        trusted.push(between.swap_remove(at).clone());
    }
}

#[async_trait]
impl Operation for InstallCertificate {
    const NAME: &'static str = "firmware.install_certificate";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let desk = self.desk(cx)?;
        let Some(shown) = desk.controller.certificate().await? else {
            return Err(OperationError::Impossible(format!(
                "the BMC of node `{}` is asked in the clear and shows no certificate; take `scheme: http` out of its protocol `redfish`",
                self.node
            )));
        };
        let shown = SeenCertificate::from_der(&shown).map_err(|error| {
            OperationError::Impossible(format!(
                "the certificate of the BMC of node `{}` cannot be read: {error}",
                self.node
            ))
        })?;
        let diff = self.lacks(&shown, &desk.trusted);
        if diff == Diff::default() {
            let kept = desk.entries.iter().find(|entry| entry.certificate == shown);
            if let Some(entry) = kept.filter(|entry| entry.standing != Standing::Proved) {
                desk.book.mark(entry.version, Standing::Proved).map_err(|error| self.unusable(&error))?;
            }
        }
        Ok(diff.or_holds(Facts::new().with(&BMC_CERTIFICATE, &Subject::node(&self.node), &shown.fingerprint())))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let desk = self.desk(cx)?;
        let wait = || Applied::wait("the BMC to show its new certificate", POLL);
        let made = desk.entries.last().filter(|entry| matches!(entry.standing, Standing::Minted | Standing::Sent));
        if let Some(entry) = made.filter(|entry| self.is_sound(&entry.certificate, &desk.trusted))
            && self.give(&desk, entry).await?.is_ok()
        {
            if entry.standing == Standing::Sent {
                // It took it before and did not show it: some load it when they start.
                match desk.controller.restart().await {
                    Err(error) if error.kind() == ErrorKind::Unsupported => {}
                    restarted => restarted?,
                }
            }
            return Ok(wait());
        }
        let was_asked = desk.book.next().map_err(|error| self.unusable(&error))?.1.is_some();
        let entry = self.signed(&desk).await?;
        match self.give(&desk, &entry).await? {
            Ok(()) => Ok(wait()),
            // The request was a former program's, and the controller has forgotten its key.
            Err(_) if was_asked => {
                let entry = self.signed(&desk).await?;
                self.give(&desk, &entry).await?.map_err(OperationError::from).map(|()| wait())
            }
            Err(error) => Err(error.into()),
        }
    }
}
