//! The `hosts.yaml` of kubespray: each member once with its addresses, and the groups that its playbooks know.
//!
//! Format: kubespray, `docs/ansible/inventory.md` ("Inventory": the groups `kube_control_plane`, `kube_node`, `etcd` and
//! `calico_rr`) and `docs/ansible/vars.md` (`ip`, `access_ip`). Newer releases make `k8s_cluster` themselves; older ones need
//! it, and it does no harm there.

use std::collections::BTreeSet;

use super::list::Member;
use super::yaml::Yaml;
use super::{HandOff, HandOffError, HandOffFormat, ansible};

const CONTROL_PLANE: &str = "control_plane";
const WORKER: &str = "worker";
const ETCD: &str = "etcd";
pub(super) const ROLES: [&str; 3] = [CONTROL_PLANE, WORKER, ETCD];

pub(super) fn write(list: &HandOff<'_>, cluster: Option<&str>) -> Result<String, HandOffError> {
    let format = HandOffFormat::Kubespray;
    let cluster = list.cluster(format, cluster, &ROLES)?;
    let control = list.needed(format, cluster, CONTROL_PLANE)?;
    let mut workers = list.in_role(cluster, WORKER);
    if !cluster.members.contains_key(WORKER) {
        // Where nobody is a worker, all are: pods must run somewhere.
        workers.clone_from(&control);
    }
    // Stacked etcd is what kubespray's own sample has: it runs where the control plane does.
    let etcd = if cluster.members.contains_key(ETCD) { list.needed(format, cluster, ETCD)? } else { control.clone() };
    let mut names = BTreeSet::new();
    let mut hosts = Vec::new();
    for member in control.iter().chain(&workers).chain(&etcd) {
        if names.insert(&member.node.name) {
            hosts.push((member.node.name.to_string(), host(member)?));
        }
    }
    hosts.sort_by(|a, b| a.0.cmp(&b.0));
    let group = |members: &[&Member<'_>]| {
        let hosts = members.iter().map(|member| (member.node.name.as_str(), Yaml::empty()));
        Yaml::map([("hosts", Yaml::map(hosts))])
    };
    let children = ["kube_control_plane", "kube_node", "calico_rr"].map(|group| (group, Yaml::empty()));
    let groups = Yaml::map([
        ("kube_control_plane", group(&control)),
        ("kube_node", group(&workers)),
        ("etcd", group(&etcd)),
        ("k8s_cluster", Yaml::map([("children", Yaml::map(children))])),
        ("calico_rr", group(&[])),
    ]);
    Ok(Yaml::map([("all", Yaml::map([("hosts", Yaml::map(hosts)), ("children", groups)]))]).document())
}

/// The variables of Ansible, and the addresses that the node's services bind to and others reach them by.
fn host(member: &Member<'_>) -> Result<Yaml, HandOffError> {
    let address = member.by_address(HandOffFormat::Kubespray)?;
    let Yaml::Map(mut variables) = ansible::variables(member) else { return Ok(Yaml::empty()) };
    variables.extend(["ip", "access_ip"].map(|key| (key.to_owned(), Yaml::text(&address))));
    Ok(Yaml::Map(variables))
}
