//! Where the targets of a Prometheus are kept: a directory of files, or one document.

use std::sync::Arc;

use dip_core::id::{NodeName, SiteName};
use dip_core::provider::ProviderError;

use super::document::Document;
use super::files::Files;
use super::target_file::Group;
use crate::provider::Target;
use crate::settings::PrometheusSettings;

/// The targets, for one action.
pub(super) enum Store {
    Files(Files),
    Document(Document),
}

impl Store {
    /// That of the settings; one of both is set.
    pub(super) fn of(settings: &Arc<PrometheusSettings>, action: String) -> Self {
        let settings = Arc::clone(settings);
        match settings.http_sd.clone() {
            Some(path) => Self::Document(Document { settings, path, action }),
            None => {
                let directory = settings.targets.clone().unwrap_or_default();
                Self::Files(Files { settings, directory, action })
            }
        }
    }

    pub(super) fn group(&self, node: &NodeName, owner: &SiteName) -> Result<Option<Group>, ProviderError> {
        match self {
            Self::Files(files) => files.group(node, owner),
            Self::Document(document) => document.group(node, owner),
        }
    }

    pub(super) fn set(&self, target: &Target, owner: &SiteName) -> Result<(), ProviderError> {
        match self {
            Self::Files(files) => files.set(target, owner),
            Self::Document(document) => document.set(target, owner),
        }
    }

    pub(super) fn remove(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        match self {
            Self::Files(files) => files.remove(node, owner),
            Self::Document(document) => document.remove(node, owner),
        }
    }

    pub(super) fn owned(&self, owner: &SiteName) -> Result<Vec<Target>, ProviderError> {
        match self {
            Self::Files(files) => files.owned(owner),
            Self::Document(document) => document.owned(owner),
        }
    }
}
