//! The certificate that a controller shows.

use reqwest::StatusCode;
use serde_json::json;

use super::error::Failure;
use super::machine::{Machine, target};
use super::resource::{Certificate, CertificateRequest, CertificateService, Link};

impl Machine {
    async fn certificates(&self) -> Result<(CertificateService, Link), Failure> {
        let lacking = || Failure::Lacking { what: "the service does not change its certificate".to_owned() };
        let root = self.client.root().await?;
        let service = self.client.follow(root.certificate_service.as_ref()).await?.ok_or_else(lacking)?.body;
        let (network, _) = self.network().await?;
        let place = network.body.https.0.and_then(|https| https.certificates.0).ok_or_else(lacking)?;
        Ok((service, place))
    }

    pub(super) async fn request_certificate(&self, name: &str) -> Result<String, Failure> {
        let (service, place) = self.certificates().await?;
        let action = service.actions.as_ref().and_then(|actions| actions.generate_csr.as_ref());
        let target = target(action, "CertificateService.GenerateCSR")?;
        let mut body = json!({ "CommonName": name, "CertificateCollection": { "@odata.id": place.id } });
        let answer = match self.client.post(target, &body).await {
            // The schema requires a whole address, which whoever signs replaces by what is right. `ZZ` is no country (ISO 3166-1, 8.1.3).
            Err(failure) if failure.status() == Some(StatusCode::BAD_REQUEST) => {
                for part in ["City", "Organization", "OrganizationalUnit", "State"] {
                    body[part] = json!("unknown");
                }
                body["Country"] = json!("ZZ");
                self.client.post(target, &body).await?
            }
            other => other?,
        };
        let request: CertificateRequest = serde_json::from_value(answer.body).unwrap_or_default();
        request.text.0.ok_or_else(|| {
            Failure::Odd { what: "the service made a request and does not show it".to_owned() }.halfway()
        })
    }

    pub(super) async fn replace_certificate(&self, pem: &str) -> Result<(), Failure> {
        let (service, place) = self.certificates().await?;
        let known = self.all::<Certificate>(Some(&place)).await?.unwrap_or_default();
        let shown = known.iter().filter_map(|(_, it)| it.as_ref()?.certificate_string.as_deref());
        if shown.into_iter().any(|shown| shown.trim() == pem.trim()) {
            return Ok(());
        }
        let action = service.actions.as_ref().and_then(|actions| actions.replace.as_ref());
        let target = target(action, "CertificateService.ReplaceCertificate")?;
        let (member, _) = known.first().ok_or_else(|| Failure::Lacking {
            what: "the service lists no certificate that could be replaced".to_owned(),
        })?;
        let body = json!({
            "CertificateString": pem, "CertificateType": "PEM", "CertificateUri": { "@odata.id": member.path },
        });
        self.client.post(target, &body).await.map(drop)
    }
}
