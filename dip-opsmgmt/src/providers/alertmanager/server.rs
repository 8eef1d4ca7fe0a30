//! One Alertmanager. A silence is found again by who made it (`dip site <site>`) and by the end of its comment (`run <run>`).

use std::collections::BTreeMap;

use async_trait::async_trait;
use dip_core::id::{NodeName, SiteName};
use dip_core::provider::{ErrorKind, ProviderError, Retry, Silence, Silences};
use jiff::Timestamp;
use reqwest::Method;

use super::wire::{Made, Matcher, ToldAlert, ToldSilence, WantedSilence};
use crate::provider::{Alert, Alerts, AlertsOf};
use crate::providers::alerts;
use crate::providers::web::{Web, WebError};
use crate::settings::{AlertmanagerSettings, SITE_LABEL};

const PRODUCT: &str = "Alertmanager";

/// The alerts and silences of one Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    web: Web,
    node_label: String,
    labels: Option<BTreeMap<String, String>>,
}

impl Alertmanager {
    /// A provider for the Alertmanager of the settings. It connects when it is first asked.
    ///
    /// # Errors
    /// Where the URL cannot be used.
    pub fn new(settings: AlertmanagerSettings) -> Result<Self, WebError> {
        let web = Web::new(PRODUCT, &settings.url, 9093)?;
        Ok(Self { web, node_label: settings.node_label, labels: settings.labels })
    }

    /// The labels that alerts of the site's nodes carry, beside that of the node.
    fn labels_of(&self, site: &SiteName) -> BTreeMap<String, String> {
        self.labels.clone().unwrap_or_else(|| BTreeMap::from([(SITE_LABEL.to_owned(), site.to_string())]))
    }

    fn matchers(&self, site: &SiteName, node: &NodeName) -> Vec<Matcher> {
        let mut matchers = self.matchers_of(site);
        matchers.push(Matcher::is(&self.node_label, node.as_str()));
        matchers.sort();
        matchers
    }

    fn matchers_of(&self, site: &SiteName) -> Vec<Matcher> {
        self.labels_of(site).iter().map(|(name, value)| Matcher::is(name, value)).collect()
    }

    /// The silences of a run that are not over, of those with these matchers: an Alertmanager keeps all that are over for days.
    async fn of_run(
        &self,
        action: &str,
        site: &SiteName,
        run: &str,
        matchers: &[Matcher],
    ) -> Result<Vec<ToldSilence>, ProviderError> {
        let filter: Vec<_> = matchers.iter().filter_map(|one| Some(("filter", one.as_filter()?))).collect();
        let all: Vec<ToldSilence> = self.web.query(action, "/api/v2/silences", &filter).await?;
        let is_ours = |silence: &ToldSilence| {
            !silence.is_over() && silence.created_by == creator(site) && silence.comment.ends_with(&mark(run))
        };
        Ok(all.into_iter().filter(is_ours).collect())
    }

    async fn expire(&self, action: &str, silence: &ToldSilence) -> Result<(), ProviderError> {
        let path = format!("/api/v2/silence/{}", silence.id);
        match self.web.call(action, Method::DELETE, &path, None::<&()>).await {
            Ok(_) => Ok(()),
            // One that is over already is refused, or unknown after a while.
            Err(error) => match self.web.read::<ToldSilence>(action, &path).await {
                Ok(silence) if silence.is_over() => Ok(()),
                Err(gone) if gone.kind() == ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            },
        }
    }
}

fn creator(site: &SiteName) -> String {
    format!("dip site {site}")
}

fn mark(run: &str) -> String {
    format!("; run {run}")
}

#[async_trait]
impl Silences for Alertmanager {
    async fn silence(&self, wanted: &Silence) -> Result<(), ProviderError> {
        let Silence { site, run, node, why, until } = wanted;
        let action = format!("silence the alerts of {node}");
        let matchers = self.matchers(site, node);
        let same = |silence: &ToldSilence| {
            let mut others = silence.matchers.clone();
            others.sort();
            others == matchers
        };
        let held = self.of_run(&action, site, run, &matchers).await?.into_iter().find(same);
        if held.as_ref().is_some_and(|held| held.ends_at >= *until) {
            return Ok(());
        }
        let (id, starts_at) = match held {
            Some(held) => (Some(held.id), held.starts_at),
            // A beginning in the past is taken as now: so it begins at once also where the server's clock is behind.
            None => (None, Timestamp::UNIX_EPOCH),
        };
        let (created_by, comment) = (creator(site), format!("{why}{}", mark(run)));
        let body = WantedSilence { id, matchers, starts_at, ends_at: *until, created_by, comment };
        let made: Made = self.web.send(&action, "/api/v2/silences", &body).await?;
        // What was accepted is looked at: a silence that has not begun keeps nobody quiet.
        let seen: ToldSilence = self.web.read(&action, &format!("/api/v2/silence/{}", made.id)).await?;
        if seen.status.state == "active" {
            return Ok(());
        }
        Err(ProviderError::new(ErrorKind::Unexpected, PRODUCT, action).retry_as(Retry::Backoff).advise(format!(
            "{} took the silence {} and says that it is {}; do the clocks agree?",
            self.web.url(),
            made.id,
            seen.status.state
        )))
    }

    async fn end(&self, site: &SiteName, run: &str, node: Option<NodeName>) -> Result<(), ProviderError> {
        let whom = node.as_ref().map_or_else(|| "all nodes".to_owned(), ToString::to_string);
        let action = format!("end the silence of {whom}");
        let of_node = |silence: &ToldSilence| {
            let is = |node: &NodeName| silence.matchers.contains(&Matcher::is(&self.node_label, node.as_str()));
            node.as_ref().is_none_or(is)
        };
        let matchers = node.as_ref().map_or_else(|| self.matchers_of(site), |node| self.matchers(site, node));
        for silence in self.of_run(&action, site, run, &matchers).await?.iter().filter(|silence| of_node(silence)) {
            self.expire(&action, silence).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Alerts for Alertmanager {
    async fn firing(&self, of: &AlertsOf) -> Result<Vec<Alert>, ProviderError> {
        let action = format!("ask which alerts of site {} fire", of.site);
        let path = "/api/v2/alerts?active=true&silenced=false&inhibited=false&unprocessed=false";
        let all: Vec<ToldAlert> = self.web.read(&action, path).await?;
        let labels = self.labels_of(&of.site);
        let all = all.iter().map(|alert| (&alert.labels, &alert.annotations, alert.starts_at));
        Ok(alerts::told(all, of, &self.node_label, &labels))
    }
}
