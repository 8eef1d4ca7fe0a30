//! A network switch: which VLAN an access port is in.

use async_trait::async_trait;
use dip_core::hardware::VlanId;
use dip_core::id::SiteName;
use dip_core::provider::ProviderError;
use serde::{Deserialize, Serialize};

/// What a switch port does with VLAN tags (IEEE 802.1Q).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortMode {
    /// It carries one VLAN, untagged.
    Access,
    /// It carries several VLANs, tagged, and perhaps one untagged.
    Trunk,
    /// It carries tagged frames within an outer VLAN (802.1ad).
    Tunnel,
}

impl std::fmt::Display for PortMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Access => "access",
            Self::Trunk => "trunk",
            Self::Tunnel => "tunnel",
        })
    }
}

/// A switch port as the switch tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortState {
    /// What it does with tags.
    pub mode: PortMode,
    /// The VLAN of its untagged frames: the access VLAN, or the native VLAN of a trunk; `None` where they are in none.
    pub vlan: Option<VlanId>,
    /// The tagged VLANs that the switch lists for it. A trunk with none of them listed carries all.
    pub trunks: Vec<VlanId>,
    /// The site that marked the port as its own; `None` where nobody has, or the switch cannot hold a mark.
    pub owner: Option<SiteName>,
}

impl PortState {
    /// Whether the port is a plain access port in this VLAN: nothing but its untagged frames goes through.
    #[must_use]
    pub fn is_access_in(&self, vlan: VlanId) -> bool {
        self.mode == PortMode::Access && self.vlan == Some(vlan) && self.trunks.is_empty()
    }
}

/// The ports of one switch.
///
/// # Contract
/// * A port that the switch does not have is [`ErrorKind::NotFound`](dip_core::provider::ErrorKind::NotFound).
/// * After `set_access_vlan` the port carries only that VLAN, untagged, whatever it was before; `port` called right after sees it.
///   A caller asks for it only where the site file links the port, and shows the former mode first.
/// * Setting what is already set is `Ok(())` and disturbs nothing.
/// * A port that nobody marked may be taken: the link in the site file is the claim. It is marked with `owner` where the
///   switch can hold a mark. A port that another site marked is [`ErrorKind::Conflict`](dip_core::provider::ErrorKind::Conflict),
///   even where its VLAN is already the wanted one, and is left as it is.
/// * `disown` takes the mark off a port and leaves its VLAN as it is: a port of some switches that is in no VLAN carries all. A port
///   without a mark is `Ok(())`; one that another site marked is a `Conflict`.
/// * A cancelled `set_access_vlan` leaves the port either as before or as wanted, never in between.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Switch: Send + Sync {
    /// What a port, by the switch's own name for it, does now.
    async fn port(&self, port: &str) -> Result<PortState, ProviderError>;

    /// Makes a port an access port of a VLAN, on behalf of a site.
    async fn set_access_vlan(&self, port: &str, vlan: VlanId, owner: &SiteName) -> Result<(), ProviderError>;

    /// Takes a site's mark off a port.
    async fn disown(&self, port: &str, owner: &SiteName) -> Result<(), ProviderError>;
}
