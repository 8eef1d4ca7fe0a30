//! What two plans differ in: steps, their inputs and reasons, boots, the things they are bound to, what was known. Pure.

mod fields;
mod names;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

pub use fields::FieldChange;

use self::fields::{changes, changes_of};
use self::names::Names;
use super::identity::forget_places;
use super::{Goal, Plan, PlanId, PlannedStep, Reading};
use crate::fact::FactKey;
use crate::id::{LayerId, NodeName, SiteName, StepId};
use crate::step::{Environment, Hazard, StepName};
use crate::subject::Subject;

/// What two plans differ in. It is empty where both do the same for the same site from the same readings: where they have one
/// [`PlanId`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanDiff {
    /// The first plan.
    pub before: Side,
    /// The second plan.
    pub after: Side,
    /// How far each goes, where that differs.
    pub goal: Option<(Goal, Goal)>,
    /// Steps that only the first plan has.
    pub only_before: Vec<OneSided>,
    /// Steps that only the second plan has.
    pub only_after: Vec<OneSided>,
    /// Steps that both have and that differ.
    pub changed: Vec<StepChange>,
    /// How many steps are the same in both.
    pub alike: usize,
    /// Boots that differ.
    pub boots: Vec<BootChange>,
    /// Things of the site that differ: the servers that would be asked, and what is wanted.
    pub site: Vec<ThingChange>,
    /// Facts that differ in what was known of them when the plans were made.
    pub known: Vec<KnownChange>,
    /// What only the first plan defers.
    pub deferred_only_before: Vec<String>,
    /// What only the second plan defers.
    pub deferred_only_after: Vec<String>,
}

/// One of two plans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// The plan.
    pub plan: PlanId,
    /// The site that it is for.
    pub site: SiteName,
    /// How many steps it has.
    pub steps: usize,
}

/// A step that only one of the plans has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OneSided {
    /// Its name.
    pub step: StepName,
    /// Its layer.
    pub layer: LayerId,
    /// The operation that it calls.
    pub operation: String,
    /// What it changes.
    pub subject: Subject,
    /// What it may do to what already runs.
    pub hazard: Hazard,
    /// What the other plan says of it.
    pub elsewhere: Elsewhere,
}

/// What a plan says of a step that it does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Elsewhere {
    /// All is as the step wants it.
    Holds,
    /// Nothing: the site does not ask for it, or the node needs no such boot.
    NotAsked,
}

/// A step that both plans have and that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepChange {
    /// Its name.
    pub step: StepName,
    /// Its layer.
    pub layer: LayerId,
    /// The operation that it calls.
    pub operation: String,
    /// What it changes.
    pub subject: Subject,
    /// What differs in it.
    pub fields: Vec<FieldChange>,
}

/// A boot that only one of the plans has, or that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BootChange {
    /// The node.
    pub node: NodeName,
    /// Its number among the node's boots.
    pub ordinal: u16,
    /// What it enters in the first plan.
    pub before: Option<Environment>,
    /// What it enters in the second plan.
    pub after: Option<Environment>,
    /// What differs in it, where both have it.
    pub fields: Vec<FieldChange>,
}

/// A thing of the site that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ThingChange {
    /// What it is: `service`, `node`, `site`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What differs in it; one change without a path where only one of the sites has it.
    pub fields: Vec<FieldChange>,
}

/// A fact that was known otherwise when the plans were made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KnownChange {
    /// The fact.
    pub fact: FactKey,
    /// What differs in its value; one change without a path where only one of the plans knows it.
    pub fields: Vec<FieldChange>,
}

impl PlanDiff {
    /// Whether there is no difference.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.goal.is_none()
            && self.only_before.is_empty()
            && self.only_after.is_empty()
            && self.changed.is_empty()
            && self.boots.is_empty()
            && self.site.is_empty()
            && self.known.is_empty()
            && self.deferred_only_before.is_empty()
            && self.deferred_only_after.is_empty()
    }
}

impl Plan {
    /// What differs between this plan and another one.
    #[must_use]
    pub fn diff(&self, other: &Self) -> PlanDiff {
        Comparison { before: self, after: other, names: [Names::kept(), Names::kept()] }.diff()
    }

    /// What differs between this plan and one for another site of the same base: the names of the sites and of their domains
    /// are taken to be the same.
    #[must_use]
    pub fn diff_across_sites(&self, other: &Self) -> PlanDiff {
        let names = [Names::of_site(self.site()), Names::of_site(other.site())];
        Comparison { before: self, after: other, names }.diff()
    }
}

struct Comparison<'a> {
    before: &'a Plan,
    after: &'a Plan,
    /// How the names of each plan's site are read.
    names: [Names; 2],
}

impl Comparison<'_> {
    fn diff(&self) -> PlanDiff {
        let [before, after] = [self.steps(0), self.steps(1)];
        let mut changed = Vec::new();
        let mut alike = 0;
        for (name, one) in &before {
            let Some(other) = after.get(name) else { continue };
            let fields = self.fields(one, other);
            if fields.is_empty() {
                alike += 1;
                continue;
            }
            let step = &one.step;
            changed.push(StepChange {
                step: step.name.clone(),
                layer: step.layer,
                operation: step.call.operation().to_owned(),
                subject: step.subject.clone(),
                fields,
            });
        }
        let side =
            |plan: &Plan| Side { plan: plan.id().clone(), site: plan.site.name.clone(), steps: plan.steps.len() };
        PlanDiff {
            before: side(self.before),
            after: side(self.after),
            goal: (self.before.goal != self.after.goal).then_some((self.before.goal, self.after.goal)),
            only_before: self.one_sided(&before, &after, 1),
            only_after: self.one_sided(&after, &before, 0),
            changed,
            alike,
            boots: self.boots(&before, &after),
            site: self.site(),
            known: self.known(),
            deferred_only_before: self.deferred_only(0),
            deferred_only_after: self.deferred_only(1),
        }
    }

    /// What one plan defers and the other one does not.
    fn deferred_only(&self, side: usize) -> Vec<String> {
        let texts = |side: usize| -> BTreeSet<String> {
            let deferred = self.plan(side).deferred.iter();
            deferred.map(|deferred| self.names[side].read(&deferred.to_string())).collect()
        };
        texts(side).difference(&texts(1 - side)).cloned().collect()
    }

    fn plan(&self, side: usize) -> &Plan {
        if side == 0 { self.before } else { self.after }
    }

    fn steps(&self, side: usize) -> BTreeMap<String, &PlannedStep> {
        let name = |planned: &PlannedStep| self.names[side].read(planned.step.name.as_str());
        self.plan(side).steps.iter().map(|planned| (name(planned), planned)).collect()
    }

    fn one_sided(
        &self,
        these: &BTreeMap<String, &PlannedStep>,
        those: &BTreeMap<String, &PlannedStep>,
        other: usize,
    ) -> Vec<OneSided> {
        let held: BTreeSet<String> =
            self.plan(other).held.iter().map(|held| self.names[other].read(held.name.as_str())).collect();
        let alone = these.iter().filter(|(name, _)| !those.contains_key(*name));
        alone
            .map(|(name, planned)| OneSided {
                step: planned.step.name.clone(),
                layer: planned.step.layer,
                operation: planned.step.call.operation().to_owned(),
                subject: planned.step.subject.clone(),
                hazard: planned.step.hazard,
                elsewhere: if held.contains(name) { Elsewhere::Holds } else { Elsewhere::NotAsked },
            })
            .collect()
    }

    /// All of a step but its name and its place in the site file, field by field.
    fn fields(&self, one: &PlannedStep, other: &PlannedStep) -> Vec<FieldChange> {
        if one == other && self.names[0] == self.names[1] {
            return Vec::new();
        }
        let value = |planned: &PlannedStep, names: &Names| {
            let mut value = serde_json::to_value(&planned.step).expect("steps serialise to JSON");
            if let Value::Object(step) = &mut value {
                for told_elsewhere in ["name", "origin", "call"] {
                    step.remove(told_elsewhere);
                }
                let call = &planned.step.call;
                step.insert("operation".to_owned(), call.operation().into());
                step.insert("input".to_owned(), serde_json::from_str(call.input()).unwrap_or_default());
                let reading = match &planned.reading {
                    Reading::Differs(diff) => diff.to_string(),
                    Reading::Unknown(gap) => gap.to_string(),
                    Reading::Follows(follows) => follows.to_string(),
                };
                step.insert("reading".to_owned(), reading.into());
            }
            names.read_all(value)
        };
        changes(&value(one, &self.names[0]), &value(other, &self.names[1]))
    }

    /// Boots by node and number. Of their work only what both plans have is compared: the rest is told with the steps.
    fn boots(
        &self,
        before: &BTreeMap<String, &PlannedStep>,
        after: &BTreeMap<String, &PlannedStep>,
    ) -> Vec<BootChange> {
        let shared = |name: &String| before.contains_key(name) && after.contains_key(name);
        let of = |side: usize| -> BTreeMap<(NodeName, u16), (Environment, Value)> {
            let plan = self.plan(side);
            let names = |ids: &[StepId]| {
                let names = ids.iter().map(|id| self.names[side].read(plan.step(*id).step.name.as_str()));
                names.filter(shared).collect::<BTreeSet<_>>()
            };
            let boots = plan.boots.iter().map(|planned| {
                let boot = &planned.boot;
                let parts = json!({"from": boot.from, "to": boot.to, "parts": names(&planned.parts),
                    "work": names(&planned.work), "leaves": names(&planned.leaves)});
                ((boot.node.clone(), boot.ordinal), (boot.to, parts))
            });
            boots.collect()
        };
        let [before, after] = [of(0), of(1)];
        let all: BTreeSet<&(NodeName, u16)> = before.keys().chain(after.keys()).collect();
        all.into_iter()
            .filter(|key| before.get(*key) != after.get(*key))
            .map(|key| {
                let (one, other) = (before.get(key), after.get(key));
                let fields = one.zip(other).map_or_else(Vec::new, |((_, one), (_, other))| changes(one, other));
                let entered = |boot: Option<&(Environment, Value)>| boot.map(|(to, _)| *to);
                BootChange { node: key.0.clone(), ordinal: key.1, before: entered(one), after: entered(other), fields }
            })
            .collect()
    }

    fn site(&self) -> Vec<ThingChange> {
        let [before, after] = [self.things(0), self.things(1)];
        let all: BTreeSet<&(&'static str, String)> = before.keys().chain(after.keys()).collect();
        all.into_iter()
            .filter_map(|key| {
                let fields = changes_of("", before.get(key), after.get(key));
                (!fields.is_empty()).then(|| ThingChange { kind: key.0, name: key.1.clone(), fields })
            })
            .collect()
    }

    /// All that a plan is bound to, without the places in files.
    fn things(&self, side: usize) -> BTreeMap<(&'static str, String), Value> {
        let site = serde_json::to_value(&**self.plan(side).site()).expect("sites serialise to JSON");
        let names = &self.names[side];
        let mut things = BTreeMap::new();
        let mut add = |kind, name: &str, mut value: Value| {
            forget_places(&mut value);
            things.insert((kind, names.read(name)), names.read_all(value));
        };
        add("site", "", json!({"name": site["name"], "domain": site["domain"]}));
        add("conduct", "", site["conduct"].clone());
        for watch in self.plan(side).watches() {
            let watched = serde_json::to_value(watch).expect("watches serialise to JSON");
            add("watch", &format!("{} by {}", watch.subject, watch.step), watched);
        }
        for (section, kind) in [
            ("clusters", "cluster"),
            ("networks", "network"),
            ("nodes", "node"),
            ("pdus", "pdu"),
            ("racks", "rack"),
            ("services", "service"),
            ("switches", "switch"),
        ] {
            for (name, value) in site[section].as_object().into_iter().flatten() {
                add(kind, name, value.clone());
            }
        }
        things
    }

    fn known(&self) -> Vec<KnownChange> {
        let of = |side: usize| -> BTreeMap<String, (&FactKey, Value)> {
            let names = &self.names[side];
            let known = self.plan(side).known.iter();
            known
                .map(|known| (names.read(&known.key.to_string()), (&known.key, names.read_all(known.value.clone()))))
                .collect()
        };
        let [before, after] = [of(0), of(1)];
        let all: BTreeMap<&String, &FactKey> =
            after.iter().chain(&before).map(|(name, (key, _))| (name, *key)).collect();
        let value = |side: &'_ BTreeMap<String, (&FactKey, Value)>, name: &String| {
            side.get(name).map(|(_, value)| value.clone())
        };
        all.into_iter()
            .filter_map(|(name, fact)| {
                let fields = changes_of("", value(&before, name).as_ref(), value(&after, name).as_ref());
                (!fields.is_empty()).then(|| KnownChange { fact: fact.clone(), fields })
            })
            .collect()
    }
}
