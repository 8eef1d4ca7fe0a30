//! A network switch: what its ports do, and what it knows of those at the other end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::hardware::{MacAddr, VlanId};
use dip_core::id::SiteName;
use dip_core::provider::ProviderError;
use dip_core::site::Port;
use serde::{Deserialize, Serialize};

use super::PortState;

/// The ports of one switch.
///
/// # Contract
/// * A port that the switch does not have is [`ErrorKind::NotFound`](dip_core::provider::ErrorKind::NotFound).
/// * After `set_port` the port is as wanted; `port` called right after sees it. What the wish does not say stays as it was, the
///   link aggregation alone excepted: a port that names none is taken out of the one that it is in. An access port carries its
///   VLAN alone, untagged, whatever it was before.
///   A caller asks for it only where the site file links the port, and shows the former state first.
/// * Setting what is already set is `Ok(())` and disturbs nothing.
/// * A link aggregation that does not exist is made for its first member, and is gone with its last one. It takes the VLANs and
///   the mark of its members.
/// * What the switch cannot hold is told by `lack`; `set_port` of it is
///   [`ErrorKind::Unsupported`](dip_core::provider::ErrorKind::Unsupported) and changes nothing.
/// * A port that nobody marked may be taken: the link in the site file is the claim. It is marked with `owner` where the
///   switch can hold a mark. A port that another site marked is [`ErrorKind::Conflict`](dip_core::provider::ErrorKind::Conflict),
///   even where it is already as wanted, and is left as it is; so is a link aggregation that another site marked.
/// * `disown` takes the mark off a port and leaves the rest as it is: a port of some switches that is in no VLAN carries all. A port
///   without a mark is `Ok(())`; one that another site marked is a `Conflict`.
/// * A cancelled `set_port` leaves the port either as before or as wanted, never in between.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Switch: Send + Sync {
    /// What a port, by the switch's own name for it, does now.
    async fn port(&self, port: &str) -> Result<PortState, ProviderError>;

    /// What of a wish this kind of switch cannot hold, as a sentence without its full stop; `None` where it can hold all of it.
    fn lack(&self, wanted: &Port) -> Option<String>;

    /// Makes a port as wanted, on behalf of a site.
    async fn set_port(&self, port: &str, wanted: &Port, owner: &SiteName) -> Result<(), ProviderError>;

    /// Takes a site's mark off a port.
    async fn disown(&self, port: &str, owner: &SiteName) -> Result<(), ProviderError>;

    /// What else the switch can do. Some switches tell only when they are asked; a provider asks once and remembers.
    async fn abilities(&self) -> Result<Abilities, ProviderError>;
}

/// What a switch can do beside its ports: each ability is there, or absent with its reason.
#[derive(Clone)]
pub struct Abilities {
    /// It tells which MAC addresses it learned.
    pub mac_table: Facet<dyn MacTable>,
    /// It tells who is at the other end of its cables.
    pub lldp: Facet<dyn Lldp>,
    /// What it runs and what it starts with are two things.
    pub startup: Facet<dyn Startup>,
    /// It takes a change back by itself unless it is confirmed.
    pub confirmed: Facet<dyn ConfirmedChange>,
}

impl fmt::Debug for Abilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn told<T: ?Sized>(facet: &Facet<T>) -> &dyn fmt::Debug {
            match facet {
                Ok(_) => &"offered",
                Err(absent) => absent,
            }
        }
        f.debug_struct("Abilities")
            .field("mac_table", told(&self.mac_table))
            .field("lldp", told(&self.lldp))
            .field("startup", told(&self.startup))
            .field("confirmed", told(&self.confirmed))
            .finish()
    }
}

/// An ability, or why it is not there.
pub type Facet<T> = Result<Arc<T>, Absent>;

/// Why a switch has not an ability, as a sentence without its full stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Absent(pub &'static str);

/// The MAC addresses that a switch learned.
#[async_trait]
pub trait MacTable: Send + Sync {
    /// All of them, in no order; what came and went is soon forgotten.
    async fn learned(&self) -> Result<Vec<LearnedMac>, ProviderError>;
}

/// A MAC address that a switch learned at one of its ports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LearnedMac {
    /// The address.
    pub mac: MacAddr,
    /// The VLAN that it was seen in; `None` where the switch does not tell.
    pub vlan: Option<VlanId>,
    /// The port, by the switch's own name for it.
    pub port: String,
}

/// Who is at the other end of a switch's cables (IEEE 802.1AB).
#[async_trait]
pub trait Lldp: Send + Sync {
    /// All neighbours that are heard of now, in no order.
    async fn neighbours(&self) -> Result<Vec<Neighbour>, ProviderError>;
}

/// Somebody at the other end of a cable, as it tells itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Neighbour {
    /// The local end: a port of the switch, or an interface of the node that heard it.
    pub local: String,
    /// The neighbour's name for itself.
    pub system: Option<String>,
    /// What it tells as its chassis: a MAC address, a name.
    pub chassis: Option<String>,
    /// What it tells as its port: a MAC address, an interface's name.
    pub port: Option<String>,
    /// What it says about its port.
    pub port_description: Option<String>,
}

/// A switch that starts with another configuration than it runs, until that is saved.
#[async_trait]
pub trait Startup: Send + Sync {
    /// Whether it would start with what it runs now.
    async fn is_saved(&self) -> Result<bool, ProviderError>;

    /// Makes what it runs now what it starts with: all of it, what others changed too. Twice is once.
    async fn save(&self) -> Result<(), ProviderError>;
}

/// A switch that takes a change back by itself unless it is confirmed: for the port that dip itself comes through.
#[async_trait]
pub trait ConfirmedChange: Send + Sync {
    /// Makes a port as wanted, as [`Switch::set_port`] does, for at most `within` (whole seconds are used).
    ///
    /// The switch takes the change back when that time is over, whether or not dip still reaches it.
    async fn begin(
        &self,
        port: &str,
        wanted: &Port,
        owner: &SiteName,
        within: Duration,
    ) -> Result<Box<dyn Unconfirmed>, ProviderError>;
}

/// A change that the switch takes back by itself. Dropping it leaves that to the switch.
#[async_trait]
pub trait Unconfirmed: Send {
    /// Keeps the change. The switch must be reached for it, over the path that the change may have cut.
    async fn confirm(self: Box<Self>) -> Result<(), ProviderError>;
}
