//! The environment file of one etcd member. Pure.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use dip_core::id::{ClusterName, NodeName, SiteName};

use crate::settings::EtcdSettings;

/// The file that Debian's unit reads: `EnvironmentFile=-/etc/default/%p`.
pub(super) const PATH: &str = "/etc/default/etcd";

/// A member by its names and its address.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) node: NodeName,
    /// The name by which the others find it.
    pub(super) host_name: String,
    /// The address that it listens on.
    pub(super) address: IpAddr,
}

/// The environment file of `member` in a cluster of `members`.
///
/// The token keeps members of two clusters, or of two sites, from ever joining each other by mistake.
pub(super) fn file(
    site: &SiteName,
    cluster: &ClusterName,
    settings: &EtcdSettings,
    members: &[Member],
    member: &Member,
) -> String {
    let peer = |member: &Member| format!("http://{}:{}", member.host_name, settings.peer_port);
    let listen = |address, port| format!("http://{}", SocketAddr::new(address, port));
    let all: Vec<String> = members.iter().map(|member| format!("{}={}", member.node, peer(member))).collect();
    let mut text = String::from("# Written by dip; changes here are undone.\n");
    for (key, value) in [
        ("NAME", member.node.to_string()),
        ("DATA_DIR", format!("/var/lib/etcd/{cluster}")),
        ("LISTEN_PEER_URLS", listen(member.address, settings.peer_port)),
        (
            "LISTEN_CLIENT_URLS",
            format!("{},http://127.0.0.1:{}", listen(member.address, settings.client_port), settings.client_port),
        ),
        ("ADVERTISE_CLIENT_URLS", format!("http://{}:{}", member.host_name, settings.client_port)),
        ("INITIAL_ADVERTISE_PEER_URLS", peer(member)),
        ("INITIAL_CLUSTER", all.join(",")),
        ("INITIAL_CLUSTER_STATE", "new".to_owned()),
        ("INITIAL_CLUSTER_TOKEN", format!("{site}-{cluster}")),
    ] {
        let _ = writeln!(text, "ETCD_{key}={value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Transport;

    #[test]
    fn a_member_knows_itself_and_all_others() {
        let member = |name: &str, last| Member {
            node: NodeName::new(name).expect("a name"),
            host_name: format!("{name}.lab.example"),
            address: IpAddr::from([10, 0, 0, last]),
        };
        let members = [member("n1", 1), member("n2", 2)];
        let settings = EtcdSettings { transport: Transport::Plaintext, client_port: 2379, peer_port: 2380 };
        let (site, cluster) = (SiteName::new("lab").expect("a name"), ClusterName::new("store").expect("a name"));
        let text = file(&site, &cluster, &settings, &members, &members[1]);
        let expected = "\
# Written by dip; changes here are undone.
ETCD_NAME=n2
ETCD_DATA_DIR=/var/lib/etcd/store
ETCD_LISTEN_PEER_URLS=http://10.0.0.2:2380
ETCD_LISTEN_CLIENT_URLS=http://10.0.0.2:2379,http://127.0.0.1:2379
ETCD_ADVERTISE_CLIENT_URLS=http://n2.lab.example:2379
ETCD_INITIAL_ADVERTISE_PEER_URLS=http://n2.lab.example:2380
ETCD_INITIAL_CLUSTER=n1=http://n1.lab.example:2380,n2=http://n2.lab.example:2380
ETCD_INITIAL_CLUSTER_STATE=new
ETCD_INITIAL_CLUSTER_TOKEN=lab-store
";
        assert_eq!(text, expected);
    }
}
