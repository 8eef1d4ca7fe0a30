//! The layer itself: which services it connects and which steps it proposes.

use std::collections::BTreeSet;

use async_trait::async_trait;
use dip_core::fact::FactRegistry;
use dip_core::fact::cluster::JOINED;
use dip_core::fact::firmware::IDENTITY;
use dip_core::fact::opsclients::METRICS;
use dip_core::fact::opsmgmt::{CMDB_RECORD, MONITORED, NAME};
use dip_core::fact::os::HOST_NAME;
use dip_core::hardware::Identity;
use dip_core::id::{LayerId, NodeName, ServiceName};
use dip_core::layer::{ConnectError, Layer, Note};
use dip_core::observed::Observed;
use dip_core::operation::{Input, Operation as _, OperationError, Operations};
use dip_core::orphan::{HeldRecord, Leftovers};
use dip_core::plan::Watch;
use dip_core::provider::Providers;
use dip_core::secret::Secrets;
use dip_core::site::{Cluster, ClusterPolicy, Nic, NicAddress, Node, NodeState, SettingsSchema, Site};
use dip_core::step::{Boot, Need, Step};
use dip_core::subject::Subject;
use ipnetwork::IpNetwork;

use crate::naming::{Naming, NodeNames};
use crate::provider::{AlertsOf, HostName, NicRecord};
use crate::settings::{self, ALERT_KINDS, CMDB_KINDS, DNS_KINDS, MONITOR_KINDS, OpsMgmtSettings, PROMETHEUS};
use crate::steps::{
    AwaitCalm, MonitorNode, RecordNode, RegisterName, RegisterRules, RemoveName, RemoveRecord, RemoveTarget,
};
use crate::{claims, leftovers, targets, thresholds};

/// Layer 6, operations management: DNS, CMDB and monitoring.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpsMgmtLayer;

#[async_trait]
impl Layer for OpsMgmtLayer {
    fn id(&self) -> LayerId {
        LayerId::OpsMgmt
    }

    fn facts(&self, known: &mut FactRegistry) {
        known.declare(&NAME, "The node's names in the site's DNS: its addresses, forward and reverse.");
        known.declare(&CMDB_RECORD, "The id of the node's record in the site's CMDB.");
        known.declare(&MONITORED, "The target at which the site's monitoring scrapes the node, and it is up.");
    }

    fn operations(&self, known: &mut Operations) {
        known.register::<RegisterName>();
        known.register::<RecordNode>();
        known.register::<MonitorNode>();
        known.register::<RemoveName>();
        known.register::<RemoveRecord>();
        known.register::<RemoveTarget>();
        known.register::<RegisterRules>();
        known.register::<AwaitCalm>();
    }

    fn settings(&self) -> SettingsSchema {
        settings::schema()
    }

    fn connect(&self, site: &Site, secrets: &dyn Secrets, providers: &mut Providers) -> Result<(), Vec<ConnectError>> {
        let errors = crate::providers::connect(site, secrets, providers);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn propose(&self, site: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let mut notes = Vec::new();
        let dns = the_one(site, DNS_KINDS, "DNS", &mut notes);
        let cmdb = the_one(site, CMDB_KINDS, "a CMDB", &mut notes);
        let monitor = the_one(site, MONITOR_KINDS, "monitoring", &mut notes);
        place_of_targets(site, &mut notes);
        let mut steps = Vec::new();
        let nodes: Vec<_> = site.ready_nodes().map(|node| (node, OpsMgmtSettings::of(node))).collect();
        let naming = dns.and_then(|service| naming(site, service, &mut notes));
        for (node, settings) in &nodes {
            steps.extend(naming.as_ref().and_then(|naming| register_name(site, naming, node, settings, &mut notes)));
            steps.extend(cmdb.map(|service| record_node(site, service, node)));
            steps.extend(monitor.and_then(|service| monitor_node(site, service, node)));
        }
        steps.extend(register_rules(site, &nodes, monitor, &mut notes));
        the_one(site, ALERT_KINDS, "for alerts", &mut notes);
        if notes.is_empty() { Ok(steps) } else { Err(notes) }
    }

    fn gates(&self, site: &Site) -> Vec<Watch> {
        gates(site)
    }

    fn remove(&self, site: &Site, step: &Step) -> Option<Step> {
        let removal = removal(step)?;
        let node = NodeName::new(step.subject.name()).ok()?;
        // A node that is still a member of a cluster is still needed by the others of it, under its name.
        let member = |cluster: &&Cluster| cluster.members.values().flatten().any(|member| *member == node);
        let clusters = site.clusters.values().filter(member);
        let left: Vec<_> = clusters.map(|cluster| JOINED.of(&Subject::member(&cluster.name, &node)).gone()).collect();
        Some(if left.is_empty() { removal } else { removal.need(Need::AllIfGiven(left)) })
    }

    async fn leftovers(&self, site: &Site, providers: &Providers) -> Leftovers {
        leftovers::leftovers(site, providers).await
    }

    async fn held(&self, step: &Step, providers: &Providers) -> Result<Option<HeldRecord>, OperationError> {
        claims::held(step, providers).await
    }

    async fn disown(&self, step: &Step, providers: &Providers) -> Result<(), OperationError> {
        claims::disown(step, providers).await
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

fn removal(step: &Step) -> Option<Step> {
    if let Some(RegisterName { service, node, wanted, also, entries, site, .. }) = step.call.as_operation() {
        let also = also.into_iter().map(|name| name.name).collect();
        return Some(RemoveName { service, node, name: wanted.name, also, entries, site }.step());
    }
    if let Some(RecordNode { service, node, site, .. }) = step.call.as_operation() {
        return Some(RemoveRecord { service, node, site }.step());
    }
    let MonitorNode { service, node, site, .. } = step.call.as_operation()?;
    Some(RemoveTarget { service, node, site }.step())
}

/// The service of a purpose. Two of them would both give the same fact.
fn the_one<'a>(site: &'a Site, kinds: &[&str], purpose: &str, notes: &mut Vec<Note>) -> Option<&'a ServiceName> {
    let mut services = site.services.values().filter(|service| kinds.contains(&service.driver.kind.as_str()));
    let first = services.next()?;
    if let Some(second) = services.next() {
        let text = format!("both `{}` and `{}` are {purpose}; a site can have one", first.name, second.name);
        notes.push(Note { text, origin: second.driver.origin.clone() });
    }
    Some(&first.name)
}

fn naming<'a>(site: &'a Site, service: &ServiceName, notes: &mut Vec<Note>) -> Option<Naming<'a>> {
    let service = site.services.get(service)?;
    let noted = |error| Note {
        text: format!("`names` of service `{}` is no list of rules: {error}", service.name),
        origin: service.driver.origin.clone(),
    };
    Naming::of(site, service).map_err(|error| notes.push(noted(error))).ok()
}

fn register_name(
    site: &Site,
    naming: &Naming<'_>,
    node: &Node,
    settings: &OpsMgmtSettings,
    notes: &mut Vec<Note>,
) -> Option<Step> {
    let NodeNames { first, also, entries } = naming.names(node, settings);
    let wanted = first?;
    if let Some(HostName { name, .. }) = std::iter::once(&wanted).chain(&also).find(|host| !host.name.contains('.')) {
        let text = format!(
            "node `{}` has no domain, so its name `{name}` cannot be in DNS; set `domain` of the site or of its network",
            node.name
        );
        notes.push(Note { text, origin: node.origin.clone() });
        return None;
    }
    let step = RegisterName {
        service: naming.service.name.clone(),
        node: node.name.clone(),
        wanted,
        also,
        entries,
        site: site.name.clone(),
        ownership: site.claims.ownership(RegisterName::NAME, &Subject::node(&node.name)),
    };
    Some(step.step(node.origin.clone()))
}

fn record_node(site: &Site, service: &ServiceName, node: &Node) -> Step {
    // A machine without a BMC cannot be asked; what the site file says of it is all that is known.
    let identity = match node.bmc {
        Some(_) => Input::From(IDENTITY.of(&Subject::node(&node.name))),
        None => Input::Value(Identity { serial: node.serial.clone(), ..Identity::default() }),
    };
    let step = RecordNode {
        service: service.clone(),
        node: node.name.clone(),
        host_name: site.host_name(node),
        addresses: node.addresses().map(|address| address.address).collect(),
        rack: node.rack.clone(),
        identity,
        nics: node.nics.values().filter_map(nic_record).collect(),
        site: site.name.clone(),
        ownership: site.claims.ownership(RecordNode::NAME, &Subject::node(&node.name)),
    };
    // The host name is set only where the site says anything of the operating system.
    let host_name = HOST_NAME.of(&Subject::node(&node.name));
    let named =
        if node.settings.layers.contains_key(&LayerId::Os) { Need::fact(host_name) } else { Need::IfGiven(host_name) };
    step.step(node.origin.clone()).need(named)
}

/// An interface as a CMDB tells it; `None` for one of which there is nothing to tell.
fn nic_record(nic: &Nic) -> Option<NicRecord> {
    let with_length = |given: &NicAddress| {
        // An address cannot be shorter than its own prefix, whose length is one of its kind.
        IpNetwork::new(given.address, given.prefix.prefix()).unwrap_or_else(|_| given.address.into())
    };
    let addresses: Vec<IpNetwork> = nic.addresses.iter().map(with_length).collect();
    (nic.mac.is_some() || !addresses.is_empty()).then(|| NicRecord { name: nic.name.clone(), mac: nic.mac, addresses })
}

/// Only a node that serves metrics can be scraped.
fn monitor_node(site: &Site, service: &ServiceName, node: &Node) -> Option<Step> {
    node.settings.layers.get(&LayerId::OpsClients)?.get("metrics").filter(|metrics| !metrics.is_null())?;
    let step = MonitorNode {
        service: service.clone(),
        node: node.name.clone(),
        address: Input::From(METRICS.of(&Subject::node(&node.name))),
        labels: targets::labels(node),
        site: site.name.clone(),
    };
    Some(step.step(node.origin.clone()))
}

/// Targets have one place; the shape of a service cannot say that of two keys one must be there.
fn place_of_targets(site: &Site, notes: &mut Vec<Note>) {
    for service in site.services_of(&[PROMETHEUS]) {
        let settings = &service.driver.settings;
        // One without a URL was never checked: the program brings its provider.
        if !settings["url"].is_null() && settings["targets"].is_null() == settings["http_sd"].is_null() {
            let text = format!(
                "service `{}` needs either `targets`, a directory of target files, or `http_sd`, a document that is served",
                service.name
            );
            notes.push(Note { text, origin: service.driver.origin.clone() });
        }
    }
}

/// The rules of the site's thresholds. Where a service has a place for them, those that nothing asks for any more go away.
fn register_rules(
    site: &Site,
    nodes: &[(&Node, OpsMgmtSettings)],
    service: Option<&ServiceName>,
    notes: &mut Vec<Note>,
) -> Option<Step> {
    let rules = thresholds::rules(site, nodes, notes);
    let driver = service.map(|service| &site.services[service].driver);
    let has_place =
        driver.is_some_and(|driver| driver.kind.as_str() != PROMETHEUS || !driver.settings["rules"].is_null());
    if !rules.is_empty() && !has_place {
        let (node, _) = nodes.iter().find(|(_, settings)| !settings.thresholds.is_empty())?;
        let text =
            "thresholds need a place for rules; give a service of kind `prometheus` the directory `rules`".to_owned();
        let origin = node.settings.origin("opsmgmt.thresholds").or(node.origin.as_ref()).cloned();
        notes.push(Note { text, origin });
        return None;
    }
    let is_asked = !rules.is_empty() || driver.is_some_and(|driver| driver.kind.as_str() == PROMETHEUS && has_place);
    let service = service.filter(|_| is_asked)?.clone();
    let origin = driver.and_then(|driver| driver.origin.clone());
    Some(RegisterRules { service, rules, site: site.name.clone() }.step(origin))
}

/// A look at the alerts before a member of a budget is taken away: where the site has a service for alerts, and of what its monitoring
/// raises where a policy names labels.
fn gates(site: &Site) -> Vec<Watch> {
    let of_kinds = |kinds: &[&str]| site.services_of(kinds).next().map(|service| service.name.clone());
    let (alerts, monitor) = (of_kinds(ALERT_KINDS), of_kinds(MONITOR_KINDS));
    let is_there = |node: &NodeName| site.nodes.get(node).is_some_and(|node| node.state != NodeState::Absent);
    let watch = |subject: Subject, nodes: Vec<NodeName>, policy: &ClusterPolicy| {
        let service = alerts.clone().or_else(|| monitor.clone().filter(|_| !policy.alerts.is_empty()))?;
        let nodes = nodes.into_iter().filter(is_there).collect();
        let of = AlertsOf { site: site.name.clone(), nodes, labels: policy.alerts.clone() };
        Some(AwaitCalm { service, of }.watch(subject))
    };
    let clusters = site.clusters.values().filter_map(|cluster| {
        let nodes: BTreeSet<NodeName> = cluster.members.values().flatten().cloned().collect();
        watch(Subject::cluster(&cluster.name), nodes.into_iter().collect(), &cluster.policy)
    });
    let rollouts = site.conduct.rollouts.values();
    let rollouts = rollouts.filter_map(|of| watch(Subject::rollout(&of.name), of.nodes.clone(), &of.policy));
    clusters.chain(rollouts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::site;
    use dip_core::id::Symbol;
    use dip_core::site::Rollout;

    fn names(site: &Site) -> Vec<String> {
        let steps = OpsMgmtLayer.propose(site, &Observed::new()).expect("there is nothing to note");
        steps.iter().map(|step| step.name.to_string()).collect()
    }

    #[test]
    fn a_node_gets_a_step_for_each_service_that_the_site_has() {
        let mut site = site(&["rfc2136", "cmdb", "prometheus", "ntp"]);
        assert_eq!(names(&site), ["opsmgmt.register_name node/n1", "opsmgmt.record_node node/n1"]);
        let node = site.nodes.get_mut(&NodeName::new("n1").expect("a name")).expect("it is there");
        node.settings.layers.insert(LayerId::OpsClients, serde_json::json!({"metrics": {"port": 9100}}));
        assert_eq!(names(&site).last().map(String::as_str), Some("opsmgmt.monitor_node node/n1"));
    }

    #[test]
    fn rollouts_are_held_by_an_alertmanager_and_by_prometheus_only_where_a_policy_names_labels() {
        let gates = |kinds: &[&'static str], alerts: &[(&str, &str)]| {
            let mut site = site(kinds);
            let labels = alerts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let policy = ClusterPolicy { max_unavailable: Some(1), alerts: labels, ..ClusterPolicy::default() };
            let (name, nodes) = (Symbol::of("web"), site.nodes.keys().cloned().collect());
            site.conduct.rollouts.insert(name.clone(), Rollout { name, nodes, policy, origin: None });
            OpsMgmtLayer.gates(&site).iter().map(|gate| gate.step.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(gates(&["prometheus", "alertmanager"], &[]), ["opsmgmt.await_calm rollout/web"]);
        assert!(gates(&["prometheus"], &[]).is_empty());
        assert_eq!(gates(&["prometheus"], &[("severity", "page")]).len(), 1);
        assert!(gates(&["rfc2136"], &[("severity", "page")]).is_empty());
    }

    #[test]
    fn a_prometheus_without_a_place_for_targets_is_noted() {
        let mut site = site(&["prometheus"]);
        let driver = &mut site.services.values_mut().next().expect("it has a service").driver;
        driver.settings = serde_json::json!({"url": "http://10.0.0.6:9090"});
        let notes = OpsMgmtLayer.propose(&site, &Observed::new()).expect_err("it is noted");
        assert!(notes[0].to_string().contains("service `service0` needs either `targets`"));
    }

    #[test]
    fn rules_for_names_that_are_none_are_noted() {
        let mut site = site(&["dns"]);
        let driver = &mut site.services.values_mut().next().expect("it has a service").driver;
        driver.settings = serde_json::json!({"names": "{node}.{domain}"});
        let notes = OpsMgmtLayer.propose(&site, &Observed::new()).expect_err("it is noted");
        assert!(notes[0].to_string().contains("`names` of service `service0` is no list of rules"));
    }

    #[test]
    fn thresholds_without_a_place_for_rules_are_noted() {
        let mut site = site(&["prometheus"]);
        let node = site.nodes.values_mut().next().expect("it has a node");
        let thresholds = serde_json::json!({"thresholds": {"Hot": {"metric": "temperature", "above": 30}}});
        node.settings.layers.insert(LayerId::OpsMgmt, thresholds);
        let notes = OpsMgmtLayer.propose(&site, &Observed::new()).expect_err("it is noted");
        assert!(notes[0].to_string().contains("give a service of kind `prometheus` the directory `rules`"));
    }

    #[test]
    fn two_dns_services_and_a_node_without_a_domain_are_noted() {
        let notes = |site: &Site| OpsMgmtLayer.propose(site, &Observed::new()).expect_err("it is noted")[0].to_string();
        assert!(notes(&site(&["rfc2136", "dns"])).contains("both `service0` and `service1` are DNS"));
        let mut without = site(&["rfc2136"]);
        without.domain = None;
        assert!(notes(&without).contains("node `n1` has no domain"));
    }
}
