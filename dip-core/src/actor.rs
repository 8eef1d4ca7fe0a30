//! Who acts: the one name by which plans, approvals, consents and decisions tell people apart.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

/// A person or a program that plans, approves, consents or runs, by the name that the site knows it by: `ada`,
/// `nightly@ci.example`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Actor(Arc<str>);

/// A text is not the name of somebody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names nobody; write a name of one line, for example `ada`")]
pub struct ActorError(String);

impl Actor {
    /// Somebody by name; white space around it does not count.
    ///
    /// # Errors
    /// Where nothing is left, or it has control characters.
    pub fn new(name: &str) -> Result<Self, ActorError> {
        let trimmed = name.trim();
        if trimmed.is_empty() || trimmed.chars().any(char::is_control) {
            return Err(ActorError(name.escape_debug().to_string()));
        }
        Ok(Self(trimmed.into()))
    }

    /// The user that this process runs as, as its environment tells it.
    #[must_use]
    pub fn of_this_process() -> Self {
        let named = ["USER", "LOGNAME"].into_iter().find_map(|name| Self::new(&std::env::var(name).ok()?).ok());
        named.unwrap_or_else(|| Self("unknown".into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are the same person: `Ada` is `ada`, or one person could be two.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.0.to_lowercase() == other.0.to_lowercase()
    }
}

impl std::str::FromStr for Actor {
    type Err = ActorError;

    fn from_str(text: &str) -> Result<Self, ActorError> {
        Self::new(text)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Actor;

    #[test]
    fn one_person_is_not_two_by_another_spelling() {
        let ada = Actor::new(" ada ").expect("a name");
        assert!(ada.is(&Actor::new("Ada").expect("a name")) && !ada.is(&Actor::new("adam").expect("a name")));
        assert!(Actor::new("  ").is_err() && Actor::new("a\nb").is_err());
    }
}
