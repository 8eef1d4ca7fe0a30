//! Targets in files of a directory that `file_sd` reads: one for each node, `dip-<site>-<node>.json`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dip_core::id::{NodeName, SiteName};
use dip_core::provider::{ErrorKind, ProviderError};

use super::PRODUCT;
use super::target_file::{self, Group, LabelError};
use crate::provider::Target;
use crate::providers::file;
use crate::settings::PrometheusSettings;

/// The directory of target files, for one action.
pub(super) struct Files {
    pub(super) settings: Arc<PrometheusSettings>,
    pub(super) directory: PathBuf,
    pub(super) action: String,
}

impl Files {
    pub(super) fn group(&self, node: &NodeName, owner: &SiteName) -> Result<Option<Group>, ProviderError> {
        let path = self.path(node, owner);
        let Some(text) = file::read(&path).map_err(|error| self.failed(error))? else { return Ok(None) };
        let mut groups = target_file::parse(&text).map_err(|error| self.unreadable(&path, error))?;
        // A file that is not as dip writes it was changed by hand: it has lost its mark.
        match groups.pop() {
            Some(group) if groups.is_empty() => Ok(Some(group)),
            _ => Ok(Some(Group { targets: Vec::new(), labels: [].into() })),
        }
    }

    pub(super) fn set(&self, target: &Target, owner: &SiteName) -> Result<(), ProviderError> {
        if let Some(label) = target.labels.keys().find(|label| !target_file::is_label(label)) {
            return Err(self.error(ErrorKind::Invalid).because(LabelError(label.clone())));
        }
        let _lock = file::lock(&self.directory).map_err(|error| self.failed(error))?;
        self.ours(&target.node, owner)?;
        self.nobody_elses(&target.address, owner)?;
        let path = self.path(&target.node, owner);
        let before = file::read(&path).map_err(|error| self.failed(error))?;
        let after = target_file::text(&[Group::of(target, owner, &self.settings)]);
        // Unchanged files are left alone, so that nobody reads them again for nothing.
        if before.as_ref() == Some(&after)
            || file::replace(&path, before.as_deref(), &after).map_err(|error| self.failed(error))?
        {
            return Ok(());
        }
        Err(self.error(ErrorKind::Busy).advise(format!("somebody else changes {} at the same time", path.display())))
    }

    pub(super) fn remove(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        let _lock = file::lock(&self.directory).map_err(|error| self.failed(error))?;
        self.ours(node, owner)?;
        file::remove(&self.path(node, owner)).map_err(|error| self.failed(error))
    }

    /// The targets in files that carry a site's mark, whatever settings wrote them.
    pub(super) fn owned(&self, owner: &SiteName) -> Result<Vec<Target>, ProviderError> {
        let mut owned = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(|error| self.failed(error))? {
            let path = entry.map_err(|error| self.failed(error))?.path();
            let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
            let node = name.strip_prefix(&format!("dip-{owner}-")).and_then(|rest| rest.strip_suffix(".json"));
            let Some(node) = node.and_then(|node| NodeName::new(node).ok()) else { continue };
            // A file that was changed by hand has lost its mark.
            let group = self.group(&node, owner)?.filter(|group| group.is_of(&node, owner));
            owned.extend(group.and_then(|group| group.owned(owner)));
        }
        owned.sort_by(|a, b| a.node.cmp(&b.node));
        Ok(owned)
    }

    /// The file of a node must carry our mark, where there is one.
    fn ours(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        let Some(group) = self.group(node, owner)? else { return Ok(()) };
        match group.labels.get(target_file::SITE) {
            Some(site) if site == owner.as_str() => Ok(()),
            Some(site) => Err(self.conflict(&self.path(node, owner), &format!("carries the mark of site `{site}`"))),
            None => Err(self.conflict(&self.path(node, owner), "does not carry the mark that dip gave it")),
        }
    }

    /// No other file may have the address, unless it is ours as well: the address moved between our nodes.
    fn nobody_elses(&self, address: &str, owner: &SiteName) -> Result<(), ProviderError> {
        for entry in fs::read_dir(&self.directory).map_err(|error| self.failed(error))? {
            let path = entry.map_err(|error| self.failed(error))?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            // Prometheus passes over what it cannot read, and so does dip: it is not dip's file.
            let Some(groups) = fs::read_to_string(&path).ok().and_then(|text| target_file::parse(&text).ok()) else {
                continue;
            };
            let other = groups.iter().find(|group| {
                group.labels.get(target_file::SITE).is_none_or(|site| site != owner.as_str())
                    && group.targets.iter().any(|target| target == address)
            });
            if other.is_some() {
                return Err(self.conflict(&path, &format!("has the target {address} already")));
            }
        }
        Ok(())
    }

    fn path(&self, node: &NodeName, owner: &SiteName) -> PathBuf {
        self.directory.join(format!("dip-{owner}-{node}.json"))
    }

    fn error(&self, kind: ErrorKind) -> ProviderError {
        ProviderError::new(kind, PRODUCT, &self.action)
    }

    fn conflict(&self, path: &Path, what: &str) -> ProviderError {
        self.error(ErrorKind::Conflict).advise(format!("{} {what}; remove it there", path.display()))
    }

    fn unreadable(&self, path: &Path, error: serde_json::Error) -> ProviderError {
        self.error(ErrorKind::Unexpected)
            .because(error)
            .advise(format!("{} is not a list of targets; remove it", path.display()))
    }

    fn failed(&self, error: io::Error) -> ProviderError {
        file::failed(PRODUCT, &self.action, &self.directory, error)
    }
}
