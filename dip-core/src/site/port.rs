//! What a site wants of a switch port. What a switch tells of one is another type, in layer 1.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hardware::{Mtu, VlanId, VlanSet};
use crate::id::SwitchName;

/// What is wanted of a switch port. What it does not say is left as it is, the link aggregation alone excepted: a port that
/// names none is in none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// The VLANs that it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlans: Option<PortVlans>,
    /// The largest packet that it lets through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<Mtu>,
    /// The text that the switch shows beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it is switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<AdminState>,
    /// The link aggregation that it is a member of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<Lag>,
    /// How a change of it is made safe.
    #[serde(default, skip_serializing_if = "Safety::is_plain")]
    pub safety: Safety,
}

impl Port {
    /// A port that carries these VLANs, and of which nothing else is said.
    #[must_use]
    pub fn carrying(vlans: PortVlans) -> Self {
        Self { vlans: Some(vlans), ..Self::default() }
    }

    /// An access port, of which nothing else is said.
    #[must_use]
    pub fn access(vlan: VlanId) -> Self {
        Self::carrying(PortVlans::Access(vlan))
    }
}

/// The VLANs of a port (IEEE 802.1Q).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortVlans {
    /// One VLAN, untagged.
    Access(VlanId),
    /// Several VLANs, tagged, and perhaps a native one.
    Trunk {
        /// The VLAN of the frames that arrive without a tag; `None` where they are dropped.
        native: Option<Native>,
        /// The tagged VLANs, without the native one; at least one.
        tagged: VlanSet,
    },
}

impl PortVlans {
    /// The VLAN of frames that arrive without a tag.
    #[must_use]
    pub const fn untagged(&self) -> Option<VlanId> {
        match self {
            Self::Access(vlan) => Some(*vlan),
            Self::Trunk { native: Some(native), .. } => Some(native.vlan),
            Self::Trunk { native: None, .. } => None,
        }
    }
}

/// The native VLAN of a trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Native {
    /// The VLAN.
    pub vlan: VlanId,
    /// How its frames leave the port.
    #[serde(default)]
    pub frames: NativeFrames,
}

impl From<VlanId> for Native {
    fn from(vlan: VlanId) -> Self {
        Self { vlan, frames: NativeFrames::Untagged }
    }
}

/// How frames of the native VLAN leave a trunk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NativeFrames {
    /// Without a tag, as nearly every switch sends them.
    #[default]
    Untagged,
    /// With a tag; without one they are still taken.
    Tagged,
}

impl fmt::Display for NativeFrames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Untagged => "untagged",
            Self::Tagged => "tagged",
        })
    }
}

/// Whether a port is switched on by its configuration; a port that is on may still have no link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminState {
    /// It is.
    Up,
    /// It is not.
    Down,
}

impl fmt::Display for AdminState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Up => "up",
            Self::Down => "down",
        })
    }
}

/// A link aggregation on a switch (IEEE 802.1AX), of which ports are members.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lag {
    /// The switch's own name for it: `Port-Channel7`, `bond0`.
    pub name: String,
    /// How its members find each other.
    #[serde(default)]
    pub lacp: Lacp,
    /// The switch that has the other half of it, as its MLAG pair; `None` where it is on one switch alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<SwitchName>,
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (LACP {}", self.name, self.lacp)?;
        match &self.peer {
            Some(peer) => write!(f, ", with {peer})"),
            None => f.write_str(")"),
        }
    }
}

/// How the members of a link aggregation find each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lacp {
    /// By LACP, which the switch begins.
    #[default]
    Active,
    /// By LACP, which the node begins.
    Passive,
    /// Without LACP.
    Off,
}

impl Lacp {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Active, Self::Passive, Self::Off];

    /// The word for it in a site file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for Lacp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a change of a port is made safe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Safety {
    /// Not at all: dip does not come through this port.
    #[default]
    Plain,
    /// The switch takes the change back by itself unless dip confirms it, because dip itself comes through this port.
    Confirmed,
}

impl Safety {
    const fn is_plain(&self) -> bool {
        matches!(self, Self::Plain)
    }
}
