//! What a server's codes and failures mean.

use dip_core::provider::{ErrorKind, Retry};
use hickory_proto::op::{Message, ResponseCode};

use super::wire::WireError;
use crate::providers::zones::{Fault, Outcome, Reach};

/// What keeps BIND and Knot from writing what they would accept; they tell which of it only to their logs.
const UNWRITTEN: &str = "the server could not write it, and its log says why: its disk may be full or its journal not writable, \
                         or the zone or one of its names has as many records as it may have (BIND `max-records`, \
                         `max-records-per-type`)";

/// A server's code in its own words.
#[derive(Debug, thiserror::Error)]
#[error("the server answered {0}")]
pub(super) struct Code(pub(super) ResponseCode);

/// What came of an update that was not refused.
pub(super) fn updated(code: ResponseCode, server: &str) -> Result<Outcome, Fault> {
    let fault = |kind| Fault::new(kind, Reach::Message).because(Code(code));
    match code {
        ResponseCode::NoError => Ok(Outcome::Changed),
        ResponseCode::YXDomain | ResponseCode::YXRRSet | ResponseCode::NXRRSet | ResponseCode::NXDomain => {
            Ok(Outcome::Prevented)
        }
        ResponseCode::NotAuth | ResponseCode::NotZone => {
            Err(fault(ErrorKind::Invalid).advise(format!("{server} is not the primary server of the zone")))
        }
        ResponseCode::ServFail => Err(fault(ErrorKind::Unexpected).retry_as(Retry::Backoff).advise(UNWRITTEN)),
        ResponseCode::NotImp => Err(Fault::new(ErrorKind::Unsupported, Reach::Server)
            .because(Code(code))
            .advise("the server takes no dynamic updates")),
        _ => Err(fault(ErrorKind::Unexpected)),
    }
}

/// Whether a question was answered; that a name is not there is an answer.
pub(super) fn answered(answer: &Message, server: &str) -> Result<(), Fault> {
    let code = answer.response_code;
    let fault = |kind| Fault::new(kind, Reach::Message).because(Code(code));
    match code {
        ResponseCode::NoError | ResponseCode::NXDomain => Ok(()),
        ResponseCode::Refused | ResponseCode::NotAuth => Err(fault(ErrorKind::Invalid).advise(format!(
            "{server} has no zone for that name, or does not answer the key; give the address of its primary server"
        ))),
        ResponseCode::ServFail => Err(fault(ErrorKind::Unexpected).retry_as(Retry::Backoff).advise("its log says why")),
        _ => Err(fault(ErrorKind::Unexpected)),
    }
}

pub(super) fn failed(error: WireError) -> Fault {
    let (kind, advice) = match &error {
        WireError::Connect { server, .. } => {
            (ErrorKind::Unreachable, Some(format!("is a DNS server at {server}, and does it take TCP?")))
        }
        WireError::Broken { .. } | WireError::Slow { .. } => (ErrorKind::Unreachable, None),
        WireError::UnknownKey => (
            ErrorKind::Denied,
            Some("check the key's name and algorithm in the settings and in the server's configuration".to_owned()),
        ),
        WireError::WrongSecret => {
            (ErrorKind::Denied, Some("compare the secret with the one in the server's configuration".to_owned()))
        }
        WireError::WrongTime => (ErrorKind::Denied, Some("let both follow the same time".to_owned())),
        WireError::Refused(ResponseCode::ServFail) => {
            return Fault::new(ErrorKind::Unexpected, Reach::Message)
                .retry_as(Retry::Backoff)
                .because(error)
                .advise("its log says why");
        }
        WireError::Unsigned | WireError::Refused(_) => (
            ErrorKind::Denied,
            Some("the key must be known to the server, and nobody may change messages on the way".to_owned()),
        ),
        WireError::Malformed(_) => (ErrorKind::Unexpected, None),
        // Half of it may fit.
        WireError::TooLarge => return Fault::new(ErrorKind::Invalid, Reach::Message).because(error),
    };
    let fault = Fault::new(kind, Reach::Server).because(error);
    match advice {
        Some(advice) => fault.advise(advice),
        None => fault,
    }
}

pub(super) fn not_allowed(cause: impl std::error::Error + Send + Sync + 'static) -> Fault {
    Fault::new(ErrorKind::Denied, Reach::Message).because(cause).advise(
        "the server knows the key and does not let it change this zone: allow it in the zone's update policy (BIND \
         `allow-update` or `update-policy`, Knot `acl` with `action: update`)",
    )
}

/// The key may change the zone, and not in this way.
pub(super) fn not_this(cause: impl std::error::Error + Send + Sync + 'static) -> Fault {
    Fault::new(ErrorKind::Denied, Reach::Message).because(cause).advise(
        "the server lets the key change this zone and refuses this change; its log says why: the zone may be as large as it may \
         be (Knot `zone-max-size`), the key may not change this name or type (BIND `update-policy`), or the name may not have an \
         address (BIND `check-names`)",
    )
}

/// The key may not transfer the zone.
pub(super) fn not_transferred(zone: &str, cause: impl std::error::Error + Send + Sync + 'static) -> Fault {
    Fault::new(ErrorKind::Unsupported, Reach::Message).because(cause).advise(format!(
        "let the key transfer the zone {zone} (`allow-transfer` in BIND, `action: transfer` in Knot), so that its names can be listed"
    ))
}
