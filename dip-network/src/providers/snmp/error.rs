//! What the failures of an agent mean.

use async_snmp::v3::ReportStatus;
use async_snmp::{Error, ErrorKind as Kind, ErrorStatus};
use dip_core::provider::{ErrorKind, ProviderError, Retry};

use crate::pdu_settings::SnmpVersion;

pub(super) const NAME: &str = "snmp";

/// A failure of the protocol, as the engine can act on it.
pub(super) fn told(error: Box<Error>, action: &str, version: SnmpVersion) -> ProviderError {
    let fail = |kind| ProviderError::new(kind, NAME, action);
    let told = match error.exchange_source() {
        Error::Snmp { status, .. } => refusal(status, action),
        Error::Report { status, .. } => report(status, action),
        Error::Config(_) | Error::InvalidOid(_) | Error::OutboundMessageTooLarge { .. } => fail(ErrorKind::Invalid),
        other => match other.kind() {
            Kind::Timeout | Kind::Network | Kind::Closed | Kind::ConstructionTimeout => {
                fail(ErrorKind::Unreachable).advise(silent(version))
            }
            _ => fail(ErrorKind::Unexpected),
        },
    };
    told.because(error)
}

/// Whether the agent may have heard a request and done it.
pub(super) fn may_have_acted(error: &Error) -> bool {
    let not_done =
        matches!(error.exchange_source().kind(), Kind::Snmp | Kind::Report | Kind::ConstructionTimeout | Kind::Config);
    !not_done
}

/// Whether a client that failed like this is to be made anew: the agent may have another engine by now, or another address.
pub(super) fn is_stale(error: &Error) -> bool {
    let kind = error.exchange_source().kind();
    matches!(kind, Kind::Timeout | Kind::Network | Kind::Closed | Kind::Report | Kind::Auth | Kind::MalformedResponse)
}

/// An agent tells nobody that it does not know them.
const fn silent(version: SnmpVersion) -> &'static str {
    match version {
        SnmpVersion::V2c => {
            "look whether its address is right, whether it answers SNMP v2c from here, and whether the community is right: an agent says nothing to a wrong one"
        }
        SnmpVersion::V3 => {
            "look whether its address is right, whether it answers SNMP v3 from here, and whether the privacy password is right: an agent says nothing to a message that it cannot decrypt"
        }
    }
}

/// What an agent answers (RFC 3416, section 4.2.5) to somebody whom it knows.
fn refusal(status: &ErrorStatus, action: &str) -> ProviderError {
    let fail = |kind| ProviderError::new(kind, NAME, action);
    match status {
        ErrorStatus::NoAccess | ErrorStatus::AuthorizationError => fail(ErrorKind::Denied)
            .advise("give the user or the community the right to write in the PDU's access control"),
        ErrorStatus::NotWritable | ErrorStatus::ReadOnly | ErrorStatus::NoCreation | ErrorStatus::NoSuchName => {
            fail(ErrorKind::Unsupported)
                .advise("the PDU cannot switch this outlet (a metered model), or lets nobody write by SNMP")
        }
        ErrorStatus::ResourceUnavailable | ErrorStatus::CommitFailed | ErrorStatus::UndoFailed => fail(ErrorKind::Busy),
        // "All other errors": a PDU that is still busy with a former command answers so too.
        ErrorStatus::GenErr => fail(ErrorKind::Unexpected).retry_as(Retry::Backoff),
        ErrorStatus::InconsistentValue => fail(ErrorKind::Busy)
            .advise("the PDU takes no command for this outlet now: it may be locked, or have one pending"),
        _ => fail(ErrorKind::Invalid).advise("the PDU does not take this value; look whether `product` is right"),
    }
}

/// What an agent tells of the message itself (RFC 3414, section 3.2).
fn report(status: &ReportStatus, action: &str) -> ProviderError {
    let fail = |kind| ProviderError::new(kind, NAME, action);
    let denied = |advice: &str| fail(ErrorKind::Denied).advise(advice);
    match status {
        ReportStatus::UnknownUserName { .. } => denied("the PDU does not know `user`; make the SNMP v3 user there"),
        ReportStatus::WrongDigest { .. } => denied("`auth_password` or `digest` is not the one of the PDU's user"),
        ReportStatus::DecryptionError { .. } => {
            denied("`privacy_password` is not the one of the PDU's user, or it has no AES-128")
        }
        ReportStatus::UnsupportedSecurityLevel { .. } => {
            denied("the PDU's user has another security level; give it authentication and privacy with AES-128")
        }
        // Its clock or its identity changed; the next call learns them anew.
        ReportStatus::NotInTimeWindow { .. } | ReportStatus::UnknownEngineId { .. } => {
            fail(ErrorKind::Busy).advise("the PDU has restarted or its clock jumped")
        }
        _ => fail(ErrorKind::Unexpected),
    }
}
