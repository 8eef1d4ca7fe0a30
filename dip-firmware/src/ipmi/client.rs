//! An IPMI session over UDP, as a caller sees it.

use std::fmt;
use std::net::SocketAddr;

use ipmi_rs_core::connection::IpmiCommand;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::commands::{self, Malformed};
use super::completion::CompletionCode;
use super::credentials::Credentials;
use super::error::IpmiError;
use super::link::Link;
use super::opcode::Opcode;
use super::opening::Opening;
use super::options::{Options, Resend};
use super::sockets::Sockets;
use super::suite::CipherSuite;

/// A session with one BMC. Requests of one session follow each other; the BMC has little memory.
///
/// Dropping the client tells the BMC to close the session, without waiting; [`close`](Self::close) waits.
pub struct IpmiClient {
    peer: SocketAddr,
    options: Options,
    suite: CipherSuite,
    link: Mutex<Link>,
}

impl IpmiClient {
    /// Opens a session over one of `sockets`, which may be raised to the privilege in `options`.
    ///
    /// # Errors
    /// [`IpmiError::AuthenticationFailed`] for a wrong user name or password, [`IpmiError::Timeout`] when the BMC is
    /// silent until the deadline, [`IpmiError::PortClosed`] when nobody listens there, [`IpmiError::PrivilegeRefused`]
    /// when the account has less, [`IpmiError::HandshakeRefused`] (class `Busy`) when the BMC has no free session.
    ///
    /// # Cancel safety
    /// A half-open session is left to the BMC's own time-out, 60 s.
    pub async fn connect(
        sockets: &Sockets,
        peer: SocketAddr,
        credentials: &Credentials,
        options: Options,
    ) -> Result<Self, IpmiError> {
        let opening = Opening { sockets, peer, credentials, options: &options, started: Instant::now() };
        let (link, suite) = opening.run().await?;
        Ok(Self { peer, options, suite, link: Mutex::new(link) })
    }

    /// The algorithms that the session uses.
    pub fn suite(&self) -> CipherSuite {
        self.suite
    }

    /// The BMC's address.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Sends a request and gives the data of its reply, without the completion code.
    ///
    /// "Node busy" is tried again until the deadline: the BMC has done nothing then.
    ///
    /// # Errors
    /// [`IpmiError::Completion`] when the BMC refuses; [`IpmiError::Timeout`], [`IpmiError::PortClosed`] and
    /// [`IpmiError::SessionLost`] when it does not answer: [`IpmiError::may_have_acted`] tells what can be said then;
    /// [`IpmiError::PrivilegeRefused`] when the command needs more than the account has.
    ///
    /// # Cancel safety
    /// The request may or may not act; the session stays usable, a late reply is dropped.
    pub async fn request(&self, opcode: Opcode, data: &[u8], resend: Resend) -> Result<Vec<u8>, IpmiError> {
        let mut link = self.link.lock().await;
        let reply = link.request(self.peer, &self.options, opcode, data, resend).await?;
        match CompletionCode::failure(reply.completion) {
            None => Ok(reply.data),
            Some(code) => Err(IpmiError::Completion { addr: self.peer.into(), command: opcode, code }),
        }
    }

    /// Runs a typed command.
    ///
    /// # Errors
    /// As [`request`](Self::request), and [`IpmiError::Malformed`] when the reply cannot be read.
    pub async fn run<C>(&self, command: C, resend: Resend) -> Result<C::Output, IpmiError>
    where
        C: IpmiCommand,
        C::Error: Into<Malformed>,
    {
        let (opcode, message) = commands::encode(command);
        let data = self.request(opcode, message.data(), resend).await?;
        commands::decode::<C>(self.peer.into(), opcode, &data)
    }

    /// Closes the session.
    ///
    /// # Errors
    /// When the BMC does not confirm it. It closes the session itself after 60 s then.
    pub async fn close(self) -> Result<(), IpmiError> {
        self.link.into_inner().close(self.peer, &self.options).await
    }

    /// The session as it is, for what is not requests and replies.
    pub(super) fn into_link(self) -> (SocketAddr, Options, Link) {
        (self.peer, self.options, self.link.into_inner())
    }
}

impl fmt::Debug for IpmiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IpmiClient").field("peer", &self.peer).field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ipmi::chassis::{ChassisControl, GetChassisStatus, PowerAction};
    use crate::ipmi::error::ErrorClass;
    use crate::ipmi::options::Privilege;
    use crate::ipmi::rakp::RakpStep;
    use crate::ipmi::responder::{PASSWORD, Quirk, Responder, USER};
    use crate::ipmi::suite::Suites;

    fn options() -> Options {
        Options::default()
            .with_suite(CipherSuite::C3)
            .with_resend_after(Duration::from_millis(50))
            .with_deadlines(Duration::from_millis(500), Duration::from_secs(1))
    }

    async fn connect(responder: &Responder, options: Options) -> Result<IpmiClient, IpmiError> {
        let credentials = Credentials::new(USER, PASSWORD).expect("short enough");
        IpmiClient::connect(&Sockets::new(), responder.addr(), &credentials, options).await
    }

    async fn refusal(quirk: Quirk) -> IpmiError {
        let responder = Responder::start(&[CipherSuite::C3], quirk).await;
        connect(&responder, options()).await.expect_err("it refuses")
    }

    #[tokio::test]
    async fn suite_17_works_as_suite_3_does() {
        for suite in [CipherSuite::C3, CipherSuite::C17] {
            let responder = Responder::start(&[suite], Quirk::None).await;
            let client = connect(&responder, options().with_suite(suite)).await.expect("it connects");
            client.run(GetChassisStatus, Resend::Allowed).await.expect("it answers");
            client.close().await.expect("it confirms");
        }
    }

    #[tokio::test]
    async fn the_best_suite_that_both_speak_is_found() {
        use CipherSuite::{C3, C17};
        for (offered, quirk, found) in [
            (&[C3, C17][..], Quirk::None, C17),
            (&[C17], Quirk::None, C17),
            (&[C3], Quirk::None, C3),
            // Those that say less than they do, or more.
            (&[C3, C17], Quirk::TellsNoSuites, C17),
            (&[C3], Quirk::TellsNoSuites, C3),
            (&[C3], Quirk::ListsMore(C17), C3),
        ] {
            let responder = Responder::start(offered, quirk).await;
            let options = Options { suites: Suites::Best, ..options() };
            let client = connect(&responder, options).await.expect("it connects");
            assert_eq!(client.suite(), found, "{offered:?} {quirk:?}");
        }
    }

    #[tokio::test]
    async fn a_suite_that_the_site_does_not_allow_is_not_used() {
        let responder = Responder::start(&[CipherSuite::C3], Quirk::None).await;
        let error = connect(&responder, options().with_suite(CipherSuite::C17)).await.expect_err("3 is weaker");
        assert!(matches!(error, IpmiError::SuiteRefused { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_bmc_without_the_suite_is_named_as_such() {
        for (offered, asked) in [(CipherSuite::C17, CipherSuite::C3), (CipherSuite::C3, CipherSuite::C17)] {
            let responder = Responder::start(&[offered], Quirk::None).await;
            let error = connect(&responder, options().with_suite(asked)).await.expect_err("it refuses");
            assert!(matches!(error, IpmiError::SuiteRefused { suite: Some(suite), .. } if suite == asked), "{error:?}");
            assert_eq!(error.class(), ErrorClass::Unsupported);
        }
        assert!(matches!(refusal(Quirk::ChoosesOtherSuite).await, IpmiError::SuiteRefused { .. }));
    }

    #[tokio::test]
    async fn an_account_without_the_privilege_is_denied() {
        let responder = Responder::start(&[CipherSuite::C3], Quirk::RefusesPrivilege).await;
        let client = connect(&responder, options()).await.expect("it connects");
        client.run(GetChassisStatus, Resend::Allowed).await.expect("a user may read");
        let of_command =
            client.run(ChassisControl(PowerAction::On), Resend::Allowed).await.expect_err("a user may not");
        assert!(!responder.is_on() && responder.heard(Opcode::CHASSIS_CONTROL).is_empty());
        for error in [of_command, refusal(Quirk::RefusesRole).await] {
            assert!(matches!(error, IpmiError::PrivilegeRefused { .. }), "{error:?}");
            assert_eq!((error.class(), error.may_have_acted()), (ErrorClass::Denied, false));
            assert!(!error.refuses_login(), "the user got in: {error:?}");
        }
    }

    #[tokio::test]
    async fn a_session_is_raised_once_and_only_for_what_needs_it() {
        let responder = Responder::start(&[CipherSuite::C3], Quirk::None).await;
        let client = connect(&responder, options()).await.expect("it connects");
        let raised = || responder.heard(Opcode::SET_PRIVILEGE).len();
        client.run(GetChassisStatus, Resend::Allowed).await.expect("a user may read");
        assert_eq!(raised(), 0);
        for action in [PowerAction::On, PowerAction::Off] {
            client.run(ChassisControl(action), Resend::Allowed).await.expect("an administrator may switch");
        }
        client.run(GetChassisStatus, Resend::Allowed).await.expect("it answers");
        assert_eq!(raised(), 1);
    }

    #[tokio::test]
    async fn a_bmc_that_asks_for_more_than_the_specification_is_given_it() {
        let responder = Responder::start(&[CipherSuite::C3], Quirk::OperatorsOnly).await;
        let client = connect(&responder, options()).await.expect("it connects");
        client.run(GetChassisStatus, Resend::Never).await.expect("it refused before it acted");
        assert_eq!(responder.heard(Opcode::SET_PRIVILEGE).len(), 1);
        let client = connect(&responder, options().with_privilege(Privilege::User)).await.expect("it connects");
        let error = client.run(GetChassisStatus, Resend::Allowed).await.expect_err("the site allows no more");
        assert!(
            matches!(error, IpmiError::Completion { code: CompletionCode::INSUFFICIENT_PRIVILEGE, .. }),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn a_key_of_the_bmc_itself_is_named() {
        let error = refusal(Quirk::OwnKey).await;
        assert!(matches!(error, IpmiError::AuthenticationFailed { .. }), "{error:?}");
        assert!(error.to_string().contains("K_G"), "{error}");
        assert!(error.refuses_login(), "{error:?}");
    }

    #[tokio::test]
    async fn a_bmc_without_a_free_session_is_busy_and_asked_again() {
        let error = refusal(Quirk::NoFreeSession(u32::MAX)).await;
        assert!(matches!(error, IpmiError::HandshakeRefused { step: RakpStep::OpenSession, .. }), "{error:?}");
        assert_eq!(error.class(), ErrorClass::Busy);
        let responder = Responder::start(&[CipherSuite::C3], Quirk::NoFreeSession(2)).await;
        connect(&responder, options()).await.expect("at the third time one is free");
    }

    #[tokio::test]
    async fn an_opening_that_got_mixed_up_begins_again() {
        for quirk in [Quirk::RefusesRakp3(2), Quirk::SilentAfterRakp3(2)] {
            let responder = Responder::start(&[CipherSuite::C3], quirk).await;
            connect(&responder, options()).await.expect("the next opening is right");
        }
    }

    #[tokio::test]
    async fn node_busy_is_asked_again_until_the_deadline() {
        let responder = Responder::start(&[CipherSuite::C3], Quirk::NodeBusy(3)).await;
        let client = connect(&responder, options()).await.expect("it connects");
        // It has done nothing when it says so: even what must not be repeated is asked again.
        client.run(GetChassisStatus, Resend::Never).await.expect("the fourth time it answers");
        let responder = Responder::start(&[CipherSuite::C3], Quirk::NodeBusy(u32::MAX)).await;
        let client = connect(&responder, options()).await.expect("it connects");
        let error = client.run(GetChassisStatus, Resend::Allowed).await.expect_err("it stays busy");
        assert!(matches!(error, IpmiError::Completion { code: CompletionCode::NODE_BUSY, .. }), "{error:?}");
        assert_eq!((error.class(), error.may_have_acted()), (ErrorClass::Busy, false));
    }

    #[tokio::test]
    async fn a_short_reply_is_malformed() {
        let responder = Responder::start(&[CipherSuite::C3], Quirk::ShortReplies).await;
        let client = connect(&responder, options()).await.expect("it connects");
        let error = client.run(GetChassisStatus, Resend::Allowed).await.expect_err("it is too short");
        assert!(matches!(error, IpmiError::Malformed { command: Opcode::CHASSIS_STATUS, .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_repetition_keeps_its_request_sequence_and_one_that_must_not_be_is_sent_once() {
        let responder = Responder::start(&[CipherSuite::C3], Quirk::DeafTo(Opcode::CHASSIS_CONTROL)).await;
        let client = connect(&responder, options()).await.expect("it connects");
        let error = client.request(Opcode::CHASSIS_CONTROL, &[1], Resend::Allowed).await.expect_err("it is deaf to it");
        assert!(error.may_have_acted(), "{error:?}");
        let heard = responder.heard(Opcode::CHASSIS_CONTROL);
        assert!(heard.len() > 1 && heard.iter().all(|sequence| *sequence == heard[0]), "{heard:?}");
        let client = connect(&responder, options()).await.expect("it connects");
        responder.forget();
        let error = client.request(Opcode::CHASSIS_CONTROL, &[3], Resend::Never).await.expect_err("it is deaf to it");
        assert!(matches!(error, IpmiError::Timeout { may_have_acted: true, .. }), "the session lives: {error:?}");
        assert_eq!(responder.heard(Opcode::CHASSIS_CONTROL).len(), 1);
        client.run(GetChassisStatus, Resend::Allowed).await.expect("the session lives on");
    }
}
