//! A NETCONF session: requests and their answers, one at a time (RFC 6241).

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::frame::{FrameError, Frames, framed};
use super::rpc::{BASE, Capabilities, HELLO, RpcError};
use super::ssh::{self, ConnectError, Connection, NetconfTarget};
use super::xml::{Element, XmlError};

/// A commit programs the hardware of every port that it touches, which takes some switches ten seconds and more.
const EXCHANGE: Duration = Duration::from_secs(25);

/// A session is not made, or broke.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the session broke")]
    Broken(#[source] io::Error),
    #[error("the switch ended the session")]
    Closed,
    #[error("no answer within {EXCHANGE:?}")]
    Slow,
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Xml(#[from] XmlError),
    #[error("it speaks no NETCONF that dip speaks (base 1.0 or 1.1)")]
    Version,
    #[error("it answered another request than was asked")]
    Astray,
    #[error(transparent)]
    Refused(#[from] RpcError),
}

/// A session that is open.
#[derive(Debug)]
pub(super) struct Session {
    connection: Connection,
    frames: Frames,
    pub(super) capabilities: Capabilities,
    last: u64,
    /// The modules of its YANG library, once it was asked for them.
    library: Option<BTreeSet<String>>,
}

/// A configuration of a switch (RFC 6241, section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Datastore {
    Running,
    Candidate,
    Startup,
}

impl Datastore {
    const fn tag(self) -> &'static str {
        match self {
            Self::Running => "<running/>",
            Self::Candidate => "<candidate/>",
            Self::Startup => "<startup/>",
        }
    }
}

impl Session {
    /// Connects, and greets.
    pub(super) async fn open(target: &NetconfTarget) -> Result<Self, SessionError> {
        let connection = ssh::connect(target).await?;
        let (frames, capabilities) = (Frames::default(), Capabilities::default());
        let mut session = Self { connection, frames, capabilities, last: 0, library: None };
        let greet = async {
            session.send(HELLO).await?;
            session.receive().await
        };
        let hello = timeout(EXCHANGE, greet).await.map_err(|_| SessionError::Slow)??;
        session.capabilities = Capabilities::read(&hello).ok_or(SessionError::Version)?;
        session.frames.framing = session.capabilities.framing();
        Ok(session)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.connection.is_closed()
    }

    /// One request; the reply, or the server's refusal.
    pub(super) async fn ask(&mut self, body: &str) -> Result<Element, SessionError> {
        self.last += 1;
        let id = self.last.to_string();
        let request =
            format!(r#"<?xml version="1.0" encoding="UTF-8"?><rpc xmlns="{BASE}" message-id="{id}">{body}</rpc>"#);
        let exchange = async {
            self.send(&request).await?;
            loop {
                let message = self.receive().await?;
                // What is no reply is a notification, which dip never subscribed to.
                if message.name == "rpc-reply" {
                    return Ok::<_, SessionError>(message);
                }
            }
        };
        let reply = timeout(EXCHANGE, exchange).await.map_err(|_| SessionError::Slow)??;
        if reply.attributes.iter().any(|(name, value)| name == "message-id" && *value != id) {
            return Err(SessionError::Astray);
        }
        match RpcError::of(&reply) {
            Some(error) => Err(error.into()),
            None => Ok(reply),
        }
    }

    /// What a configuration says where a filter lets it through (RFC 6241, section 6).
    pub(super) async fn read(&mut self, from: Datastore, filter: Option<&str>) -> Result<Element, SessionError> {
        let mut body = format!("<get-config><source>{}</source>", from.tag());
        if let Some(filter) = filter {
            let _ = write!(body, r#"<filter type="subtree">{filter}</filter>"#);
        }
        body.push_str("</get-config>");
        Ok(data(self.ask(&body).await?))
    }

    /// What is and what is configured, where a filter lets it through.
    pub(super) async fn look(&mut self, filter: &str) -> Result<Element, SessionError> {
        Ok(data(self.ask(&format!(r#"<get><filter type="subtree">{filter}</filter></get>"#)).await?))
    }

    pub(super) async fn lock(&mut self, datastore: Datastore) -> Result<(), SessionError> {
        self.ask(&format!("<lock><target>{}</target></lock>", datastore.tag())).await.map(|_| ())
    }

    pub(super) async fn unlock(&mut self, datastore: Datastore) -> Result<(), SessionError> {
        self.ask(&format!("<unlock><target>{}</target></unlock>", datastore.tag())).await.map(|_| ())
    }

    /// Edits a configuration. What is tested beforehand and undone after a fault is what the switch offers.
    ///
    /// A separate `<validate>` is not sent: `test-then-set` is the same test, and a netconfd of yuma123 2.13 forgets after a
    /// `<validate>` of its candidate what it was to commit.
    pub(super) async fn edit(&mut self, target: Datastore, config: &str) -> Result<(), SessionError> {
        let test = if self.capabilities.has("validate") { "<test-option>test-then-set</test-option>" } else { "" };
        let undo = if self.capabilities.has("rollback-on-error") {
            "<error-option>rollback-on-error</error-option>"
        } else {
            ""
        };
        let body = format!(
            r#"<edit-config><target>{}</target><default-operation>merge</default-operation>{test}{undo}<config xmlns:nc="{BASE}">{config}</config></edit-config>"#,
            target.tag()
        );
        self.ask(&body).await.map(|_| ())
    }

    /// Makes what one configuration says what another one says.
    pub(super) async fn copy(&mut self, from: Datastore, to: Datastore) -> Result<(), SessionError> {
        let body = format!("<copy-config><target>{}</target><source>{}</source></copy-config>", to.tag(), from.tag());
        self.ask(&body).await.map(|_| ())
    }

    /// Whether the switch knows a YANG module. What its `hello` does not tell, its YANG library may (RFC 7895, RFC 8525).
    pub(super) async fn knows(&mut self, module: &str) -> Result<bool, SessionError> {
        if self.capabilities.knows(module) {
            return Ok(true);
        }
        if !self.capabilities.has("yang-library") {
            return Ok(false);
        }
        if self.library.is_none() {
            const NAMESPACE: &str = "urn:ietf:params:xml:ns:yang:ietf-yang-library";
            let filter = format!(
                r#"<modules-state xmlns="{NAMESPACE}"><module><name/></module></modules-state><yang-library xmlns="{NAMESPACE}"><module-set><module><name/></module></module-set></yang-library>"#
            );
            let data = self.look(&filter).await?;
            let sets =
                data.all("modules-state").chain(data.all("yang-library").flat_map(|library| library.all("module-set")));
            let names = sets.flat_map(|set| set.all("module")).filter_map(|module| module.text_at(&["name"]));
            self.library = Some(names.map(str::to_owned).collect());
        }
        Ok(self.library.as_ref().is_some_and(|library| library.contains(module)))
    }

    async fn send(&mut self, message: &str) -> Result<(), SessionError> {
        let bytes = framed(self.frames.framing, message);
        self.connection.stream.write_all(&bytes).await.map_err(SessionError::Broken)?;
        self.connection.stream.flush().await.map_err(SessionError::Broken)
    }

    async fn receive(&mut self) -> Result<Element, SessionError> {
        loop {
            if let Some(message) = self.frames.pop()? {
                return Ok(Element::read(&message)?);
            }
            let mut bytes = [0; 16 * 1024];
            let read = self.connection.stream.read(&mut bytes).await.map_err(SessionError::Broken)?;
            if read == 0 {
                return Err(SessionError::Closed);
            }
            self.frames.push(bytes.get(..read).unwrap_or_default());
        }
    }
}

fn data(mut reply: Element) -> Element {
    let at = reply.children.iter().position(|child| child.name == "data");
    at.map(|at| reply.children.swap_remove(at)).unwrap_or_default()
}
