//! Targets in one document that a web server or the embedding program serves, and that `http_sd` reads.

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

/// The document, for one action. Groups of others in it stay as they are.
pub(super) struct Document {
    pub(super) settings: Arc<PrometheusSettings>,
    pub(super) path: PathBuf,
    pub(super) action: String,
}

impl Document {
    pub(super) fn group(&self, node: &NodeName, owner: &SiteName) -> Result<Option<Group>, ProviderError> {
        Ok(self.read()?.1.into_iter().find(|group| group.is_of(node, owner)))
    }

    pub(super) fn set(&self, target: &Target, owner: &SiteName) -> Result<(), ProviderError> {
        if let Some(label) = target.labels.keys().find(|label| !target_file::is_label(label)) {
            return Err(self.error(ErrorKind::Invalid).because(LabelError(label.clone())));
        }
        self.change(|groups| {
            let others = groups.iter().find(|group| {
                group.labels.get(target_file::SITE).is_none_or(|site| site != owner.as_str())
                    && group.targets.contains(&target.address)
            });
            if others.is_some() {
                let advice =
                    format!("{} has the target {} already; remove it there", self.path.display(), target.address);
                return Err(self.error(ErrorKind::Conflict).advise(advice));
            }
            let wanted = Group::of(target, owner, &self.settings);
            match groups.iter_mut().find(|group| group.is_of(&target.node, owner)) {
                Some(held) => *held = wanted,
                None => groups.push(wanted),
            }
            Ok(())
        })
    }

    pub(super) fn remove(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        self.change(|groups| {
            groups.retain(|group| !group.is_of(node, owner));
            Ok(())
        })
    }

    pub(super) fn owned(&self, owner: &SiteName) -> Result<Vec<Target>, ProviderError> {
        let owned = self.read()?.1.into_iter().filter_map(|group| group.owned(owner));
        let mut owned: Vec<Target> = owned.collect();
        owned.sort_by(|a, b| a.node.cmp(&b.node));
        Ok(owned)
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Group>) -> Result<(), ProviderError>) -> Result<(), ProviderError> {
        let _lock = file::lock(self.directory()).map_err(|error| self.failed(error))?;
        let (before, mut groups) = self.read()?;
        let former = groups.clone();
        change(&mut groups)?;
        // An unchanged document is left alone, and one that nobody asked for is not made.
        if groups == former {
            return Ok(());
        }
        let after = target_file::text(&groups);
        if file::replace(&self.path, before.as_deref(), &after).map_err(|error| self.failed(error))? {
            return Ok(());
        }
        let advice = format!("somebody else changes {} at the same time", self.path.display());
        Err(self.error(ErrorKind::Busy).advise(advice))
    }

    fn read(&self) -> Result<(Option<String>, Vec<Group>), ProviderError> {
        let Some(text) = file::read(&self.path).map_err(|error| self.failed(error))? else {
            return Ok((None, Vec::new()));
        };
        let groups = target_file::parse(&text).map_err(|error| {
            let advice = format!("{} is not a list of targets; mend or remove it", self.path.display());
            self.error(ErrorKind::Unexpected).because(error).advise(advice)
        })?;
        Ok((Some(text), groups))
    }

    fn directory(&self) -> &Path {
        self.path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
    }

    fn error(&self, kind: ErrorKind) -> ProviderError {
        ProviderError::new(kind, PRODUCT, &self.action)
    }

    fn failed(&self, error: io::Error) -> ProviderError {
        file::failed(PRODUCT, &self.action, self.directory(), error)
    }
}
