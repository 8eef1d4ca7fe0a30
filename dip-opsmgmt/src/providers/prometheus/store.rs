//! Where the targets of a Prometheus are kept: a directory of files, or one document.

use std::collections::HashMap;
use std::sync::Arc;

use dip_core::id::{NodeName, SiteName};
use dip_core::provider::ProviderError;

use super::change::{Change, Changed};
use super::document::Document;
use super::files::Files;
use super::target_file::{Group, NODE, SITE};
use crate::provider::Target;
use crate::settings::PrometheusSettings;

/// A question for a site's target of a node, and what that is called in errors.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) node: NodeName,
    pub(super) owner: SiteName,
    pub(super) action: String,
}

/// What is there.
pub(super) type Found = Result<Option<Group>, ProviderError>;

/// The targets.
pub(super) enum Store {
    Files(Files),
    Document(Document),
}

impl Store {
    /// That of the settings; one of both is set.
    pub(super) fn of(settings: &Arc<PrometheusSettings>) -> Self {
        let settings = Arc::clone(settings);
        match settings.http_sd.clone() {
            Some(path) => Self::Document(Document { settings, path }),
            None => {
                let directory = settings.targets.clone().unwrap_or_default();
                Self::Files(Files { settings, directory })
            }
        }
    }

    /// What several nodes have: a document is read once for all of them.
    pub(super) fn groups(&self, asked: &[Arc<Question>]) -> Vec<Found> {
        let document = match self {
            Self::Files(files) => {
                return asked.iter().map(|one| files.group(&one.node, &one.owner, &one.action)).collect();
            }
            Self::Document(document) => document,
        };
        let Ok(groups) = document.groups("") else {
            // It is told to each in the words of their own action.
            let of = |one: &Question| {
                let mut groups = document.groups(&one.action)?.into_iter();
                Ok(groups.find(|group| group.is_of(&one.node, &one.owner)))
            };
            return asked.iter().map(|one| of(one)).collect();
        };
        let mut known: HashMap<(&str, &str), &Group> = HashMap::new();
        for group in &groups {
            if let (Some(site), Some(node)) = (group.labels.get(SITE), group.labels.get(NODE)) {
                known.entry((site, node)).or_insert(group);
            }
        }
        let of =
            |one: &Arc<Question>| Ok(known.get(&(one.owner.as_str(), one.node.as_str())).map(|group| (*group).clone()));
        asked.iter().map(of).collect()
    }

    /// Makes changes that came together.
    pub(super) fn change(&self, changes: &[Arc<Change>]) -> Vec<Changed> {
        match self {
            Self::Files(files) => files.change(changes),
            Self::Document(document) => document.change(changes),
        }
    }

    pub(super) fn owned(&self, owner: &SiteName, action: &str) -> Result<Vec<Target>, ProviderError> {
        let mut owned = match self {
            Self::Files(files) => files.owned(owner, action),
            Self::Document(document) => document.owned(owner, action),
        }?;
        owned.sort_by(|a, b| a.node.cmp(&b.node));
        Ok(owned)
    }
}
