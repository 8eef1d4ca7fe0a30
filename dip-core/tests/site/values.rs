//! Values: `${name}` in the texts of a site, set in its files, over them, and from outside.

use dip_core::id::LayerId;
use dip_core::site::{Format, Resolved, Site};
use serde_json::json;

use crate::rules::{parse, parse_all};

const HEAD: &str = "version: 1\nsite: s\n";

fn good(text: &str) -> Resolved {
    parse(&format!("{HEAD}{text}")).unwrap_or_else(|faults| panic!("{faults}"))
}

fn os(site: &Site, node: &str) -> serde_json::Value {
    site.nodes[node].settings.layers[&LayerId::Os].clone()
}

fn warnings(resolved: &Resolved) -> Vec<&str> {
    resolved.warnings.iter().map(|warning| warning.message.as_str()).collect()
}

#[test]
fn a_value_is_typed_by_the_key_that_asks_for_it() {
    let resolved = good(
        "values: {ring: staging, ssh: {port: 2222}, firewall: true, packages: [jq, vim], panic: 007}
nodes:
  n1:
    os:
      ssh: {port: \"${ssh.port}\"}
      firewall: ${firewall}
      packages: ${packages}
      sysctl: {kernel.panic: \"${panic}\", a: \"x-${ring}-${ssh.port}\", b: \"${zone:-none}\", c: \"$${ring}\"}
",
    );
    let wanted = json!({
        "ssh": {"port": 2222},
        "firewall": true,
        "packages": ["jq", "vim"],
        "sysctl": {"kernel.panic": "007", "a": "x-staging-2222", "b": "none", "c": "${ring}"},
    });
    assert_eq!(os(&resolved.site, "n1"), wanted);
    assert_eq!(warnings(&resolved), [""; 0]);
}

#[test]
fn the_last_file_says_the_value_and_null_takes_it_away() {
    let base = format!("{HEAD}values: {{a: 1, b: 1, c: 1}}\nnodes: {{n1: {{serial: \"${{a}}${{b}}${{c:-gone}}\"}}}}\n");
    let over = "values: {b: 2, c: null}\n";
    let site = parse_all(&[("site.yaml", Format::Yaml, &base), ("over.yaml", Format::Yaml, over)])
        .unwrap_or_else(|faults| panic!("{faults}"))
        .site;
    assert_eq!(site.nodes["n1"].serial.as_deref(), Some("12gone"));
}

#[test]
fn values_are_put_in_before_ranges_are_reckoned() {
    let resolved = good(
        "values: {racks: 2, mac: \"52:54:00:00:{r:02x}\"}
racks: {r1: {}, r2: {}}
nodes:
  r{r:1..${racks}}-n{n:1..2}: {rack: \"r{r}\", nics: {e: {mac: \"${mac}:{n:02x}\"}}}
",
    );
    let macs: Vec<_> = resolved.site.nodes.values().filter_map(|node| node.nics["e"].mac).collect();
    let macs: Vec<_> = macs.iter().map(ToString::to_string).collect();
    assert_eq!(macs, ["52:54:00:00:01:01", "52:54:00:00:01:02", "52:54:00:00:02:01", "52:54:00:00:02:02"]);
}

#[test]
fn a_value_may_be_made_from_others() {
    let resolved = good("domain: ${domain}\nvalues: {stage: prod, domain: \"${stage}.${zone}\", zone: lab.example}\n");
    assert_eq!(resolved.site.domain.as_deref(), Some("prod.lab.example"));
    assert_eq!(warnings(&resolved), [""; 0], "what is used by a value that is used is used");
}

#[test]
fn a_value_that_is_used_nowhere_is_a_warning_with_what_was_meant() {
    let resolved = good("domain: ${domian:-lab.example}\nvalues: {domain: a.example, spare: 1}\n");
    let told: Vec<_> = resolved.warnings.iter().map(ToString::to_string).collect();
    let wanted = [
        "warning: the value `domain` is used nowhere\n --> site.yaml:4:10\n  |\n4 | values: {domain: a.example, spare: 1}\n  |          ^^^^^^ did you mean `domian`?",
        "warning: the value `spare` is used nowhere\n --> site.yaml:4:29\n  |\n4 | values: {domain: a.example, spare: 1}\n  |                             ^^^^^\n  = help: write `${spare}` where it belongs, or take it out",
    ];
    assert_eq!(told, wanted);
}

#[test]
fn a_path_starts_at_the_file_in_which_it_stands_whole() {
    let base = format!(
        "{HEAD}services:\n  a: {{kind: dnsmasq, hosts_directory: \"${{dir}}\"}}\n  b: {{kind: dnsmasq, hosts_directory: \"x/${{dir}}\"}}\n"
    );
    let sources = [
        dip_core::site::Source::new("base/site.yaml", Format::Yaml, base).at("/base"),
        dip_core::site::Source::new("over/over.yaml", Format::Yaml, "values: {dir: hosts}\n").at("/over"),
    ];
    let site = Site::parse(&sources, &crate::rules::settings(), &dip_core::site::Lock::default())
        .unwrap_or_else(|faults| panic!("{faults}"))
        .site;
    let directory = |service: &str| site.services[service].driver.settings["hosts_directory"].clone();
    assert_eq!(directory("a"), "/over/hosts");
    assert_eq!(directory("b"), "/base/x/hosts");
}

#[test]
fn a_secret_by_its_value_is_shown_nowhere() {
    let text = "values:
  key: hunter2
  twice: ${key}
  long: |
    first
    hunter2
nodes:
  n1: {os: {ssh: {key: \"${twice}\", prot: \"${key}\"}}}
  n2: {os: {ssh: {key: \"${long}\"}}}
  n3: {os: {ssh: {key: \"x${key}\"}}}
";
    let faults = parse(&format!("{HEAD}{text}")).expect_err("three secrets");
    assert!(!faults.to_string().contains("hunter2"), "{faults}");
    let notes: Vec<_> = faults.0.iter().flat_map(|fault| &fault.notes).map(String::as_str).collect();
    assert!(notes.contains(&"`${key}` comes from site.yaml:4:8"), "{notes:?}");
}

#[test]
fn values_that_grow_without_end_are_refused() {
    for (first, more) in [("[x]", "[\"${v{n}}\", \"${v{n}}\"]"), ("x", "\"${v{n}}${v{n}}\"")] {
        let more = (0..40).map(|n| format!("  v{}: {}\n", n + 1, more.replace("{n}", &n.to_string())));
        let text = format!("{HEAD}values:\n  v0: {first}\n{}domain: ${{v40}}\n", more.collect::<String>());
        let faults = parse(&text).expect_err("2^40 texts").to_string();
        assert!(faults.contains("more than 64 MiB are put in"), "{faults}");
    }
}
