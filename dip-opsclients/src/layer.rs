//! The layer itself: which steps it proposes.

use std::net::SocketAddr;

use dip_core::fact::FactRegistry;
use dip_core::fact::opsclients::{CLOCK, METRICS, RESOLVER};
use dip_core::id::LayerId;
use dip_core::layer::{ConnectError, Layer, Note};
use dip_core::observed::Observed;
use dip_core::operation::Operations;
use dip_core::provider::Providers;
use dip_core::secret::Secrets;
use dip_core::site::{Node, SettingsSchema, Site};
use dip_core::step::{Boot, Step};

use crate::settings::{self, MetricsSettings, NTP, NtpSettings, OpsClientsSettings, ResolverSettings, TimeSettings};
use crate::steps::{Clock, FollowTime, ServeMetrics, UseResolver};

/// The port that the node exporter has everywhere.
const METRICS_PORT: u16 = 9100;

/// As many resolvers as the C library asks; it leaves out all after them without a word (resolv.conf(5)).
const RESOLVERS: usize = 3;

/// Layer 4, operations clients: time, name resolution and metrics of a node.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpsClientsLayer;

impl Layer for OpsClientsLayer {
    fn id(&self) -> LayerId {
        LayerId::OpsClients
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&CLOCK, "The node's clock is in sync with the site's time; the source that it follows.");
        known.declare(&RESOLVER, "The node resolves names through the site's resolvers; the name that was resolved.");
        known.declare(&METRICS, "The node serves its metrics; where.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<FollowTime>();
        known.register::<UseResolver>();
        known.register::<ServeMetrics>();
    }

    fn settings(&self) -> SettingsSchema {
        settings::schema()
    }

    fn connect(&self, _: &Site, _: &dyn Secrets, _: &mut Providers) -> Result<(), Vec<ConnectError>> {
        // Nodes talk to the servers of this layer; dip does not.
        Ok(())
    }

    fn propose(&self, site: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let mut steps = Vec::new();
        let mut notes = Vec::new();
        for node in site.ready_nodes() {
            let settings = match node.settings.read::<OpsClientsSettings>(LayerId::OpsClients) {
                Ok(settings) => settings.unwrap_or_default(),
                Err(error) => {
                    notes.push(note(node, "opsclients", &format!("it cannot be read: {error}")));
                    continue;
                }
            };
            let mut keep = |path: &str, step: Option<Result<Step, String>>| match step {
                Some(Ok(step)) => steps.push(step.origin(node.settings.origin(path).or(node.origin.as_ref()).cloned())),
                Some(Err(why)) => notes.push(note(node, path, &why)),
                None => {}
            };
            keep("opsclients.time", settings.time.map(|time| follow_time(site, node, &time)));
            keep("opsclients.resolver", settings.resolver.map(|resolver| use_resolver(site, node, resolver)));
            keep("opsclients.metrics", settings.metrics.map(|metrics| serve_metrics(node, &metrics)));
        }
        if notes.is_empty() { Ok(steps) } else { Err(notes) }
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

fn note(node: &Node, path: &str, why: &str) -> Note {
    let origin = node.settings.origin(path).or(node.origin.as_ref()).cloned();
    Note { text: format!("`{path}` of node `{}`: {why}", node.name), origin }
}

fn follow_time(site: &Site, node: &Node, time: &TimeSettings) -> Result<Step, String> {
    let ntp = ntp(site, time)?;
    let clock = if time.control_clock == Some(false) { Clock::Watched } else { Clock::Set };
    Ok(FollowTime::new(&node.name, &ntp.servers, clock)?.step())
}

fn ntp(site: &Site, time: &TimeSettings) -> Result<NtpSettings, String> {
    let service = site
        .services
        .get(&time.service)
        .filter(|service| service.driver.kind.as_str() == NTP)
        .ok_or_else(|| format!("service `{}` is not of kind `{NTP}`", time.service))?;
    service.driver.read().map_err(|error| format!("service `{}` cannot be read: {error}", time.service))
}

/// The time servers that a node follows by the site file, for those to whom it is handed over; none where it does not say.
#[must_use]
pub fn time_servers(site: &Site, node: &Node) -> Vec<String> {
    // What cannot be read is told by `propose`, with its place in the site file.
    let settings = node.settings.read::<OpsClientsSettings>(LayerId::OpsClients).ok().flatten();
    let time = settings.and_then(|settings| settings.time);
    time.and_then(|time| ntp(site, &time).ok()).map_or_else(Vec::new, |ntp| ntp.servers)
}

fn use_resolver(site: &Site, node: &Node, resolver: ResolverSettings) -> Result<Step, String> {
    if resolver.servers.is_empty() || resolver.servers.len() > RESOLVERS {
        return Err(format!("it has {} servers; a node asks one to {RESOLVERS}", resolver.servers.len()));
    }
    let address = node
        .address()
        .ok_or("the node has no address that its name could resolve to; give one to its primary interface")?;
    let name = site.host_name(node);
    Ok(UseResolver { node: node.name.clone(), servers: resolver.servers, search: resolver.search, name, address }
        .step())
}

fn serve_metrics(node: &Node, metrics: &MetricsSettings) -> Result<Step, String> {
    let address = node
        .address()
        .ok_or("the node has no address where its metrics could be asked for; give one to its primary interface")?;
    let address = SocketAddr::new(address, metrics.port.unwrap_or(METRICS_PORT));
    Ok(ServeMetrics { node: node.name.clone(), address }.step())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::site;
    use dip_core::site::{Format, Lock, Source};
    use serde_json::json;

    #[test]
    fn a_node_that_asks_for_nothing_gets_nothing() {
        assert_eq!(OpsClientsLayer.propose(&site(None), &Observed::new()), Ok(Vec::new()));
    }

    #[test]
    fn every_setting_asks_for_its_step() {
        let settings = json!({"time": {"service": "time"}, "resolver": {"servers": ["10.1.0.2"]}, "metrics": {}});
        let steps = OpsClientsLayer.propose(&site(Some(settings)), &Observed::new()).expect("nothing is wrong");
        let names: Vec<_> = steps.iter().map(|step| step.name.as_str()).collect();
        assert_eq!(
            names,
            ["opsclients.follow_time node/n1", "opsclients.use_resolver node/n1", "opsclients.serve_metrics node/n1"]
        );
        assert!(steps[2].call.input().contains("10.1.0.11:9100"), "{}", steps[2].call.input());
    }

    #[test]
    fn a_site_file_asks_for_its_steps_by_a_profile() {
        let text = "version: 1
site: lab
domain: lab.example
networks: {prod: {prefixes: [{prefix: 10.1.0.0/24}]}}
services: {time: {kind: ntp, servers: [10.1.0.3, 'ntp.example:1123']}}
profiles:
  base:
    opsclients:
      time: {service: time, control_clock: false}
      resolver: {servers: [10.1.0.2], search: [lab.example]}
nodes:
  n1:
    profile: base
    nics: {eth0: {mac: 52:54:00:00:00:01, network: prod, address: 10.1.0.11}}
    opsclients: {metrics: {port: 9200}}
";
        let sources = [Source::new("site.yaml", Format::Yaml, text)];
        let parsed = Site::parse(&sources, &OpsClientsLayer.settings(), &Lock::default());
        let steps = OpsClientsLayer.propose(&parsed.expect("the site file is right").site, &Observed::new());
        let inputs: Vec<_> = steps.expect("nothing is wrong").iter().map(|step| step.call.input().to_owned()).collect();
        assert_eq!(
            inputs,
            [
                r#"{"node":"n1","servers":[{"host":"10.1.0.3","port":null},{"host":"ntp.example","port":1123}],"clock":"watched"}"#,
                r#"{"node":"n1","servers":["10.1.0.2"],"search":["lab.example"],"name":"n1.lab.example","address":"10.1.0.11"}"#,
                r#"{"node":"n1","address":"10.1.0.11:9200"}"#,
            ]
        );
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let settings = json!({"time": {"service": "dns"}, "resolver": {"servers": []}});
        let notes = OpsClientsLayer.propose(&site(Some(settings)), &Observed::new()).expect_err("two things are wrong");
        let text: Vec<_> = notes.iter().map(ToString::to_string).collect();
        assert_eq!(notes.len(), 2, "{text:?}");
        assert_eq!(text[0], "`opsclients.time` of node `n1`: service `dns` is not of kind `ntp`");
    }
}
