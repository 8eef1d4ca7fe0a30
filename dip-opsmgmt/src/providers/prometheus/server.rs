//! One Prometheus: what it scrapes, whether that is up, and which alerts it raises.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::id::{NodeName, SiteName};
use dip_core::provider::{ErrorKind, ProviderError};
use tokio::task::spawn_blocking;

use super::PRODUCT;
use super::api::{Alerting, Answer};
use super::rules::PrometheusRules;
use super::store::Store;
use super::target_file::{self, Group, LabelError, NODE, SITE};
use crate::provider::{Alert, Alerts, AlertsOf, Health, HeldTarget, Monitor, Rules, Target};
use crate::providers::alerts;
use crate::providers::web::{Web, WebError};
use crate::settings::PrometheusSettings;

/// The targets and alerts of one Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    settings: Arc<PrometheusSettings>,
    web: Arc<Web>,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There can be no client.
    #[error(transparent)]
    Web(#[from] WebError),
    /// A label's name cannot be used.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// Nothing tells where targets are to be written, or two things do.
    #[error("either `targets` (a directory of target files) or `http_sd` (a document that is served) must be there")]
    Targets,
}

impl Prometheus {
    /// A provider for the Prometheus of the settings. It connects when it is first asked.
    ///
    /// # Errors
    /// Where the URL or a label cannot be used, or it is not told where targets are to be written.
    pub fn new(settings: PrometheusSettings) -> Result<Self, SettingsError> {
        if let Some(label) = settings.labels.keys().find(|label| !target_file::is_label(label)) {
            return Err(LabelError(label.clone()).into());
        }
        if settings.targets.is_some() == settings.http_sd.is_some() {
            return Err(SettingsError::Targets);
        }
        let web = Arc::new(Web::new(PRODUCT, &settings.url, 9090)?);
        Ok(Self { settings: Arc::new(settings), web })
    }

    /// Does something with the kept targets, where waiting for a disk holds up nobody.
    async fn with_store<T: Send + 'static>(
        &self,
        action: String,
        act: impl FnOnce(&Store) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let store = Store::of(&self.settings, action.clone());
        spawn_blocking(move || act(&store))
            .await
            .unwrap_or_else(|error| Err(ProviderError::new(ErrorKind::Unexpected, PRODUCT, action).because(error)))
    }

    async fn group(&self, node: &NodeName, owner: &SiteName, action: String) -> Result<Option<Group>, ProviderError> {
        let (node, owner) = (node.clone(), owner.clone());
        self.with_store(action, move |store| store.group(&node, &owner)).await
    }
}

#[async_trait]
impl Monitor for Prometheus {
    async fn target(&self, node: &NodeName, owner: &SiteName) -> Result<Option<HeldTarget>, ProviderError> {
        let group = self.group(node, owner, format!("look up the target of {node}")).await?;
        Ok(group.and_then(|group| group.held(node, &self.settings)))
    }

    async fn set(&self, target: &Target, owner: &SiteName) -> Result<(), ProviderError> {
        let (target, owner) = (target.clone(), owner.clone());
        self.with_store(format!("set the target of {}", target.node), move |store| store.set(&target, &owner)).await
    }

    async fn remove(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        let (node, owner) = (node.clone(), owner.clone());
        self.with_store(format!("remove the target of {node}"), move |store| store.remove(&node, &owner)).await
    }

    async fn owned(&self, owner: &SiteName) -> Result<Vec<Target>, ProviderError> {
        let owner = owner.clone();
        self.with_store("list its targets".to_owned(), move |store| store.owned(&owner)).await
    }

    async fn health(&self, node: &NodeName, owner: &SiteName) -> Result<Health, ProviderError> {
        let action = format!("ask for the health of {node}");
        let Some(group) = self.group(node, owner, action.clone()).await? else { return Ok(Health::Unknown) };
        let answer: Answer = self.web.read(&action, "/api/v1/targets?state=active").await?;
        Ok(answer.health(&group))
    }

    fn rules(&self) -> Option<Arc<dyn Rules>> {
        let directory = self.settings.rules.clone()?;
        Some(Arc::new(PrometheusRules::new(directory, Arc::clone(&self.web))))
    }
}

#[async_trait]
impl Alerts for Prometheus {
    async fn firing(&self, of: &AlertsOf) -> Result<Vec<Alert>, ProviderError> {
        let answer: Alerting = self.web.read("ask which alerts fire", "/api/v1/alerts").await?;
        let site = [(SITE.to_owned(), of.site.to_string())].into();
        let ours = answer.firing().filter(|alert| alerts::is_of(&alert.labels, of, NODE, &site));
        let told = ours.map(|alert| alerts::told(&alert.labels, &alert.annotations, alert.active_at, NODE));
        let mut firing: Vec<Alert> = told.collect();
        firing.sort_by(|a, b| (a.since, &a.name, &a.node).cmp(&(b.since, &b.name, &b.node)));
        Ok(firing)
    }
}
