//! A switch port as the switch tells it, and what it differs in from what is wanted.

use std::fmt;

use dip_core::hardware::{Mtu, VlanId, VlanSet};
use dip_core::id::SiteName;
use dip_core::operation::Diff;
use dip_core::site::{AdminState, Lag, NativeFrames, Port, PortVlans};
use serde::{Deserialize, Serialize};

/// What a switch port does with VLAN tags (IEEE 802.1Q).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortMode {
    /// It carries one VLAN, untagged.
    #[default]
    Access,
    /// It carries several VLANs, tagged, and perhaps one untagged.
    Trunk,
    /// It carries tagged frames within an outer VLAN (802.1ad).
    Tunnel,
}

impl fmt::Display for PortMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Access => "access",
            Self::Trunk => "trunk",
            Self::Tunnel => "tunnel",
        })
    }
}

/// A switch port as the switch tells it. A member of a link aggregation has the VLANs of the aggregation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortState {
    /// What it does with tags.
    pub mode: PortMode,
    /// The VLAN of its untagged frames: the access VLAN, or the native VLAN of a trunk; `None` where they are in none.
    pub vlan: Option<VlanId>,
    /// How frames of a trunk's native VLAN leave it.
    #[serde(default)]
    pub native_frames: NativeFrames,
    /// The tagged VLANs that the switch lists for it, without the native one. A trunk with none of them listed carries all.
    pub tagged: VlanSet,
    /// The largest packet that it lets through; `None` where the switch does not tell.
    #[serde(default)]
    pub mtu: Option<Mtu>,
    /// The text that the switch shows beside it.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether it is switched on; `None` where the switch does not tell.
    #[serde(default)]
    pub admin: Option<AdminState>,
    /// The link aggregation that it is a member of.
    #[serde(default)]
    pub lag: Option<Lag>,
    /// The site that marked the port as its own; `None` where nobody has, or the switch cannot hold a mark.
    pub owner: Option<SiteName>,
}

impl PortState {
    /// A port that carries one VLAN, or none, untagged, without a mark.
    #[must_use]
    pub fn access(vlan: Option<VlanId>) -> Self {
        Self { vlan, ..Self::default() }
    }

    /// A trunk with these tagged VLANs and no native one, without a mark.
    #[must_use]
    pub fn trunk(tagged: impl IntoIterator<Item = VlanId>) -> Self {
        Self { mode: PortMode::Trunk, tagged: tagged.into_iter().collect(), ..Self::default() }
    }

    /// The same port with the mark of a site.
    #[must_use]
    pub fn of(self, owner: &SiteName) -> Self {
        Self { owner: Some(owner.clone()), ..self }
    }

    /// Whether the port is a plain access port in this VLAN: nothing but its untagged frames goes through.
    #[must_use]
    pub fn is_access_in(&self, vlan: VlanId) -> bool {
        self.mode == PortMode::Access && self.vlan == Some(vlan) && self.tagged.is_empty()
    }

    /// All that must change before the port is as wanted. What is not said of it is left out.
    #[must_use]
    pub fn changes(&self, wanted: &Port) -> Vec<PortChange> {
        let mut changes = Vec::new();
        let mut add = |differs: bool, change: PortChange| {
            if differs {
                changes.push(change);
            }
        };
        if let Some(vlans) = &wanted.vlans {
            self.vlan_changes(vlans, &mut add);
        }
        if let Some(mtu) = wanted.mtu {
            add(self.mtu != Some(mtu), PortChange::Mtu { now: self.mtu, wanted: mtu });
        }
        if let Some(text) = &wanted.description {
            let change = PortChange::Description { now: self.description.clone(), wanted: text.clone() };
            add(self.description.as_ref() != Some(text), change);
        }
        if let Some(admin) = wanted.admin {
            add(self.admin != Some(admin), PortChange::Admin { now: self.admin, wanted: admin });
        }
        let lag = PortChange::Lag { now: self.lag.clone(), wanted: wanted.lag.clone() };
        add(self.lag != wanted.lag, lag);
        changes
    }

    fn vlan_changes(&self, wanted: &PortVlans, add: &mut impl FnMut(bool, PortChange)) {
        let (mode, tagged) = match wanted {
            PortVlans::Access(_) => (PortMode::Access, VlanSet::default()),
            PortVlans::Trunk { tagged, .. } => (PortMode::Trunk, tagged.clone()),
        };
        add(self.mode != mode, PortChange::Mode { now: self.mode, wanted: mode });
        match wanted {
            PortVlans::Access(vlan) => {
                add(self.vlan != Some(*vlan), PortChange::AccessVlan { now: self.vlan, wanted: *vlan });
            }
            PortVlans::Trunk { native, .. } => {
                let vlan = native.map(|native| native.vlan);
                // The VLAN of a former access port is told with its loss, as a native one.
                add(self.vlan != vlan, PortChange::NativeVlan { now: self.vlan, wanted: vlan });
                if let Some(native) = native {
                    let differs =
                        self.mode == PortMode::Trunk && self.vlan == vlan && self.native_frames != native.frames;
                    let change = PortChange::NativeFrames { now: self.native_frames, wanted: native.frames };
                    add(differs, change);
                }
            }
        }
        // A trunk that lists nothing carries all: that is a difference even from an access port, which carries nothing tagged.
        let now = if self.mode == PortMode::Trunk && self.tagged.is_empty() {
            Tagged::All
        } else {
            Tagged::Listed(self.tagged.clone())
        };
        add(now != Tagged::Listed(tagged.clone()), PortChange::Tagged { now, wanted: tagged });
    }

    /// What a look right after the change sees, for those who hold the state themselves.
    #[must_use]
    pub fn changed(mut self, wanted: &Port, owner: &SiteName) -> Self {
        match &wanted.vlans {
            None => {}
            Some(PortVlans::Access(vlan)) => {
                self.mode = PortMode::Access;
                (self.vlan, self.native_frames, self.tagged) =
                    (Some(*vlan), NativeFrames::Untagged, VlanSet::default());
            }
            Some(PortVlans::Trunk { native, tagged }) => {
                self.mode = PortMode::Trunk;
                self.vlan = native.map(|native| native.vlan);
                self.native_frames = native.map(|native| native.frames).unwrap_or_default();
                self.tagged = tagged.clone();
            }
        }
        self.mtu = wanted.mtu.or(self.mtu);
        self.description = wanted.description.clone().or(self.description);
        self.admin = wanted.admin.or(self.admin);
        self.lag = wanted.lag.clone();
        self.of(owner)
    }
}

/// The tagged VLANs of a port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tagged {
    /// Every VLAN.
    All,
    /// Those that are listed.
    Listed(VlanSet),
}

/// One thing in which a port differs from what is wanted: what it was and what it will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each holds what is now and what is wanted")]
pub enum PortChange {
    /// What it does with tags.
    Mode { now: PortMode, wanted: PortMode },
    /// The VLAN of an access port.
    AccessVlan { now: Option<VlanId>, wanted: VlanId },
    /// The VLAN of a trunk's untagged frames.
    NativeVlan { now: Option<VlanId>, wanted: Option<VlanId> },
    /// How frames of the native VLAN leave it.
    NativeFrames { now: NativeFrames, wanted: NativeFrames },
    /// The tagged VLANs.
    Tagged { now: Tagged, wanted: VlanSet },
    /// The largest packet.
    Mtu { now: Option<Mtu>, wanted: Mtu },
    /// The text beside it.
    Description { now: Option<String>, wanted: String },
    /// Whether it is switched on.
    Admin { now: Option<AdminState>, wanted: AdminState },
    /// Its link aggregation.
    Lag { now: Option<Lag>, wanted: Option<Lag> },
}

impl PortChange {
    /// Adds it to what a plan shows.
    #[must_use]
    pub fn tell(&self, diff: Diff) -> Diff {
        let some = |vlans: &VlanSet| Some(vlans.to_string()).filter(|text| !text.is_empty());
        match self {
            Self::Mode { now, wanted } => diff.and("port mode", Some(now), Some(wanted)),
            Self::AccessVlan { now, wanted } => diff.and("access VLAN", now.as_ref(), Some(wanted)),
            Self::NativeVlan { now, wanted } => diff.and("native VLAN", now.as_ref(), wanted.as_ref()),
            Self::NativeFrames { now, wanted } => diff.and("frames of the native VLAN", Some(now), Some(wanted)),
            Self::Tagged { now: Tagged::All, wanted } => diff.and("tagged VLANs", Some("all"), some(wanted)),
            Self::Tagged { now: Tagged::Listed(now), wanted } => diff.and("tagged VLANs", some(now), some(wanted)),
            Self::Mtu { now, wanted } => diff.and("MTU", now.as_ref(), Some(wanted)),
            Self::Description { now, wanted } => diff.and("description", now.as_ref(), Some(wanted)),
            Self::Admin { now, wanted } => diff.and("admin state", now.as_ref(), Some(wanted)),
            Self::Lag { now, wanted } => diff.and("link aggregation", now.as_ref(), wanted.as_ref()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dip_core::id::SiteName;
    use dip_core::site::{Lacp, Native, Safety};
    use proptest::prelude::*;

    fn vlan() -> impl Strategy<Value = VlanId> {
        (1..=40u16).prop_map(|number| VlanId::try_from(number).expect("a VLAN id"))
    }

    fn lag() -> impl Strategy<Value = Lag> {
        (0..2u8, prop::sample::select(Lacp::ALL.to_vec())).prop_map(|(number, lacp)| Lag {
            name: format!("po{number}"),
            lacp,
            peer: None,
        })
    }

    fn wanted() -> impl Strategy<Value = Port> {
        let frames = prop_oneof![Just(NativeFrames::Untagged), Just(NativeFrames::Tagged)];
        let native = prop::option::of((vlan(), frames).prop_map(|(vlan, frames)| Native { vlan, frames }));
        let tagged = prop::collection::btree_set(vlan(), 1..6).prop_map(VlanSet::from_iter);
        let trunk = (native, tagged).prop_map(|(native, tagged)| PortVlans::Trunk { native, tagged });
        let vlans = prop_oneof![vlan().prop_map(PortVlans::Access), trunk];
        let mtu = prop::option::of((68..9000u16).prop_map(|bytes| Mtu::try_from(bytes).expect("an MTU")));
        let admin = prop::option::of(prop_oneof![Just(AdminState::Up), Just(AdminState::Down)]);
        (prop::option::of(vlans), mtu, prop::option::of("[a-z ]{0,8}"), admin, prop::option::of(lag())).prop_map(
            |(vlans, mtu, description, admin, lag)| Port { vlans, mtu, description, admin, lag, safety: Safety::Plain },
        )
    }

    proptest! {
        #[test]
        fn a_change_leaves_nothing_to_change_and_twice_is_once(first in wanted(), second in wanted()) {
            let owner = SiteName::new("lab").expect("a name");
            let before = PortState::default().changed(&first, &owner);
            let after = before.clone().changed(&second, &owner);
            prop_assert_eq!(after.changes(&second), vec![]);
            prop_assert_eq!(after.clone().changed(&second, &owner), after.clone());
            // Where nothing differs, nothing is changed either.
            prop_assert!(!before.changes(&second).is_empty() || before == after, "{:?} {:?}", before, after);
        }
    }

    #[test]
    fn a_trunk_that_carries_all_is_told_as_such() {
        let number = |number| VlanId::try_from(number).expect("a VLAN id");
        let all = PortState { mode: PortMode::Trunk, ..PortState::default() };
        let told = |wanted: &Port| all.changes(wanted).iter().fold(Diff::default(), |diff, change| change.tell(diff));
        let trunk = Port::carrying(PortVlans::Trunk { native: None, tagged: [5, 6].map(number).into_iter().collect() });
        assert_eq!(told(&trunk).to_string(), "tagged VLANs all → 5-6");
        let access = Port::access(number(20));
        assert_eq!(told(&access).to_string(), "port mode trunk → access, + access VLAN 20, - tagged VLANs all");
    }
}
