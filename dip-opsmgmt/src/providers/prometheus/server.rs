//! The targets of one Prometheus: a file of its own for each node, `dip-<site>-<node>.json`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dip_core::id::{NodeName, SiteName};
use dip_core::provider::{ErrorKind, ProviderError, Retry};
use reqwest::{Client, StatusCode, Url};
use tokio::task::spawn_blocking;

use super::api::Answer;
use super::target_file::{self, Group};
use crate::provider::{Health, HeldTarget, Monitor, Target};
use crate::providers::file;
use crate::settings::PrometheusSettings;

const PRODUCT: &str = "prometheus";

/// A list of ten thousand targets takes a loaded server seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// The targets of one Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    settings: Arc<PrometheusSettings>,
    targets_url: Url,
    client: Client,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The URL cannot be used. It is not repeated: it may hold a password.
    #[error("`url` must be like `http://10.0.0.6:9090`, without user and password")]
    Url,
    /// A label's name cannot be used.
    #[error("`{0}` is not the name of a label; it may hold letters, digits and `_`, and not start with a digit")]
    Label(String),
    /// No HTTP client can be made.
    #[error("no HTTP client can be made")]
    Client(#[from] reqwest::Error),
}

impl Prometheus {
    /// A provider for the Prometheus of the settings. It connects when it is first asked.
    ///
    /// # Errors
    /// Where the URL or a label cannot be used.
    pub fn new(settings: PrometheusSettings) -> Result<Self, SettingsError> {
        if let Some(label) = settings.labels.keys().find(|label| !target_file::is_label(label)) {
            return Err(SettingsError::Label(label.clone()));
        }
        let base = Url::parse(&settings.url).map_err(|_| SettingsError::Url)?;
        if base.cannot_be_a_base() || !base.username().is_empty() || base.password().is_some() {
            return Err(SettingsError::Url);
        }
        let path = format!("{}/api/v1/targets?state=active", settings.url.trim_end_matches('/'));
        let targets_url = Url::parse(&path).map_err(|_| SettingsError::Url)?;
        // Fails where the program has installed one already, which then serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A proxy of the environment is not meant for the servers of a site.
        let client = Client::builder().timeout(PATIENCE).no_proxy().build()?;
        Ok(Self { settings: Arc::new(settings), targets_url, client })
    }

    /// Does something with the files of the directory, where waiting for a disk holds up nobody.
    async fn with_files<T: Send + 'static>(
        &self,
        action: String,
        act: impl FnOnce(&Files) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let files = Files { settings: Arc::clone(&self.settings), action: action.clone() };
        spawn_blocking(move || act(&files))
            .await
            .unwrap_or_else(|error| Err(ProviderError::new(ErrorKind::Unexpected, PRODUCT, action).because(error)))
    }

    async fn group(&self, node: &NodeName, owner: &SiteName, action: String) -> Result<Option<Group>, ProviderError> {
        let (node, owner) = (node.clone(), owner.clone());
        self.with_files(action, move |files| files.group(&node, &owner)).await
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
        self.with_files(format!("set the target of {}", target.node), move |files| files.set(&target, &owner)).await
    }

    async fn remove(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        let (node, owner) = (node.clone(), owner.clone());
        self.with_files(format!("remove the target of {node}"), move |files| files.remove(&node, &owner)).await
    }

    async fn owned(&self, owner: &SiteName) -> Result<Vec<Target>, ProviderError> {
        let owner = owner.clone();
        self.with_files("list its targets".to_owned(), move |files| files.owned(&owner)).await
    }

    async fn health(&self, node: &NodeName, owner: &SiteName) -> Result<Health, ProviderError> {
        let action = format!("ask for the health of {node}");
        let Some(group) = self.group(node, owner, action.clone()).await? else { return Ok(Health::Unknown) };
        let failed = |error: reqwest::Error| {
            let kind = if error.is_decode() { ErrorKind::Unexpected } else { ErrorKind::Unreachable };
            ProviderError::new(kind, PRODUCT, &action)
                .because(error.without_url())
                .advise(format!("is Prometheus at {}?", self.settings.url))
        };
        let response = self.client.get(self.targets_url.clone()).send().await.map_err(failed)?;
        let status = response.status();
        let error = |kind| {
            ProviderError::new(kind, PRODUCT, &action).advise(format!("{} answered {status}", self.settings.url))
        };
        match status {
            StatusCode::OK => Ok(response.json::<Answer>().await.map_err(failed)?.health(&group)),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(error(ErrorKind::Denied)),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Err(error(ErrorKind::Busy)),
            status if status.is_server_error() => Err(error(ErrorKind::Unexpected).retry_as(Retry::Backoff)),
            _ => Err(error(ErrorKind::Unexpected)),
        }
    }
}

/// The directory of target files, for one action.
struct Files {
    settings: Arc<PrometheusSettings>,
    action: String,
}

impl Files {
    fn group(&self, node: &NodeName, owner: &SiteName) -> Result<Option<Group>, ProviderError> {
        let path = self.path(node, owner);
        let Some(text) = file::read(&path).map_err(|error| self.failed(error))? else { return Ok(None) };
        let mut groups = target_file::parse(&text).map_err(|error| self.unreadable(&path, error))?;
        // A file that is not as dip writes it was changed by hand: it has lost its mark.
        match groups.pop() {
            Some(group) if groups.is_empty() => Ok(Some(group)),
            _ => Ok(Some(Group { targets: Vec::new(), labels: [].into() })),
        }
    }

    fn set(&self, target: &Target, owner: &SiteName) -> Result<(), ProviderError> {
        if let Some(label) = target.labels.keys().find(|label| !target_file::is_label(label)) {
            return Err(self.error(ErrorKind::Invalid).because(SettingsError::Label(label.clone())));
        }
        let _lock = file::lock(&self.settings.targets).map_err(|error| self.failed(error))?;
        self.ours(&target.node, owner)?;
        self.nobody_elses(&target.address, owner)?;
        let path = self.path(&target.node, owner);
        let before = file::read(&path).map_err(|error| self.failed(error))?;
        let after = target_file::text(&Group::of(target, owner, &self.settings));
        // Unchanged files are left alone, so that nobody reads them again for nothing.
        if before.as_ref() == Some(&after)
            || file::replace(&path, before.as_deref(), &after).map_err(|error| self.failed(error))?
        {
            return Ok(());
        }
        Err(self.error(ErrorKind::Busy).advise(format!("somebody else changes {} at the same time", path.display())))
    }

    fn remove(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        let _lock = file::lock(&self.settings.targets).map_err(|error| self.failed(error))?;
        self.ours(node, owner)?;
        file::remove(&self.path(node, owner)).map_err(|error| self.failed(error))
    }

    /// The targets in files that carry a site's mark, whatever settings wrote them.
    fn owned(&self, owner: &SiteName) -> Result<Vec<Target>, ProviderError> {
        let mut owned = Vec::new();
        for entry in fs::read_dir(&self.settings.targets).map_err(|error| self.failed(error))? {
            let path = entry.map_err(|error| self.failed(error))?.path();
            let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
            let node = name.strip_prefix(&format!("dip-{owner}-")).and_then(|rest| rest.strip_suffix(".json"));
            let Some(node) = node.and_then(|node| NodeName::new(node).ok()) else { continue };
            // A file that was changed by hand has lost its mark.
            let Some(mut group) = self.group(&node, owner)? else { continue };
            let marks = [(target_file::SITE, owner.as_str()), (target_file::NODE, node.as_str())];
            if marks.iter().all(|(label, value)| group.labels.remove(*label).as_deref() == Some(*value)) {
                let address = group.targets.pop().unwrap_or_default();
                owned.push(Target { node, address, labels: group.labels });
            }
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
        for entry in fs::read_dir(&self.settings.targets).map_err(|error| self.failed(error))? {
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
        self.settings.targets.join(format!("dip-{owner}-{node}.json"))
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
        file::failed(PRODUCT, &self.action, &self.settings.targets, error)
    }
}
