//! The rules of a site in one Prometheus: a rule file of its own, taken in by a reload and seen in `/api/v1/rules`.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, ProviderError, Retry};
use reqwest::Method;
use tokio::task::spawn_blocking;

use super::PRODUCT;
use super::api::Ruling;
use super::rule_file;
use crate::provider::{Rule, RuleHealth, Rules, RulesHealth};
use crate::providers::file;
use crate::providers::web::Web;

/// The rules of a site in one Prometheus.
#[derive(Debug)]
pub(super) struct PrometheusRules {
    directory: PathBuf,
    web: Arc<Web>,
}

impl PrometheusRules {
    pub(super) const fn new(directory: PathBuf, web: Arc<Web>) -> Self {
        Self { directory, web }
    }

    async fn with_file<T: Send + 'static>(
        &self,
        action: &'static str,
        owner: &SiteName,
        act: impl FnOnce(&RuleFile) -> Result<T, ProviderError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let path = self.directory.join(format!("dip-{owner}.yml"));
        let file = RuleFile { directory: self.directory.clone(), path, owner: owner.clone(), action };
        spawn_blocking(move || act(&file))
            .await
            .unwrap_or_else(|error| Err(ProviderError::new(ErrorKind::Unexpected, PRODUCT, action).because(error)))
    }

    async fn reload(&self, action: &str) -> Result<(), ProviderError> {
        match self.web.call(action, Method::POST, "/-/reload", None::<&()>).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::Denied => {
                Err(ProviderError::new(ErrorKind::Denied, PRODUCT, action).advise(format!(
                    "{} may not be told to reload; start it with `--web.enable-lifecycle`",
                    self.web.url()
                )))
            }
            Err(error) => Err(error),
        }
    }
}

const SET: &str = "set its rules";

#[async_trait]
impl Rules for PrometheusRules {
    async fn held(&self, owner: &SiteName) -> Result<Option<Vec<Rule>>, ProviderError> {
        self.with_file("look up its rules", owner, |file| {
            let text = file.read()?;
            Ok(text.map(|text| rule_file::parse(&text, &file.owner)))
        })
        .await
    }

    async fn set(&self, rules: &[Rule], owner: &SiteName) -> Result<(), ProviderError> {
        let wanted = (!rules.is_empty()).then(|| rule_file::text(rules, owner));
        let before = self.with_file(SET, owner, move |file| file.put(wanted.as_deref())).await?;
        let refused = match self.reload(SET).await {
            Err(error) if matches!(error.kind(), ErrorKind::Unexpected | ErrorKind::Invalid) => error,
            other => return other,
        };
        // What it does not take in would keep it from starting again: it must not stay.
        self.with_file(SET, owner, move |file| file.put(before.as_deref())).await?;
        self.reload(SET).await?;
        Err(refused.retry_as(Retry::Never))
    }

    async fn health(&self, rules: &[Rule], owner: &SiteName) -> Result<RulesHealth, ProviderError> {
        let answer: Ruling = self.web.read("ask for the health of its rules", "/api/v1/rules?type=alert").await?;
        let running = answer.of_group(&rule_file::group_name(owner));
        let health = |rule: &Rule| {
            let labels = rule_file::labels(rule, owner);
            let annotations = rule_file::annotations(rule);
            let found = running.iter().find(|held| {
                let lasts = (held.duration - rule.lasting.as_secs_f64()).abs() < 0.001;
                held.name == rule.alert && held.labels == labels && held.annotations == annotations && lasts
            });
            match found.map(|held| held.health.as_str()) {
                None => RuleHealth::Absent,
                Some("ok") => RuleHealth::Ok,
                Some("err") => {
                    RuleHealth::Failing { error: found.and_then(|held| held.last_error.clone()).unwrap_or_default() }
                }
                Some(_) => RuleHealth::NotYet,
            }
        };
        let is_other = |name: &String| rules.iter().all(|rule| rule.alert != *name);
        let others = running.iter().map(|held| held.name.clone()).filter(is_other).collect();
        Ok(RulesHealth { of: rules.iter().map(health).collect(), others })
    }
}

/// The rule file of a site, for one action.
struct RuleFile {
    directory: PathBuf,
    path: PathBuf,
    owner: SiteName,
    action: &'static str,
}

impl RuleFile {
    /// The text of the file, which must carry our mark.
    fn read(&self) -> Result<Option<String>, ProviderError> {
        let Some(text) = file::read(&self.path).map_err(|error| self.failed(error))? else { return Ok(None) };
        if text.starts_with(&rule_file::mark(&self.owner)) {
            return Ok(Some(text));
        }
        let advice =
            format!("{} does not begin with the mark of site {}; move it away", self.path.display(), self.owner);
        Err(self.error(ErrorKind::Conflict).advise(advice))
    }

    /// Puts a text in its place, or takes the file away; gives what was there before.
    fn put(&self, wanted: Option<&str>) -> Result<Option<String>, ProviderError> {
        let _lock = file::lock(&self.directory).map_err(|error| self.failed(error))?;
        let before = self.read()?;
        match wanted {
            _ if before.as_deref() == wanted => {}
            None => file::remove(&self.path).map_err(|error| self.failed(error))?,
            Some(text) => {
                self.validate(text)?;
                if !file::replace(&self.path, before.as_deref(), text).map_err(|error| self.failed(error))? {
                    let advice = format!("somebody else changes {} at the same time", self.path.display());
                    return Err(self.error(ErrorKind::Busy).advise(advice));
                }
            }
        }
        Ok(before)
    }

    /// Asks `promtool`, where it is installed: its words are better than those of a server that refuses to reload.
    fn validate(&self, text: &str) -> Result<(), ProviderError> {
        // Hidden and of another ending, so that no glob of rule files takes it.
        let draft = self.directory.join(format!(".dip-{}.{}.check", self.owner, std::process::id()));
        std::fs::write(&draft, text).map_err(|error| self.failed(error))?;
        let told = Command::new("promtool").args(["check", "rules"]).arg(&draft).output();
        let removed = file::remove(&draft).map_err(|error| self.failed(error));
        match told {
            Ok(told) if !told.status.success() => {
                Err(self.error(ErrorKind::Invalid).advise(format!("promtool: {}", words(&told.stderr, &draft))))
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.error(ErrorKind::Unexpected).because(error))
            }
            _ => removed,
        }
    }

    fn error(&self, kind: ErrorKind) -> ProviderError {
        ProviderError::new(kind, PRODUCT, self.action)
    }

    fn failed(&self, error: io::Error) -> ProviderError {
        file::failed(PRODUCT, self.action, &self.directory, error)
    }
}

/// What a tool said, in one line and without the name of a file that nobody knows.
fn words(told: &[u8], draft: &Path) -> String {
    let text = String::from_utf8_lossy(told).replace(&format!("{}:", draft.display()), "");
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
