//! What is given and near to a fact that nobody gives: most unmet needs are a wrong name.

use std::collections::HashMap;

use crate::fact::FactKey;
use crate::id::StepId;
use crate::subject::Subject;

/// How many neighbours in the order of names are compared. All of them would be quadratic where a service is missing that
/// every node of a large site needs.
const WINDOW: usize = 64;

/// A fact with its giver.
type Given<'a> = (&'a FactKey, StepId);

/// The given facts in the order of their names, by what they tell and by what they are about.
#[derive(Debug)]
pub(super) struct Near<'a> {
    by_name: HashMap<&'a str, Vec<Given<'a>>>,
    by_subject: HashMap<&'a Subject, Vec<Given<'a>>>,
}

impl<'a> Near<'a> {
    pub(super) fn new(given: impl Iterator<Item = Given<'a>>) -> Self {
        let mut facts: Vec<Given<'a>> = given.collect();
        facts.sort_unstable();
        let mut near = Self { by_name: HashMap::new(), by_subject: HashMap::new() };
        for fact in facts {
            near.by_name.entry(fact.0.name()).or_default().push(fact);
            near.by_subject.entry(fact.0.subject()).or_default().push(fact);
        }
        near
    }

    /// Up to three: the same fact about something else, or something else about the same subject.
    pub(super) fn to(&self, wanted: &FactKey) -> Vec<Given<'a>> {
        let text = wanted.to_string();
        let lists = [self.by_name.get(wanted.name()), self.by_subject.get(wanted.subject())];
        let mut near: Vec<(f64, Given<'a>)> = lists
            .into_iter()
            .flatten()
            .flat_map(|facts| around(facts, wanted))
            .map(|&given| (strsim::jaro_winkler(&given.0.to_string(), &text), given))
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        near.dedup_by(|a, b| a.1 == b.1);
        near.into_iter().take(3).map(|(_, given)| given).collect()
    }
}

/// Those of a sorted list that are next to the wanted one.
fn around<'a, 'b>(facts: &'b [Given<'a>], wanted: &FactKey) -> &'b [Given<'a>] {
    let at = facts.partition_point(|(fact, _)| *fact < wanted);
    &facts[at.saturating_sub(WINDOW)..facts.len().min(at + WINDOW)]
}
