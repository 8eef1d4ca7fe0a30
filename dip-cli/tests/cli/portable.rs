//! One definition for several sites: bases, values, and the example that shows both.

use std::path::{Path, PathBuf};

use dip::Site;
use dip::core::id::LayerId;
use dip::core::site::Loaded;

use crate::place::{Place, golden, json_lines};

const SITES: [&str; 4] = ["sandbox", "staging", "production", "old-town"];

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sites/portable")
}

fn load(site: &str) -> Loaded {
    let loaded = Site::load(&[example().join(site).join("site.yaml")], &dip::layers().settings());
    loaded.unwrap_or_else(|faults| panic!("{site}: {faults}"))
}

/// The example in a directory of the test's own, where the command may write.
fn copy(name: &str) -> Place {
    let place = Place::new(name);
    for directory in SITES.iter().chain(&["base"]) {
        std::fs::create_dir_all(place.0.join(directory)).expect("a directory for the test");
        for file in std::fs::read_dir(example().join(directory)).expect("the example") {
            let file = file.expect("a file of the example");
            let to = place.0.join(directory).join(file.file_name());
            std::fs::copy(file.path(), to).expect("a file for the test");
        }
    }
    place
}

#[test]
fn every_site_of_the_example_is_sound_and_has_no_warning() {
    for site in SITES {
        assert_eq!(load(site).warnings, [], "{site}");
    }
    let nodes = SITES.map(|site| load(site).site.nodes.len());
    assert_eq!(nodes, [2, 4, 48, 8]);
}

#[test]
fn two_sites_of_one_release_differ_only_in_their_values() {
    let [staging, production, old] = ["staging", "production", "old-town"].map(|site| {
        let node = load(site).site.nodes["r1-n01"].clone();
        node.settings.layers
    });
    let as_staging = |layers: &std::collections::BTreeMap<LayerId, serde_json::Value>| {
        let mut layers = layers.clone();
        layers.get_mut(&LayerId::Os).expect("settings")["files"][0]["content"] = "staging\n".into();
        layers
    };
    assert_ne!(staging, production);
    assert_eq!(staging, as_staging(&production));
    // Two releases back: without the package of 3.2, and with the patch from 3.1.
    let (mut new, old) = (as_staging(&staging), as_staging(&old));
    assert_eq!(new[&LayerId::Os]["sysctl"], old[&LayerId::Os]["sysctl"]);
    let packages = new.get_mut(&LayerId::Os).expect("settings")["packages"].as_array_mut().expect("packages");
    assert_eq!(packages.pop(), Some("tmux".into()));
    assert_eq!(new, old);
    let base = &load("old-town").lock.bases["../base/3.0.yaml"];
    assert_eq!(base.release.as_deref(), Some("3.0"));
}

#[test]
fn a_release_is_promoted_from_the_sandbox_on() {
    let place = copy("promote");
    place.dip(&["apply", "sandbox/site.yaml", "--sandbox", "--yes"]).ends(0).prints("is ready: ");
    let release = place.read("base/3.2.yaml").replace("3.2", "3.3").replace("swappiness: 10", "swappiness: 1");
    place.write("base/3.3.yaml", &release);
    let text = place.read("staging/site.yaml").replace("3.2", "3.3");
    place.write("staging/site.yaml", &text);
    let refused = place.dip(&["check", "staging/site.yaml"]).ends(2);
    refused.tells("the base `../base/3.3.yaml` has changed since it was pinned");
    let pinned = place.dip(&["pin", "staging/site.yaml"]).ends(0).tells("put this line into staging/site.yaml");
    let lines: Vec<&str> =
        text.lines().map(|line| if line.starts_with("base:") { pinned.out.trim() } else { line }).collect();
    place.write("staging/site.yaml", &lines.join("\n"));
    place.dip(&["check", "staging/site.yaml"]).ends(0);
    place.dip(&["pin", "staging/site.yaml"]).ends(0).tells("its base is as it was pinned");
    place.dip(&["check", "production/site.yaml"]).ends(0).prints("48 nodes");
}

#[test]
fn a_base_that_moved_is_told_to_who_has_a_lock() {
    let place = copy("moved");
    // A site is locked when it is applied; the lock is all that this needs.
    let loaded = Site::load(&[place.0.join("staging/site.yaml")], &dip::layers().settings()).expect("a sound site");
    loaded.lock.write(&loaded.lock_path).expect("the lock is written");
    place.dip(&["check", "staging/site.yaml"]).ends(0).prints("staging/site.yaml is sound: site staging");
    place.write("base/3.2.yaml", &place.read("base/3.2.yaml").replace("swappiness: 10", "swappiness: 1"));
    let line = place.dip(&["pin", "staging/site.yaml", "--json"]).ends(0).out;
    let pinned = &json_lines(&line)[0];
    assert_eq!(pinned["holds"], false);
    let before = &loaded.lock.bases["../base/3.2.yaml"].sha256;
    let now = pinned["pin"]["sha256"].as_str().expect("a digest");
    place.write("staging/site.yaml", &place.read("staging/site.yaml").replace(before, now));
    let done = place.dip(&["check", "staging/site.yaml"]).ends(0);
    golden(
        "base-moved.txt",
        &done
            .err
            .replace(before, "BEFORE")
            .replace(&before[..12], "BEFORE")
            .replace(now, "NOW")
            .replace(&now[..12], "NOW"),
    );
}

#[test]
fn values_come_from_files_and_from_the_command_line() {
    let place = copy("values");
    place.write("more.yaml", "racks: 1\nnodes: 3\n");
    let words = ["check", "staging/site.yaml", "--values", "more.yaml"];
    place.dip(&words).ends(0).prints("3 nodes");
    place.dip(&[&words[..], &["--set", "nodes=5"]].concat()).ends(0).prints("5 nodes");
    place.dip(&[&words[..], &["--set", "noods=5"]].concat()).ends(0).tells("did you mean `nodes`?");
    place.dip(&[&words[..], &["--set", "nodes"]].concat()).ends(2).tells("`nodes` gives no value; write `name=value`");
    let wrong = place.dip(&["check", "staging/site.yaml", "--set", "vlan=x"]).ends(2);
    wrong.tells("`vlan` must be a whole number, and this is `x`").tells("`${vlan}` comes from --set:1:6");
    place.dip(&["plan", "staging/site.yaml", "--sandbox", "--set", "nodes=1", "--out", "the.plan"]).ends(0);
    let done = place.dip(&["apply", "the.plan", "--sandbox", "--yes", "--set", "nodes=2"]).ends(2);
    done.tells("give --set to `dip plan`");
    place.dip(&["why", "staging/site.yaml", "r1-n05", "--sandbox", "--set", "nodes=5"]).ends(0).prints("r1-n05");
}

#[test]
fn a_site_without_a_base_has_nothing_to_pin() {
    let place = Place::new("no-base");
    place.dip(&["pin", "site.yaml"]).ends(2).tells("site.yaml names no base; write `base: {file: ../base/site.yaml}`");
}

#[test]
fn a_base_that_is_no_longer_what_its_own_base_was_pinned_as_is_pinned_first() {
    let place = copy("deep");
    let digest = "0".repeat(64);
    place.write("region.yaml", &format!("base: {{file: base/3.2.yaml, sha256: {digest}}}\n"));
    place.write("town.yaml", &format!("base: {{file: region.yaml, sha256: {digest}}}\nsite: town\n"));
    let done = place.dip(&["pin", "town.yaml"]).ends(0).prints("base: {file: \"base/3.2.yaml\", version: \"3.2\"");
    let done = done.tells("put this line into region.yaml first, which is a base itself; then pin again");
    place.write("region.yaml", &done.out);
    place.dip(&["pin", "town.yaml"]).ends(0).tells("then put this line into town.yaml");
}

/// The page shows what is in the example.
#[test]
fn the_page_on_portable_sites_shows_the_example() {
    let page = std::fs::read_to_string(example().join("../../../docs/portable-sites.md")).expect("the page");
    for file in ["base/3.2.yaml", "staging/site.yaml", "production/site.yaml", "old-town/site.yaml"] {
        let text = std::fs::read_to_string(example().join(file)).expect("a file of the example");
        assert!(page.contains(&text), "docs/portable-sites.md does not show {file} as it is");
    }
}
