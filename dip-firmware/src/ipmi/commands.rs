//! Commands about the session itself, and what all typed commands share.

use ipmi_rs_core::connection::{IpmiCommand, Message, NetFn, NotEnoughData};

use super::error::IpmiError;
use super::opcode::Opcode;
use super::options::Privilege;
use super::place::Place;

/// A reply that cannot be read: what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

impl From<NotEnoughData> for Malformed {
    fn from(_: NotEnoughData) -> Self {
        Self("the reply is too short")
    }
}

/// A typed command as the request it makes.
pub(super) fn encode(command: impl IpmiCommand) -> (Opcode, Message) {
    let message: Message = command.into();
    (Opcode::raw(message.netfn_raw(), message.cmd()), message)
}

/// The output of a typed command, from the data of its reply.
pub(super) fn decode<C>(addr: Place, command: Opcode, data: &[u8]) -> Result<C::Output, IpmiError>
where
    C: IpmiCommand,
    C::Error: Into<Malformed>,
{
    C::parse_success_response(data).map_err(|error| {
        let Malformed(what) = error.into();
        IpmiError::Malformed { addr, command, what }
    })
}

/// Set Session Privilege Level (§22.18).
#[derive(Clone, Copy, Debug)]
pub struct SetSessionPrivilege {
    /// The level to raise the session to.
    pub privilege: Privilege,
}

impl From<SetSessionPrivilege> for Message {
    fn from(command: SetSessionPrivilege) -> Self {
        Message::new_request(NetFn::App, Opcode::SET_PRIVILEGE.command(), vec![command.privilege.value()])
    }
}

impl IpmiCommand for SetSessionPrivilege {
    type Output = ();
    type Error = Malformed;

    fn parse_success_response(_data: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}

/// Close Session (§22.19).
#[derive(Clone, Copy, Debug)]
pub struct CloseSession {
    /// The BMC's number of the session.
    pub session: u32,
}

impl From<CloseSession> for Message {
    fn from(command: CloseSession) -> Self {
        Message::new_request(NetFn::App, Opcode::CLOSE_SESSION.command(), command.session.to_le_bytes().to_vec())
    }
}

impl IpmiCommand for CloseSession {
    type Output = ();
    type Error = Malformed;

    fn parse_success_response(_data: &[u8]) -> Result<(), Malformed> {
        Ok(())
    }
}
