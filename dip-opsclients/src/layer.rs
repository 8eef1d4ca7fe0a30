//! The layer itself: what it knows, and whom it connects.

use dip_core::fact::FactRegistry;
use dip_core::fact::opsclients::{
    AGENT, AGENT_FACTS, CERTIFICATE, CLOCK, LOGGING, MEMCACHED, METRICS, PACKAGE_PROXY, RESOLVER, SSH_TRUST,
};
use dip_core::id::LayerId;
use dip_core::layer::{ConnectError, Layer, Note};
use dip_core::observed::Observed;
use dip_core::operation::Operations;
use dip_core::provider::Providers;
use dip_core::secret::Secrets;
use dip_core::site::{SettingsSchema, Site};
use dip_core::step::{Boot, Step};

use crate::steps::{
    FollowTime, HoldCertificate, RunAgent, RunMemcached, SendLogs, ServeMetrics, TrustSsh, UsePackageProxy, UseResolver,
};
use crate::{propose, providers, settings};

/// Layer 4, operations clients: what a node must run so that it can be operated.
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
        known.declare(&LOGGING, "The node's log reaches the site's receiver; where a message was seen.");
        known.declare(
            &SSH_TRUST,
            "The node's SSH server and its users believe the site's authority; the serial number.",
        );
        known.declare(&CERTIFICATE, "The node holds a certificate of the site's authority; its SHA-256.");
        known.declare(&PACKAGE_PROXY, "The node's packages come by a proxy that answers; its URL.");
        known.declare(&MEMCACHED, "The node's memcached answers; its version.");
        known.declare(&AGENT, "A run of the node's configuration agent would change nothing; the product.");
        known.declare(&AGENT_FACTS, "What the configuration agent knows of the node, by its own names.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<FollowTime>();
        known.register::<UseResolver>();
        known.register::<ServeMetrics>();
        known.register::<SendLogs>();
        known.register::<TrustSsh>();
        known.register::<HoldCertificate>();
        known.register::<UsePackageProxy>();
        known.register::<RunMemcached>();
        known.register::<RunAgent>();
    }

    fn settings(&self) -> SettingsSchema {
        settings::schema()
    }

    fn connect(&self, site: &Site, secrets: &dyn Secrets, providers: &mut Providers) -> Result<(), Vec<ConnectError>> {
        let errors = providers::connect(site, secrets, providers);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn combine(&self, site: &Site, providers: &mut Providers) {
        providers::combine(site, providers);
    }

    fn propose(&self, site: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        propose::propose(site)
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
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

    #[test]
    fn what_makes_a_node_a_member_of_the_site_asks_for_its_steps() {
        let settings = json!({
            "logging": {"service": "logs"},
            "ssh": {"authority": "ssh_ca", "authorized_keys": {"root": ["ssh-ed25519 AAAA"]}},
            "certificate": {"authority": "ca", "days": 10},
            "package_proxy": {"url": "http://10.1.0.9:3142"},
            "memcached": {"reach": "network"},
            "agent": {"service": "config", "vars": {"colour": "blue"}},
        });
        let steps = OpsClientsLayer.propose(&site(Some(settings)), &Observed::new()).expect("nothing is wrong");
        let inputs: Vec<_> = steps.iter().map(|step| step.call.input().to_owned()).collect();
        assert_eq!(
            inputs,
            [
                r#"{"node":"n1","service":"logs","host":"10.1.0.9","port":514,"protocol":"tcp","anchors":null}"#,
                r#"{"node":"n1","authority":"ssh_ca","names":["n1.lab.example","n1","10.1.0.11"],"keys":{"root":["ssh-ed25519 AAAA"]},"days":90,"renew_before":30,"login":"root"}"#,
                r#"{"node":"n1","authority":"ca","names":["n1.lab.example","10.1.0.11"],"days":10,"renew_before":3,"reload":[]}"#,
                r#"{"node":"n1","host":"10.1.0.9","port":3142}"#,
                r#"{"node":"n1","addresses":["127.0.0.1","10.1.0.11"],"port":11211,"memory":64}"#,
                r#"{"service":"config","managed":{"node":"n1","name":"n1.lab.example","address":"10.1.0.11","site":"lab","rack":null,"profiles":[],"vars":{"colour":"blue"}}}"#,
            ]
        );
    }

    #[test]
    fn what_cannot_be_done_is_told_in_a_sentence() {
        let settings = json!({
            "logging": {"service": "secure_logs"},
            "ssh": {"authority": "ssh_ca", "authorized_keys": {"../root": []}},
            "certificate": {"authority": "ca", "days": 10, "renew_before": 10},
            "package_proxy": {"url": "https://10.1.0.9:3142"},
            "agent": {"service": "config", "vars": {"ansible_host": "elsewhere"}},
        });
        let notes = OpsClientsLayer.propose(&site(Some(settings)), &Observed::new()).expect_err("all is wrong");
        let text: Vec<_> = notes.iter().map(ToString::to_string).collect();
        let said = |part: &str| text.iter().any(|line| line.contains(part));
        assert_eq!(notes.len(), 5, "{text:?}");
        assert!(said("service `secure_logs` speaks `tls` and names no `ca`"), "{text:?}");
        assert!(said("`../root` is not a name of a user") && said("would be replaced always"), "{text:?}");
        assert!(said("is not the URL of a proxy") && said("`ansible_host` is set by dip itself"), "{text:?}");
    }
}
