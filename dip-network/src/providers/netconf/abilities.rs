//! What a switch can do beside its ports, as it says itself in its `hello`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::site::Port;

use super::change::Commit;
use super::openconfig::{FDB_MODULE, LLDP_MODULE, OF_LEARNED, OF_NEIGHBOURS, learned, neighbours};
use super::session::{Datastore, Session};
use super::switch::{Action, Shared};
use crate::provider::{
    Abilities, Absent, ConfirmedChange, Facet, LearnedMac, Lldp, MacTable, Neighbour, Startup, Unconfirmed,
};

pub(super) async fn of(shared: &Arc<Shared>) -> Result<Abilities, ProviderError> {
    let action = Action("look at what the switch can do".to_owned());
    let failed = |error| action.failed(error);
    let mut session = shared.session(&action).await?;
    let macs = session.knows(FDB_MODULE).await.map_err(failed)?;
    let lldp = session.knows(LLDP_MODULE).await.map_err(failed)?;
    let startup = session.capabilities.has("startup");
    let confirmed = session.capabilities.has("candidate") && session.capabilities.has("confirmed-commit");
    shared.keep(session).await;
    let this = || Facets(Arc::clone(shared));
    let no = |why: &'static str| Absent(why);
    fn facet<T: ?Sized>(there: bool, facet: Arc<T>, absent: Absent) -> Facet<T> {
        if there { Ok(facet) } else { Err(absent) }
    }
    Ok(Abilities {
        mac_table: facet(macs, Arc::new(this()), no("the switch does not know the model openconfig-network-instance")),
        lldp: facet(lldp, Arc::new(this()), no("the switch does not know the model openconfig-lldp")),
        startup: facet(startup, Arc::new(this()), no("the switch has no startup configuration beside the running one")),
        confirmed: facet(confirmed, Arc::new(this()), no("the switch offers no confirmed commit")),
    })
}

struct Facets(Arc<Shared>);

#[async_trait]
impl MacTable for Facets {
    async fn learned(&self) -> Result<Vec<LearnedMac>, ProviderError> {
        let action = Action("look at the MAC addresses that were learned".to_owned());
        Ok(learned(&self.0.look(OF_LEARNED, &action).await?))
    }
}

#[async_trait]
impl Lldp for Facets {
    async fn neighbours(&self) -> Result<Vec<Neighbour>, ProviderError> {
        let action = Action("look at whom the switch hears over LLDP".to_owned());
        Ok(neighbours(&self.0.look(OF_NEIGHBOURS, &action).await?))
    }
}

#[async_trait]
impl Startup for Facets {
    async fn is_saved(&self) -> Result<bool, ProviderError> {
        let action = Action("compare the startup configuration with the running one".to_owned());
        let failed = |error| action.failed(error);
        let mut session = self.0.session(&action).await?;
        let running = session.read(Datastore::Running, None).await.map_err(failed)?;
        let startup = session.read(Datastore::Startup, None).await.map_err(failed)?;
        self.0.keep(session).await;
        // The order of what is in them may differ where nothing else does.
        Ok(running.sorted() == startup.sorted())
    }

    async fn save(&self) -> Result<(), ProviderError> {
        let action = Action("save the running configuration".to_owned());
        let mut session = self.0.session(&action).await?;
        session.copy(Datastore::Running, Datastore::Startup).await.map_err(|error| action.failed(error))?;
        self.0.keep(session).await;
        Ok(())
    }
}

#[async_trait]
impl ConfirmedChange for Facets {
    async fn begin(
        &self,
        port: &str,
        wanted: &Port,
        owner: &SiteName,
        within: Duration,
    ) -> Result<Box<dyn Unconfirmed>, ProviderError> {
        let action = Action(format!("set port {port} for {within:?}"));
        let session = self.0.set(port, wanted, owner, Commit::For(within), &action).await?;
        Ok(Box::new(Pending { shared: Arc::clone(&self.0), session, port: port.to_owned() }))
    }
}

/// A change that the switch takes back unless this session confirms it: also when the session ends (RFC 6241, section 8.4.1).
struct Pending {
    shared: Arc<Shared>,
    session: Session,
    port: String,
}

#[async_trait]
impl Unconfirmed for Pending {
    async fn confirm(self: Box<Self>) -> Result<(), ProviderError> {
        let Self { shared, mut session, port } = *self;
        let action = Action(format!("confirm the change of port {port}"));
        let confirmed = session.ask("<commit/>").await.map_err(|error| {
            let error = action.failed(error);
            match error.kind() {
                ErrorKind::Unreachable => error.advise("the switch takes the change back by itself"),
                _ => error,
            }
        });
        confirmed?;
        session.unlock(Datastore::Candidate).await.map_err(|error| action.failed(error))?;
        shared.keep(session).await;
        Ok(())
    }
}
