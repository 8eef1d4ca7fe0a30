//! Cables compared with the site file, by a real lldpd at both ends and a real NETCONF server.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::{Failure, Trial, on_server, trials_of};
use dip_core::operation::Check;
use dip_core::provider::{Command, ErrorKind, FileContent, Host, Output, ProviderError, Providers, sentence};
use dip_core::site::{Cabling, Site};
use dip_core::step::Step;
use dip_core::subject::Subject;
use dip_lab::{LldpSegment, Requirement};
use serde_json::json;
use tokio::sync::Mutex;

use crate::openvswitch::is;
use crate::{step, wait};

const SERVER: &str = "lldpd";
const MAC: &str = "52:54:00:00:03:01";

pub(crate) async fn trials() -> Vec<Trial> {
    let start = async { Ok(Rig(Mutex::new(LldpSegment::start("sw1", "p7", "n1", MAC).await?))) };
    on_server(SERVER, Requirement::Lldpd.check(), start, |rig| {
        trials_of! {rig;
            a_node_hears_that_it_is_cabled_as_the_site_says
            a_node_on_another_port_is_told_as_a_sentence_and_no_apply_mends_it
            a_node_on_another_switch_is_told_as_a_sentence
            who_is_not_heard_is_not_at_fault
        }
    })
    .await
}

/// The node as a host: its commands run in its namespace, its `lldpcli` asks its lldpd.
struct Rig(Mutex<LldpSegment>);

#[async_trait]
impl Host for Rig {
    async fn run(&self, command: &Command) -> Result<Output, ProviderError> {
        let segment = self.0.lock().await;
        let words: Vec<&str> = command.arguments().iter().map(String::as_str).collect();
        let told = match command.program() {
            "lldpcli" => wait(segment.node.lldpcli(&words)),
            program => wait(segment.node.namespace().run(program, &words)),
        };
        Ok(match told {
            Ok(text) => Output { status: Some(0), stdout: text.into_bytes(), ..Output::default() },
            Err(error) => Output { status: Some(1), stderr: error.to_string().into_bytes(), ..Output::default() },
        })
    }

    async fn read(&self, path: &str) -> Result<Option<FileContent>, ProviderError> {
        let output = self.run(&Command::new("cat").arg(path)).await?;
        Ok(output.succeeded().then_some(FileContent { bytes: output.stdout, mode: 0o444 }))
    }

    async fn write(&self, path: &str, _: &FileContent) -> Result<(), ProviderError> {
        Err(ProviderError::new(ErrorKind::Unsupported, "trial", format!("write {path}")))
    }

    async fn remove(&self, path: &str) -> Result<(), ProviderError> {
        Err(ProviderError::new(ErrorKind::Unsupported, "trial", format!("remove {path}")))
    }
}

/// The step for an interface at a port of a switch that dip does not ask.
fn traced(rig: &Arc<Rig>, switch: &str, port: &str) -> Result<(Step, Providers), Failure> {
    let mut site: Site = step::with_switch(step::site()?, "openvswitch", json!({"address": "tcp:127.0.0.1:1"}), port)?;
    let (mut own, name) = (site.switches.remove("sw1").ok_or("a switch")?, switch.parse()?);
    own.name = switch.parse()?;
    own.cabling = Cabling::Lldp;
    own.driver = None;
    site.switches.insert(name, own);
    for nic in site.nodes.values_mut().flat_map(|node| node.nics.values_mut()) {
        nic.link = Some(format!("{switch}/{port}").parse()?);
        nic.mac = Some(MAC.parse()?);
    }
    let mut providers = step::connect(&site)?;
    providers.insert::<dyn Host>(&Subject::node(&"n1".parse()?), Arc::clone(rig) as Arc<dyn Host>);
    let steps = step::propose(&site)?;
    let [step] = <[Step; 1]>::try_from(steps).map_err(|steps| format!("{steps:?} is not one step"))?;
    Ok((step, providers))
}

async fn a_node_hears_that_it_is_cabled_as_the_site_says(rig: &Arc<Rig>) -> Result<(), Failure> {
    let (step, providers) = traced(rig, "sw1", "p7")?;
    match step::check(&step, &providers).await? {
        Check::Holds(facts) if step.gives.iter().all(|key| facts.raw(key) == Some(&json!("sw1/p7"))) => Ok(()),
        other => Err(format!("it is {other:?}").into()),
    }
}

async fn a_node_on_another_port_is_told_as_a_sentence_and_no_apply_mends_it(rig: &Arc<Rig>) -> Result<(), Failure> {
    let (step, providers) = traced(rig, "sw1", "p8")?;
    let told = "node n1 eth0 is on sw1/p7, the site says sw1/p8";
    match step::check(&step, &providers).await? {
        Check::Differs(diff) => is("the difference", &diff.to_string(), told)?,
        other => return Err(format!("it is {other:?}").into()),
    }
    let error = step::apply(&step, &providers).await.expect_err("no step moves a cable");
    is("the error", &sentence(&*error), &format!("{told}; move the cable, or correct `link` in the site file"))
}

async fn a_node_on_another_switch_is_told_as_a_sentence(rig: &Arc<Rig>) -> Result<(), Failure> {
    let (step, providers) = traced(rig, "sw2", "p7")?;
    match step::check(&step, &providers).await? {
        Check::Differs(diff) => {
            is("the difference", &diff.to_string(), "node n1 eth0 is on sw1/p7, the site says sw2/p7")
        }
        other => Err(format!("it is {other:?}").into()),
    }
}

async fn who_is_not_heard_is_not_at_fault(rig: &Arc<Rig>) -> Result<(), Failure> {
    rig.0.lock().await.switch.stop();
    let (step, providers) = traced(rig, "sw1", "p8")?;
    // A neighbour that says nothing more is forgotten after tx-interval × tx-hold, here 4 seconds.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        match step::check(&step, &providers).await? {
            Check::Holds(facts) if step.gives.iter().all(|key| facts.raw(key) == Some(&json!(null))) => return Ok(()),
            _ if std::time::Instant::now() < end => tokio::time::sleep(std::time::Duration::from_millis(200)).await,
            other => return Err(format!("it is {other:?}").into()),
        }
    }
}
