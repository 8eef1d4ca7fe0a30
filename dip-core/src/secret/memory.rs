//! A store in memory: for simulations, and for programs that keep nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Secret, SecretError, SecretRef, SecretStore, Standing, Versions};

/// A store whose secrets are gone when it is dropped.
#[derive(Default)]
pub struct MemoryStore(Mutex<BTreeMap<(SecretRef, u32), Kept>>);

#[derive(Default)]
struct Kept {
    secret: Option<Secret>,
    standing: Option<Standing>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<(SecretRef, u32), Kept>> {
        // Each change is a single step: a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("kept", &self.kept().len()).finish()
    }
}

impl SecretStore for MemoryStore {
    fn versions(&self, at: &SecretRef) -> Result<Versions, SecretError> {
        let kept = self.kept();
        let of_it = kept.iter().filter(|((place, _), _)| place == at);
        let standing = |kept: &Kept| kept.standing.or_else(|| kept.secret.as_ref().map(|_| Standing::Minted));
        Ok(of_it.filter_map(|((_, version), kept)| Some((*version, standing(kept)?))).collect())
    }

    fn version(&self, at: &SecretRef, version: u32) -> Result<Option<Secret>, SecretError> {
        Ok(self.kept().get(&(at.clone(), version)).and_then(|kept| kept.secret.clone()))
    }

    fn create(&self, at: &SecretRef, version: u32, secret: &Secret) -> Result<Secret, SecretError> {
        let mut kept = self.kept();
        let kept = kept.entry((at.clone(), version)).or_default();
        Ok(kept.secret.get_or_insert_with(|| secret.clone()).clone())
    }

    fn mark(&self, at: &SecretRef, version: u32, standing: Standing) -> Result<(), SecretError> {
        self.kept().entry((at.clone(), version)).or_default().standing = Some(standing);
        Ok(())
    }

    fn retire(&self, at: &SecretRef, version: u32) -> Result<(), SecretError> {
        self.kept().remove(&(at.clone(), version));
        Ok(())
    }
}
