//! Machines of a site: shown, bound, exchanged.

use serde_json::Value;

use crate::place::Place;

fn lock(place: &Place) -> Value {
    serde_json::from_str(&std::fs::read_to_string(place.0.join("dip.lock")).expect("a lock")).expect("JSON")
}

#[test]
fn machines_are_shown_with_their_parts() {
    let place = Place::new("hardware");
    let done = place.dip(&["hardware", "site.yaml", "r1-n1", "--sandbox"]).ends(0);
    let done = done.prints("r1-n1  Sandbox Systems, SB-1U, serial ").prints("memory         16 × 32 GiB: DIMM A1, ");
    let done = done.prints("network ports  NIC eth0, ");
    assert!(!done.out.contains("r1-n2"), "{}", done.out);
    place.dip(&["hardware", "site.yaml", "r9-n9", "--sandbox"]).ends(2).tells("`r9-n9` is not in the site file");
}

#[test]
fn nodes_are_bound_once_and_an_exchange_is_a_change_of_the_lock_file() {
    let place = Place::new("enrol");
    place
        .dip(&["enrol", "site.yaml", "--sandbox"])
        .ends(0)
        .prints("bound          r1-n1  serial ")
        .tells("binds 4 more");
    let first = lock(&place);
    assert_eq!(first["version"], 3);
    place.dip(&["enrol", "site.yaml", "--sandbox"]).ends(0).prints("already        r1-n1  ");
    assert_eq!(lock(&place), first, "who is bound stays bound");
    place.dip(&["replace", "site.yaml", "r1-n1", "--sandbox"]).ends(0).prints("nothing of r1-n1 was exchanged");

    // As if the board had been another one when the node was bound.
    let board = first["machines"]["r1-n1"]["board_serial"].as_str().expect("it tells one").to_owned();
    let text = std::fs::read_to_string(place.0.join("dip.lock")).expect("a lock").replace(&board, "B-OLD");
    place.write("dip.lock", &text);
    let done = place.dip(&["enrol", "site.yaml", "--sandbox"]).ends(3);
    done.prints("refused        r1-n1  ").prints("another board");
    let done = place.dip(&["apply", "site.yaml", "--sandbox", "--yes"]).ends(1);
    assert!(done.out.contains("has another main board") || done.err.contains("has another main board"), "{}", done.out);
    let done = place.dip(&["replace", "site.yaml", "r1-n1", "--reason", "RMA 17", "--sandbox"]).ends(0);
    done.prints(&format!("r1-n1  board: B-OLD → {board}")).tells("review it");
    let after = lock(&place);
    assert_eq!(after["machines"], first["machines"]);
    assert_eq!(after["replaced"][0]["reason"], "RMA 17");
    place.dip(&["apply", "site.yaml", "--sandbox", "--yes"]).ends(0);
}

#[test]
fn a_part_that_is_given_must_be_one() {
    let place = Place::new("replace-part");
    let replace = |part: &str| place.dip(&["replace", "site.yaml", "r1-n1", "--part", part, "--sandbox"]);
    replace("nic/eth0").ends(2).tells("does not say what a part is known by now");
    replace("fan/1=X").ends(2).tells("the parts are `chassis`, `board`, `nic/NAME` and `disk/NAME`");
    replace("nic/eth0=x").ends(2).tells("is not a MAC address");
}

#[test]
fn a_manifest_tells_spares_and_what_is_not_there_yet() {
    let place = Place::new("manifest");
    let site = "version: 1
site: lab
manifest: sent.csv
racks: {r1: {}}
profiles: {base: {bmc: {user: admin, password: store:secrets, protocols: [{kind: ipmi}]}}}
nodes:
  n1: {rack: r1, position: 1, profile: base}
  n2: {rack: r1, position: 2, profile: base}
";
    place.write("site.yaml", site);
    place.write(
        "sent.csv",
        "serial,bmc_address,rack,position,model\nA1,10.8.0.1,r1,1,R650\nA2,,r1,2,R650\nA3,10.8.0.3,,,R650\n",
    );
    let done = place.dip(&["manifest", "site.yaml"]).ends(0);
    let done = done.prints("connected      A1               n1           r1/1     10.8.0.1         R650\n");
    let done = done.prints("not delivered  A2               n2           r1/2     -                R650\n");
    let done = done.prints("spare          A3               -            -        10.8.0.3         R650\n");
    done.tells("`n2` (serial number `A2`) is not delivered yet");
}

#[test]
fn a_node_without_a_profile_gets_the_one_of_the_first_rule_that_fits_its_machine() {
    let place = Place::new("classify");
    let site = "version: 1
site: lab
classify:
  - {profile: storage, disks: 12}
  - {profile: compute, model: \"SB-*\", cores: 64, memory_gib: 512}
  - {profile: other, model: \"*\"}
profiles: {compute: {os: {sysctl: {vm.swappiness: \"1\"}}}, storage: {}, other: {}}
nodes:
  n1: {bmc: {address: 10.8.0.1, user: admin, password: env:BMC, protocols: [{kind: ipmi}]}}
";
    place.write("site.yaml", site);
    let done = place.dip(&["classify", "site.yaml", "--sandbox"]).ends(0);
    let done = done.prints("compute        n1 (").tells("warning: n1 fits `other` (");
    done.tells("because that rule stands first");
    assert_eq!(lock(&place)["profiles"]["n1"], "compute");
    let checked = place.dip(&["check", "site.yaml", "--json"]).ends(0);
    assert!(
        checked.out.contains("\"vm.swappiness\":\"1\""),
        "the node has the settings of its profile: {}",
        checked.out
    );
    place.dip(&["classify", "site.yaml", "--sandbox"]).ends(0).prints("compute        n1 (");
}
