//! What can go wrong between dip and a BMC, and what a caller may do then.

use std::io;
use std::time::Duration;

use super::completion::CompletionCode;
use super::opcode::Opcode;
use super::place::Place;
use super::rakp::{RakpStatus, RakpStep};
use super::suite::CipherSuite;

/// Why a BMC was not reached, refused, or was not understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IpmiError {
    /// The user name is unknown, or the password is wrong.
    #[error("BMC {addr} refuses user {user:?}: {reason}; check the BMC's credentials")]
    AuthenticationFailed {
        /// The BMC.
        addr: Place,
        /// The user that tried.
        user: String,
        /// What the BMC objected to.
        reason: &'static str,
    },
    /// The BMC completed the command with an error.
    #[error("BMC {addr} answers {command} with: {code}")]
    Completion {
        /// The BMC.
        addr: Place,
        /// What was asked.
        command: Opcode,
        /// What it answered.
        code: CompletionCode,
    },
    /// Somebody else has the serial console.
    #[error("somebody else has the serial console of BMC {addr}; let them close it, or take it from them")]
    ConsoleTaken {
        /// The BMC.
        addr: Place,
    },
    /// The IPMI device of this machine failed.
    #[error("{addr} of this machine failed")]
    Device {
        /// The device.
        addr: Place,
        /// What the operating system says.
        #[source]
        source: io::Error,
        /// Whether a command may have reached the BMC.
        may_have_acted: bool,
    },
    /// The IPMI device of this machine is for others.
    #[error("{addr} may not be opened by this user; run the program as root, or give its user the device")]
    DeviceDenied {
        /// The device.
        addr: Place,
    },
    /// The BMC ended the opening of a session with an error.
    #[error("BMC {addr} refuses a session at {step}: {status}")]
    HandshakeRefused {
        /// The BMC.
        addr: Place,
        /// The message that was refused.
        step: RakpStep,
        /// Why.
        status: RakpStatus,
    },
    /// User name or password does not fit into an IPMI message.
    #[error("the {what} is longer than the {limit} bytes that IPMI 2.0 can carry; choose a shorter one on the BMC")]
    InvalidCredentials {
        /// "user name" or "password".
        what: &'static str,
        /// Bytes that fit.
        limit: usize,
    },
    /// The reply has not the form that the specification gives.
    #[error("BMC {addr} answers {command} with data that cannot be read: {what}")]
    Malformed {
        /// The BMC.
        addr: Place,
        /// What was asked.
        command: Opcode,
        /// What is wrong with the reply.
        what: &'static str,
    },
    /// This machine has no IPMI device, or no BMC behind it.
    #[error("this machine has no {addr}; load the modules ipmi_si and ipmi_devintf, or ask its BMC over the network")]
    NoDevice {
        /// The device.
        addr: Place,
    },
    /// It takes a session, which there is over the network alone.
    #[error("{what} is not to be had through {addr}; ask the BMC over the network")]
    NotInBand {
        /// The device.
        addr: Place,
        /// What was asked for.
        what: &'static str,
    },
    /// The network says that nobody listens at the BMC's port, or that no route leads there.
    #[error(
        "nothing listens at {addr} (tried for {waited:?}); check the BMC's address and that IPMI over LAN is enabled"
    )]
    PortClosed {
        /// The BMC.
        addr: Place,
        /// How long it was tried.
        waited: Duration,
        /// Whether a command may have reached the BMC.
        may_have_acted: bool,
    },
    /// The account may not have the privilege that was asked for.
    #[error(
        "BMC {addr} does not give user {user:?} the privilege that was asked for; ask for less or raise the account's limit"
    )]
    PrivilegeRefused {
        /// The BMC.
        addr: Place,
        /// The user that tried.
        user: String,
    },
    /// The BMC answers, but no longer knows the session (it restarted, or closed it after idleness): connect again.
    #[error("BMC {addr} no longer knows the session (it restarted or timed it out); connect again")]
    SessionLost {
        /// The BMC.
        addr: Place,
        /// Whether the command that found this out may have acted.
        may_have_acted: bool,
    },
    /// The local UDP socket failed.
    #[error("UDP socket to BMC {addr} failed")]
    Socket {
        /// The BMC.
        addr: Place,
        /// What the operating system says.
        #[source]
        source: io::Error,
        /// Whether a command may have reached the BMC.
        may_have_acted: bool,
    },
    /// The BMC chose other algorithms than those offered, or offers none that are strong enough.
    #[error("BMC {addr} does not agree to {}", suites_wanted(*suite))]
    SuiteRefused {
        /// The BMC.
        addr: Place,
        /// The suite; `None` for all that dip speaks.
        suite: Option<CipherSuite>,
    },
    /// The BMC was silent until the deadline.
    #[error("BMC {addr} did not answer {what} within {waited:?}; check its power, cabling and address")]
    Timeout {
        /// The BMC.
        addr: Place,
        /// The request or the message that got no answer.
        what: String,
        /// How long it was tried.
        waited: Duration,
        /// Whether the command may have reached the BMC and acted.
        may_have_acted: bool,
    },
}

fn suites_wanted(suite: Option<CipherSuite>) -> String {
    match suite {
        Some(suite) => format!("cipher suite {}; enable it on the BMC or choose another", suite.number()),
        None => "cipher suite 17 or 3; enable one of them on the BMC".to_owned(),
    }
}

/// What a caller can do about an [`IpmiError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Try again later.
    Busy,
    /// Wrong credentials or too little privilege: trying again does not help.
    Denied,
    /// The request is wrong.
    Invalid,
    /// Connect again; then the request can be repeated if [`IpmiError::may_have_acted`] is false or it is idempotent.
    SessionLost,
    /// The BMC does something unforeseen.
    Unexpected,
    /// No answer: try again later.
    Unreachable,
    /// The BMC cannot do this.
    Unsupported,
}

impl IpmiError {
    /// What a caller can do about it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::AuthenticationFailed { .. } | Self::DeviceDenied { .. } | Self::PrivilegeRefused { .. } => {
                ErrorClass::Denied
            }
            Self::Completion { code, .. } => match code.value() {
                0xC0 | 0xC3 | 0xC4 | 0xCE | 0xD0..=0xD2 => ErrorClass::Busy,
                0xC1 | 0xC2 | 0xD6 => ErrorClass::Unsupported,
                0xC6..=0xCD | 0xD5 => ErrorClass::Invalid,
                0xD4 => ErrorClass::Denied,
                _ => ErrorClass::Unexpected,
            },
            Self::ConsoleTaken { .. } => ErrorClass::Busy,
            Self::HandshakeRefused { status, .. } => match status.value() {
                0x01 | 0x02 | 0x08 | 0x0B => ErrorClass::Busy,
                0x09 | 0x0A | 0x0C..=0x0F => ErrorClass::Denied,
                0x03..=0x07 | 0x10 | 0x11 => ErrorClass::Unsupported,
                _ => ErrorClass::Unexpected,
            },
            Self::InvalidCredentials { .. } => ErrorClass::Invalid,
            Self::Malformed { .. } => ErrorClass::Unexpected,
            Self::Device { .. } | Self::PortClosed { .. } | Self::Timeout { .. } | Self::Socket { .. } => {
                ErrorClass::Unreachable
            }
            Self::SessionLost { .. } => ErrorClass::SessionLost,
            Self::NoDevice { .. } | Self::NotInBand { .. } | Self::SuiteRefused { .. } => ErrorClass::Unsupported,
        }
    }

    /// Whether the BMC refused who logs in: it may lock a user after some of these. A user who has got in and lacks a privilege is not.
    pub fn refuses_login(&self) -> bool {
        match self {
            Self::AuthenticationFailed { .. } => true,
            // The role is asked for before the password is proved (§13.20).
            Self::HandshakeRefused { status, .. } => {
                self.class() == ErrorClass::Denied && !matches!(status.value(), 0x09 | 0x0A)
            }
            _ => false,
        }
    }

    /// The same error where it happened before the command itself was sent.
    pub(super) fn before_the_command(mut self) -> Self {
        if let Self::PortClosed { may_have_acted, .. }
        | Self::SessionLost { may_have_acted, .. }
        | Self::Socket { may_have_acted, .. }
        | Self::Timeout { may_have_acted, .. } = &mut self
        {
            *may_have_acted = false;
        }
        self
    }

    /// Whether the command may have acted on the machine though no success was reported.
    ///
    /// Always false for a command that only reads. A caller that sent something not idempotent (power cycle, reset) then reads the state before it tries again.
    pub fn may_have_acted(&self) -> bool {
        match self {
            Self::Device { may_have_acted, .. }
            | Self::PortClosed { may_have_acted, .. }
            | Self::SessionLost { may_have_acted, .. }
            | Self::Socket { may_have_acted, .. }
            | Self::Timeout { may_have_acted, .. } => *may_have_acted,
            Self::Completion { command, code, .. } => {
                matches!(code.value(), 0xC3 | 0xCE | 0xFF) && !command.only_reads()
            }
            Self::Malformed { command, .. } => !command.only_reads(),
            Self::AuthenticationFailed { .. }
            | Self::ConsoleTaken { .. }
            | Self::DeviceDenied { .. }
            | Self::HandshakeRefused { .. }
            | Self::InvalidCredentials { .. }
            | Self::NoDevice { .. }
            | Self::NotInBand { .. }
            | Self::PrivilegeRefused { .. }
            | Self::SuiteRefused { .. } => false,
        }
    }
}
