//! A site file of a datacenter of any size, as a person would write it.

/// The text of a site file (YAML): `nodes` machines in `racks` racks with a switch and a PDU each, the services that a site has,
/// and, where there are three nodes or more, a cluster of etcd spread over the racks.
///
/// The machines are written as one range, or as one for each rack where the racks are not equally full, so that the file
/// stays short however many there are.
///
/// # Panics
/// For no racks, for more than 250 of them, or for more than 200 nodes a rack: the addresses in the file would run out.
///
/// ```
/// let text = dip_sandbox::datacenter(100, 4);
/// assert!(text.contains("r{r:1..4}-n{n:01..25}:"));
/// ```
#[must_use]
pub fn datacenter(nodes: usize, racks: usize) -> String {
    assert!((1..=250).contains(&racks), "a datacenter has 1 to 250 racks, not {racks}");
    let fill: Vec<usize> = (0..racks).map(|rack| nodes / racks + usize::from(rack < nodes % racks)).collect();
    assert!(fill[0] <= 200, "a rack holds up to 200 nodes, not {}", fill[0]);
    let mut text = HEAD.to_owned();
    section(&mut text, "racks", racks, |rack| format!("  r{rack}: {{}}\n"));
    section(&mut text, "switches", racks, |rack| {
        format!("  sw{rack}: {{rack: r{rack}, kind: openvswitch, address: \"tcp:10.9.{rack}.1:6640\"}}\n")
    });
    section(&mut text, "pdus", racks, |rack| {
        format!("  pdu{rack}: {{rack: r{rack}, outlets: {}}}\n", fill[rack - 1].max(1))
    });
    text.push_str(NETWORKS);
    (1..=racks).for_each(|rack| text.push_str(&prefixes(rack)));
    text.push_str(SERVICES);
    text.push_str("\nnodes:\n");
    // A range of racks that are equally full is one range; those after it hold one node less.
    let mut first = 1;
    for part in fill.chunk_by(PartialEq::eq) {
        text.push_str(&nodes_of(first, first + part.len() - 1, part[0]));
        first += part.len();
    }
    let members = members(&fill);
    if members.len() >= 3 {
        let spread = if racks >= members.len() { ", spread: rack" } else { "" };
        text.push_str(&format!(
            "\nclusters:\n  store:\n    workload: {{kind: etcd, transport: plaintext}}\n    members: {{member: [{}]}}\n    policy: {{max_unavailable: 1{spread}}}\n",
            members.join(", "),
        ));
    }
    text
}

const HEAD: &str = "\
# A simulated datacenter. Everything in it starts powered off, with every switch port in the wrong VLAN.
version: 1
site: demo
domain: demo.example
";

const NETWORKS: &str = "
networks:
  prod:
    vlan: 20
    prefixes:
";

const SERVICES: &str = "
services:
  dhcp: {kind: dnsmasq, hosts_directory: dnsmasq/hosts.d, pid_file: dnsmasq/pid}
  dns:
    kind: rfc2136
    server: 10.9.0.53:53
    key: {name: dip, algorithm: hmac-sha256, secret: env:DIP_TSIG_SECRET}
  time: {kind: ntp, servers: [10.9.0.123]}
  cmdb: {kind: directory, path: cmdb}
  monitoring: {kind: prometheus, targets: prometheus/targets, url: \"http://10.9.0.90:9090\"}

profiles:
  base:
    bmc: {user: dip, password: env:DIP_BMC_PASSWORD, protocols: [{kind: redfish}, {kind: ipmi}]}
    os:
      ssh: {user: root, key: env:DIP_SSH_KEY, known_hosts: known_hosts}
      sysctl: {net.core.somaxconn: \"8192\", vm.swappiness: \"10\"}
      files:
        - {path: /etc/motd, content: \"Brought to ready state by dip.\\n\"}
      users: {operator: {groups: [adm], shell: /bin/bash}}
      packages: [chrony, prometheus-node-exporter, jq]
    opsclients:
      time: {service: time}
      resolver: {servers: [10.9.0.53], search: [demo.example]}
      metrics: {port: 9100}
";

fn section(text: &mut String, name: &str, racks: usize, line: impl Fn(usize) -> String) {
    text.push_str(&format!("\n{name}:\n"));
    (1..=racks).for_each(|rack| text.push_str(&line(rack)));
}

/// A prefix of each family for one rack.
fn prefixes(rack: usize) -> String {
    format!(
        "      - {{prefix: 10.1.{rack}.0/24, racks: [r{rack}], router: 10.1.{rack}.1, ranges: [10.1.{rack}.10-10.1.{rack}.250]}}
      - {{prefix: \"2001:db8:1:{rack:x}::/64\", racks: [r{rack}], router: \"2001:db8:1:{rack:x}::1\", ranges: [\"2001:db8:1:{rack:x}::10-2001:db8:1:{rack:x}::ffff\"]}}
"
    )
}

/// The nodes of racks that are equally full. MAC addresses are of those for local use.
fn nodes_of(first: usize, last: usize, count: usize) -> String {
    if count == 0 {
        return String::new();
    }
    let width = count.to_string().len();
    format!(
        "  r{{r:{first}..{last}}}-n{{n:{:0width$}..{count}}}:
    rack: r{{r}}
    profile: base
    serial: R{{r:03}}N{{n:03}}
    bmc: {{address: \"10.8.{{r}}.{{n}}\"}}
    nics:
      eth0: {{primary: true, mac: \"02:00:00:00:{{r:02x}}:{{n:02x}}\", link: \"sw{{r}}/p{{n}}\", network: prod}}
    outlets: [\"pdu{{r}}/{{n}}\"]
",
        1
    )
}

/// Three members, or five in a large datacenter, one after the other from each rack.
fn members(fill: &[usize]) -> Vec<String> {
    let total: usize = fill.iter().sum();
    let wanted = if total >= 50 && fill.len() >= 5 { 5 } else { 3.min(total) };
    let deepest = fill.iter().copied().max().unwrap_or_default();
    let places = (1..=deepest).flat_map(|n| {
        fill.iter().enumerate().filter(move |(_, count)| n <= **count).map(move |(rack, count)| (rack + 1, n, *count))
    });
    places
        .take(wanted)
        .map(|(rack, n, count)| format!("r{rack}-n{n:0width$}", width = count.to_string().len()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_in_different_racks_where_there_are_enough() {
        assert_eq!(members(&[25, 25, 25, 25]), ["r1-n01", "r2-n01", "r3-n01"]);
        assert_eq!(members(&[2, 1]), ["r1-n1", "r2-n1", "r1-n2"]);
    }

    #[test]
    fn nodes_are_spread_evenly() {
        let text = datacenter(10, 4);
        assert!(text.contains("r{r:1..2}-n{n:1..3}:") && text.contains("r{r:3..4}-n{n:1..2}:"), "{text}");
    }
}
