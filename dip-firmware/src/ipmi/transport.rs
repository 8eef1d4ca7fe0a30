//! What carries commands to a BMC: sessions over the network, or the device of its own machine. Commands know neither.

use std::fmt;

use async_trait::async_trait;

use super::client::IpmiClient;
use super::credentials::Credentials;
use super::error::IpmiError;
use super::opcode::Opcode;
use super::options::Resend;
use super::place::Place;
use super::slot::Hold;

/// A way to one BMC. Requests follow each other.
#[async_trait]
pub(super) trait Transport: fmt::Debug + Send + Sync {
    /// Where the BMC is asked.
    fn place(&self) -> Place;

    /// Sends a request and gives the data of its reply, without the completion code.
    async fn request(&self, opcode: Opcode, data: &[u8], resend: Resend) -> Result<Vec<u8>, IpmiError>;

    /// The same for a command that BMCs answer to everybody, where some refuse it to whom they know.
    async fn ask_outside(&self, command: Opcode, data: &[u8]) -> Result<Vec<u8>, IpmiError>;

    /// Ends what is kept open, in peace.
    async fn close(&self);

    /// Drops what is kept open: the BMC restarts, and would not answer a farewell.
    async fn forget(&self);

    /// A session of its caller's own, for what is not requests and replies.
    async fn connect(&self) -> Result<IpmiClient, IpmiError>;

    /// Whether somebody may log in; costs a failed login where not.
    async fn lets_in(&self, credentials: &Credentials) -> Result<bool, IpmiError>;

    /// Keeps the session alive, where there are sessions.
    fn hold(&self) -> Option<Hold>;
}

impl dyn Transport + '_ {
    /// The error for a reply that has not the form that the specification gives.
    pub(super) fn malformed(&self, command: Opcode, what: &'static str) -> IpmiError {
        IpmiError::Malformed { addr: self.place(), command, what }
    }
}
