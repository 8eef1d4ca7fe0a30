//! The rules of a site in one Prometheus: a rule file of its own, taken in by a reload and seen in `/api/v1/rules`.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::id::SiteName;
use dip_core::provider::{ErrorKind, ProviderError, Retry};
use reqwest::Method;

use super::PRODUCT;
use super::api::Ruling;
use super::rule_file;
use crate::provider::{Rule, RuleHealth, Rules, RulesHealth};
use crate::providers::web::Web;
use crate::providers::{blocking, file};

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
        blocking::one(PRODUCT, action.to_owned(), move || act(&file)).await
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
        let text = wanted.clone();
        let before = self.with_file(SET, owner, move |file| file.put(text.as_deref())).await?;
        let error = match self.reload(SET).await {
            Err(error)
                if matches!(error.kind(), ErrorKind::Unexpected | ErrorKind::Invalid | ErrorKind::Unreachable) =>
            {
                error
            }
            other => return other,
        };
        // What it does not take in, or may not, would keep it from starting again: it must not stay. An attempt that was cut off
        // here has left the same text behind, which then is no former one.
        let former = before.filter(|before| Some(before) != wanted.as_ref());
        self.with_file(SET, owner, move |file| file.put(former.as_deref())).await?;
        if error.kind() == ErrorKind::Unreachable {
            return Err(error);
        }
        self.reload(SET).await?;
        Err(error.retry_as(Retry::Never))
    }

    async fn health(&self, rules: &[Rule], owner: &SiteName) -> Result<RulesHealth, ProviderError> {
        let answer: Ruling = self.web.read("ask for the health of its rules", "/api/v1/rules?type=alert").await?;
        let running = answer.of_group(&rule_file::group_name(owner));
        let health = |rule: &Rule| {
            let labels = rule_file::labels(rule, owner);
            let annotations = rule_file::annotations(rule, owner);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::provider::Condition;

    fn rule(bound: i64) -> Rule {
        Rule {
            alert: "Hot".to_owned(),
            when: Condition::Above { metric: "temperature".to_owned(), bound },
            nodes: Vec::new(),
            lasting: Duration::from_secs(60),
            severity: "page".to_owned(),
            summary: None,
        }
    }

    /// Sets rules where a file is there already, at a server that answers the calls to reload with these codes and then is gone.
    /// Gives what came of it, and the file.
    async fn set(before: &[Rule], wanted: &[Rule], codes: Vec<u16>) -> (ProviderError, Option<String>) {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("dip-opsmgmt-rules-{}-{number}", std::process::id()));
        std::fs::create_dir(&directory).expect("a directory can be made");
        let owner = SiteName::new("lab").expect("a name");
        let path = directory.join("dip-lab.yml");
        std::fs::write(&path, rule_file::text(before, &owner)).expect("it can be written");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = tokio::spawn(async move {
            for code in codes {
                let (mut stream, _) = listener.accept().await.expect("a client");
                let mut request = [0; 1024];
                let read = stream.read(&mut request).await.expect("a request");
                assert!(request[..read].starts_with(b"POST /-/reload"));
                let answer = format!("HTTP/1.1 {code} Told\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.expect("the client listens");
            }
        });
        let web = Arc::new(Web::new(PRODUCT, &url, 9090).expect("a client"));
        let done = PrometheusRules::new(directory.clone(), web).set(wanted, &owner).await;
        serving.await.expect("the server does not panic");
        let after = std::fs::read_to_string(&path).ok();
        std::fs::remove_dir_all(&directory).expect("it can be removed");
        (done.expect_err("the server does not take them in"), after)
    }

    #[tokio::test]
    async fn rules_that_are_refused_do_not_stay_though_an_attempt_before_left_them() {
        let (error, after) = set(&[rule(40)], &[rule(40)], vec![500, 200]).await;
        assert_eq!((error.kind(), error.retry(), after), (ErrorKind::Unexpected, Retry::Never, None));
        let (_, after) = set(&[rule(30)], &[rule(40)], vec![500, 200]).await;
        assert!(after.expect("the former ones stay").contains("> 30"));
    }

    #[tokio::test]
    async fn rules_that_nobody_has_looked_at_do_not_stay() {
        let (error, after) = set(&[rule(30)], &[rule(40)], vec![]).await;
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Unreachable, Retry::Backoff));
        assert!(after.expect("the former ones stay").contains("> 30"));
        assert_eq!(set(&[rule(40)], &[rule(40)], vec![]).await.1, None);
    }
}
