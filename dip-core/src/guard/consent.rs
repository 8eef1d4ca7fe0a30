//! A consent: somebody who knows a machine says that just these disks of it may be erased, for a while.

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Erasure;
use crate::actor::Actor;
use crate::id::{NodeName, SiteName};
use crate::plan::{Plan, PlanId};

/// Somebody says that what has these serial numbers in this node may be erased.
///
/// It is bound to serial numbers and not to a node's name alone: names move between machines, and a name that was given to
/// another machine must not wipe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// The site.
    pub site: SiteName,
    /// The node.
    pub node: NodeName,
    /// The serial numbers of what may be erased.
    pub serials: BTreeSet<String>,
    /// The plan that it is for; any plan of the site where it says none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// When.
    pub given: Timestamp,
    /// The first moment at which it no longer holds.
    pub expires: Timestamp,
}

/// A consent cannot be given so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsentError {
    /// It names nothing.
    #[error("a consent names the serial number of each thing that may be erased, and this one names none for node {0}")]
    NoSerials(NodeName),
    /// It says no reason.
    #[error("a consent says why, for whoever asks afterwards; this one has no reason")]
    NoReason,
    /// It would hold too long, or not at all.
    #[error("a consent holds for a while, at most {} days; what is true of a disk today may not be next week", Consent::LONGEST.as_hours() / 24)]
    Lifetime,
}

impl Consent {
    /// The longest that one may hold: what is true of a disk today may not be so next week.
    pub const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

    /// Checks that it names something, says why, and holds for a while and not for ever.
    ///
    /// # Errors
    /// Where it does not.
    pub fn checked(self) -> Result<Self, ConsentError> {
        let lifetime = self.expires.duration_since(self.given);
        if self.serials.is_empty() || self.serials.iter().any(|serial| serial.trim().is_empty()) {
            return Err(ConsentError::NoSerials(self.node));
        }
        if self.reason.trim().is_empty() {
            return Err(ConsentError::NoReason);
        }
        if lifetime <= SignedDuration::ZERO || lifetime > Self::LONGEST {
            return Err(ConsentError::Lifetime);
        }
        Ok(self)
    }

    /// Whether it holds for an erasure of a plan at a time; `None` where it is about another node or site.
    fn holds_for(&self, erasure: &Erasure, plan: &Plan, now: Timestamp) -> Option<Result<(), NoConsent>> {
        if erasure.node.as_ref() != Some(&self.node) || self.site != plan.site().name {
            return None;
        }
        let missing: BTreeSet<String> = erasure.serials.difference(&self.serials).cloned().collect();
        Some(if !missing.is_empty() {
            Err(NoConsent::Serials { by: self.by.clone(), missing })
        } else if let Some(other) = self.plan.as_ref().filter(|other| *other != plan.id()) {
            Err(NoConsent::OtherPlan { by: self.by.clone(), plan: other.clone() })
        } else if now >= self.expires {
            Err(NoConsent::Expired { by: self.by.clone(), at: self.expires })
        } else {
            Ok(())
        })
    }

    /// Whether any of these holds for an erasure.
    ///
    /// # Errors
    /// What stands against it: where one comes near to it, what that one lacks.
    pub fn any_for(consents: &[Self], erasure: &Erasure, plan: &Plan, now: Timestamp) -> Result<(), NoConsent> {
        if erasure.node.is_none() {
            return Err(NoConsent::NoNode);
        }
        if erasure.serials.is_empty() {
            return Err(NoConsent::NoSerials);
        }
        let mut nearest = NoConsent::None;
        for consent in consents {
            match consent.holds_for(erasure, plan, now) {
                Some(Ok(())) => return Ok(()),
                Some(Err(lack)) => nearest = nearest.max(lack),
                None => {}
            }
        }
        Err(nearest)
    }
}

/// Why nothing consents to an erasure; later ones are nearer to a consent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoConsent {
    /// What is erased belongs to no node.
    NoNode,
    /// The step does not say what it erases.
    NoSerials,
    /// Nobody said anything.
    None,
    /// Disks that are to be erased were not seen in the node.
    Unseen {
        /// Their serial numbers.
        missing: BTreeSet<String>,
        /// What was seen.
        seen: BTreeSet<String>,
    },
    /// A consent does not name all that is erased.
    Serials {
        /// Who gave it.
        by: Actor,
        /// What it does not name.
        missing: BTreeSet<String>,
    },
    /// A consent is for another plan.
    OtherPlan {
        /// Who gave it.
        by: Actor,
        /// The plan that it is for.
        plan: PlanId,
    },
    /// A consent has expired.
    Expired {
        /// Who gave it.
        by: Actor,
        /// When it did.
        at: Timestamp,
    },
}

impl fmt::Display for NoConsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNode => f.write_str("it belongs to no node, so no consent can name what it erases"),
            Self::NoSerials => {
                f.write_str("it does not say the serial numbers of what it erases, so nobody can consent")
            }
            Self::None => f.write_str("nobody has consented to it"),
            Self::Unseen { missing, seen } if seen.is_empty() => {
                write!(f, "{} is not in the node: no disk was seen there", list(missing))
            }
            Self::Unseen { missing, seen } => {
                write!(f, "{} is not in the node: {} was seen there", list(missing), list(seen))
            }
            Self::Serials { by, missing } => write!(f, "the consent of {by} does not name {}", list(missing)),
            Self::OtherPlan { by, plan } => write!(f, "the consent of {by} is for plan {}", plan.short()),
            Self::Expired { by, at } => write!(f, "the consent of {by} expired at {at:.0}"),
        }
    }
}

/// Serial numbers as text.
pub(super) fn list(serials: &BTreeSet<String>) -> String {
    serials.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}
