//! Which facts exist, who declared each, so that two vendors cannot mean two things by one name.

use std::collections::BTreeMap;

use super::Fact;

/// All facts that the layers in use declare.
#[derive(Debug, Default)]
pub struct FactRegistry {
    known: BTreeMap<&'static str, Declared>,
    clashes: Vec<FactClash>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Declared {
    value: &'static str,
    doc: &'static str,
}

/// Two layers declare one fact name with different types.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "fact `{name}` is declared twice, once as {first} and once as {second}; a vendor's facts need a prefix of their own"
)]
pub struct FactClash {
    name: &'static str,
    first: &'static str,
    second: &'static str,
}

impl FactRegistry {
    /// Declares a fact with one sentence of what it means.
    pub fn declare<T>(&mut self, fact: &Fact<T>, doc: &'static str) {
        let value = std::any::type_name::<T>();
        match self.known.get(fact.name()) {
            Some(first) if first.value != value => {
                self.clashes.push(FactClash { name: fact.name(), first: first.value, second: value });
            }
            Some(_) => {}
            None => {
                self.known.insert(fact.name(), Declared { value, doc });
            }
        }
    }

    /// Whether a fact of that name is declared.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// What a fact means, in one sentence.
    #[must_use]
    pub fn doc(&self, name: &str) -> Option<&'static str> {
        self.known.get(name).map(|declared| declared.doc)
    }

    /// The names of all declared facts.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.known.keys().copied()
    }

    /// The declarations that contradict each other; empty in a sound program.
    #[must_use]
    pub fn clashes(&self) -> &[FactClash] {
        &self.clashes
    }
}
