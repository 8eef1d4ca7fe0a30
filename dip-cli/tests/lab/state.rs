//! The state of a lab as other people's clients and the servers' own files tell it.

use std::collections::BTreeMap;

use dip_lab::Datacenter;

use crate::command::{Told, Unexpected, expect};

/// What can be compared between two labs: everything, with the lab's own subnet written as `N`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct State(BTreeMap<String, String>);

/// Looks at everything that ready state means, and fails where something is missing.
pub(crate) async fn verify(lab: &Datacenter) -> Told<State> {
    let mut seen = BTreeMap::new();
    for (host, node) in lab.hosts.iter().zip(&lab.layout.nodes) {
        let name = format!("{}.{}", node.name, lab.layout.forward_zone);
        let address = lab.bind.dig(&["+short", &name, "A"]).await?.trim().to_owned();
        expect(!address.is_empty(), || format!("dig finds no address of {name}"))?;
        let reverse = lab.bind.dig(&["+short", "-x", &address]).await?;
        expect(reverse.trim() == format!("{name}."), || format!("dig finds {reverse:?} for {address}"))?;
        seen.insert(format!("{} dns", node.name), address.clone());

        let vlan = lab.ovs.port_vlan(&node.port).await?;
        expect(vlan == Some(lab.layout.vlan), || format!("ovs-vsctl tells VLAN {vlan:?} of {}", node.port))?;
        seen.insert(format!("{} vlan", node.name), format!("{vlan:?}"));

        // The host got its address from the DHCP server by the reservation: there is no other way to one.
        let own = host.ssh("ip -4 -brief address show eth0").await?;
        expect(own.contains(&format!("{address}/")), || {
            format!("{} has {own:?} and its name says {address}", node.name)
        })?;
        let leases = std::fs::read_to_string(&lab.layout.dhcp_lease_file)?;
        let leased = leases.lines().any(|line| line.contains(&node.mac) && line.contains(&address));
        expect(leased, || format!("the DHCP server has no lease of {address} for {}:\n{leases}", node.mac))?;

        let tracking = host.ssh("chronyc -n tracking").await?;
        expect(tracking.contains("Leap status     : Normal"), || format!("{} is not in sync:\n{tracking}", node.name))?;
        expect(tracking.contains(&format!("{}", lab.layout.ntp.ip())), || {
            format!("{} follows another clock:\n{tracking}", node.name)
        })?;

        let resolved = host.ssh(&format!("getent hosts {name}")).await?;
        expect(resolved.starts_with(&address), || format!("{} resolves its own name to {resolved:?}", node.name))?;
        seen.insert(format!("{} host name", node.name), host.ssh("hostname").await?.trim().to_owned());
        seen.insert(format!("{} motd", node.name), host.ssh("cat /etc/motd").await?);
        seen.insert(format!("{} somaxconn", node.name), host.ssh("cat /proc/sys/net/core/somaxconn").await?);
        seen.insert(format!("{} operator", node.name), host.ssh("getent passwd operator").await?);
        seen.insert(format!("{} etcd", node.name), host.ssh("cat /etc/default/etcd").await?);
    }
    for bmc in &lab.ipmi {
        let power = bmc.ipmitool(&["chassis", "power", "status"]).await?;
        expect(power.contains("is on"), || format!("ipmitool says {power:?}"))?;
    }
    etcd(lab, &mut seen).await?;
    files(lab, &mut seen)?;
    let subnet = lab.layout.network.rsplit_once('.').map(|(subnet, _)| subnet.to_owned());
    let subnet = subnet.ok_or_else(|| Unexpected::new("the network of the lab is not an IPv4 prefix"))?;
    Ok(State(seen.into_iter().map(|(what, value)| (what, value.replace(&subnet, "N"))).collect()))
}

async fn etcd(lab: &Datacenter, seen: &mut BTreeMap<String, String>) -> Told {
    // A client of its own on one of the members, through all of them.
    let endpoints: Vec<String> =
        lab.layout.nodes.iter().map(|node| format!("http://{}.{}:2379", node.name, lab.layout.forward_zone)).collect();
    let ask = format!("ETCDCTL_API=3 etcdctl --endpoints {}", endpoints.join(","));
    let host = lab.hosts.first().ok_or_else(|| Unexpected::new("the lab has no host"))?;
    let health = host.ssh(&format!("{ask} endpoint health 2>&1")).await?;
    let healthy = health.matches("is healthy").count();
    expect(healthy == lab.hosts.len(), || format!("etcdctl says\n{health}"))?;
    let mark = host.ssh(&format!("{ask} get --prefix /dip/ 2>&1")).await?;
    expect(mark.contains("store"), || format!("etcdctl reads {mark:?}"))?;
    seen.insert("etcd mark".to_owned(), mark);
    Ok(())
}

/// The files that dip wrote for other programs, by name.
fn files(lab: &Datacenter, seen: &mut BTreeMap<String, String>) -> Told {
    for directory in [&lab.layout.dhcp_hosts_dir, &lab.layout.targets_dir, &lab.layout.cmdb_dir] {
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            seen.insert(format!("file {name}"), std::fs::read_to_string(&path)?);
        }
    }
    let count = |prefix: &std::path::Path| std::fs::read_dir(prefix).map(Iterator::count).unwrap_or_default();
    for directory in [&lab.layout.targets_dir, &lab.layout.cmdb_dir] {
        let found = count(directory);
        expect(found == lab.hosts.len(), || format!("{} holds {found} files", directory.display()))?;
    }
    Ok(())
}
