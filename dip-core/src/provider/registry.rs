//! The providers of one program: which object answers for which subject. A value that is passed, never a global.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::subject::Subject;

/// Providers by their trait and by the subject that they serve.
#[derive(Default, Clone)]
pub struct Providers {
    held: HashMap<(TypeId, Subject), Arc<dyn Any + Send + Sync>>,
    kinds: HashMap<TypeId, &'static str>,
}

/// Nobody provides a trait for a subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no provider of `{wanted}` for {subject}; the site file names none, or the program did not register one")]
pub struct MissingProvider {
    wanted: String,
    subject: Subject,
}

impl Providers {
    /// No providers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a provider of the trait `T` for a subject, in place of a former one.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use dip_core::{id::Symbol, provider::Providers, subject::Subject};
    /// trait Lamp: Send + Sync { fn is_lit(&self) -> bool; }
    /// struct Bulb;
    /// impl Lamp for Bulb { fn is_lit(&self) -> bool { true } }
    /// let door = Subject::new(Symbol::of("door"), "front");
    /// let mut providers = Providers::new();
    /// providers.insert::<dyn Lamp>(&door, Arc::new(Bulb));
    /// assert!(providers.find::<dyn Lamp>(&door).is_ok_and(|lamp| lamp.is_lit()));
    /// ```
    pub fn insert<T: ?Sized + Send + Sync + 'static>(&mut self, subject: &Subject, provider: Arc<T>) {
        let kind = TypeId::of::<T>();
        self.kinds.insert(kind, type_name::<T>());
        self.held.insert((kind, subject.clone()), Arc::new(provider));
    }

    /// The provider of the trait `T` for a subject.
    ///
    /// # Errors
    /// Where there is none.
    pub fn find<T: ?Sized + Send + Sync + 'static>(&self, subject: &Subject) -> Result<Arc<T>, MissingProvider> {
        self.held
            .get(&(TypeId::of::<T>(), subject.clone()))
            .and_then(|held| held.downcast_ref::<Arc<T>>())
            .cloned()
            .ok_or_else(|| MissingProvider { wanted: short(type_name::<T>()).to_owned(), subject: subject.clone() })
    }

    /// Adds all providers of another set, which win over present ones.
    pub fn extend(&mut self, other: Self) {
        self.held.extend(other.held);
        self.kinds.extend(other.kinds);
    }

    /// How many providers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

/// `dyn dip_firmware::provider::Bmc` as a person says it: `Bmc`.
fn short(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.held.keys().map(|(kind, subject)| {
                format!("{} for {subject}", short(self.kinds.get(kind).copied().unwrap_or("?")))
            }))
            .finish()
    }
}
