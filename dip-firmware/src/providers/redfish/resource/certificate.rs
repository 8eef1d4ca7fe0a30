//! Certificates and requests for them.

use super::{Action, Maybe};

resource! {
    /// `CertificateService`.
    CertificateService { actions: Maybe<CertificateActions>, }
}

resource! {
    CertificateActions {
        #[serde(rename = "#CertificateService.GenerateCSR")]
        generate_csr: Maybe<Action>,
        #[serde(rename = "#CertificateService.ReplaceCertificate")]
        replace: Maybe<Action>,
    }
}

resource! {
    /// `Certificate`.
    Certificate { certificate_string: Maybe<String>, }
}

resource! {
    /// The answer to `GenerateCSR`.
    CertificateRequest {
        #[serde(rename = "CSRString")]
        text: Maybe<String>,
    }
}
