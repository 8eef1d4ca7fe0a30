//! The provider: ports of a switch over NETCONF.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::site::{NativeFrames, Port, PortVlans};
use tokio::sync::Mutex;

use super::abilities;
use super::change::Commit;
use super::openconfig::{self, Aggregation};
use super::session::{Datastore, Session, SessionError};
use super::ssh::{ConnectError, NetconfTarget};
use super::xml::Element;
use crate::provider::{Abilities, MlagPair, PortState, Switch};

const NAME: &str = "netconf";

/// The ports of a switch that speaks NETCONF and knows the models of OpenConfig.
#[derive(Debug, Clone)]
pub struct Netconf(pub(super) Arc<Shared>);

#[derive(Debug)]
pub(super) struct Shared {
    target: NetconfTarget,
    pub(super) pair: Option<MlagPair>,
    // Taken out while in use: a request that was cancelled leaves none, so nobody reads the answer to another's question, and the
    // switch lets go of its locks with the session.
    idle: Mutex<Option<Session>>,
}

impl Netconf {
    /// A provider for a switch; it connects at the first call, and keeps the session.
    #[must_use]
    pub fn new(target: NetconfTarget) -> Self {
        Self(Arc::new(Shared { target, pair: None, idle: Mutex::new(None) }))
    }

    /// The same switch as one of an MLAG pair.
    #[must_use]
    pub fn of_pair(self, pair: MlagPair) -> Self {
        Self(Arc::new(Shared { target: self.0.target.clone(), pair: Some(pair), idle: Mutex::new(None) }))
    }
}

impl Shared {
    /// A session that answers.
    #[tracing::instrument(name = "call", level = "debug", skip_all, fields(provider = NAME, server = %self.target, action = "open session"))]
    pub(super) async fn session(&self, action: &Action) -> Result<Session, ProviderError> {
        let idle = self.idle.lock().await.take();
        if let Some(mut session) = idle.filter(|session| !session.is_closed()) {
            // A switch that restarted leaves a connection that looks sound; asking for nothing shows it.
            if session.look("").await.is_ok() {
                return Ok(session);
            }
        }
        Session::open(&self.target).await.map_err(|error| action.failed(error))
    }

    /// Keeps a session for the next call.
    pub(super) async fn keep(&self, session: Session) {
        *self.idle.lock().await = Some(session);
    }

    /// One look over a session of its own.
    pub(super) async fn look(&self, filter: &str, action: &Action) -> Result<Element, ProviderError> {
        let mut session = self.session(action).await?;
        let data = session.look(filter).await.map_err(|error| action.failed(error))?;
        self.keep(session).await;
        Ok(data)
    }
}

/// What was read of a port.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) interface: Element,
    /// The link aggregation that it is in.
    pub(super) aggregation: Option<Aggregation>,
    pair: Option<MlagPair>,
}

impl Seen {
    /// Reads a port of a switch, which may be one of an MLAG pair.
    pub(super) async fn read(
        session: &mut Session,
        port: &str,
        pair: Option<&MlagPair>,
        action: &Action,
    ) -> Result<Self, ProviderError> {
        let failed = |error| action.failed(error);
        let filter = openconfig::of_interface(port);
        let mut data = session.read(Datastore::Running, Some(&filter)).await.map_err(failed)?;
        if openconfig::interface(&data, port).is_none() {
            // Some switches list a port that nobody configured only among what is.
            data = session.look(&filter).await.map_err(failed)?;
        }
        let Some(interface) = openconfig::interface(&data, port).cloned() else {
            if !session.knows(openconfig::MODULE).await.map_err(failed)? {
                let advice =
                    format!("the switch does not know the model `{}`; switch OpenConfig on", openconfig::MODULE);
                return Err(action.error(ErrorKind::Unsupported).advise(advice));
            }
            return Err(action.error(ErrorKind::NotFound).advise(format!("the switch has no port `{port}`")));
        };
        let aggregation = match openconfig::aggregation_of(&interface) {
            Some(name) => Some(aggregation(session, name).await.map_err(failed)?),
            None => None,
        };
        Ok(Self { interface, aggregation, pair: pair.cloned() })
    }

    pub(super) fn state(&self) -> PortState {
        openconfig::state(&self.interface, self.aggregation.as_ref(), self.pair.as_ref())
    }
}

/// Reads a link aggregation; it may not be there.
pub(super) async fn aggregation(session: &mut Session, name: &str) -> Result<Aggregation, SessionError> {
    let data = session.read(Datastore::Running, Some(&openconfig::of_interface(name))).await?;
    let members = session.read(Datastore::Running, Some(&openconfig::of_members())).await?;
    let lacp = if session.knows(openconfig::LACP_MODULE).await? {
        session.read(Datastore::Running, Some(&openconfig::of_lacp(name))).await?
    } else {
        Element::default()
    };
    Ok(Aggregation {
        name: name.to_owned(),
        interface: openconfig::interface(&data, name).cloned(),
        lacp,
        members: openconfig::members(&members, name),
    })
}

/// The sites whose marks stand at any of these must all be this one.
pub(super) fn nobody_elses(
    owners: impl IntoIterator<Item = Option<SiteName>>,
    owner: &SiteName,
    action: &Action,
) -> Result<(), ProviderError> {
    let others: BTreeSet<_> = owners.into_iter().flatten().filter(|other| other != owner).collect();
    match others.first() {
        None => Ok(()),
        Some(other) => {
            let advice = format!("the port is marked as site `{other}`'s at the end of its description");
            Err(action.error(ErrorKind::Conflict).advise(advice))
        }
    }
}

#[async_trait]
impl Switch for Netconf {
    async fn port(&self, port: &str) -> Result<PortState, ProviderError> {
        let action = Action(format!("look at port {port}"));
        let mut session = self.0.session(&action).await?;
        let seen = Seen::read(&mut session, port, self.0.pair.as_ref(), &action).await;
        self.0.keep(session).await;
        Ok(seen?.state())
    }

    fn lack(&self, wanted: &Port) -> Option<String> {
        if let Some(PortVlans::Trunk { native: Some(native), .. }) = &wanted.vlans
            && native.frames == NativeFrames::Tagged
        {
            return Some(
                "the models of OpenConfig have no native VLAN that is sent with tags; take `native_frames` out"
                    .to_owned(),
            );
        }
        MlagPair::lack(self.0.pair.as_ref(), wanted.lag.as_ref()?)
    }

    async fn set_port(&self, port: &str, wanted: &Port, owner: &SiteName) -> Result<(), ProviderError> {
        let action = Action(format!("set port {port}"));
        if let Some(lack) = self.lack(wanted) {
            // What is not there cannot be held either, and is told first.
            self.port(port).await?;
            return Err(action.error(ErrorKind::Unsupported).advise(lack));
        }
        let session = self.0.set(port, wanted, owner, Commit::AtOnce, &action).await?;
        self.0.keep(session).await;
        Ok(())
    }

    async fn disown(&self, port: &str, owner: &SiteName) -> Result<(), ProviderError> {
        self.0.disown(port, owner, &Action(format!("take the mark off port {port}"))).await
    }

    async fn abilities(&self) -> Result<Abilities, ProviderError> {
        abilities::of(&self.0).await
    }
}

/// What is being done, for the words of its errors.
#[derive(Debug)]
pub(super) struct Action(pub(super) String);

impl Action {
    pub(super) fn error(&self, kind: ErrorKind) -> ProviderError {
        ProviderError::new(kind, NAME, self.0.as_str())
    }

    pub(super) fn failed(&self, error: SessionError) -> ProviderError {
        let kind = match &error {
            SessionError::Connect(ConnectError::HostKey { .. } | ConnectError::Login { .. }) => ErrorKind::Denied,
            SessionError::Connect(ConnectError::NoSubsystem(_)) => ErrorKind::Unsupported,
            SessionError::Connect(ConnectError::Tcp(..) | ConnectError::Slow(_) | ConnectError::Ssh(..))
            | SessionError::Broken(_)
            | SessionError::Closed
            | SessionError::Slow => ErrorKind::Unreachable,
            SessionError::Version => ErrorKind::Unsupported,
            SessionError::Frame(_) | SessionError::Xml(_) | SessionError::Astray => ErrorKind::Unexpected,
            SessionError::Refused(error) => error.kind(),
        };
        self.error(kind).because(error)
    }
}

/// How long a lock that somebody else holds is waited for: a person at the switch holds it for longer, another program for less.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(5);
