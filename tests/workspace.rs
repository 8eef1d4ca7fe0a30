//! The workspace holds to what its documents say of it.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

fn metadata(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

fn packages(metadata: &Value) -> &[Value] {
    metadata["packages"].as_array().expect("a list of packages")
}

#[test]
fn architecture_lists_exactly_the_crates_that_there_are() {
    let architecture = include_str!("../ARCHITECTURE.md");
    let table = architecture.split("## Crates").nth(1).and_then(|rest| rest.split("## ").next()).expect("a chapter");
    let told: BTreeSet<&str> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name)).collect();
    let metadata = metadata(&["--no-deps"]);
    let there: BTreeSet<&str> = packages(&metadata).iter().filter_map(|package| package["name"].as_str()).collect();
    assert_eq!(told, there);
}

#[test]
fn files_that_architecture_names_are_there() {
    let architecture = include_str!("../ARCHITECTURE.md");
    for path in architecture.split('`').filter(|word| word.starts_with("dip-") && word.contains("/src/")) {
        if path.contains('<') {
            continue;
        }
        assert!(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists(), "{path} is not there");
    }
}

#[test]
fn layers_depend_on_no_other_layer() {
    let layers =
        ["network", "firmware", "os", "opsclients", "apps", "opsmgmt", "cluster"].map(|name| format!("dip-{name}"));
    let metadata = metadata(&["--no-deps"]);
    for package in packages(&metadata).iter().filter(|package| layers.iter().any(|layer| package["name"] == **layer)) {
        // A test may bring a real host of another layer; the layer itself may not.
        let of_the_product = |dependency: &&Value| dependency["kind"].is_null();
        for dependency in package["dependencies"].as_array().expect("a list").iter().filter(of_the_product) {
            let is_layer = layers.iter().any(|layer| dependency["name"] == **layer);
            assert!(!is_layer, "{} depends on {}", package["name"], dependency["name"]);
        }
    }
}

#[test]
fn no_dependency_asks_for_a_newer_rust_than_we_state() {
    let number = |version: &str| -> Vec<u32> { version.split('.').map_while(|part| part.parse().ok()).collect() };
    let metadata = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let own = packages(&metadata).iter().find(|package| package["name"] == "dip").expect("the facade");
    let stated = number(own["rust_version"].as_str().expect("it is stated"));
    for package in packages(&metadata) {
        if let Some(asked) = package["rust_version"].as_str() {
            assert!(number(asked) <= stated, "{} asks for Rust {asked}", package["name"]);
        }
    }
}

/// The published schema is the one that `dip schema` prints; `DIP_BLESS=1` writes it anew.
#[test]
fn the_published_schema_is_that_of_the_layers() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/site.schema.json");
    let schema = format!("{:#}\n", dip::core::site::json_schema(&dip::layers().settings()));
    if std::env::var_os("DIP_BLESS").is_some() {
        std::fs::write(&path, &schema).expect("the schema can be written");
    }
    let published = std::fs::read_to_string(&path).expect("the schema is published");
    assert!(published == schema, "docs/site.schema.json is old: run this test with DIP_BLESS=1 and look at the change");
}
