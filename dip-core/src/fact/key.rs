//! The typed name of something that can become known, and the key of one instance of it.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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
        FactKey { name: Symbol::of(self.name), subject: subject.clone(), boot: None }
    }

    /// The key of this fact about one subject within one of its boots, so that two boots of a node do not contest.
    #[must_use]
    pub fn of_boot(&self, subject: &Subject, ordinal: u16) -> FactKey {
        FactKey { name: Symbol::of(self.name), subject: subject.clone(), boot: Some(ordinal) }
    }
}

impl<T> fmt::Debug for Fact<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fact({})", self.name)
    }
}

/// One fact about one subject, written `name@kind/name` or, within a boot, `name@kind/name#ordinal`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactKey {
    name: Symbol,
    subject: Subject,
    boot: Option<u16>,
}

impl FactKey {
    /// The fact's full name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// What the fact is about.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The boot that the fact belongs to, where it belongs to one.
    #[must_use]
    pub const fn boot(&self) -> Option<u16> {
        self.boot
    }
}

impl fmt::Display for FactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.subject)?;
        self.boot.map_or(Ok(()), |boot| write!(f, "#{boot}"))
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
        let (name, rest) = text.split_once('@').ok_or_else(wrong)?;
        let (subject, boot) = match rest.rsplit_once('#') {
            Some((subject, boot)) => (subject, Some(boot.parse().map_err(|_| wrong())?)),
            None => (rest, None),
        };
        let subject = subject.parse().map_err(|_| wrong())?;
        Ok(Self { name: Symbol::from(name), subject, boot })
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
