//! The rules of lint: each has a name that stays, so that scripts and reviews can rely on it.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::site::{Severity, nearest};

macro_rules! rules {
    ($($(#[doc = $doc:literal])* $rule:ident = $id:literal, $severity:ident;)*) => {
        /// What lint looks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $($(#[doc = $doc])* $rule,)*
        }

        impl Rule {
            /// All rules, in the order in which findings are told.
            pub const ALL: &'static [Self] = &[$(Self::$rule,)*];

            /// Its name in the site's scripts and reviews, which never changes: `quorum-in-one-rack`.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$rule => $id,)*
                }
            }

            /// How bad it is: a warning is something that one failure turns into an outage, or that cannot work as written; a
            /// note is something left over or not as good as it could be.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$rule => Severity::$severity,)*
                }
            }
        }
    };
}

rules! {
    /// So many members of a cluster stand in one rack that it has no quorum without them.
    QuorumInOneRack = "quorum-in-one-rack", Warning;
    /// So many members of a cluster are fed by one PDU alone that it has no quorum without them.
    QuorumOnOnePdu = "quorum-on-one-pdu", Warning;
    /// So many members of a cluster reach their network through one switch alone that it has no quorum without them.
    QuorumOnOneSwitch = "quorum-on-one-switch", Warning;
    /// A cluster may have so many members away at once that it has no quorum without them.
    MaxUnavailableBreaksQuorum = "max-unavailable-breaks-quorum", Warning;
    /// Members of a cluster are not wanted at ready state.
    MemberNotReady = "member-not-ready", Warning;
    /// An even number of members stands no more failures than one less does.
    EvenMembers = "even-members", Note;
    /// A member of a cluster has one feed.
    SingleFeed = "single-feed", Warning;
    /// All feeds of a node come from one PDU.
    FeedsOnOnePdu = "feeds-on-one-pdu", Warning;
    /// A node that is wanted at ready state has no BMC.
    NoBmc = "no-bmc", Warning;
    /// The address of a BMC is in no network of the site.
    BmcInNoNetwork = "bmc-in-no-network", Warning;
    /// The network of BMCs has neither a router nor a `via`, and other networks of the site have.
    BmcNetworkWithoutRoute = "bmc-network-without-route", Warning;
    /// Prefixes of two networks overlap.
    OverlappingPrefixes = "overlapping-prefixes", Warning;
    /// Hardly any address is left in the ranges of a prefix.
    RangeNearlyExhausted = "range-nearly-exhausted", Warning;
    /// No node has the profile.
    UnusedProfile = "unused-profile", Note;
    /// Nothing is in the network.
    UnusedNetwork = "unused-network", Note;
    /// Nothing uses the service.
    UnusedService = "unused-service", Note;
    /// Nothing is cabled to the switch.
    UnusedSwitch = "unused-switch", Note;
    /// The PDU feeds nothing.
    UnusedPdu = "unused-pdu", Note;
    /// Nothing stands in the rack.
    UnusedRack = "unused-rack", Note;
}

/// A text names no rule of lint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("lint has no rule `{wanted}`; {}", .nearest.map_or_else(
    || format!("the rules are {}", Rule::ALL.iter().map(|rule| rule.id()).collect::<Vec<_>>().join(", ")),
    |near| format!("did you mean `{near}`?"),
))]
pub struct NoSuchRule {
    wanted: String,
    nearest: Option<&'static str>,
}

impl FromStr for Rule {
    type Err = NoSuchRule;

    fn from_str(text: &str) -> Result<Self, NoSuchRule> {
        Self::ALL.iter().find(|rule| rule.id() == text).copied().ok_or_else(|| NoSuchRule {
            wanted: text.to_owned(),
            nearest: nearest(text, Self::ALL.iter().map(|rule| rule.id())),
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}
