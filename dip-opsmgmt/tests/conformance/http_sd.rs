//! Prometheus with targets over HTTP: the document that dip writes, served by the test as a site's web server would.

use std::any::Any;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::expect::us;
use dip_core::conformance::{Failure, Trial};
use dip_core::id::NodeName;
use dip_opsmgmt::conformance::{self, MonitorHarness};
use dip_opsmgmt::provider::{Monitor, Target};
use dip_opsmgmt::providers::prometheus::{Prometheus, http_sd};
use dip_opsmgmt::settings::PrometheusSettings;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const SERVER: &str = "prometheus over HTTP";

struct Rig {
    document: PathBuf,
    settings: PrometheusSettings,
    provider: Arc<Prometheus>,
    alive: String,
    numbers: AtomicU16,
    /// What lets the server run.
    _server: Option<Arc<dyn Any + Send + Sync>>,
}

/// The trials on a running Prometheus, which runs as long as `keeper` is kept.
pub(crate) async fn trials(server: &dip_lab::Prometheus, keeper: Arc<dyn Any + Send + Sync>) -> Vec<Trial> {
    let rig = match Rig::start(server).await {
        Ok(rig) => Arc::new(Rig { _server: Some(keeper), ..rig }),
        Err(failure) => return vec![Trial::new("it_starts", move || async move { Err(failure) }).on(SERVER)],
    };
    let trials = conformance::monitor(rig as Arc<dyn MonitorHarness>);
    trials.into_iter().map(|trial| trial.on(SERVER)).collect()
}

impl Rig {
    async fn start(server: &dip_lab::Prometheus) -> Result<Self, Failure> {
        let rig = Self::of(server, "served", 500)?;
        tokio::spawn(serve(TcpListener::bind(server.http_sd).await?, rig.document.clone()));
        Ok(rig)
    }

    /// One with a document of its own, which nobody serves yet.
    fn of(server: &dip_lab::Prometheus, directory: &str, first: u16) -> Result<Self, Failure> {
        let directory = server.targets_dir.with_file_name(directory);
        fs::create_dir_all(&directory)?;
        let document = directory.join("targets.json");
        let settings = PrometheusSettings {
            targets: None,
            http_sd: Some(document.clone()),
            rules: None,
            url: format!("http://{}", server.addr),
            job: None,
            labels: Default::default(),
        };
        let provider = Arc::new(Prometheus::new(settings.clone())?);
        let alive = format!("localhost:{}", server.addr.port());
        Ok(Self { document, settings, provider, alive, numbers: AtomicU16::new(first), _server: None })
    }
}

async fn serve(listener: TcpListener, document: PathBuf) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let body = fs::read_to_string(&document).unwrap_or_else(|_| "[]".to_owned());
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ";
        let _ = stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).await;
    }
}

#[async_trait]
impl MonitorHarness for Rig {
    fn monitor(&self) -> Arc<dyn Monitor> {
        Arc::clone(&self.provider) as Arc<dyn Monitor>
    }

    fn with_wrong_credentials(&self) -> Option<Arc<dyn Monitor>> {
        None
    }

    fn of_dead_server(&self) -> Option<Arc<dyn Monitor>> {
        // Nobody listens on port 1.
        let settings = PrometheusSettings { url: "http://127.0.0.1:1".to_owned(), ..self.settings.clone() };
        Some(Arc::new(Prometheus::new(settings).expect("the settings are sound")))
    }

    fn fresh(&self) -> Target {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let node = NodeName::new(&format!("s{number}")).expect("a plain word is a name");
        // Nobody listens there: ports this low belong to no server of the lab.
        Target { node, address: format!("127.0.0.1:{number}"), labels: [("rack".to_owned(), "r1".to_owned())].into() }
    }

    fn alive(&self) -> Option<String> {
        Some(self.alive.clone())
    }

    async fn seed_unmarked(&self, target: &Target) -> Result<Option<()>, Failure> {
        let lock = File::open(self.document.with_file_name("."))?;
        lock.lock()?;
        let mut groups: Vec<Value> = match fs::read_to_string(&self.document) {
            Ok(text) => serde_json::from_str(&text)?,
            Err(_) => Vec::new(),
        };
        groups.push(json!({"targets": [target.address], "labels": {}}));
        fs::write(&self.document, serde_json::to_string(&groups)?)?;
        Ok(Some(()))
    }

    fn expressions(&self) -> (String, String) {
        ("up == 0".to_owned(), "up{ == 0".to_owned())
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }
}

/// What a program gives out that serves the targets itself is what dip writes for a web server.
pub(crate) async fn a_program_can_serve_the_targets_itself(server: &dip_lab::Prometheus) -> Result<(), Failure> {
    let rig = Rig::of(server, "own", 900)?;
    let target = rig.fresh();
    rig.provider.set(&target, &us()).await?;
    let written = fs::read_to_string(&rig.document)?;
    crate::is("the document", &http_sd(&rig.provider.owned(&us()).await?, &us()), &written)
}
