//! Host specifications for `ceph orch apply -i`: each member of the cluster with its address, its roles as labels and its place.
//!
//! Format: Ceph, "Cephadm Operations", "Host Management": "Creating many hosts at once" and "Setting the initial CRUSH location
//! of host". `hostname` must be what `hostname` prints on the node, which is what dip sets: the name of the node.

use std::collections::BTreeSet;

use super::yaml::Yaml;
use super::{HandOff, HandOffError, HandOffFormat};

/// The roles that a message proposes. Labels are free in Ceph, so that any role becomes one.
pub(super) const ROLES: [&str; 3] = ["mon", "mgr", "osd"];

pub(super) fn write(list: &HandOff<'_>, cluster: Option<&str>) -> Result<String, HandOffError> {
    let format = HandOffFormat::Cephadm;
    let cluster = list.cluster(format, cluster, &ROLES)?;
    let names: BTreeSet<_> = cluster.members.values().flatten().collect();
    let mut documents = Vec::new();
    for member in names.into_iter().filter_map(|name| list.nodes.get(name)) {
        let node = member.node;
        let roles = cluster.members.iter().filter(|(_, nodes)| nodes.contains(&node.name));
        let mut host = vec![
            ("service_type", Yaml::text("host")),
            ("hostname", Yaml::text(node.name.as_str())),
            ("addr", Yaml::text(member.by_address(format)?)),
            ("labels", Yaml::List(roles.map(|(role, _)| Yaml::text(role.as_str())).collect())),
        ];
        if let Some(rack) = &node.rack {
            let row = list.site.racks.get(rack).and_then(|rack| rack.row.as_deref());
            let row = row.map(|row| ("row", Yaml::text(row)));
            host.push(("location", Yaml::map(row.into_iter().chain([("rack", Yaml::text(rack.as_str()))]))));
        }
        documents.push(Yaml::map(host).document());
    }
    if documents.is_empty() {
        let known = cluster.members.keys().map(|role| format!("`{role}`")).collect();
        return Err(HandOffError::NobodyInRole { format, cluster: cluster.name.clone(), role: ROLES[0], known });
    }
    Ok(documents.join("---\n"))
}
