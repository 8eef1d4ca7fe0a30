//! Faults drawn by seed over a whole site.

use std::time::Duration;

use dip_core::site::Site;

use super::Fault;
use crate::draw::Draw;

/// A list of faults, each with the time from which it can bite.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<(Duration, Fault)>);

impl Faults {
    /// Faults for a part `rate` (0 to 1) of the nodes and of the services of a site, all of a kind that a patient run survives
    /// without anybody's help: a silent BMC, a lost power command, a slow boot, a busy, silent or slow service.
    ///
    /// The faults of a node start within the first minute, when its power is switched.
    #[must_use]
    pub fn random(site: &Site, seed: u64, rate: f64) -> Self {
        let draw = Draw::new(seed);
        let seconds = |who: &str, purpose: &str, low: u64, high: u64| {
            draw.span(who, purpose, 0, (Duration::from_secs(low), Duration::from_secs(high)))
        };
        let mut faults = Vec::new();
        for name in site.nodes.keys() {
            let who = format!("node/{name}");
            if !draw.happens(&who, "fault", rate) {
                continue;
            }
            let node = name.clone();
            let fault = match draw.number(&who, "kind", 0) % 3 {
                0 => Fault::BmcSilent { node, lasting: seconds(&who, "lasting", 5, 40) },
                1 => Fault::PowerCommandLost { node, times: 1 },
                _ => Fault::BootSlow { node, by: seconds(&who, "by", 30, 240), times: 1 },
            };
            let from = match fault {
                Fault::BmcSilent { .. } => seconds(&who, "from", 0, 60),
                _ => Duration::ZERO,
            };
            faults.push((from, fault));
        }
        for name in site.services.keys() {
            let who = format!("service/{name}");
            if !draw.happens(&who, "fault", rate) {
                continue;
            }
            let service = name.clone();
            let fault = match draw.number(&who, "kind", 0) % 3 {
                0 => Fault::ServiceBusy { service, times: 3 },
                1 => Fault::ServiceSilent { service, lasting: seconds(&who, "lasting", 5, 40) },
                _ => Fault::ServiceSlow {
                    service,
                    by: seconds(&who, "by", 1, 5),
                    lasting: seconds(&who, "lasting", 60, 300),
                },
            };
            faults.push((seconds(&who, "from", 0, 30), fault));
        }
        Self(faults)
    }

    /// Adds a fault that can bite from a time since the simulation's start.
    #[must_use]
    pub fn with(mut self, from: Duration, fault: Fault) -> Self {
        self.0.push((from, fault));
        self
    }

    /// The faults with their times.
    pub fn iter(&self) -> impl Iterator<Item = &(Duration, Fault)> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Faults {
    type Item = (Duration, Fault);
    type IntoIter = std::vec::IntoIter<(Duration, Fault)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
