//! Prometheus under trial; it scrapes itself where a target must answer.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dip_core::conformance::expect::{refused, us};
use dip_core::conformance::{Failure, Trial, not_installed, trials_of};
use dip_core::id::{LayerId, NodeName, ServiceName, SiteName};
use dip_core::provider::ErrorKind;
use dip_core::subject::Subject;
use dip_lab::Requirement;
use dip_opsmgmt::conformance::{self, MonitorHarness};
use dip_opsmgmt::provider::{Alerts, AlertsOf, Condition, Monitor, Rule, Target};
use dip_opsmgmt::providers::prometheus::Prometheus;
use dip_opsmgmt::settings::PrometheusSettings;
use serde_json::json;

use crate::{http_sd, is, step};

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
    trials.extend(trials_of! {rig;
        the_step_waits_until_the_node_is_scraped_and_up
        a_file_that_was_changed_by_hand_is_a_conflict_that_names_it
        a_directory_that_does_not_exist_is_told
        rule_files_of_others_stay_byte_for_byte
        rules_in_the_place_of_the_site_without_its_mark_are_a_conflict
        a_program_can_serve_the_targets_itself
        thresholds_become_rules_that_raise_alerts_of_the_node
    });
    let over_http = http_sd::trials(&rig.server, Arc::clone(&rig) as _).await;
    trials.into_iter().map(|trial| trial.on(SERVER)).chain(over_http).collect()
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
        targets: Some(server.targets_dir.clone()),
        http_sd: None,
        rules: Some(server.rules_dir.clone()),
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

    fn expressions(&self) -> (String, String) {
        ("up{dip_site=\"conformance\"} == 0".to_owned(), "up{ == 0".to_owned())
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
    let settings = PrometheusSettings { targets: Some("/nonexistent/targets".into()), ..settings(&rig.server) };
    let provider = Prometheus::new(settings)?;
    refused(provider.set(&rig.fresh(), &us()).await, ErrorKind::Unreachable, "/nonexistent/targets")
}

async fn rule_files_of_others_stay_byte_for_byte(rig: &Rig) -> Result<(), Failure> {
    let file = rig.server.rules_dir.join("by-hand.yml");
    let by_hand = "groups:\n- name: by-hand\n  rules: [{alert: Mine, expr: 'vector(1)'}]\n";
    fs::write(&file, by_hand)?;
    let rules = rig.provider.rules().ok_or("it has a place for rules")?;
    let owner = SiteName::new("byte-for-byte")?;
    rules.set(&[of_hand()], &owner).await?;
    rules.set(&[], &owner).await?;
    is("the file", &fs::read_to_string(&file)?, by_hand)?;
    let left = fs::read_dir(&rig.server.rules_dir)?.filter_map(Result::ok).map(|entry| entry.file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains("byte-for-byte")).collect();
    is("what is left", &format!("{left:?}"), "[]")
}

fn of_hand() -> Rule {
    Rule {
        alert: "Hot".to_owned(),
        when: Condition::Expression("vector(1) > 2".to_owned()),
        nodes: Vec::new(),
        lasting: Duration::ZERO,
        severity: "page".to_owned(),
        summary: None,
    }
}

async fn rules_in_the_place_of_the_site_without_its_mark_are_a_conflict(rig: &Rig) -> Result<(), Failure> {
    let owner = SiteName::new("marked")?;
    let file = rig.server.rules_dir.join("dip-marked.yml");
    let by_hand = "groups: []\n";
    fs::write(&file, by_hand)?;
    let rules = rig.provider.rules().ok_or("it has a place for rules")?;
    refused(rules.held(&owner).await, ErrorKind::Conflict, "dip-marked.yml")?;
    refused(rules.set(&[of_hand()], &owner).await, ErrorKind::Conflict, "dip-marked.yml")?;
    refused(rules.set(&[], &owner).await, ErrorKind::Conflict, "dip-marked.yml")?;
    is("the file", &fs::read_to_string(&file)?, by_hand)?;
    Ok(fs::remove_file(file)?)
}

async fn a_program_can_serve_the_targets_itself(rig: &Rig) -> Result<(), Failure> {
    http_sd::a_program_can_serve_the_targets_itself(&rig.server).await
}

/// Prometheus scrapes itself as the node: its own metrics are above 0.
async fn thresholds_become_rules_that_raise_alerts_of_the_node(rig: &Rig) -> Result<(), Failure> {
    let owner = SiteName::new("hot")?;
    let settings = json!({
        "targets": rig.server.targets_dir, "rules": rig.server.rules_dir, "url": format!("http://{}", rig.server.addr)
    });
    let mut site = step::site(&owner, "prometheus", settings, &["10.2.0.12"])?;
    let node = site.nodes.values_mut().next().ok_or("it has a node")?;
    let threshold = json!({"metric": "process_open_fds", "above": 0, "severity": "page", "summary": "too many"});
    node.settings.layers.insert(LayerId::OpsMgmt, json!({"thresholds": {"TooManyFiles": threshold}}));
    let (providers, steps) = step::connect_all(&site)?;
    let metrics = format!("localhost:{}", rig.server.addr.port());
    for name in ["opsmgmt.monitor_node", "opsmgmt.register_rules"] {
        let step = steps.iter().find(|step| step.call.operation() == name).ok_or(name)?;
        step::bring_about(step, &providers, &metrics).await?;
    }
    let of = AlertsOf { site: owner.clone(), nodes: site.nodes.keys().cloned().collect(), labels: Default::default() };
    let alerts = providers.find::<dyn Alerts>(&Subject::service(&ServiceName::new("service")?))?;
    let start = std::time::Instant::now();
    let firing = loop {
        let firing = alerts.firing(&of).await?;
        if !firing.is_empty() || start.elapsed() > rig.patience() {
            break firing;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let told = firing.iter().map(|alert| (alert.name.as_str(), alert.node.as_deref(), alert.summary.as_deref()));
    is(
        "what fires",
        &format!("{:?}", told.collect::<Vec<_>>()),
        "[(\"TooManyFiles\", Some(\"n1\"), Some(\"too many\"))]",
    )?;
    // Without the threshold the rule is taken away, and its alert with it.
    site.nodes.values_mut().for_each(|node| drop(node.settings.layers.remove(&LayerId::OpsMgmt)));
    let (providers, steps) = step::connect_all(&site)?;
    let rules = steps.iter().find(|step| step.call.operation() == "opsmgmt.register_rules").ok_or("rules")?;
    step::bring_about(rules, &providers, &metrics).await?;
    is("what fires", &format!("{:?}", alerts.firing(&of).await?), "[]")
}
