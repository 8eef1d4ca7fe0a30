//! Prometheus under trial; it scrapes itself where a target must answer.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::expect::us;
use dip_core::conformance::{Failure, Trial, Verdict, not_installed};
use dip_core::id::NodeName;
use dip_core::provider::ErrorKind;
use dip_lab::Requirement;
use dip_opsmgmt::conformance::{self, MonitorHarness};
use dip_opsmgmt::provider::{Monitor, Target};
use dip_opsmgmt::providers::prometheus::Prometheus;
use dip_opsmgmt::settings::PrometheusSettings;
use serde_json::json;

use crate::{is, refused, step};

const SERVER: &str = "prometheus";

struct Rig {
    server: dip_lab::Prometheus,
    provider: Arc<Prometheus>,
    numbers: AtomicU16,
}

pub(crate) async fn trials() -> Vec<Trial> {
    if let Err(missing) = Requirement::Prometheus.check() {
        return vec![Trial::new("all_trials", move || async move { not_installed(missing.to_string()) }).on(SERVER)];
    }
    let rig = match Rig::start().await {
        Ok(rig) => Arc::new(rig),
        Err(failure) => return vec![Trial::new("it_starts", move || async move { Err(failure) }).on(SERVER)],
    };
    let mut trials = conformance::monitor(Arc::clone(&rig) as Arc<dyn MonitorHarness>);
    macro_rules! further {
        ($($name:ident)*) => {$({
            let rig = Arc::clone(&rig);
            trials.push(Trial::new(stringify!($name), move || async move { $name(&rig).await.map(|()| Verdict::Passed) }));
        })*};
    }
    further! {
        the_step_waits_until_the_node_is_scraped_and_up
        a_file_that_was_changed_by_hand_is_a_conflict_that_names_it
        a_directory_that_does_not_exist_is_told
    }
    trials.into_iter().map(|trial| trial.on(SERVER)).collect()
}

impl Rig {
    async fn start() -> Result<Self, Failure> {
        let server = dip_lab::Prometheus::start().await?;
        let provider = Arc::new(Prometheus::new(settings(&server))?);
        Ok(Self { server, provider, numbers: AtomicU16::new(1) })
    }
}

fn settings(server: &dip_lab::Prometheus) -> PrometheusSettings {
    PrometheusSettings {
        targets: server.targets_dir.clone(),
        url: format!("http://{}", server.addr),
        job: Some("machines".to_owned()),
        labels: [("tier".to_owned(), "lab".to_owned())].into(),
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
        let settings = PrometheusSettings { url: "http://127.0.0.1:1".to_owned(), ..settings(&self.server) };
        Some(Arc::new(Prometheus::new(settings).expect("the settings are sound")))
    }

    fn fresh(&self) -> Target {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        Target {
            node: NodeName::new(&format!("h{number}")).expect("a plain word is a name"),
            // Nobody listens there: ports this low belong to no server of the lab.
            address: format!("127.0.0.1:{number}"),
            labels: [("rack".to_owned(), "r1".to_owned())].into(),
        }
    }

    fn alive(&self) -> Option<String> {
        Some(self.server.addr.to_string())
    }

    async fn seed_unmarked(&self, target: &Target) -> Result<Option<()>, Failure> {
        let file = self.server.targets_dir.join(format!("by-hand-{}.json", target.node));
        fs::write(file, json!([{"targets": [target.address]}]).to_string())?;
        Ok(Some(()))
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }
}

async fn the_step_waits_until_the_node_is_scraped_and_up(rig: &Rig) -> Result<(), Failure> {
    let settings = json!({"targets": rig.server.targets_dir, "url": format!("http://{}", rig.server.addr)});
    let site = step::site(&us(), "prometheus", settings, &["10.2.0.11"])?;
    let (providers, monitor) = step::connect(&site)?;
    let metrics = rig.server.addr.to_string();
    step::bring_about(&monitor, &providers, &metrics).await?;
    fs::remove_file(rig.server.targets_dir.join("dip-conformance-n1.json"))?;
    step::bring_about(&monitor, &providers, &metrics).await?;
    Ok(())
}

async fn a_file_that_was_changed_by_hand_is_a_conflict_that_names_it(rig: &Rig) -> Result<(), Failure> {
    let target = rig.fresh();
    let name = format!("dip-conformance-{}.json", target.node);
    let file = rig.server.targets_dir.join(&name);
    let by_hand = json!([{"targets": ["127.0.0.1:2000"]}]).to_string();
    fs::write(&file, &by_hand)?;
    let results = (rig.provider.set(&target, &us()).await, rig.provider.remove(&target.node, &us()).await);
    refused(results.0, ErrorKind::Conflict, &name)?;
    refused(results.1, ErrorKind::Conflict, &name)?;
    is("the file", &fs::read_to_string(&file)?, &by_hand)
}

async fn a_directory_that_does_not_exist_is_told(rig: &Rig) -> Result<(), Failure> {
    let settings = PrometheusSettings { targets: "/nonexistent/targets".into(), ..settings(&rig.server) };
    let provider = Prometheus::new(settings)?;
    refused(provider.set(&rig.fresh(), &us()).await, ErrorKind::Unreachable, "/nonexistent/targets")
}
