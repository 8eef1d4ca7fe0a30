//! An inventory of Ansible in YAML: each node once with how it is reached, in a group for its rack, its profiles and its roles.
//!
//! Format: Ansible, "How to build your inventory" (hosts and groups in YAML, connection variables) and the documentation of
//! the plugin `ansible.builtin.yaml`.

use std::collections::BTreeMap;

use super::list::Member;
use super::yaml::Yaml;
use super::{HandOff, HandOffError};

pub(super) fn write(list: &HandOff<'_>, cluster: Option<&str>) -> Result<String, HandOffError> {
    let only = cluster.map(|name| list.named(name)).transpose()?;
    let is_wanted = |member: &&Member<'_>| {
        only.is_none_or(|only| only.members.values().flatten().any(|name| *name == member.node.name))
    };
    let members: Vec<&Member<'_>> = list.nodes.values().filter(is_wanted).collect();
    let mut groups = Groups::default();
    for member in &members {
        let name = member.node.name.as_str();
        if let Some(rack) = &member.node.rack {
            groups.add("rack", rack.as_str(), format!("the rack `{rack}`"), name)?;
        }
        for profile in &member.node.profiles {
            groups.add("profile", profile.as_str(), format!("the profile `{profile}`"), name)?;
        }
        for cluster in list.site.clusters.values() {
            for (role, _) in cluster.members.iter().filter(|(_, nodes)| nodes.contains(&member.node.name)) {
                let text = format!("{}_{role}", cluster.name);
                groups.add("cluster", &text, format!("the role `{role}` of the cluster `{}`", cluster.name), name)?;
                groups.add("cluster", cluster.name.as_str(), format!("the cluster `{}`", cluster.name), name)?;
            }
        }
    }
    let hosts = members.iter().map(|member| (member.node.name.as_str(), variables(member)));
    let all = Yaml::map([("hosts", Yaml::map(hosts)), ("children", groups.into_yaml())]);
    Ok(Yaml::map([("all", all)]).document())
}

/// The group of Ansible for a rack, a profile or a cluster (`rack`, `profile`, `cluster`) of this name.
#[must_use]
pub fn ansible_group(kind: &str, name: &str) -> String {
    // Ansible warns of all else in the name of a group.
    let valid = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("{kind}_{name}").chars().map(valid).collect()
}

/// How Ansible reaches a node; a password never stands here.
pub(super) fn variables(member: &Member<'_>) -> Yaml {
    let Some(login) = &member.login else {
        return Yaml::map(member.address().map(|address| ("ansible_host", Yaml::text(address.to_string()))));
    };
    let mut variables = vec![
        ("ansible_host", Yaml::text(&login.address)),
        ("ansible_port", Yaml::Number(login.port.into())),
        ("ansible_user", Yaml::text(&login.user)),
    ];
    if login.becomes_root {
        variables.push(("ansible_become", Yaml::Truth));
    }
    if let Some(key) = &login.key {
        variables.push(("ansible_ssh_private_key_file", Yaml::text(key.display().to_string())));
    }
    Yaml::map(variables)
}

/// Groups with their hosts, and what each stands for.
#[derive(Default)]
struct Groups<'a>(BTreeMap<String, (String, Vec<&'a str>)>);

impl<'a> Groups<'a> {
    fn add(&mut self, kind: &str, name: &str, stands_for: String, host: &'a str) -> Result<(), HandOffError> {
        let group = ansible_group(kind, name);
        let (first, hosts) = self.0.entry(group.clone()).or_insert_with(|| (stands_for.clone(), Vec::new()));
        if *first != stands_for {
            return Err(HandOffError::SameGroup { group, first: first.clone(), second: stands_for });
        }
        if hosts.last() != Some(&host) {
            hosts.push(host);
        }
        Ok(())
    }

    fn into_yaml(self) -> Yaml {
        Yaml::map(self.0.into_iter().map(|(group, (_, hosts))| {
            let hosts = Yaml::map(hosts.into_iter().map(|host| (host, Yaml::empty())));
            (group, Yaml::map([("hosts", hosts)]))
        }))
    }
}
