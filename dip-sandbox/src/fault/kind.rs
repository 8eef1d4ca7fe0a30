//! The kinds of faults.

use std::fmt;
use std::time::Duration;

use dip_core::id::{NodeName, ServiceName};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub enum Fault {
    /// A BMC does not answer for a while.
    BmcSilent {
        /// The node.
        node: NodeName,
        /// For how long.
        lasting: Duration,
    },
    /// A BMC hangs: it does not answer until mains was away from its node.
    BmcHangs {
        /// The node.
        node: NodeName,
    },
    /// A BMC answers late for a while.
    BmcSlow {
        /// The node.
        node: NodeName,
        /// How much later.
        by: Duration,
        /// For how long.
        lasting: Duration,
    },
    /// A BMC asks to come back later (HTTP 503).
    BmcBusy {
        /// The node.
        node: NodeName,
        /// When.
        after: Duration,
        /// How many requests.
        times: u32,
    },
    /// A BMC of a maker's model ends all of its sessions.
    SessionDropped {
        /// The node.
        node: NodeName,
        /// How often.
        times: u32,
    },
    /// A BMC of a maker's model tells a task as it was when it was told first.
    TaskStale {
        /// The node.
        node: NodeName,
        /// How many looks.
        times: u32,
    },
    /// A BMC of a maker's model shows another certificate than the one that is trusted, for a while.
    OtherCertificate {
        /// The node.
        node: NodeName,
        /// For how long.
        lasting: Duration,
    },
    /// A BMC of a maker's model carries a change out and restarts before it answers: sessions and tasks are gone.
    BmcRestarts {
        /// The node.
        node: NodeName,
        /// How many changes.
        times: u32,
    },
    /// A BMC accepts a power command and does nothing.
    PowerCommandLost {
        /// The node.
        node: NodeName,
        /// How many commands.
        times: u32,
    },
    /// A node's firmware starts and never gets to its system; only a power cycle helps.
    BootHangs {
        /// The node.
        node: NodeName,
        /// How many boots.
        times: u32,
    },
    /// A node takes longer to boot.
    BootSlow {
        /// The node.
        node: NodeName,
        /// How much longer.
        by: Duration,
        /// How many boots.
        times: u32,
    },
    /// A node's system stops: the chassis has power, nothing on it answers any more; only a power cycle helps.
    HostDies {
        /// The node.
        node: NodeName,
    },
    /// A node's self-test drops the settings that waited for it, and says nothing.
    SettingsDropped {
        /// The node.
        node: NodeName,
        /// How many self-tests.
        times: u32,
    },
    /// An image that a BMC has fetched is refused.
    UpdateFails {
        /// The node.
        node: NodeName,
        /// How many images.
        times: u32,
    },
    /// A BMC restarts when it has fetched an image, and forgets its tasks.
    TaskLost {
        /// The node.
        node: NodeName,
        /// How many images.
        times: u32,
    },
    /// A service refuses requests that change something, as if the credentials were wrong: a DNS server's `REFUSED`.
    ServiceRefuses {
        /// The service.
        service: ServiceName,
        /// How many requests.
        times: u32,
    },
    /// A service asks to come back later: a DNS server's `SERVFAIL`, an HTTP 503.
    ServiceBusy {
        /// The service.
        service: ServiceName,
        /// How many requests.
        times: u32,
    },
    /// A service does not answer for a while.
    ServiceSilent {
        /// The service.
        service: ServiceName,
        /// For how long.
        lasting: Duration,
    },
    /// A service answers late for a while.
    ServiceSlow {
        /// The service.
        service: ServiceName,
        /// How much later.
        by: Duration,
        /// For how long.
        lasting: Duration,
    },
}

impl Fault {
    /// Whom it concerns.
    #[must_use]
    pub fn subject(&self) -> Subject {
        match self {
            Self::BmcSilent { node, .. }
            | Self::BmcHangs { node }
            | Self::BmcSlow { node, .. }
            | Self::BmcBusy { node, .. }
            | Self::SessionDropped { node, .. }
            | Self::TaskStale { node, .. }
            | Self::OtherCertificate { node, .. }
            | Self::BmcRestarts { node, .. }
            | Self::PowerCommandLost { node, .. }
            | Self::BootHangs { node, .. }
            | Self::BootSlow { node, .. }
            | Self::SettingsDropped { node, .. }
            | Self::UpdateFails { node, .. }
            | Self::TaskLost { node, .. }
            | Self::HostDies { node } => Subject::node(node),
            Self::ServiceRefuses { service, .. }
            | Self::ServiceBusy { service, .. }
            | Self::ServiceSilent { service, .. }
            | Self::ServiceSlow { service, .. } => Subject::service(service),
        }
    }

    /// How often it can bite; `None` where it bites for as long as it lasts, or until something ends it.
    pub(crate) const fn times(&self) -> Option<u32> {
        match self {
            Self::PowerCommandLost { times, .. }
            | Self::BmcBusy { times, .. }
            | Self::SessionDropped { times, .. }
            | Self::TaskStale { times, .. }
            | Self::BmcRestarts { times, .. }
            | Self::BootHangs { times, .. }
            | Self::BootSlow { times, .. }
            | Self::SettingsDropped { times, .. }
            | Self::UpdateFails { times, .. }
            | Self::TaskLost { times, .. }
            | Self::ServiceRefuses { times, .. }
            | Self::ServiceBusy { times, .. } => Some(*times),
            Self::HostDies { .. } => Some(1),
            Self::BmcSilent { .. }
            | Self::BmcHangs { .. }
            | Self::BmcSlow { .. }
            | Self::OtherCertificate { .. }
            | Self::ServiceSilent { .. }
            | Self::ServiceSlow { .. } => None,
        }
    }

    /// How long it lasts; `None` where it waits until it has bitten often enough.
    pub(crate) const fn lasting(&self) -> Option<Duration> {
        match self {
            Self::BmcSilent { lasting, .. }
            | Self::BmcSlow { lasting, .. }
            | Self::OtherCertificate { lasting, .. }
            | Self::ServiceSilent { lasting, .. }
            | Self::ServiceSlow { lasting, .. } => Some(*lasting),
            _ => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BmcSilent { lasting, .. } => write!(f, "the BMC is silent for {} s", lasting.as_secs()),
            Self::BmcHangs { .. } => f.write_str("the BMC hangs"),
            Self::BmcSlow { by, lasting, .. } => {
                write!(f, "the BMC answers {} s late for {} s", by.as_secs(), lasting.as_secs())
            }
            Self::BmcBusy { times, .. } => write!(f, "the BMC is too busy for {}", counted(*times, "request")),
            Self::SessionDropped { times, .. } => write!(f, "the BMC ends its sessions, {}", counted(*times, "time")),
            Self::TaskStale { times, .. } => {
                write!(f, "the BMC tells of its tasks what was, for {}", counted(*times, "look"))
            }
            Self::OtherCertificate { lasting, .. } => {
                write!(f, "the BMC shows another certificate for {} s", lasting.as_secs())
            }
            Self::BmcRestarts { times, .. } => {
                write!(f, "the BMC restarts in the middle of {}", counted(*times, "change"))
            }
            Self::PowerCommandLost { times, .. } => write!(f, "the BMC loses {}", counted(*times, "power command")),
            Self::BootHangs { times, .. } => write!(f, "{} hangs in the firmware", counted(*times, "boot")),
            Self::BootSlow { by, times, .. } => {
                write!(f, "{} takes {} s longer", counted(*times, "boot"), by.as_secs())
            }
            Self::SettingsDropped { times, .. } => write!(f, "{} drops its settings", counted(*times, "self-test")),
            Self::UpdateFails { times, .. } => write!(f, "the BMC refuses {}", counted(*times, "image")),
            Self::TaskLost { times, .. } => {
                write!(f, "the BMC restarts after {}, and forgets its tasks", counted(*times, "image"))
            }
            Self::HostDies { .. } => f.write_str("the system stops"),
            Self::ServiceRefuses { times, .. } => write!(f, "it refuses {}", counted(*times, "change")),
            Self::ServiceBusy { times, .. } => write!(f, "it is too busy for {}", counted(*times, "request")),
            Self::ServiceSilent { lasting, .. } => write!(f, "it is silent for {} s", lasting.as_secs()),
            Self::ServiceSlow { by, lasting, .. } => {
                write!(f, "it answers {} s late for {} s", by.as_secs(), lasting.as_secs())
            }
        }
    }
}

fn counted(times: u32, what: &str) -> String {
    if times == 1 { format!("1 {what}") } else { format!("{times} {what}s") }
}
