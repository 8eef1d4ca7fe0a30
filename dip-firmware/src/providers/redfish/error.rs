//! What can go wrong with a Redfish service, and what a caller may do then.

use std::error::Error;
use std::time::Duration;

use dip_core::provider::{ErrorKind, ProviderError, Retry};
use reqwest::{Method, StatusCode};
use rustls::{CertificateError, OtherError};

use super::tls::{OtherCertificate, PinIsOver};
use super::wire::Silence;
use crate::provider::Promises;
use crate::settings::REDFISH;
use dip_core::tls::FingerprintError;

/// Messages of refusals that pass, whatever their status: the machine is in its self-test (HPE), a job is running or waiting (Dell),
/// the service starts (DSP0266).
const PASSING: &[&str] = &[
    "InvalidOperationForSystemState",
    "LC068",
    "RAC0679",
    "ResourceInUse",
    "ServiceInUnknownState",
    "ServiceShuttingDown",
    "ServiceTemporarilyUnavailable",
    "UnableToModifyDuringSystemPOST",
];

/// A client cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedfishError {
    /// The BMC's address cannot stand in a URL.
    #[error("`{0}` cannot stand in a URL; give the BMC's address or host name alone")]
    Address(String),
    /// The pinned fingerprint is none.
    #[error("its `tls_fingerprint` is wrong")]
    Fingerprint(#[from] FingerprintError),
    /// A fingerprint is pinned for a service that is spoken to in the clear.
    #[error("`tls_fingerprint` means nothing with `scheme: http`; take one of them out")]
    FingerprintWithoutTls,
    /// The site's own certificates cannot be used.
    #[error("its `ca_file` {0} cannot be used: {1}")]
    CaFile(String, String),
    /// Two ways to trust a service.
    #[error(
        "`tls_fingerprint` trusts one certificate and no other, so `ca_file` means nothing beside it; take one of them out"
    )]
    TwoTrusts,
    /// Certificates for a service that is spoken to in the clear.
    #[error("`ca_file` means nothing with `scheme: http`; take one of them out")]
    CaFileWithoutTls,
    /// TLS cannot be set up on this system.
    #[error("TLS cannot be set up")]
    Tls(#[source] Box<dyn Error + Send + Sync>),
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The answer is not of the form that Redfish gives it.
    #[error("{what}")]
    Odd {
        /// What is odd.
        what: String,
    },
    /// No session could be opened.
    #[error("no session could be opened")]
    NoSession {
        /// Why.
        source: Box<Failure>,
    },
    /// The service did not do it.
    #[error("{method} {path} was answered {status}{}", .said.as_ref().map(|said| format!(": {said}")).unwrap_or_default())]
    Refused {
        /// What was asked.
        method: Method,
        /// Of which resource.
        path: String,
        /// The answer.
        status: StatusCode,
        /// The service's own words.
        said: Option<String>,
        /// The ids of its messages, without registry and version.
        ids: Vec<String>,
        /// When the service asks to come back.
        retry_after: Option<Duration>,
    },
    /// No answer.
    #[error("{method} {path} got no answer")]
    Silent {
        /// What was asked.
        method: Method,
        /// Of which resource.
        path: String,
        /// Why.
        source: Silence,
    },
    /// A change of several steps ended after the first.
    #[error("a part of it was done")]
    Halfway {
        /// Why it went no further.
        source: Box<Failure>,
    },
    /// The service does not offer it.
    #[error("{what}")]
    Lacking {
        /// What it lacks.
        what: String,
    },
    /// Something else has what is asked for.
    #[error("{what}")]
    Taken {
        /// What is taken, and by whom.
        what: String,
    },
    /// It cannot be done now.
    #[error("{what}")]
    Later {
        /// What stands in the way.
        what: String,
    },
    /// The service began it, and says that it failed.
    #[error("{what}")]
    Failed {
        /// What it says.
        what: String,
    },
    /// The site file and the service do not fit.
    #[error("{what}")]
    Wrong {
        /// What does not fit.
        what: String,
    },
    /// What is asked about does not exist.
    #[error("{what}")]
    Missing {
        /// What is missing.
        what: String,
    },
}

impl Failure {
    /// Whether the failure is about the one resource that was asked for, and not about the service or who asks: it is not there,
    /// cannot be read, or the service fails over it.
    pub(super) fn is_of_this_resource(&self) -> bool {
        match self {
            Self::Odd { .. } => true,
            Self::Refused { status, .. } => {
                matches!(status.as_u16(), 400 | 404 | 405 | 406 | 409 | 410 | 500 | 501)
            }
            _ => false,
        }
    }

    /// The failure of a later step of a change: whatever it says of itself, the first step has acted.
    pub(super) fn halfway(self) -> Self {
        Self::Halfway { source: Box::new(self) }
    }

    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// As the error of an action ("switch on the machine at 192.0.2.9").
    pub(super) fn in_action(self, action: String) -> ProviderError {
        let kind = self.kind();
        let mut error = ProviderError::new(kind, REDFISH, action);
        if let Some(retry) = self.retry() {
            error = error.retry_as(retry);
        }
        if let Some(advice) = self.advice() {
            error = error.advise(advice);
        }
        let promises = Promises {
            no_login_refused: kind == ErrorKind::Denied && !self.refuses_login(),
            not_acted: !self.may_have_acted(),
        };
        promises.mark(error, self)
    }

    /// Whether the service refused who logs in. Who lacks a privilege has got in (DSP0266, "HTTP status codes": 403), and who is not
    /// trusted was told no password.
    fn refuses_login(&self) -> bool {
        match self {
            Self::Halfway { source } => source.refuses_login(),
            Self::NoSession { source } => matches!(**source, Self::Refused { .. }),
            Self::Refused { status, .. } => *status == StatusCode::UNAUTHORIZED,
            _ => false,
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSession { source } | Self::Halfway { source } => source.kind(),
            Self::Odd { .. } => ErrorKind::Unexpected,
            Self::Failed { .. } => ErrorKind::Unexpected,
            Self::Lacking { .. } => ErrorKind::Unsupported,
            Self::Later { .. } => ErrorKind::Busy,
            Self::Taken { .. } => ErrorKind::Conflict,
            Self::Wrong { .. } => ErrorKind::Invalid,
            Self::Missing { .. } => ErrorKind::NotFound,
            // Not to be trusted is not to be spoken to: no password goes to a stranger, by no protocol.
            Self::Silent { source, .. } if distrust(source).is_some() => ErrorKind::Denied,
            Self::Silent { .. } => ErrorKind::Unreachable,
            Self::Refused { ids, .. } if ids.iter().any(|id| PASSING.contains(&id.as_str())) => ErrorKind::Busy,
            Self::Refused { status, .. } => match status.as_u16() {
                401 | 403 => ErrorKind::Denied,
                404 | 410 => ErrorKind::NotFound,
                405 | 501 => ErrorKind::Unsupported,
                // 409: the machine's state forbids it now. 412: somebody else keeps changing the resource.
                408 | 409 | 412 | 423 | 425 | 429 | 503 => ErrorKind::Busy,
                400 | 406 | 413 | 414 | 415 | 422 | 428 => ErrorKind::Invalid,
                _ => ErrorKind::Unexpected,
            },
        }
    }

    fn retry(&self) -> Option<Retry> {
        match self {
            Self::NoSession { source } | Self::Halfway { source } => source.retry(),
            Self::Refused { retry_after: Some(after), .. } if self.kind() == ErrorKind::Busy => {
                Some(Retry::After(*after))
            }
            // BMCs answer so while they start, and the proxies before them while the BMC starts.
            Self::Refused { status, .. } if status.is_server_error() && self.kind() == ErrorKind::Unexpected => {
                Some(Retry::Backoff)
            }
            _ => None,
        }
    }

    fn advice(&self) -> Option<String> {
        let advice = match self {
            Self::NoSession { source } | Self::Halfway { source } => return source.advice(),
            Self::Silent { source, .. } => match distrust(source) {
                Some(advice) => return Some(advice),
                None => "check the BMC's address, and that Redfish is switched on",
            },
            Self::Refused { status, .. } if *status == StatusCode::UNAUTHORIZED => "check the BMC's user and password",
            Self::Refused { status, .. } if *status == StatusCode::FORBIDDEN => {
                "give the BMC's user the privilege to configure components"
            }
            _ => return None,
        };
        Some(advice.to_owned())
    }

    fn may_have_acted(&self) -> bool {
        match self {
            Self::Silent { method, source, .. } => *method != Method::GET && !source.is_before_the_service(),
            Self::Refused { method, status, .. } => {
                *method != Method::GET && status.is_server_error() && !matches!(status.as_u16(), 501 | 503)
            }
            // Only what was read can be odd: of a change no answer is read but its status.
            Self::Odd { .. } => false,
            Self::Failed { .. } | Self::Halfway { .. } => true,
            Self::Lacking { .. }
            | Self::Later { .. }
            | Self::Missing { .. }
            | Self::NoSession { .. }
            | Self::Taken { .. }
            | Self::Wrong { .. } => false,
        }
    }
}

/// What to do where another certificate is shown than the pinned one.
fn changed(other: &(impl std::fmt::Display + ?Sized)) -> String {
    format!("{other}; find out why it changed before you pin the new one")
}

/// What to do about a certificate that is not to be trusted; `None` where something else stands in the way.
fn distrust(silence: &Silence) -> Option<String> {
    #[cfg(feature = "models")]
    if let Silence::Here(other @ super::service::NoAnswer::OtherCertificate(_)) = silence {
        return Some(changed(other));
    }
    let mut next: Option<&(dyn Error + 'static)> = match silence {
        Silence::Network(error) => Some(error),
        #[cfg(feature = "models")]
        Silence::Here(_) => None,
    };
    while let Some(cause) = next {
        match cause.downcast_ref::<rustls::Error>() {
            Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other))))
                if other.is::<OtherCertificate>() =>
            {
                return Some(changed(other));
            }
            Some(rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(other))))
                if other.is::<PinIsOver>() =>
            {
                return Some(other.to_string());
            }
            Some(rustls::Error::InvalidCertificate(_)) => {
                let advice = "if that certificate is the BMC's own, give its SHA-256 fingerprint as `tls_fingerprint`; if the site signs them, name its roots as `ca_file`";
                return Some(advice.to_owned());
            }
            _ => {}
        }
        // An I/O error does not show the error that it wraps as its source, but that error's source.
        let wrapped = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| cause.source());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::{NoLoginRefused, NotActed};

    #[test]
    fn who_lacks_a_privilege_has_logged_in_and_whose_password_is_refused_has_not() {
        let refused = |status: u16| Failure::Refused {
            method: Method::POST,
            path: "/redfish/v1/SessionService/Sessions".to_owned(),
            status: StatusCode::from_u16(status).expect("a status"),
            said: None,
            ids: Vec::new(),
            retry_after: None,
        };
        let no_session = |status| Failure::NoSession { source: Box::new(refused(status)) };
        for (failure, logged_in) in [
            (refused(401), false),
            (refused(403), true),
            (refused(403).halfway(), true),
            (no_session(401), false),
            (no_session(403), false),
        ] {
            let error = failure.in_action("switch on n1".to_owned());
            assert_eq!(error.kind(), ErrorKind::Denied);
            assert_eq!(NoLoginRefused::is_cause_of(&error), logged_in, "{error:?}");
        }
        assert!(NotActed::is_cause_of(&refused(403).in_action("switch on n1".to_owned())));
    }
}
