//! Targets in one document that a web server or the embedding program serves, and that `http_sd` reads.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, ProviderError};

use super::PRODUCT;
use super::change::{Change, Changed, Wish};
use super::target_file::{self, Group};
use crate::provider::Target;
use crate::providers::file;
use crate::settings::PrometheusSettings;

/// The document. Groups of others in it stay as they are.
pub(super) struct Document {
    pub(super) settings: Arc<PrometheusSettings>,
    pub(super) path: PathBuf,
}

impl Document {
    /// All groups of the document.
    pub(super) fn groups(&self, action: &str) -> Result<Vec<Group>, ProviderError> {
        Ok(self.read(action)?.1)
    }

    /// Makes all changes in one go: the document is written once.
    pub(super) fn change(&self, changes: &[Arc<Change>]) -> Vec<Changed> {
        let each =
            |failed: &dyn Fn(&str) -> ProviderError| changes.iter().map(|one| Err(failed(&one.action))).collect();
        let _lock = match file::lock(self.directory()) {
            Ok(lock) => lock,
            Err(error) => return each(&|action| self.failed(action, file::copied(&error))),
        };
        // What cannot be read is told to each in the words of their own action.
        let (before, mut groups) = match self.read("") {
            Ok(read) => read,
            Err(_) => return changes.iter().map(|one| self.read(&one.action).and(Err(self.busy(one)))).collect(),
        };
        let former = groups.clone();
        let mut changed: Vec<Changed> = changes.iter().map(|change| self.make(change, &mut groups)).collect();
        // An unchanged document is left alone, and one that nobody asked for is not made.
        if groups == former {
            return changed;
        }
        let replaced = file::replace(&self.path, before.as_deref(), &target_file::text(&groups));
        for (change, changed) in changes.iter().zip(&mut changed).filter(|(_, changed)| changed.is_ok()) {
            match &replaced {
                Ok(true) => {}
                Ok(false) => *changed = Err(self.busy(change)),
                Err(error) => *changed = Err(self.failed(&change.action, file::copied(error))),
            }
        }
        changed
    }

    pub(super) fn owned(&self, owner: &SiteName, action: &str) -> Result<Vec<Target>, ProviderError> {
        Ok(self.groups(action)?.into_iter().filter_map(|group| group.owned(owner)).collect())
    }

    fn make(&self, change: &Change, groups: &mut Vec<Group>) -> Changed {
        change.is_sound()?;
        let (node, owner) = (change.node(), &change.owner);
        let Wish::Set(target) = &change.wish else {
            groups.retain(|group| !group.is_of(node, owner));
            return Ok(());
        };
        if groups.iter().any(|group| group.keeps_from(&target.address, owner)) {
            let advice = format!("{} has the target {} already; remove it there", self.path.display(), target.address);
            return Err(change.error(ErrorKind::Conflict).advise(advice));
        }
        let wanted = Group::of(target, owner, &self.settings);
        match groups.iter_mut().find(|group| group.is_of(node, owner)) {
            Some(held) => *held = wanted,
            None => groups.push(wanted),
        }
        Ok(())
    }

    fn busy(&self, change: &Change) -> ProviderError {
        change.error(ErrorKind::Busy).advise(format!("somebody else changes {} at the same time", self.path.display()))
    }

    fn read(&self, action: &str) -> Result<(Option<String>, Vec<Group>), ProviderError> {
        let Some(text) = file::read(&self.path).map_err(|error| self.failed(action, error))? else {
            return Ok((None, Vec::new()));
        };
        let groups = target_file::parse(&text).map_err(|error| {
            let advice = format!("{} is not a list of targets; mend or remove it", self.path.display());
            ProviderError::new(ErrorKind::Unexpected, PRODUCT, action).because(error).advise(advice)
        })?;
        Ok((Some(text), groups))
    }

    fn directory(&self) -> &Path {
        self.path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
    }

    fn failed(&self, action: &str, error: io::Error) -> ProviderError {
        file::failed(PRODUCT, action, self.directory(), error)
    }
}
