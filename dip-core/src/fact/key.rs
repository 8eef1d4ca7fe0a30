//! The typed name of something that can become known, and the key of one instance of it.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hash::ShortHasher;
use crate::id::Symbol;
use crate::subject::Subject;

/// The name of a fact and the type of its value: the contract where two layers meet.
///
/// ```
/// use dip_core::fact::Fact;
/// const RPM: Fact<u32> = Fact::new("acme.fan_rpm");
/// assert_eq!(RPM.name(), "acme.fan_rpm");
/// ```
pub struct Fact<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Fact<T> {
    /// A fact by its full name, `<layer or vendor>.<noun>`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, value: PhantomData }
    }

    /// The full name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The key of this fact about one subject.
    #[must_use]
    pub fn of(&self, subject: &Subject) -> FactKey {
        FactKey::new(Symbol::of(self.name), subject.clone(), None, Polarity::Is)
    }

    /// The key of this fact about one subject within one of its boots, so that two boots of a node do not contest.
    #[must_use]
    pub fn of_boot(&self, subject: &Subject, ordinal: u16) -> FactKey {
        FactKey::new(Symbol::of(self.name), subject.clone(), Some(ordinal), Polarity::Is)
    }
}

impl<T> fmt::Debug for Fact<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fact({})", self.name)
    }
}

/// Whether a fact is, or is gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Polarity {
    /// It is so.
    #[default]
    Is,
    /// It is no longer so: what gave it was removed.
    Gone,
}

/// One fact about one subject, written `name@kind/name`, within a boot `name@kind/name#ordinal`; with `!` before it where it
/// is about the fact being gone.
///
/// Cheap to clone and to compare: large plans name the same facts many times.
#[derive(Clone)]
pub struct FactKey(Arc<Parts>);

struct Parts {
    /// Of all other fields, so that most comparisons end here.
    hash: u64,
    name: Symbol,
    subject: Subject,
    boot: Option<u16>,
    polarity: Polarity,
}

impl FactKey {
    fn new(name: Symbol, subject: Subject, boot: Option<u16>, polarity: Polarity) -> Self {
        // A fixed hasher: the same key has the same hash in every process.
        let mut hasher = ShortHasher::default();
        (name.as_str(), subject.kind(), subject.name(), boot, polarity).hash(&mut hasher);
        Self(Arc::new(Parts { hash: hasher.finish(), name, subject, boot, polarity }))
    }

    /// The hash of all of it, by which maps find it.
    pub(crate) fn short_hash(&self) -> u64 {
        self.0.hash
    }

    /// The fact's full name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// What the fact is about.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.0.subject
    }

    /// The boot that the fact belongs to, where it belongs to one.
    #[must_use]
    pub fn boot(&self) -> Option<u16> {
        self.0.boot
    }

    /// The same fact within another boot of its subject.
    #[must_use]
    pub fn in_boot(&self, ordinal: u16) -> Self {
        Self::new(self.0.name.clone(), self.0.subject.clone(), Some(ordinal), self.0.polarity)
    }

    /// Whether it says that the fact is, or that it is gone.
    #[must_use]
    pub fn polarity(&self) -> Polarity {
        self.0.polarity
    }

    /// Whether it says that the fact is gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.0.polarity == Polarity::Gone
    }

    /// The same fact, gone: what a removal gives.
    #[must_use]
    pub fn gone(&self) -> Self {
        self.with(Polarity::Gone)
    }

    /// The same fact, not gone.
    #[must_use]
    pub fn present(&self) -> Self {
        self.with(Polarity::Is)
    }

    fn with(&self, polarity: Polarity) -> Self {
        if self.0.polarity == polarity {
            return self.clone();
        }
        Self::new(self.0.name.clone(), self.0.subject.clone(), self.0.boot, polarity)
    }

    fn parts(&self) -> (&Symbol, &Subject, Option<u16>, Polarity) {
        (&self.0.name, &self.0.subject, self.0.boot, self.0.polarity)
    }
}

impl PartialEq for Parts {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
            || (self.hash == other.hash
                && (self.polarity, self.boot) == (other.polarity, other.boot)
                && (&self.subject, &self.name) == (&other.subject, &other.name))
    }
}

impl Eq for Parts {}

impl Hash for Parts {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialEq for FactKey {
    fn eq(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }
}

impl Eq for FactKey {}

impl PartialOrd for FactKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for FactKey {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.parts().cmp(&other.parts()) }
    }
}

impl Hash for FactKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// A key that is looked up: one step nearer to its parts than a reference to the key is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FactRef<'a>(&'a Parts);

impl<'a> From<&'a FactKey> for FactRef<'a> {
    fn from(key: &'a FactKey) -> Self {
        Self(&key.0)
    }
}

impl fmt::Debug for FactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FactKey({self})")
    }
}

impl fmt::Display for FactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_gone() {
            f.write_str("!")?;
        }
        f.write_str(self.name())?;
        f.write_str("@")?;
        self.0.subject.fmt(f)?;
        self.0.boot.map_or(Ok(()), |boot| write!(f, "#{boot}"))
    }
}

/// A text is not a fact key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a fact; write it as name@kind/name, for example `os.host_name@node/r1-n3`")]
pub struct FactKeyError(String);

impl FromStr for FactKey {
    type Err = FactKeyError;

    fn from_str(text: &str) -> Result<Self, FactKeyError> {
        let wrong = || FactKeyError(text.to_owned());
        let (polarity, text) = match text.strip_prefix('!') {
            Some(rest) => (Polarity::Gone, rest),
            None => (Polarity::Is, text),
        };
        let (name, rest) = text.split_once('@').ok_or_else(wrong)?;
        let (subject, boot) = match rest.rsplit_once('#') {
            Some((subject, boot)) => (subject, Some(boot.parse().map_err(|_| wrong())?)),
            None => (rest, None),
        };
        let subject = subject.parse().map_err(|_| wrong())?;
        Ok(Self::new(Symbol::from(name), subject, boot, polarity))
    }
}

impl Serialize for FactKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FactKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_that_is_gone_is_another_key_and_reads_back() {
        const NAME: Fact<String> = Fact::new("opsmgmt.name");
        let key = NAME.of(&"node/n1".parse().expect("a subject"));
        let gone = key.gone();
        assert_eq!(gone.to_string(), "!opsmgmt.name@node/n1");
        assert_ne!(key, gone);
        assert_eq!(gone.to_string().parse(), Ok(gone.clone()));
        assert_eq!(gone.present(), key);
    }
}
