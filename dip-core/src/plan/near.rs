//! What is given and near to a fact that nobody gives: most unmet needs are a wrong name.

use std::collections::HashMap;

use crate::fact::FactKey;
use crate::id::StepId;
use crate::subject::Subject;

/// How many neighbours in the order of names are compared. All of them would be quadratic where a service is missing that
/// every node of a large site needs.
const WINDOW: usize = 64;

/// The given facts in the order of their names, by what they tell and by what they are about.
#[derive(Debug)]
pub(super) struct Near<'a> {
    by_name: HashMap<&'a str, Vec<&'a FactKey>>,
    by_subject: HashMap<&'a Subject, Vec<&'a FactKey>>,
}

impl<'a> Near<'a> {
    pub(super) fn new(givers: &HashMap<&'a FactKey, StepId>) -> Self {
        let mut facts: Vec<&'a FactKey> = givers.keys().copied().collect();
        facts.sort_unstable();
        let mut near = Self { by_name: HashMap::new(), by_subject: HashMap::new() };
        for fact in facts {
            near.by_name.entry(fact.name()).or_default().push(fact);
            near.by_subject.entry(fact.subject()).or_default().push(fact);
        }
        near
    }

    /// Up to three: the same fact about something else, or something else about the same subject.
    pub(super) fn to(&self, wanted: &FactKey) -> Vec<&'a FactKey> {
        let text = wanted.to_string();
        let lists = [self.by_name.get(wanted.name()), self.by_subject.get(wanted.subject())];
        let mut near: Vec<(f64, &'a FactKey)> = lists
            .into_iter()
            .flatten()
            .flat_map(|facts| around(facts, wanted))
            .map(|&fact| (strsim::jaro_winkler(&fact.to_string(), &text), fact))
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        near.dedup_by(|a, b| a.1 == b.1);
        near.into_iter().take(3).map(|(_, fact)| fact).collect()
    }
}

/// Those of a sorted list that are next to the wanted one.
fn around<'a, 'b>(facts: &'b [&'a FactKey], wanted: &FactKey) -> &'b [&'a FactKey] {
    let at = facts.partition_point(|fact| *fact < wanted);
    &facts[at.saturating_sub(WINDOW)..facts.len().min(at + WINDOW)]
}
