//! The id of a plan: the same wishes and the same readings give the same id, whoever plans, wherever and whenever.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Goal, Known, PlannedBoot, PlannedStep, Watch};
use crate::layer::Deferred;
use crate::site::Site;
use crate::step::Reversal;

/// A SHA-256 over what a plan will do and the values that it was made from; not over times, ages and places in files.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanId(String);

impl PlanId {
    pub(super) fn of(
        site: &Site,
        goal: Goal,
        steps: &[PlannedStep],
        boots: &[PlannedBoot],
        known: &[Known],
        watches: &[Watch],
        deferred: &[Deferred],
    ) -> Self {
        let mut hash = Canonical(Sha256::new());
        hash.add(&(3_u32, goal));
        hash.site(site);
        // By name and not by place: the order in which steps were proposed tells nothing.
        let mut ordered: Vec<&PlannedStep> = steps.iter().collect();
        ordered.sort_unstable_by_key(|planned| &planned.step.name);
        for PlannedStep { step, reading } in ordered {
            hash.add(&(&step.name, step.layer, &step.subject, step.call.operation(), step.call.input()));
            hash.add(&(&step.needs, &step.gives, &step.locks, &step.place, step.sight, step.hazard));
            hash.add(&(step.patience, &step.boot, reading));
            // What plans of the first form did not have counts only where it is there, so that their ids stay true.
            if !(step.reads.is_empty() && step.booted_since.is_empty() && step.erases.is_empty()) {
                hash.add(&(&step.reads, &step.booted_since, &step.erases));
            }
            if step.reversal != Reversal::Possible {
                hash.add(&step.reversal);
            }
        }
        for PlannedBoot { boot, parts, work, leaves } in boots {
            hash.add(boot);
            for ids in [parts, work, leaves] {
                let mut names: Vec<_> = ids.iter().map(|id| &steps[id.index()].step.name).collect();
                names.sort_unstable();
                hash.add(&names);
            }
        }
        for known in known {
            hash.add(&(&known.key, &known.value));
        }
        for watch in watches {
            hash.add(&(&watch.step, watch.call.operation(), watch.call.input()));
        }
        for deferred in deferred {
            hash.add(&(&deferred.what, &deferred.until));
        }
        let digest = hash.0.finalize();
        Self(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// All 64 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, enough to tell plans apart in a sentence.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlanId({})", self.short())
    }
}

/// A hash that is fed JSON: its writer, so that no text is built.
struct Canonical(Sha256);

impl Canonical {
    fn add<T: Serialize>(&mut self, part: &T) {
        serde_json::to_writer(&mut *self, part).expect("parts of a plan serialise to JSON");
        self.0.update(b"\n");
    }
}

impl Canonical {
    /// What a plan is bound to: the services, switches and BMCs that it will ask when it is applied, maybe elsewhere.
    fn site(&mut self, site: &Site) {
        // Profiles and rules for them are left out: what they say is in the settings of the nodes, and one that nobody has changes nothing.
        let Site {
            name,
            domain,
            racks,
            switches,
            ports,
            pdus,
            networks,
            profiles: _,
            nodes,
            services,
            clusters,
            conduct,
            claims,
            rules: _,
            machines,
        } = site;
        self.add(&(name, domain));
        self.all("rack", racks.values());
        self.all("switch", switches.values());
        self.all("port", ports.iter());
        self.all("pdu", pdus.values());
        self.all("network", networks.values());
        self.all("node", nodes.values());
        self.all("service", services.values());
        self.all("cluster", clusters.values());
        // A site that says nothing of it has the id that it had before sites could.
        self.all("conduct", Some(conduct).filter(|conduct| !conduct.is_empty()).into_iter());
        // Who claimed it and when changes nothing of what will be done.
        self.all("claim", claims.iter().map(|claim| (&claim.operation, &claim.subject, &claim.holder)));
        self.all("machine", machines.iter());
    }

    /// One by one: a large site as one tree of values would take much memory.
    fn all<T: Serialize>(&mut self, kind: &str, things: impl Iterator<Item = T>) {
        for thing in things {
            let mut value = serde_json::to_value(thing).expect("parts of a site serialise to JSON");
            forget_places(&mut value);
            self.add(&(kind, value));
        }
    }
}

/// Takes out where in which file things stand: the same site in another directory is the same site.
pub(super) fn forget_places(value: &mut Value) {
    const PLACE: [&str; 4] = ["column", "file", "line", "profile"];
    match value {
        Value::Object(fields) if fields.len() == PLACE.len() && PLACE.iter().all(|name| fields.contains_key(*name)) => {
            *value = Value::Null;
        }
        Value::Object(fields) => fields.values_mut().for_each(forget_places),
        Value::Array(items) => items.iter_mut().for_each(forget_places),
        _ => {}
    }
}

impl std::io::Write for Canonical {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SiteName;

    #[test]
    fn how_work_is_conducted_is_part_of_the_id_once_the_site_says_it() {
        let id = |site: &Site| PlanId::of(site, Goal::Everything, &[], &[], &[], &[], &[]);
        let silent = Site::new(SiteName::new("s").expect("a name"));
        let mut told = silent.clone();
        told.conduct.ceilings.erasures = Some(1);
        let mut otherwise = told.clone();
        otherwise.conduct.ceilings.erasures = Some(2);
        assert_ne!(id(&silent), id(&told));
        assert_ne!(id(&told), id(&otherwise));
    }
}
