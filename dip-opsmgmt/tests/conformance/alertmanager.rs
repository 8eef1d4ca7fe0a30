//! Alertmanager under trial. What its monitoring would tell it is told by the test.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::expect::{refused, us};
use dip_core::conformance::{Failure, Trial, Verdict, on_server};
use dip_core::id::NodeName;
use dip_core::provider::{ErrorKind, Silence, Silences};
use dip_lab::Requirement;
use dip_opsmgmt::conformance::{self, AlertsHarness};
use dip_opsmgmt::provider::{Alerts, AlertsOf};
use dip_opsmgmt::providers::alertmanager::Alertmanager;
use dip_opsmgmt::settings::AlertmanagerSettings;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::{is, wait};

const SERVER: &str = "alertmanager";

pub(crate) struct Rig {
    server: dip_lab::Alertmanager,
    provider: Arc<Alertmanager>,
    numbers: AtomicU16,
}

pub(crate) async fn trials() -> Vec<Trial> {
    on_server(SERVER, Requirement::Alertmanager.check(), Rig::start(), |rig| {
        let mut trials = conformance::alerts(Arc::clone(&rig) as Arc<dyn AlertsHarness>);
        macro_rules! further {
            ($($name:ident)*) => {$({
                trials.push(Trial::new(stringify!($name), move || async move { $name().await.map(|()| Verdict::Passed) }));
            })*};
        }
        further! {
            a_server_that_was_killed_keeps_the_silence_and_is_asked_again
            a_server_that_refuses_is_told_in_its_words
            silences_of_labels_with_quotes_are_found_again
            something_else_at_the_address_is_told
        }
        trials
    })
    .await
}

fn provider(url: String) -> Arc<Alertmanager> {
    let settings = AlertmanagerSettings { url, node_label: "node".to_owned(), labels: None };
    Arc::new(Alertmanager::new(settings).expect("the settings are sound"))
}

impl Rig {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let server = dip_lab::Alertmanager::start().await?;
        let provider = provider(format!("http://{}", server.addr));
        Ok(Self { server, provider, numbers: AtomicU16::new(1) })
    }

    pub(crate) const fn addr(&self) -> SocketAddr {
        self.server.addr
    }

    /// Lets an alert be over.
    pub(crate) async fn resolve(&self, name: &str, node: &NodeName) -> Result<(), Failure> {
        let labels = json!({"alertname": name, "node": node, "dip_site": us()});
        let (now, annotations) = (Timestamp::now(), json!({"summary": "a trial"}));
        let alerts = json!([{"labels": labels, "annotations": annotations, "endsAt": now}]);
        self.call("POST", "/api/v2/alerts", &alerts.to_string()).await.map(drop)
    }

    async fn call(&self, method: &str, path: &str, body: &str) -> Result<Value, Failure> {
        let mut stream = TcpStream::connect(self.server.addr).await?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("an answer has a head")?;
        if !head.contains(" 200 ") {
            return Err(format!("{method} {path}: {answer}").into());
        }
        // Large answers come in chunks: what is between them is no JSON.
        let body = if head.contains("chunked") { joined(body) } else { body.to_owned() };
        Ok(if body.is_empty() { Value::Null } else { serde_json::from_str(&body)? })
    }
}

fn joined(mut chunks: &str) -> String {
    let mut all = String::new();
    while let Some((size, rest)) = chunks.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        all.push_str(rest.get(..size).unwrap_or_default());
        chunks = rest.get(size + 2..).unwrap_or_default();
    }
    all
}

#[async_trait]
impl AlertsHarness for Rig {
    fn alerts(&self) -> Arc<dyn Alerts> {
        Arc::clone(&self.provider) as Arc<dyn Alerts>
    }

    fn silences(&self) -> Arc<dyn Silences> {
        Arc::clone(&self.provider) as Arc<dyn Silences>
    }

    fn of_dead_server(&self) -> Option<(Arc<dyn Alerts>, Arc<dyn Silences>)> {
        // Nobody listens on port 1.
        let dead = provider("http://127.0.0.1:1".to_owned());
        Some((Arc::clone(&dead) as Arc<dyn Alerts>, dead))
    }

    fn fresh(&self) -> NodeName {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        NodeName::new(&format!("a{number}")).expect("a plain word is a name")
    }

    async fn fire(&self, name: &str, node: &NodeName, labels: &BTreeMap<String, String>) -> Result<(), Failure> {
        let mut all = labels.clone();
        let ours = [("alertname", name), ("node", node.as_str()), ("dip_site", us().as_str())]
            .map(|(label, value)| (label.to_owned(), value.to_owned()));
        all.extend(ours);
        let alerts = json!([{"labels": all, "annotations": {"summary": "a trial"}}]);
        self.call("POST", "/api/v2/alerts", &alerts.to_string()).await.map(drop)
    }

    async fn seed_foreign(&self, node: &NodeName) -> Result<Option<String>, Failure> {
        let matcher =
            |name: &str, value: &str| json!({"name": name, "value": value, "isRegex": false, "isEqual": true});
        let silence = json!({
            "matchers": [matcher("dip_site", us().as_str()), matcher("node", node.as_str())],
            "startsAt": Timestamp::now(),
            "endsAt": Timestamp::now() + SignedDuration::from_hours(1),
            "createdBy": "ada",
            "comment": "a disk is on its way; run r1",
        });
        let made = self.call("POST", "/api/v2/silences", &silence.to_string()).await?;
        Ok(made["silenceID"].as_str().map(str::to_owned))
    }

    async fn is_untouched(&self, silence: &str) -> Result<bool, Failure> {
        let held = self.call("GET", &format!("/api/v2/silence/{silence}"), "").await?;
        let left: Timestamp = held["endsAt"].as_str().unwrap_or_default().parse()?;
        let minutes = left.duration_since(Timestamp::now()).as_mins();
        Ok(held["createdBy"] == "ada" && held["status"]["state"] == "active" && (55..=60).contains(&minutes))
    }

    async fn ends(&self, node: &NodeName) -> Result<Vec<Timestamp>, Failure> {
        let all = self.call("GET", "/api/v2/silences", "").await?;
        let is_of = |silence: &&Value| {
            let matchers = silence["matchers"].as_array().map_or(&[][..], Vec::as_slice);
            silence["status"]["state"] != "expired" && matchers.iter().any(|matcher| matcher["value"] == node.as_str())
        };
        let of = all.as_array().map_or(&[][..], Vec::as_slice).iter().filter(is_of);
        of.map(|silence| Ok(silence["endsAt"].as_str().unwrap_or_default().parse()?)).collect()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

fn silence(node: &str, until: SignedDuration) -> Result<Silence, Failure> {
    Ok(Silence {
        site: us(),
        run: "r1".to_owned(),
        node: NodeName::new(node)?,
        why: "firmware.flash node/n1".to_owned(),
        until: Timestamp::now() + until,
    })
}

async fn a_server_that_was_killed_keeps_the_silence_and_is_asked_again() -> Result<(), Failure> {
    let mut rig = Rig::start().await?;
    let wanted = silence("n1", SignedDuration::from_mins(15))?;
    rig.provider.silence(&wanted).await?;
    rig.server.stop();
    let refusal = rig.provider.silence(&wanted).await;
    refused(refusal, ErrorKind::Unreachable, &format!("is Alertmanager at http://{}?", rig.server.addr))?;
    wait(rig.server.restart())?;
    rig.provider.silence(&wanted).await?;
    is("how many silences there are", &rig.ends(&wanted.node).await?.len().to_string(), "1")?;
    rig.provider.end(&us(), "r1", None).await?;
    is("how many silences are left", &rig.ends(&wanted.node).await?.len().to_string(), "0")
}

async fn a_server_that_refuses_is_told_in_its_words() -> Result<(), Failure> {
    let rig = Rig::start().await?;
    let past = silence("n1", SignedDuration::from_mins(-5))?;
    refused(rig.provider.silence(&past).await, ErrorKind::Invalid, "end time")
}

async fn silences_of_labels_with_quotes_are_found_again() -> Result<(), Failure> {
    let rig = Rig::start().await?;
    let labels =
        [("team", "the \"a\" team \\ & co"), ("tier", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = AlertmanagerSettings {
        url: format!("http://{}", rig.server.addr),
        node_label: "instance_name".to_owned(),
        labels: Some(labels.into()),
    };
    let provider = Alertmanager::new(settings)?;
    let (first, second) =
        (silence("n1", SignedDuration::from_mins(15))?, silence("n2", SignedDuration::from_mins(15))?);
    for wanted in [&first, &second, &first] {
        provider.silence(wanted).await?;
    }
    is("how many silences there are", &rig.ends(&first.node).await?.len().to_string(), "1")?;
    provider.end(&us(), "r1", Some(first.node.clone())).await?;
    is("how many are left", &rig.ends(&first.node).await?.len().to_string(), "0")?;
    is("how many of the other are left", &rig.ends(&second.node).await?.len().to_string(), "1")?;
    provider.end(&us(), "r1", None).await?;
    is("how many of the other are left", &rig.ends(&second.node).await?.len().to_string(), "0")
}

/// A server that answers everything with a page of its own.
async fn something_else_at_the_address_is_told() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let page = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 13\r\n\r\n<html></html>";
            let _ = stream.write_all(page.as_bytes()).await;
        }
    });
    let of = AlertsOf { site: us(), nodes: Vec::new(), labels: BTreeMap::new() };
    let refusal = refused(provider(url).firing(&of).await, ErrorKind::Unexpected, "is it Alertmanager that answers at");
    serving.abort();
    refusal
}
