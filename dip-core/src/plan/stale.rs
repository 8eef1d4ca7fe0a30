//! Whether a plan that was made before is still the plan for what is the case now, and what has moved where it is not. Pure.

use std::collections::BTreeMap;
use std::fmt;

use super::{Plan, PlanId, PlannedStep};
use crate::fact::FactKey;
use crate::step::StepName;

/// A plan is no longer what would be planned now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// The plan.
    pub plan: PlanId,
    /// The plan that would be made now.
    pub now: PlanId,
    /// Steps that would be in it now.
    pub appeared: Vec<StepName>,
    /// Steps that would no longer be in it.
    pub vanished: Vec<StepName>,
    /// Steps that would do something else, or for another reason.
    pub changed: Vec<StepName>,
    /// Facts that were not known or had another value when it was made.
    pub facts: Vec<FactKey>,
}

impl Plan {
    /// Whether it is what would be planned now, as another plan tells that was just made. Where that one has nothing to do,
    /// nothing is left of this one either, and that is no reason to refuse it.
    ///
    /// # Errors
    /// What has moved.
    pub fn is_current(&self, now: &Self) -> Result<(), Box<Stale>> {
        if self.id() == now.id() || now.is_empty() {
            return Ok(());
        }
        let (before, after) = (by_name(self), by_name(now));
        let only = |a: &BTreeMap<&StepName, &PlannedStep>, b: &BTreeMap<&StepName, &PlannedStep>| -> Vec<StepName> {
            a.keys().filter(|name| !b.contains_key(*name)).map(|name| (*name).clone()).collect()
        };
        let is_changed =
            |(name, step): &(&&StepName, &&PlannedStep)| before.get(*name).is_some_and(|other| !is_alike(other, step));
        let known: BTreeMap<_, _> = self.known().iter().map(|known| (&known.key, &known.value)).collect();
        let moved = now.known().iter().filter(|now| known.get(&now.key) != Some(&&now.value));
        Err(Box::new(Stale {
            plan: self.id().clone(),
            now: now.id().clone(),
            appeared: only(&after, &before),
            vanished: only(&before, &after),
            changed: after.iter().filter(is_changed).map(|(name, _)| (*name).clone()).collect(),
            facts: moved.map(|known| known.key.clone()).collect(),
        }))
    }
}

fn by_name(plan: &Plan) -> BTreeMap<&StepName, &PlannedStep> {
    plan.steps().iter().map(|planned| (&planned.step.name, planned)).collect()
}

/// Whether two steps are the same but for the place in the site file that asks for them.
fn is_alike(one: &PlannedStep, other: &PlannedStep) -> bool {
    let mut step = one.step.clone();
    step.origin.clone_from(&other.step.origin);
    step == other.step && one.reading == other.reading
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (plan, now) = (self.plan.short(), self.now.short());
        write!(f, "plan {plan} is stale: something has changed since it was made, and it would now be plan {now}")?;
        let parts = [
            ("to do now and not then", &self.appeared),
            ("to do then and not now", &self.vanished),
            ("to do otherwise", &self.changed),
        ];
        for (what, names) in parts {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            few(f, what, &names)?;
        }
        // What was read follows from the steps that moved, and is told only where they do not tell it.
        if self.appeared.is_empty() && self.vanished.is_empty() && self.changed.is_empty() {
            let facts: Vec<String> = self.facts.iter().map(ToString::to_string).collect();
            match facts.is_empty() {
                true => f.write_str(
                    "\n  its steps are the same: what the site says of its services or machines has changed",
                )?,
                false => few(f, "read otherwise", &facts)?,
            }
        }
        f.write_str("\nplan again, look, and apply that")
    }
}

impl std::error::Error for Stale {}

/// A few of many names.
fn few(f: &mut fmt::Formatter<'_>, what: &str, names: &[String]) -> fmt::Result {
    const SHOWN: usize = 3;
    if names.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    write!(f, "\n  {what}: {}", shown.join(", "))?;
    match names.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => write!(f, " and {more} more"),
    }
}
