//! Who uses the services of a site: settings that name one, steps that ask one, networks that one serves.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use serde_json::Value;

use crate::id::{NodeName, ProfileName, ServiceName};
use crate::layer::Layers;
use crate::observed::Observed;
use crate::site::{Field, Noun, Service, SettingsSchema, Shape, Site};
use crate::step::Step;

/// The users of each service that has any.
#[derive(Debug, Default)]
pub(super) struct Uses {
    pub(super) of: BTreeMap<ServiceName, Users>,
    /// What layers could not propose, so that their uses are not known.
    pub(super) gaps: Vec<String>,
}

/// Who uses one service.
#[derive(Debug, Default)]
pub(super) struct Users {
    /// The names of the subjects of steps that ask it, by operation.
    pub(super) steps: BTreeMap<String, BTreeSet<String>>,
    /// The nodes whose settings name it, by the profile that says so; `None` where the node itself does.
    pub(super) nodes: BTreeMap<Option<ProfileName>, BTreeSet<NodeName>>,
}

impl Uses {
    /// Asks the layers what they would propose: nobody else knows which service serves whom.
    pub(super) fn of(site: &Site, layers: &Layers) -> Self {
        let mut uses = Self::default();
        uses.named_in_settings(site, &layers.settings());
        for layer in layers.iter() {
            match layer.propose(site, &Observed::new()) {
                Ok(steps) => steps.iter().for_each(|step| uses.asked_by(site, step)),
                Err(notes) => uses.gaps.extend(notes.iter().map(ToString::to_string)),
            }
        }
        uses
    }

    fn named_in_settings(&mut self, site: &Site, schema: &SettingsSchema) {
        for node in site.ready_nodes() {
            for (layer, value) in &node.settings.layers {
                let fields = schema.node.get(layer).map_or(&[][..], Vec::as_slice);
                let mut found = Vec::new();
                references(value, fields, Noun::Service, layer.as_str(), &mut found);
                for (path, name) in found {
                    let Ok(service) = ServiceName::new(name) else { continue };
                    let profile = node.settings.origin(&path).and_then(|origin| origin.profile.clone());
                    self.of.entry(service).or_default().nodes.entry(profile).or_default().insert(node.name.clone());
                }
            }
        }
    }

    /// An operation that asks a service of the site names it in the field `service` of its input.
    fn asked_by(&mut self, site: &Site, step: &Step) {
        if !step.call.input().contains("\"service\"") {
            return;
        }
        let Ok(Value::Object(input)) = serde_json::from_str(step.call.input()) else { return };
        let Some(service) = input.get("service").and_then(Value::as_str) else { return };
        if let Some((service, _)) = site.services.get_key_value(service) {
            let users = self.of.entry(service.clone()).or_default();
            let subjects = users.steps.entry(step.call.operation().to_owned()).or_default();
            subjects.insert(step.subject.name().to_owned());
        }
    }
}

/// The networks that a service says it serves.
pub(super) fn networks_of<'a>(service: &'a Service, schema: &SettingsSchema) -> Vec<&'a str> {
    let kind = schema.services.iter().find(|variant| variant.kind == service.driver.kind.as_str());
    let mut found = Vec::new();
    references(&service.driver.settings, kind.map_or(&[], |kind| &kind.fields), Noun::Network, "", &mut found);
    found.into_iter().map(|(_, name)| name).collect()
}

/// The names of things of one noun in a value, each with its path.
fn references<'a>(value: &'a Value, fields: &[Field], noun: Noun, path: &str, found: &mut Vec<(String, &'a str)>) {
    let Value::Object(object) = value else { return };
    for field in fields {
        if let Some(value) = object.get(field.name) {
            refer(value, &field.shape, noun, &format!("{path}.{}", field.name), found);
        }
    }
}

fn refer<'a>(value: &'a Value, shape: &Shape, noun: Noun, path: &str, found: &mut Vec<(String, &'a str)>) {
    match (shape, value) {
        (Shape::Reference(of), Value::String(name)) if *of == noun => found.push((path.to_owned(), name)),
        (Shape::List(of), Value::Array(items)) => items.iter().for_each(|item| refer(item, of, noun, path, found)),
        (Shape::Map(of), Value::Object(map)) => {
            map.iter().for_each(|(key, value)| refer(value, of, noun, &format!("{path}.{key}"), found));
        }
        (Shape::Object(fields), _) => references(value, fields, noun, path, found),
        (Shape::Tagged(variants), Value::Object(map)) => {
            let kind = map.get("kind").and_then(Value::as_str);
            if let Some(variant) = variants.iter().find(|variant| Some(variant.kind) == kind) {
                references(value, &variant.fields, noun, path, found);
            }
        }
        _ => {}
    }
}

/// The addresses that the settings of a service name: its servers, by address, `address:port` or URL.
pub(super) fn addresses_of(service: &Service) -> BTreeSet<IpAddr> {
    let mut found = BTreeSet::new();
    let mut open = vec![&service.driver.settings];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => found.extend(address_in(text)),
            Value::Array(items) => open.extend(items),
            Value::Object(map) => open.extend(map.values()),
            _ => {}
        }
    }
    found
}

/// The address in `10.0.0.1`, `10.0.0.1:53`, `[fd00::1]:53` or `http://10.0.0.1:9090/path`.
pub(super) fn address_in(text: &str) -> Option<IpAddr> {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = text.split('/').next().unwrap_or(text);
    let alone = || host.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    host.parse().ok().or_else(|| Some(host.parse::<std::net::SocketAddr>().ok()?.ip())).or_else(alone)
}

/// Which node has which address.
pub(super) fn hosts(site: &Site) -> HashMap<IpAddr, &NodeName> {
    let of = |node: &'_ crate::site::Node| node.addresses().map(|address| address.address).collect::<Vec<_>>();
    site.nodes.values().flat_map(|node| of(node).into_iter().map(move |address| (address, &node.name))).collect()
}

#[cfg(test)]
mod tests {
    use super::address_in;

    #[test]
    fn an_address_is_found_in_every_form_in_which_servers_are_named() {
        let v4 = Some("10.0.0.1".parse().expect("an address"));
        for text in ["10.0.0.1", "10.0.0.1:53", "http://10.0.0.1:9090/x", "http://10.0.0.1/x", "tcp:10.0.0.1:6640"] {
            assert_eq!(address_in(text.trim_start_matches("tcp:")), v4, "{text}");
        }
        let v6 = Some("fd00::1".parse().expect("an address"));
        for text in ["fd00::1", "[fd00::1]:53", "https://[fd00::1]/x"] {
            assert_eq!(address_in(text), v6, "{text}");
        }
        for text in ["dns.example:53", "prod", "/etc/10.0.0.1"] {
            assert_eq!(address_in(text), None, "{text}");
        }
    }
}
