//! Nodes from a table: taken live, imported once, and what is told of their faults.

use crate::place::Place;

const SITE: &str = "\
version: 1
site: lab
inventory: {service: cmdb, prefer: [serial]}
services: {cmdb: {kind: csv, path: machines.csv}}
networks: {prod: {prefixes: [{prefix: 10.0.1.0/24}]}}
";

const TABLE: &str = "\
name,rack,position,serial,mac,address,bought
r1-n1,r1,1,A1,52:54:00:00:00:01,10.0.1.11,2024
r1-n2,r1,2,A2,52:54:00:00:00:02,10.0.1.12,2025
";

fn place(name: &str) -> Place {
    let place = Place::new(name);
    place.write("site.yaml", SITE);
    place.write("machines.csv", TABLE);
    place
}

#[test]
fn the_rows_of_a_table_are_nodes_of_the_site() {
    let place = place("inventory-live");
    let out = place.dip(&["check", "site.yaml"]).ends(0).out;
    assert!(out.contains("2 nodes, 1 rack"), "{out}");
    place.write("machines.csv", &TABLE.replace(":02,", ":zz,"));
    let err = place.dip(&["check", "site.yaml"]).ends(2).err;
    assert!(err.contains("52:54:00:00:00:zz"), "{err}");
    assert!(err.contains("--> row 3 of ") && err.contains("machines.csv:"), "the row is named: {err}");
}

#[test]
fn a_table_without_rows_is_no_site_without_nodes() {
    let place = place("inventory-empty");
    place.write("machines.csv", "name,rack\n");
    let err = place.dip(&["plan", "site.yaml"]).ends(2).err;
    assert!(err.contains("has none for it"), "{err}");
    std::fs::remove_file(place.0.join("machines.csv")).expect("it is there");
    let err = place.dip(&["plan", "site.yaml"]).ends(1).err;
    assert!(err.contains("the nodes of this site cannot be read") && err.contains("there is no file"), "{err}");
}

#[test]
fn an_import_is_written_once_and_never_over_a_file() {
    let place = place("inventory-import");
    place.dip(&["import", "site.yaml", "--out", "nodes.yaml"]).ends(0);
    let text = place.read("nodes.yaml");
    assert!(text.contains("  # row 2 of ") && text.contains("    serial: \"A1\"\n"), "{text}");
    let err = place.dip(&["import", "site.yaml", "--out", "nodes.yaml"]).ends(2).err;
    assert!(err.contains("nodes.yaml is there already"), "{err}");
    place.dip(&["import", "site.yaml", "--out", "nodes.yaml", "--force"]).ends(0);
    assert_eq!(place.read("nodes.yaml"), text, "the same table gives the same file");
    let networks = SITE.replace("inventory: {service: cmdb, prefer: [serial]}\n", "");
    place.write("networks.yaml", &networks);
    let out = place.dip(&["check", "networks.yaml", "--overlay", "nodes.yaml"]).ends(0).out;
    assert!(out.contains("2 nodes, 1 rack"), "{out}");
}
