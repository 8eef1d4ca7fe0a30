//! One Prometheus: what it scrapes, whether that is up, and which alerts it raises.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::id::{NodeName, SiteName};
use dip_core::provider::{Carry, Gather, ProviderError};

use super::PRODUCT;
use super::api::{Alerting, Answer, Scraped};
use super::change::{Change, Changed, Wish};
use super::rules::PrometheusRules;
use super::store::{Found, Question, Store};
use super::target_file::{self, LabelError, NODE, SITE};
use crate::provider::{Alert, Alerts, AlertsOf, Health, HeldTarget, Monitor, Rules, Target};
use crate::providers::fault::Fault;
use crate::providers::web::{Web, WebError};
use crate::providers::{alerts, blocking};
use crate::settings::PrometheusSettings;

/// The targets and alerts of one Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    settings: Arc<PrometheusSettings>,
    web: Arc<Web>,
    reads: Gather<Question, Found>,
    changes: Gather<Change, Changed>,
    scraped: Gather<(), Asked>,
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
        let (reads, changes, scraped) = (Gather::new(), Gather::new(), Gather::new());
        Ok(Self { settings: Arc::new(settings), web, reads, changes, scraped })
    }

    async fn group(&self, node: &NodeName, owner: &SiteName, action: &str) -> Found {
        let question = Question { node: node.clone(), owner: owner.clone(), action: action.to_owned() };
        self.reads.join("", question, self).await
    }

    async fn change(&self, wish: Wish, owner: &SiteName, action: String) -> Changed {
        self.changes.join("", Change { wish, owner: owner.clone(), action }, self).await
    }
}

/// All targets as they are scraped now.
type Asked = Result<Arc<Scraped>, Fault>;

#[async_trait]
impl Carry<Question, Found> for Prometheus {
    async fn carry(&self, _: &str, items: &[Arc<Question>]) -> Vec<Found> {
        let (store, asked) = (Store::of(&self.settings), items.to_vec());
        let actions = items.iter().map(|item| item.action.as_str());
        blocking::all(PRODUCT, actions, move || store.groups(&asked)).await
    }
}

#[async_trait]
impl Carry<Change, Changed> for Prometheus {
    async fn carry(&self, _: &str, items: &[Arc<Change>]) -> Vec<Changed> {
        let (store, changes) = (Store::of(&self.settings), items.to_vec());
        let actions = items.iter().map(|item| item.action.as_str());
        blocking::all(PRODUCT, actions, move || store.change(&changes)).await
    }
}

/// Prometheus tells of all its targets at once: whoever asks meanwhile shares the next answer.
#[async_trait]
impl Carry<(), Asked> for Prometheus {
    async fn carry(&self, _: &str, items: &[Arc<()>]) -> Vec<Asked> {
        let answer = self.web.fetch::<Answer>("/api/v1/targets?state=active").await;
        vec![answer.map(|answer| Arc::new(Scraped::from(answer))); items.len()]
    }
}

#[async_trait]
impl Monitor for Prometheus {
    async fn target(&self, node: &NodeName, owner: &SiteName) -> Result<Option<HeldTarget>, ProviderError> {
        let group = self.group(node, owner, &format!("look up the target of {node}")).await?;
        Ok(group.and_then(|group| group.held(node, &self.settings)))
    }

    async fn set(&self, target: &Target, owner: &SiteName) -> Result<(), ProviderError> {
        self.change(Wish::Set(target.clone()), owner, format!("set the target of {}", target.node)).await
    }

    async fn remove(&self, node: &NodeName, owner: &SiteName) -> Result<(), ProviderError> {
        self.change(Wish::Remove(node.clone()), owner, format!("remove the target of {node}")).await
    }

    async fn owned(&self, owner: &SiteName) -> Result<Vec<Target>, ProviderError> {
        const ACTION: &str = "list its targets";
        let (store, owner) = (Store::of(&self.settings), owner.clone());
        blocking::one(PRODUCT, ACTION.to_owned(), move || store.owned(&owner, ACTION)).await
    }

    async fn health(&self, node: &NodeName, owner: &SiteName) -> Result<Health, ProviderError> {
        let action = format!("ask for the health of {node}");
        let Some(group) = self.group(node, owner, &action).await? else { return Ok(Health::Unknown) };
        let scraped = self.scraped.join("", (), self).await.map_err(|fault| fault.of(PRODUCT, &action))?;
        Ok(scraped.health(&group))
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
        let all = answer.firing().map(|alert| (&alert.labels, &alert.annotations, alert.active_at));
        Ok(alerts::told(all, of, NODE, &site))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use dip_core::provider::ErrorKind;

    fn directory(of: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("dip-opsmgmt-prometheus-{of}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory can be made");
        path
    }

    fn settings(url: String, targets: Option<PathBuf>, http_sd: Option<PathBuf>) -> PrometheusSettings {
        PrometheusSettings { targets, http_sd, url, rules: None, job: None, labels: BTreeMap::new() }
    }

    fn target(number: usize) -> Target {
        let node = NodeName::new(&format!("n{number}")).expect("a name");
        Target { node, address: format!("10.1.0.{number}:9100"), labels: BTreeMap::new() }
    }

    fn owner() -> SiteName {
        SiteName::new("lab").expect("a name")
    }

    /// Sets the targets of a hundred nodes at once, of which somebody else has that of `n7`; tells which failed.
    async fn set_all(prometheus: Prometheus) -> Vec<usize> {
        let prometheus = Arc::new(prometheus);
        let tasks: Vec<_> = (0..100)
            .map(|number| {
                let prometheus = Arc::clone(&prometheus);
                tokio::spawn(async move { prometheus.set(&target(number), &owner()).await })
            })
            .collect();
        let mut failed = Vec::new();
        for (number, task) in tasks.into_iter().enumerate() {
            match task.await.expect("it does not panic") {
                Ok(()) => {}
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Conflict);
                    failed.push(number);
                }
            }
        }
        assert_eq!(prometheus.owned(&owner()).await.expect("it can be read").len(), 99);
        failed
    }

    #[tokio::test]
    async fn targets_that_are_set_at_once_are_all_there_and_one_that_is_foreign_alone_fails() {
        let by_hand =
            target_file::text(&[target_file::Group { targets: vec![target(7).address], labels: BTreeMap::new() }]);
        for (of, in_files) in [("files", true), ("document", false)] {
            let directory = directory(of);
            let other = directory.join("other.json");
            fs::write(&other, &by_hand).expect("it can be written");
            let (targets, http_sd) = if in_files { (Some(directory.clone()), None) } else { (None, Some(other)) };
            let settings = settings("http://127.0.0.1:1".to_owned(), targets, http_sd);
            let failed = set_all(Prometheus::new(settings).expect("the settings are sound")).await;
            fs::remove_dir_all(directory).expect("it can be removed");
            assert_eq!(failed, [7], "{of}");
        }
    }

    #[tokio::test]
    async fn the_health_of_many_nodes_is_asked_for_together() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let _ = stream.read(&mut [0; 1024]).await.expect("a request");
                let labels = "{\"__address__\":\"10.1.0.3:9100\",\"node\":\"n3\",\"dip_site\":\"lab\"}";
                let body =
                    format!("{{\"data\":{{\"activeTargets\":[{{\"discoveredLabels\":{labels},\"health\":\"up\"}}]}}}}");
                let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).await.expect("the client listens");
            }
        });
        let directory = directory("health");
        let document = directory.join("targets.json");
        let prometheus = Prometheus::new(settings(url, None, Some(document))).expect("the settings are sound");
        let prometheus = Arc::new(prometheus);
        for number in 0..50 {
            prometheus.set(&target(number), &owner()).await.expect("nobody has it");
        }
        let tasks: Vec<_> = (0..50)
            .map(|number| {
                let prometheus = Arc::clone(&prometheus);
                tokio::spawn(async move { prometheus.health(&target(number).node, &owner()).await })
            })
            .collect();
        for (number, task) in tasks.into_iter().enumerate() {
            let health = task.await.expect("it does not panic").expect("it answers");
            assert_eq!(health, if number == 3 { Health::Up } else { Health::Unknown }, "n{number}");
        }
        fs::remove_dir_all(directory).expect("it can be removed");
        let asked = asked.load(Ordering::Relaxed);
        assert!(asked <= 3, "50 nodes were asked for {asked} times");
    }
}
