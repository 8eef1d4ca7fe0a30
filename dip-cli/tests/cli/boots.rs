//! Boots that nobody could carry out: told when the plan is made, with the place in the site file and what to do.

use crate::place::{Place, golden};

/// A machine that nobody can switch on.
const WITHOUT_BMC: &str = "version: 1
site: lab
domain: lab.example
networks: {prod: {prefixes: [{prefix: 10.0.1.0/24}]}}
nodes:
  n1:
    nics: {eth0: {primary: true, mac: \"02:00:00:00:00:11\", network: prod, address: 10.0.1.11}}
    os:
      ssh: {user: root, key: env:DIP_SSH_KEY, known_hosts: known_hosts}
      files: [{path: /etc/motd, content: hello}]
";

#[test]
fn a_node_without_a_bmc_that_would_have_to_boot_is_told_when_the_plan_is_made() {
    let place = Place::new("boots-without-bmc");
    place.write("site.yaml", WITHOUT_BMC);
    golden("unbooted.txt", &place.dip(&["plan", "site.yaml", "--sandbox"]).ends(2).err);
    place.dip(&["apply", "site.yaml", "--sandbox", "--yes"]).ends(2);
    assert_eq!(place.count_journals(), 0, "nothing was begun");
}
