//! Nodes that go, orphans and claims, as a person meets them: on a real CMDB, which is a directory of files.

use serde_json::Value;

use crate::place::{Place, golden, json_lines};

const HEAD: &str = "version: 1
site: lab
domain: lab.example
services: {cmdb: {kind: directory, path: cmdb}}
nodes:
  n1: {serial: A1, nics: {eth0: {mac: \"52:54:00:00:00:01\"}}}
";

/// A site with a CMDB and nothing else, of these nodes beside `n1`.
fn place(name: &str, nodes: &str) -> Place {
    let place = Place::new(name);
    std::fs::create_dir(place.0.join("cmdb")).expect("a directory for the CMDB");
    place.write("site.yaml", &format!("{HEAD}{nodes}"));
    place
}

const N2: &str = "  n2: {serial: A2, nics: {eth0: {mac: \"52:54:00:00:00:02\"}}}\n";

/// What a person wrote into the CMDB.
const BY_HAND: &str = "owner: storage team
dip:
  node: n1
  host_name: old.lab.example
  addresses: [10.1.0.99]
  rack: null
  identity: {serial: A0, manufacturer: null, model: null, uuid: null}
";

/// Without the place on this machine.
fn here(place: &Place, text: &str) -> String {
    text.replace(&format!("{}/", place.0.display()), "")
}

#[test]
fn a_node_that_vanished_from_the_file_is_left_alone_and_listed_and_an_absent_one_is_removed() {
    let place = place("orphan", N2);
    place.dip(&["orphans", "site.yaml"]).ends(0).prints("No orphans: every record with the mark of lab");
    place.dip(&["apply", "site.yaml", "--yes"]).ends(0);
    place.write("site.yaml", HEAD);
    let plan = place.dip(&["plan", "site.yaml"]).ends(0).prints("Nothing to do: all 1 checks hold at lab.");
    let listed = place.dip(&["orphans", "site.yaml"]).ends(3);
    golden("orphans.txt", &here(&place, &listed.out));
    assert!(plan.out.ends_with(&listed.out), "{plan:#?}");
    place.dip(&["drift", "site.yaml"]).ends(0).prints("No drift").prints("Left alone: 1 record of 1 node");
    let json = place.dip(&["orphans", "site.yaml", "--json"]).ends(3).out;
    assert_eq!(json_lines(&json)[0]["orphan"]["of"], "n2", "{json}");
    let machine = place.dip(&["plan", "site.yaml", "--json"]).ends(0).tells("Left alone: 1 record");
    serde_json::from_str::<Value>(&machine.out).expect("the form that apply reads has nothing beside the plan");
    assert!(place.0.join("cmdb/n2.yaml").exists(), "nothing of it is touched");

    place.write("site.yaml", &format!("{HEAD}{}", N2.replace("{serial", "{state: absent, serial")));
    place.dip(&["plan", "site.yaml"]).ends(0).prints("remove_record × 1").prints("- CMDB record");
    place.dip(&["why", "site.yaml", "n2"]).ends(0).prints("opsmgmt.remove_record node/n2");
    place.dip(&["apply", "site.yaml", "--yes"]).ends(0).prints("changed   opsmgmt.remove_record node/n2");
    assert!(!place.0.join("cmdb/n2.yaml").exists() && place.0.join("cmdb/n1.yaml").exists());
    let again = place.dip(&["plan", "site.yaml"]).ends(0).prints("Nothing to do: all 2 checks hold at lab.");
    assert!(!again.out.contains("Left alone"), "{again:#?}");
}

#[test]
fn a_foreign_record_is_told_claimed_taken_over_and_given_back() {
    let place = place("claim", "");
    place.write("cmdb/n1.yaml", BY_HAND);
    let plan = place.dip(&["plan", "site.yaml"]).ends(0).prints("1 foreign").out;
    let words = plan.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("take it over by a claim (`dip claim`)"), "{plan}");
    let drift = place.dip(&["drift", "site.yaml"]).ends(3).prints("foreign  opsmgmt.record_node node/n1: ");
    drift.prints("carries nobody's mark").prints("1 foreign,");
    let json = place.dip(&["drift", "site.yaml", "--json"]).ends(3).out;
    assert_eq!(json_lines(&json)[0]["foreign"]["subject"], "node/n1", "{json}");
    place.dip(&["apply", "site.yaml", "--yes"]).ends(1);
    assert_eq!(place.read("cmdb/n1.yaml"), BY_HAND, "it is left alone");

    place
        .dip(&["claim", "site.yaml", "node/n9"])
        .ends(2)
        .tells("nothing of `node/n9` is held by somebody else; node/n1 are");
    let words = ["claim", "site.yaml", "node/n1", "--by", "ann", "--reason", "moved from the old CMDB"];
    let claimed =
        place.dip(&words).ends(0).prints("claimed  opsmgmt.record_node node/n1: it carried nobody's mark and said");
    claimed.tells("dip.claims keeps what may be taken over");
    assert_eq!(place.read("cmdb/n1.yaml"), BY_HAND, "a claim itself changes no record");
    let claims: Value = serde_json::from_str(&place.read("dip.claims")).expect("JSON");
    assert_eq!((&claims["version"], &claims["claims"][0]["by"]), (&Value::from(1), &Value::from("ann")), "{claims}");
    assert_eq!(claims["claims"][0]["was"]["host_name"], "old.lab.example", "what it said can be read later: {claims}");

    let plan = place.dip(&["plan", "site.yaml"]).ends(0).out;
    let words = plan.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("owner nobody's mark → the mark of site `lab`"), "{plan}");
    place.dip(&["apply", "site.yaml", "--yes"]).ends(0);
    let taken = place.read("cmdb/n1.yaml");
    assert!(taken.contains("site: \"lab\"") && taken.contains("n1.lab.example"), "{taken}");
    assert!(taken.contains("owner: storage team"), "what is not dip's stays: {taken}");
    place.dip(&["plan", "site.yaml"]).ends(0).prints("Nothing to do");

    place.dip(&["claim", "--release", "site.yaml", "node/n1"]).ends(0).prints("released  opsmgmt.record_node node/n1");
    let given_back = place.read("cmdb/n1.yaml");
    assert!(!given_back.contains("site:") && given_back.contains("n1.lab.example"), "{given_back}");
    place.dip(&["plan", "site.yaml"]).ends(0).prints("Nothing to do");
    place.dip(&["claim", "--release", "site.yaml", "node/n1"]).ends(2).tells("nothing of `node/n1` is claimed");
}

#[test]
fn damaged_claims_are_told_before_anything_is_done() {
    let place = place("claims-damaged", "");
    place.write("dip.claims", "{");
    place.dip(&["plan", "site.yaml"]).ends(2).tells("dip.claims` are damaged; restore them from version control");
}
