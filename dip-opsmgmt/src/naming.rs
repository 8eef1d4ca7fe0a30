//! Which names and further records a node has: by the rules of the DNS service and the node's own settings.

use dip_core::site::{Nic, NicRole, Node, Service, Site};
use serde::Deserialize as _;

use crate::provider::{Entry, EntryData, HostName};
use crate::settings::{NameRule, NodeDns, OpsMgmtSettings, RuleRole};

/// All that a node has in DNS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NodeNames {
    /// The name by which the node is known.
    pub(crate) first: Option<HostName>,
    /// Names of its other interfaces.
    pub(crate) also: Vec<HostName>,
    pub(crate) entries: Vec<Entry>,
}

impl NodeNames {
    /// Every name that something stands at.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        let names = self.first.iter().chain(&self.also).map(|name| name.name.as_str());
        names.chain(self.entries.iter().map(|entry| entry.name.as_str()))
    }
}

/// How a service names the nodes of a site.
#[derive(Debug)]
pub(crate) struct Naming<'a> {
    site: &'a Site,
    pub(crate) service: &'a Service,
    rules: Vec<NameRule>,
}

impl<'a> Naming<'a> {
    /// The rules of a service. They fail where a program made its settings, and none was checked against the shape of a site.
    pub(crate) fn of(site: &'a Site, service: &'a Service) -> Result<Self, serde_json::Error> {
        let rules = service.driver.settings.get("names").filter(|rules| !rules.is_null());
        let rules = rules.map(Vec::<NameRule>::deserialize).transpose()?.unwrap_or_default();
        Ok(Self { site, service, rules })
    }

    /// The names of a node. Nothing, where it has no address; a name without a dot, where it has no domain.
    pub(crate) fn names(&self, node: &Node, settings: &OpsMgmtSettings) -> NodeNames {
        let Some(primary) = node.primary_nic().filter(|nic| !nic.addresses.is_empty()) else {
            return NodeNames::default();
        };
        let first = self.by_rule(node, primary).unwrap_or_else(|| self.site.host_name(node).to_ascii_lowercase());
        let others = node.nics.values().filter(|nic| nic.name != primary.name && !nic.addresses.is_empty());
        let mut also: Vec<HostName> = Vec::new();
        let mut host = host(primary, first);
        for nic in others {
            let Some(name) = self.by_rule(node, nic) else { continue };
            let of_nic = self::host(nic, name);
            // Two interfaces with one name are one name with the addresses of both.
            let same = std::iter::once(&mut host).chain(&mut also).find(|held| held.name == of_nic.name);
            match same {
                Some(held) => held.addresses.extend(of_nic.addresses),
                None => also.push(of_nic),
            }
        }
        let domain = host.name.split_once('.').map_or("", |(_, domain)| domain).to_owned();
        let entries = settings.dns.as_ref().map(|dns| entries(dns, &host.name, &domain)).unwrap_or_default();
        NodeNames { first: Some(host), also, entries }
    }

    fn by_rule(&self, node: &Node, nic: &Nic) -> Option<String> {
        let rule = self.rules.iter().find(|rule| rule.is_of(nic))?;
        Some(filled(&rule.name, self.site, node, nic))
    }
}

fn host(nic: &Nic, name: String) -> HostName {
    HostName { name, addresses: nic.addresses.iter().map(|address| address.address).collect() }
}

fn filled(template: &str, site: &Site, node: &Node, nic: &Nic) -> String {
    let network = nic.network.as_ref();
    let domain = network.and_then(|name| site.networks.get(name)?.domain.as_ref()).or(site.domain.as_ref());
    let name = template
        .replace("{node}", node.name.as_str())
        .replace("{network}", network.map_or("", |network| network.as_str()))
        .replace("{site}", site.name.as_str())
        .replace("{domain}", domain.map_or("", String::as_str));
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn entries(dns: &NodeDns, host: &str, domain: &str) -> Vec<Entry> {
    let within = |name: &str| {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if name.contains('.') { name } else { format!("{name}.{domain}") }
    };
    let entry = |name: String, data: EntryData| Entry { name, ttl: dns.ttl, data };
    let aliases = dns.aliases.iter().map(|alias| entry(within(alias), EntryData::Cname(host.to_owned())));
    let services = dns.services.iter().map(|service| {
        let target = host.to_owned();
        let (priority, weight) = (service.priority, service.weight);
        let at = format!("_{}._{}.{domain}", service.service, service.protocol.word()).to_ascii_lowercase();
        entry(at, EntryData::Srv { priority, weight, port: service.port, target })
    });
    let texts = dns.texts.iter().map(|text| entry(host.to_owned(), EntryData::Txt(text.clone())));
    let mut all: Vec<Entry> = aliases.chain(services).chain(texts).collect();
    all.sort_unstable();
    all.dedup();
    all
}

impl NameRule {
    fn is_of(&self, nic: &Nic) -> bool {
        let role = match nic.role {
            NicRole::Primary => RuleRole::Primary,
            NicRole::Other => RuleRole::Other,
        };
        self.role.is_none_or(|wanted| wanted == role)
            && self.network.as_ref().is_none_or(|wanted| nic.network.as_ref() == Some(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::site;
    use dip_core::id::{LayerId, NetworkName, NicName, NodeName};
    use dip_core::site::Network;
    use serde_json::json;

    fn of(rules: serde_json::Value, settings: serde_json::Value) -> NodeNames {
        let mut site = site(&["rfc2136"]);
        let storage = NetworkName::new("storage").expect("a name");
        let network =
            Network { name: storage.clone(), vlan: None, domain: None, prefixes: Vec::new(), via: None, origin: None };
        site.networks.insert(storage.clone(), network);
        let node = site.nodes.get_mut(&NodeName::new("n1").expect("a name")).expect("it is there");
        let mut second = node.nics.values().next().expect("it has one").clone();
        second.name = NicName::new("eth1").expect("a name");
        second.role = NicRole::Other;
        second.network = Some(storage);
        second.addresses[0].address = "10.2.0.11".parse().expect("an address");
        node.nics.insert(second.name.clone(), second);
        node.settings.layers.insert(LayerId::OpsMgmt, json!({ "dns": settings }));
        let service = site.services.values_mut().next().expect("it has one");
        service.driver.settings = json!({ "names": rules });
        let naming = Naming::of(&site, site.services.values().next().expect("it has one")).expect("they are rules");
        let node = site.nodes.values().next().expect("it has one");
        naming.names(node, &OpsMgmtSettings::of(node))
    }

    #[test]
    fn without_rules_a_node_has_one_name_with_the_addresses_of_its_primary_interface() {
        let names = of(json!([]), json!({}));
        assert_eq!(names.all().collect::<Vec<_>>(), ["n1.lab.example"]);
    }

    #[test]
    fn rules_by_network_and_role_give_other_interfaces_names() {
        let rules = json!([
            {"role": "primary", "name": "{node}.{site}.{domain}"},
            {"network": "storage", "name": "{node}.{network}.{domain}"},
        ]);
        let names = of(rules, json!({}));
        assert_eq!(names.all().collect::<Vec<_>>(), ["n1.lab.lab.example", "n1.storage.lab.example"]);
    }

    #[test]
    fn two_interfaces_of_one_name_are_one_name_with_the_addresses_of_both() {
        let names = of(json!([{"name": "{node}.{domain}"}]), json!({}));
        assert_eq!(names.first.map(|first| first.addresses.len()), Some(2));
        assert_eq!(names.also, []);
    }

    #[test]
    fn aliases_services_and_texts_of_a_node_are_entries() {
        let settings = json!({
            "aliases": ["www", "ntp.example.org"],
            "services": [{"service": "etcd-server", "port": 2380}],
            "texts": ["rack r1"],
            "ttl": 60,
        });
        let told: Vec<_> = of(json!([]), settings).entries.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "_etcd-server._tcp.lab.example SRV 0 0 2380 n1.lab.example",
                "n1.lab.example TXT \"rack r1\"",
                "ntp.example.org CNAME n1.lab.example",
                "www.lab.example CNAME n1.lab.example",
            ]
        );
    }
}
