//! Every kind of fault is told as a person can use it: `tests/golden/site/faults.txt` holds them all.

use std::fmt::Write;
use std::path::Path;

use dip_core::site::Format;

use crate::rules::{WHOLE, parse, parse_all};

/// A base that is right, so that what a case adds is all that is wrong.
const HEAD: &str = "version: 1\nsite: s\n";

/// What is wrong, and the file that it is wrong in.
fn cases() -> Vec<(&'static str, Format, String)> {
    let yaml = |name, text: &str| (name, Format::Yaml, text.to_owned());
    let after = |name, text: &str| (name, Format::Yaml, format!("{HEAD}{text}"));
    let node = |name, text: &str| {
        let base = "racks: {r1: {}, r2: {}}\nswitches: {sw1: {ports: [\"p{1..4}\"]}}\npdus: {pdu1: {outlets: 4}}\nnetworks:\n  storage: {prefixes: [{prefix: 10.0.0.0/24, router: 10.0.0.1, racks: [r1]}]}\n";
        (name, Format::Yaml, format!("{HEAD}{base}nodes:\n{text}"))
    };
    vec![
        yaml("empty", ""),
        yaml("not a map", "- a\n"),
        yaml("not YAML", "version: 1\nsite: [a\n"),
        yaml("a broken line with a secret", "version: 1\nsite: s\npassword: \"hunter2\n"),
        ("not JSON", Format::Json, "{\"version\": 1,}".to_owned()),
        ("not TOML", Format::Toml, "version = 1\nsite = \n".to_owned()),
        after("anchor", "racks: &a {}\n"),
        after("tag", "racks: !!map {}\n"),
        after("second document", "---\nversion: 1\n"),
        after("a key that is a list", "? [a]\n: b\n"),
        after("a key twice", "racks:\n  r1: {}\n  r1: {}\n"),
        after("unknown key at the top", "node: {}\n"),
        yaml("newer version", "version: 2\nsite: s\n"),
        after("a section that is a list", "racks: [r1]\n"),
        after("an entry of a list that is no map", "networks: {a: {prefixes: [10.0.0.0/24, ~]}}\n"),
        after("a name that is none", "racks: {\"r 1\": {}}\n"),
        after("unknown kind", "services: {dns: {kind: dnsmask, hosts_directory: a}}\n"),
        after("kind missing", "services: {dns: {hosts_directory: a}}\n"),
        after("kind missing where it may be", "switches: {sw1: {address: a}}\n"),
        after("keys missing", "services: {dns: {kind: dnsmasq}}\n"),
        after("span of time", "services: {d: {kind: dnsmasq, hosts_directory: a, lease: 5 minutes}}\n"),
        after("octal", "networks: {a: {vlan: 010}}\n"),
        after("out of range", "networks: {a: {vlan: 4095}}\n"),
        after("a number in quotes", "networks: {a: {vlan: \"10\"}}\n"),
        after("domain", "domain: lab.example.\n".trim_end()),
        after("a prefix that is an address", "networks: {a: {prefixes: [{prefix: 10.0.0.5/24}]}}\n"),
        after(
            "prefixes overlap",
            "networks:\n  a:\n    prefixes:\n      - {prefix: 10.0.0.0/16}\n      - {prefix: 10.0.7.0/24}\n",
        ),
        after("range outside", "networks: {a: {prefixes: [{prefix: 10.0.0.0/24, ranges: [10.0.0.9-10.0.1.9]}]}}\n"),
        after("range backwards", "networks: {a: {prefixes: [{prefix: 10.0.0.0/24, ranges: [10.0.0.9-10.0.0.1]}]}}\n"),
        after(
            "ranges overlap",
            "networks: {a: {prefixes: [{prefix: 10.0.0.0/24, ranges: [10.0.0.1-10.0.0.9, 10.0.0.9-10.0.0.12]}]}}\n",
        ),
        after("router outside", "networks: {a: {prefixes: [{prefix: 10.0.0.0/24, router: 10.0.1.1}]}}\n"),
        after("profiles in a circle", "profiles:\n  a: {inherits: [b]}\n  b: {inherits: [c]}\n  c: {inherits: [a]}\n"),
        after("unknown profile", "profiles: {base: {}}\nnodes: {n1: {profile: bas}}\n"),
        node("profile twice", "  n1: {profile: a, profiles: [b]}\nprofiles: {a: {}, b: {}}\n"),
        node(
            "unknown network",
            "  n1:\n    rack: r1\n    nics:\n      e:\n        mac: 52:54:00:00:00:01\n        network: stroage\n",
        ),
        node("unknown key", "  n1: {rak: r1}\n"),
        node("choice", "  n1: {state: maintenence}\n"),
        node("yes is no boolean", "  n1: {os: {firewall: yes}}\n"),
        node("MAC", "  n1: {nics: {e: {mac: \"52:54:00\"}}}\n"),
        node("mode", "  n1: {os: {files: [{path: etc/motd, content: a, mode: rw}]}}\n"),
        node("nothing tells an interface", "  n1: {nics: {e: {pci: \"0000:3b:00.1\"}}}\n"),
        node("a DUID that is none", "  n1: {nics: {e: {mac: \"52:54:00:00:00:01\", duid: \"0004531a\"}}}\n"),
        node("a DUID without a MAC", "  n1: {nics: {e: {link: sw1/p1, duid: \"00:04:53:1a\"}}}\n"),
        node(
            "a DUID twice",
            "  n1: {nics: {e: {mac: \"52:54:00:00:00:01\", duid: \"00:04:53:1a\"}, f: {mac: \"52:54:00:00:00:02\", duid: \"00:04:53:1a\"}}}\n  n2: {nics: {e: {mac: \"52:54:00:00:00:03\", duid: \"00:04:53:1A\"}}}\n",
        ),
        node(
            "two primaries",
            "  n1: {nics: {a: {mac: \"52:54:00:00:00:01\", primary: true}, b: {mac: \"52:54:00:00:00:02\", primary: true}}}\n",
        ),
        node(
            "a MAC twice",
            "  n1: {nics: {e: {mac: \"52:54:00:00:00:01\"}}}\n  n2: {nics: {e: {mac: \"52:54:00:00:00:01\"}}}\n",
        ),
        node("a port twice", "  n{1..3}: {nics: {e: {link: sw1/p1}}}\n"),
        node("a port that is not listed", "  n1: {nics: {e: {link: sw1/p5}}}\n"),
        node("unknown switch", "  n1: {nics: {e: {link: sw2/p1}}}\n"),
        node("an outlet too many", "  n1: {outlets: [pdu1/5]}\n"),
        node("an outlet twice", "  n1: {outlets: [pdu1/1]}\n  n2: {outlets: [pdu1/1]}\n"),
        node("a serial number twice", "  n1: {serial: A}\n  n2: {serial: A}\n"),
        node(
            "an address outside",
            "  n1: {rack: r1, nics: {e: {link: sw1/p1, network: storage, address: 10.0.1.5}}}\n",
        ),
        node(
            "an address in another rack",
            "  n1: {rack: r2, nics: {e: {link: sw1/p1, network: storage, address: 10.0.0.5}}}\n",
        ),
        node(
            "the address of the router",
            "  n1: {rack: r1, nics: {e: {link: sw1/p1, network: storage, address: 10.0.0.1}}}\n",
        ),
        node(
            "an address twice",
            "  n{1..2}: {rack: r1, nics: {e: {link: \"sw1/p{n}\", network: storage, address: 10.0.0.5}}}\n",
        ),
        node("an address in no network", "  n1: {nics: {e: {link: sw1/p1, address: 10.0.0.5}}}\n"),
        node("unknown variable", "  n{1..2}:\n    serial: S{m}\n"),
        node("a range that is none", "  n{1-2}: {}\n"),
        node("a range too large", "  n{1..100001}: {}\n"),
        node("one name for two ranges", "  r{1..2}-n{1..2}: {}\n"),
        node("two ranges make one node", "  n{1..4}: {}\n  n{3..5}: {}\n"),
        node("a BMC by half", "  n1: {bmc: {address: 10.0.0.1}}\n"),
        node(
            "a secret by its value",
            "  n1:\n    bmc:\n      address: 10.0.0.1\n      user: a\n      password: hunter2\n      protocols: [{kind: ipmi}]\n",
        ),
        node(
            "a secret beside another fault",
            "  n1:\n    bmc: {adress: 10.0.0.1, user: a, password: hunter2, protocols: [{kind: ipmi}]}\n",
        ),
        node(
            "a secret under a mistyped key",
            "  n1:\n    bmc: {address: 10.0.0.1, user: a, pass: hunter2, protocols: [{kind: ipmi}]}\n",
        ),
        node(
            "a secret in several lines",
            "  n1:\n    os:\n      ssh:\n        key: |\n          -----BEGIN hunter2\n          hunter2\n        prot: 1\n",
        ),
        after(
            "used up",
            "networks: {a: {prefixes: [{prefix: 10.0.0.0/24, ranges: [10.0.0.1-10.0.0.2]}]}}\nswitches: {sw: {}}\nnodes:\n  n{1..5}: {nics: {e: {link: \"sw/{n}\", network: a}}}\n",
        ),
        after(
            "unknown members",
            "nodes: {n1: {}, n2: {}}\nclusters:\n  c: {workload: {kind: etcd}, members: {member: [\"n{1..3}\", n1]}}\n",
        ),
        after("no members", "clusters:\n  c: {workload: {kind: etcd}, members: {}}\n"),
        after(
            "not spread",
            "racks: {r1: {}}\nnodes: {\"n{1..2}\": {rack: r1}}\nclusters:\n  c: {workload: {kind: etcd}, members: {member: [n1, n2]}, policy: {spread: rack}}\n",
        ),
        after(
            "a pause without a canary",
            "nodes: {n1: {}}\nclusters:\n  c: {workload: {kind: etcd}, members: {member: [n1]}, policy: {pause: after_canary}}\n",
        ),
        after("unknown zone", "conduct: {windows: {w: {from: 22:00, until: 05:00, zone: Europe/Berln}}}\n"),
        after("no time of the day", "conduct: {windows: {w: {from: 10pm, until: 24:00, zone: UTC}}}\n"),
        after("unknown day", "conduct: {windows: {w: {days: [monday], from: 22:00, until: 05:00, zone: UTC}}}\n"),
        after("no day", "conduct: {windows: {w: {days: [], from: 22:00, until: 05:00, zone: UTC}}}\n"),
        after("no moment", "conduct: {freezes: {f: {from: 2026-12-20, until: 2027-01-04T00:00:00Z, reason: why}}}\n"),
        after(
            "a freeze backwards",
            "conduct:\n  freezes: {f: {from: 2027-01-04T00:00:00Z, until: 2026-12-20T00:00:00Z, reason: why}}\n",
        ),
        after("a limit without a reason", "conduct: {limits: {bmc/*: {capacity: 8}}}\n"),
        after("a limit with an empty reason", "conduct: {limits: {bmc/*: {capacity: 8, reason: \" \"}}}\n"),
        after("a limit of none", "conduct: {limits: {bmc/*: {capacity: 0, reason: why}}}\n"),
        after("a limit of no lock", "conduct: {limits: {bmc*: {capacity: 8, reason: why}}}\n"),
        after("a ceiling below zero", "conduct: {ceilings: {removals: -1, erasure: 0}}\n"),
        after("a rollout of nobody", "conduct: {rollouts: {r: {canary: 1}}}\n"),
        after("a rollout of unknown nodes", "nodes: {n1: {}}\nconduct: {rollouts: {r: {nodes: [\"n{1..2}\"]}}}\n"),
        after("a rollout of an empty profile", "profiles: {p: {}}\nconduct: {rollouts: {r: {profile: p}}}\n"),
        after("a rollout with a name that is none", "nodes: {n1: {}}\nconduct: {rollouts: {r 1: {nodes: [n1]}}}\n"),
        (
            "many at once",
            Format::Yaml,
            WHOLE
                .replace("vlan: 100", "vlan: 0")
                .replace("outlets: 24", "outlet: 24")
                .replace("profile: base", "profile: bsae"),
        ),
    ]
}

fn name_of(format: Format) -> &'static str {
    match format {
        Format::Yaml => "site.yaml",
        Format::Toml => "site.toml",
        Format::Json => "site.json",
    }
}

#[test]
fn every_fault_reads_as_it_is_written_down() {
    let mut all = String::new();
    for (name, format, text) in cases() {
        let faults = parse_all(&[(name_of(format), format, &text)]).expect_err(name);
        assert!(!faults.to_string().contains("hunter2"), "{name}: a secret is shown:\n{faults}");
        write!(all, "## {name}\n{faults}\n\n").expect("a string");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/site/faults.txt");
    if std::env::var_os("DIP_BLESS").is_some() {
        std::fs::write(&path, &all).expect("written");
    }
    let wanted = std::fs::read_to_string(&path).expect("the golden file");
    assert!(all == wanted, "the faults read differently; look at them with DIP_BLESS=1 and git diff:\n{all}");
}

#[test]
fn faults_are_in_the_order_of_files_and_lines() {
    let over = "nodes: {r9: {rak: a}}\nracks: 7\n";
    let base = WHOLE.replace("vlan: 100", "vlan: 0").replace("row: A", "rwo: A");
    let faults =
        parse_all(&[("a.yaml", Format::Yaml, &base), ("b.yaml", Format::Yaml, over)]).expect_err("several faults");
    let places: Vec<_> = faults
        .0
        .iter()
        .filter_map(|fault| fault.origin.as_ref())
        .map(|origin| (origin.file.clone(), origin.line))
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(places.len() >= 3);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let text = "version: 1\nsite: s\nnodes: {n1: {rak: a}, n2: {state: b}}\nnetworks: {a: {vlan: 0}}\n";
    assert_eq!(parse(text).expect_err("three faults").0.len(), 3);
}

#[test]
fn what_is_only_worth_a_look_is_a_warning() {
    let text = "version: 1\nsite: s\nnetworks:\n  a: {vlan: 7}\n  b: {vlan: 7}\n";
    let warnings = parse(text).expect("a good file").warnings;
    let told: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    let wanted = "warning: the networks `a` and `b` have the same VLAN\n --> site.yaml:5:13\n  |\n5 |   b: {vlan: 7}\n  |             ^ that is right only where they are two names for one wire";
    assert_eq!(told, [wanted]);
}
