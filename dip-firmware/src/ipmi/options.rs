//! How to talk with a BMC: privilege, cipher suite, patience, repetition.

use std::time::Duration;

use super::suite::{CipherSuite, Suites};

/// Privilege level of a session (§6.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    /// Reads only.
    User,
    /// Reads, power and boot device.
    Operator,
    /// All commands.
    #[default]
    Administrator,
}

impl Privilege {
    pub(super) fn value(self) -> u8 {
        match self {
            Self::User => 2,
            Self::Operator => 3,
            Self::Administrator => 4,
        }
    }
}

/// How an [`IpmiClient`](super::IpmiClient) talks with its BMC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The highest privilege that the session may have. It is raised when a command first needs more than "user"
    /// ([`Opcode::needs`](super::Opcode::needs)).
    pub privilege: Privilege,
    /// The algorithms that the session may use.
    pub suites: Suites,
    /// Silence after which a datagram is sent again.
    pub resend_after: Duration,
    /// How long a request may take in all.
    pub request_deadline: Duration,
    /// How long opening a session may take in all.
    pub connect_deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            privilege: Privilege::default(),
            suites: Suites::default(),
            // BMCs answer in 1–50 ms, but a busy one takes seconds; ipmitool waits 1 s too.
            resend_after: Duration::from_secs(1),
            request_deadline: Duration::from_secs(5),
            // Five datagrams each way, and room for one start from the beginning.
            connect_deadline: Duration::from_secs(10),
        }
    }
}

impl Options {
    /// With another highest privilege.
    #[must_use]
    pub fn with_privilege(mut self, privilege: Privilege) -> Self {
        self.privilege = privilege;
        self
    }

    /// With one cipher suite and no other.
    #[must_use]
    pub fn with_suite(mut self, suite: CipherSuite) -> Self {
        self.suites = Suites::Only(suite);
        self
    }

    /// With another silence after which a datagram is sent again.
    #[must_use]
    pub fn with_resend_after(mut self, silence: Duration) -> Self {
        self.resend_after = silence;
        self
    }

    /// With other deadlines for a request and for opening a session.
    #[must_use]
    pub fn with_deadlines(mut self, request: Duration, connect: Duration) -> Self {
        self.request_deadline = request;
        self.connect_deadline = connect;
        self
    }
}

/// Whether a request that got no answer may be sent again.
///
/// A repetition carries the same request sequence, by which a BMC *should* know it, but many act on it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend {
    /// The request does the same when it is done twice.
    Allowed,
    /// The request is sent once; after silence the caller must look at the state.
    Never,
}
