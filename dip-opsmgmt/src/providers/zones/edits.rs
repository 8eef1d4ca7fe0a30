//! Edits of several zones, one for each; that of the node's own zone is made first.

use std::collections::BTreeMap;

use dip_core::provider::ProviderError;
use futures_util::future::join_all;

use super::edit::Edit;
use super::names::{Zones, of};
use super::server::{Outcome, ZoneServer};

/// Edits by zone.
pub(super) struct Edits<'a> {
    home: &'a str,
    by_zone: BTreeMap<String, Edit>,
}

impl<'a> Edits<'a> {
    /// No edits yet; that of this zone will be made first.
    pub(super) const fn of(home: &'a str) -> Self {
        Self { home, by_zone: BTreeMap::new() }
    }

    /// Adds to what changes in a zone.
    pub(super) fn add(&mut self, zone: &str, edit: Option<Edit>) {
        if let Some(edit) = edit {
            let merged = self.by_zone.remove(zone).unwrap_or_default().and(edit);
            self.by_zone.insert(zone.to_owned(), merged);
        }
    }

    /// Whether nothing changes but in the first zone.
    pub(super) fn is_of_one_zone(&self) -> bool {
        self.by_zone.keys().all(|zone| zone == self.home)
    }
}

impl<S: ZoneServer> Zones<S> {
    /// Makes that of the first zone, and then all others at once, unless it is prevented.
    pub(super) async fn all_changed(&self, edits: Edits<'_>, action: &str) -> Result<bool, ProviderError> {
        let (home, others): (Vec<_>, Vec<_>) = edits.by_zone.into_iter().partition(|(zone, _)| zone == edits.home);
        Ok(self.changed(home, action).await? && self.changed(others, action).await?)
    }

    /// Whether what is expected in the other zones is the case; what is expected in the first one, or in the only one, its own
    /// change tells.
    pub(super) async fn all_expected(&self, edits: &Edits<'_>, action: &str) -> Result<bool, ProviderError> {
        if edits.by_zone.len() == 1 {
            return Ok(true);
        }
        let others = edits.by_zone.iter().filter(|(zone, _)| *zone != edits.home);
        self.changed(others.map(|(zone, edit)| (zone.clone(), edit.without_changes())), action).await
    }

    async fn changed(
        &self,
        edits: impl IntoIterator<Item = (String, Edit)>,
        action: &str,
    ) -> Result<bool, ProviderError> {
        let written = edits.into_iter().map(async |(zone, edit)| self.write(&zone, edit).await);
        let mut all = true;
        for outcome in join_all(written).await {
            all &= outcome.map_err(of::<S>(action))? == Outcome::Changed;
        }
        Ok(all)
    }
}
