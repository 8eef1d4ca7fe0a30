//! Targets in files of a directory that `file_sd` reads: one for each node, `dip-<site>-<node>.json`.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dip_core::id::{NodeName, SiteName};
use dip_core::provider::{ErrorKind, ProviderError};

use super::PRODUCT;
use super::change::{Change, Changed, Wish};
use super::target_file::{self, Group};
use crate::provider::Target;
use crate::providers::file;
use crate::settings::PrometheusSettings;

/// The directory of target files.
pub(super) struct Files {
    pub(super) settings: Arc<PrometheusSettings>,
    pub(super) directory: PathBuf,
}

/// The groups of all files by the addresses of their targets.
type ByAddress = HashMap<String, Vec<(PathBuf, Group)>>;

impl Files {
    pub(super) fn group(
        &self,
        node: &NodeName,
        owner: &SiteName,
        action: &str,
    ) -> Result<Option<Group>, ProviderError> {
        let path = self.path(node, owner);
        let Some(text) = file::read(&path).map_err(|error| self.failed(action, error))? else { return Ok(None) };
        let mut groups = target_file::parse(&text).map_err(|error| {
            ProviderError::new(ErrorKind::Unexpected, PRODUCT, action)
                .because(error)
                .advise(format!("{} is not a list of targets; remove it", path.display()))
        })?;
        // A file that is not as dip writes it was changed by hand: it has lost its mark.
        match groups.pop() {
            Some(group) if groups.is_empty() => Ok(Some(group)),
            _ => Ok(Some(Group { targets: Vec::new(), labels: [].into() })),
        }
    }

    /// Makes all changes in one go: the files of others are read once.
    pub(super) fn change(&self, changes: &[Arc<Change>]) -> Vec<Changed> {
        let is_set = |change: &Arc<Change>| matches!(change.wish, Wish::Set(_));
        let opened = file::lock(&self.directory).and_then(|lock| {
            let all = if changes.iter().any(is_set) { self.by_address()? } else { ByAddress::new() };
            Ok((lock, all))
        });
        match opened {
            Ok((_lock, mut all)) => changes.iter().map(|change| self.make(change, &mut all)).collect(),
            Err(error) => changes.iter().map(|change| Err(self.failed(&change.action, file::copied(&error)))).collect(),
        }
    }

    /// The targets in files that carry a site's mark, whatever settings wrote them.
    pub(super) fn owned(&self, owner: &SiteName, action: &str) -> Result<Vec<Target>, ProviderError> {
        let mut owned = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(|error| self.failed(action, error))? {
            let path = entry.map_err(|error| self.failed(action, error))?.path();
            let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
            let node = name.strip_prefix(&format!("dip-{owner}-")).and_then(|rest| rest.strip_suffix(".json"));
            let Some(node) = node.and_then(|node| NodeName::new(node).ok()) else { continue };
            // A file that was changed by hand has lost its mark.
            let group = self.group(&node, owner, action)?.filter(|group| group.is_of(&node, owner));
            owned.extend(group.and_then(|group| group.owned(owner)));
        }
        Ok(owned)
    }

    fn make(&self, change: &Change, all: &mut ByAddress) -> Changed {
        change.is_sound()?;
        let path = self.path(change.node(), &change.owner);
        let held = self.ours(change, &path)?;
        let failed = |error| self.failed(&change.action, error);
        let Wish::Set(target) = &change.wish else {
            file::remove(&path).map_err(failed)?;
            forget(all, &path, held);
            return Ok(());
        };
        // No other file may have the address, unless it is ours as well: the address moved between our nodes.
        let others = all.get(&target.address).into_iter().flatten();
        if let Some((other, _)) = others.into_iter().find(|(_, group)| group.keeps_from(&target.address, &change.owner))
        {
            return Err(conflict(change, other, &format!("has the target {} already", target.address)));
        }
        let wanted = Group::of(target, &change.owner, &self.settings);
        let before = file::read(&path).map_err(failed)?;
        let after = target_file::text(std::slice::from_ref(&wanted));
        // Unchanged files are left alone, so that nobody reads them again for nothing.
        if before.as_ref() != Some(&after) && !file::replace(&path, before.as_deref(), &after).map_err(failed)? {
            let advice = format!("somebody else changes {} at the same time", path.display());
            return Err(change.error(ErrorKind::Busy).advise(advice));
        }
        forget(all, &path, held);
        all.entry(target.address.clone()).or_default().push((path, wanted));
        Ok(())
    }

    /// What the file of a node has, which must carry our mark.
    fn ours(&self, change: &Change, path: &Path) -> Result<Option<Group>, ProviderError> {
        let held = self.group(change.node(), &change.owner, &change.action)?;
        match held.as_ref().map(|group| group.labels.get(target_file::SITE)) {
            Some(Some(site)) if site != change.owner.as_str() => {
                Err(conflict(change, path, &format!("carries the mark of site `{site}`")))
            }
            Some(None) => Err(conflict(change, path, "does not carry the mark that dip gave it")),
            Some(Some(_)) | None => Ok(held),
        }
    }

    fn by_address(&self) -> io::Result<ByAddress> {
        let mut all = ByAddress::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            // Prometheus passes over what it cannot read, and so does dip: it is not dip's file.
            let Some(groups) = fs::read_to_string(&path).ok().and_then(|text| target_file::parse(&text).ok()) else {
                continue;
            };
            for group in groups {
                for address in group.targets.clone() {
                    all.entry(address).or_default().push((path.clone(), group.clone()));
                }
            }
        }
        Ok(all)
    }

    fn path(&self, node: &NodeName, owner: &SiteName) -> PathBuf {
        self.directory.join(format!("dip-{owner}-{node}.json"))
    }

    fn failed(&self, action: &str, error: io::Error) -> ProviderError {
        file::failed(PRODUCT, action, &self.directory, error)
    }
}

/// What a file had, it has no more.
fn forget(all: &mut ByAddress, path: &Path, held: Option<Group>) {
    for address in held.into_iter().flat_map(|group| group.targets) {
        all.entry(address).and_modify(|held| held.retain(|(of, _)| of != path));
    }
}

fn conflict(change: &Change, path: &Path, what: &str) -> ProviderError {
    change.error(ErrorKind::Conflict).advise(format!("{} {what}; remove it there", path.display()))
}
