//! A change: locked, edited and committed as one; undone where any of it fails.

use std::time::Duration;

use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::site::Port;
use tokio::time::{Instant, sleep};

use super::edit::{Change, unmark};
use super::openconfig::LACP_MODULE;
use super::session::{Datastore, Session, SessionError};
use super::switch::{Action, LOCK_WAIT, Seen, Shared, aggregation, nobody_elses};
use crate::provider::MlagPair;

/// The pause between two tries to lock.
const LOCK_PAUSE: Duration = Duration::from_millis(200);

/// How a change is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Commit {
    /// For good.
    AtOnce,
    /// For so long, unless it is confirmed. The candidate stays locked until then: a confirmation commits all that is in it.
    For(Duration),
}

impl Shared {
    /// Makes a port as wanted.
    #[tracing::instrument(name = "call", level = "debug", skip_all, fields(provider = "netconf", action = %action.0))]
    pub(super) async fn set(
        &self,
        port: &str,
        wanted: &Port,
        owner: &SiteName,
        commit: Commit,
        action: &Action,
    ) -> Result<Session, ProviderError> {
        let mut session = self.locked(action).await?;
        let result = set(&mut session, self.pair.as_ref(), port, wanted, owner, commit, action).await;
        if let (Ok(()), Commit::For(_)) = (&result, commit) {
            // A change that is pending keeps others from the running configuration (RFC 6241, section 7.5). Its lock must go: a
            // netconfd of yuma123 2.13 takes nothing back where somebody, this session included, holds it.
            session.unlock(Datastore::Running).await.map_err(|error| action.failed(error))?;
            return Ok(session);
        }
        self.unlocked(session, result, action).await
    }

    /// Takes the mark off a port, and off the link aggregation that it is in.
    pub(super) async fn disown(&self, port: &str, owner: &SiteName, action: &Action) -> Result<(), ProviderError> {
        let mut session = self.locked(action).await?;
        let result = disown(&mut session, port, owner, action).await;
        let session = self.unlocked(session, result, action).await?;
        self.keep(session).await;
        Ok(())
    }

    /// A session that holds the locks: what is read then stays so until the commit.
    async fn locked(&self, action: &Action) -> Result<Session, ProviderError> {
        let end = Instant::now() + LOCK_WAIT;
        let mut session = self.session(action).await?;
        loop {
            let error = match lock(&mut session).await {
                Ok(()) => return Ok(session),
                Err(error) => error,
            };
            match &error {
                SessionError::Refused(refused) if refused.kind() == ErrorKind::Busy && Instant::now() < end => {
                    sleep(LOCK_PAUSE).await;
                }
                SessionError::Refused(refused) if refused.kind() == ErrorKind::Busy => {
                    let advice = "somebody else holds the lock of the switch's configuration, or has changes that are not committed";
                    return Err(action.failed(error).advise(advice));
                }
                _ => return Err(action.failed(error)),
            }
        }
    }

    /// Gives the locks back, whatever came of it. A session that broke gives them back by its end.
    async fn unlocked(
        &self,
        mut session: Session,
        result: Result<(), ProviderError>,
        action: &Action,
    ) -> Result<Session, ProviderError> {
        if let Err(error) = result {
            if error.kind() != ErrorKind::Unreachable && undo(&mut session).await.is_ok() {
                self.keep(session).await;
            }
            return Err(error);
        }
        unlock(&mut session).await.map_err(|error| action.failed(error))?;
        Ok(session)
    }
}

/// Where changes are made: in the candidate configuration where there is one.
fn target(session: &Session) -> Datastore {
    if session.capabilities.has("candidate") { Datastore::Candidate } else { Datastore::Running }
}

async fn lock(session: &mut Session) -> Result<(), SessionError> {
    session.lock(Datastore::Running).await?;
    if target(session) == Datastore::Candidate
        && let Err(error) = session.lock(Datastore::Candidate).await
    {
        session.unlock(Datastore::Running).await?;
        return Err(error);
    }
    Ok(())
}

async fn unlock(session: &mut Session) -> Result<(), SessionError> {
    if target(session) == Datastore::Candidate {
        session.unlock(Datastore::Candidate).await?;
    }
    session.unlock(Datastore::Running).await
}

async fn undo(session: &mut Session) -> Result<(), SessionError> {
    if target(session) == Datastore::Candidate {
        session.ask("<discard-changes/>").await?;
    }
    unlock(session).await
}

async fn set(
    session: &mut Session,
    pair: Option<&MlagPair>,
    port: &str,
    wanted: &Port,
    owner: &SiteName,
    commit: Commit,
    action: &Action,
) -> Result<(), ProviderError> {
    let failed = |error| action.failed(error);
    let seen = Seen::read(session, port, pair, action).await?;
    let now = seen.state();
    let joins = match &wanted.lag {
        Some(lag) => Some(aggregation(session, &lag.name).await.map_err(failed)?),
        None => None,
    };
    let of_aggregations = seen.aggregation.iter().chain(&joins).map(|aggregation| aggregation.owner());
    nobody_elses(of_aggregations.chain([now.owner.clone()]), owner, action)?;
    if now.changes(wanted).is_empty() && now.owner.is_some() {
        return Ok(());
    }
    let lacp = session.knows(LACP_MODULE).await.map_err(failed)?;
    if let (false, Some(peer)) = (lacp, wanted.lag.as_ref().and_then(|lag| lag.peer.as_ref())) {
        let advice =
            format!("without the model `{LACP_MODULE}` the switch cannot be told what it and `{peer}` are to a node");
        return Err(action.error(ErrorKind::Unsupported).advise(advice));
    }
    let leaves = seen.aggregation.as_ref();
    let change = Change { port, now: &now, wanted, owner, leaves, joins: joins.as_ref(), lacp, pair };
    write(session, &change.edit(), commit).await.map_err(failed)?;
    // Some switches accept what they do not carry out.
    let left = Seen::read(session, port, pair, action).await?.state().changes(wanted);
    if left.is_empty() {
        return Ok(());
    }
    let diff = left.iter().fold(dip_core::operation::Diff::default(), |diff, change| change.tell(diff));
    let advice = format!("the switch accepted the change and did not carry out all of it ({diff})");
    Err(action.error(ErrorKind::Unexpected).advise(advice))
}

async fn disown(session: &mut Session, port: &str, owner: &SiteName, action: &Action) -> Result<(), ProviderError> {
    let seen = Seen::read(session, port, None, action).await?;
    let now = seen.state();
    let of_aggregation = seen.aggregation.as_ref().and_then(|aggregation| aggregation.owner());
    nobody_elses([now.owner.clone(), of_aggregation.clone()], owner, action)?;
    if now.owner.is_none() {
        return Ok(());
    }
    let aggregation = seen.aggregation.as_ref().filter(|_| of_aggregation.is_some());
    let aggregation = aggregation.and_then(|own| Some((own.name.as_str(), own.interface.as_ref()?)));
    let edit = unmark([(port, &seen.interface)].into_iter().chain(aggregation));
    write(session, &edit, Commit::AtOnce).await.map_err(|error| action.failed(error))
}

async fn write(session: &mut Session, edit: &str, commit: Commit) -> Result<(), SessionError> {
    let target = target(session);
    session.edit(target, edit).await?;
    match (target, commit) {
        (Datastore::Candidate, Commit::AtOnce) => session.ask("<commit/>").await.map(|_| ()),
        (Datastore::Candidate, Commit::For(time)) => {
            let seconds = time.as_secs().max(1);
            let body = format!("<commit><confirmed/><confirm-timeout>{seconds}</confirm-timeout></commit>");
            session.ask(&body).await.map(|_| ())
        }
        _ => Ok(()),
    }
}
