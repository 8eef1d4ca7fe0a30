//! `dip ready` and `dip export`: ready state as a contract, and the lists that other installers take.

use dip::core::engine::{Limits, Planner};
use dip::core::id::LayerId;
use dip::core::journal::MemoryJournal;
use dip::core::observed::Observed;
use dip::core::report::Verdict;
use dip::sandbox::Sandbox;
use dip::{Engine, Goal, Readiness, Site, Stop};
use std::sync::Arc;

use crate::place::{Done, Place, golden, json_lines};

/// A site that hands a cluster over to each installer. Every secret in it has a word that no list may show.
const HANDED_OVER: &str = r#"
version: 1
site: lab
domain: lab.example
racks: {r1: {row: A}, r2: {row: A}}
networks:
  prod: {prefixes: [{prefix: 10.1.0.0/16}, {prefix: "2001:db8:1::/64"}]}
services:
  time: {kind: ntp, servers: [10.9.0.123, "ntp.lab.example:123", "10.9.0.124:1123"]}
profiles:
  base:
    bmc: {user: dip, password: env:TOPSECRET_BMC, protocols: [{kind: redfish}]}
    os: {ssh: {user: ops, port: 2222, become: sudo, key: "file:/etc/dip/ssh_key", known_hosts: known_hosts}}
    opsclients: {time: {service: time}}
  gpu-large: {inherits: [base]}
nodes:
  r1-n1: {rack: r1, profile: base, bmc: {address: 10.8.0.1}, nics: {eth0: {primary: true, mac: "02:00:00:00:00:01", network: prod, addresses: [10.1.1.1, "2001:db8:1::11"]}}}
  r1-n2: {rack: r1, profile: base, bmc: {address: 10.8.0.2}, nics: {eth0: {primary: true, mac: "02:00:00:00:00:02", network: prod, addresses: [10.1.1.2, "2001:db8:1::12"]}}}
  r2-n1: {rack: r2, profile: gpu-large, bmc: {address: 10.8.0.3}, nics: {eth0: {primary: true, mac: "02:00:00:00:00:03", network: prod, address: 10.1.2.1}}}
  r2-n2:
    rack: r2
    bmc: {address: 10.8.0.4, user: dip, password: env:TOPSECRET_BMC, protocols: [{kind: redfish}]}
    os: {ssh: {address: r2-n2.oob.example, password: env:TOPSECRET_PASSWORD, host_key: "SHA256:abc"}}
    nics: {eth0: {primary: true, mac: "02:00:00:00:00:04", network: prod, address: 10.1.2.2}}
  spare: {state: maintenance, profile: base, bmc: {address: 10.8.0.5}, nics: {eth0: {primary: true, mac: "02:00:00:00:00:05", network: prod, address: 10.1.2.9}}}
clusters:
  k8s:
    workload: {kind: handed_over, installer: kubespray}
    members: {control_plane: [r1-n1], worker: [r1-n2, r2-n1]}
  ceph:
    workload: {kind: handed_over, installer: cephadm}
    members: {mon: [r1-n1, r2-n1], osd: [r1-n2, r2-n1, spare], mgr: [r1-n1]}
  cloud:
    workload: {kind: handed_over, installer: packstack}
    members: {controller: [r2-n2], compute: [r1-n1, r1-n2], network: [r2-n2], storage: [r2-n1]}
"#;

fn handed_over(name: &str) -> Place {
    let place = Place::new(name);
    place.write("site.yaml", HANDED_OVER);
    place
}

fn export(place: &Place, format: &str) -> Done {
    place.dip(&["export", "site.yaml", "--format", format, "--all"])
}

#[test]
fn an_inventory_of_ansible_has_each_node_once_and_groups_for_rack_profile_and_role() {
    let place = handed_over("export-ansible");
    golden("export/ansible.yaml", &export(&place, "ansible").ends(0).out);
    let one = place.dip(&["export", "site.yaml", "--format", "ansible", "--cluster", "ceph", "--all"]).ends(0).out;
    assert!(one.contains("r2-n1:") && !one.contains("r2-n2:"), "only the members of the cluster: {one}");
}

#[test]
fn hosts_of_cephadm_have_their_roles_as_labels_and_their_place() {
    golden("export/cephadm.yaml", &export(&handed_over("export-cephadm"), "cephadm").ends(0).out);
}

#[test]
fn hosts_of_kubespray_are_in_the_groups_that_its_playbooks_know() {
    golden("export/kubespray.yaml", &export(&handed_over("export-kubespray"), "kubespray").ends(0).out);
}

#[test]
fn an_answer_file_of_packstack_tells_who_does_what_and_which_time_they_follow() {
    golden("export/packstack.ini", &export(&handed_over("export-packstack"), "packstack").ends(0).out);
}

#[test]
fn targets_of_prometheus_have_the_job_and_labels_of_the_site_and_only_nodes_that_serve_metrics() {
    let place = Place::new("export-prometheus");
    let monitoring = "services:\n  monitoring: {kind: prometheus, url: \"http://10.9.0.6:9090\", targets: /srv/targets, job: machines, labels: {tier: lab}}\n";
    let metrics = "opsclients: {metrics: {port: 9200}, time: {service: time}}";
    let site = HANDED_OVER.replace("services:\n", monitoring).replace("opsclients: {time: {service: time}}", metrics);
    place.write("site.yaml", &site);
    let told = export(&place, "prometheus-sd").ends(0).out;
    let groups: serde_json::Value = serde_json::from_str(&told).expect("it is JSON");
    let group = |node: &str, address: &str, rack: &str| {
        let labels =
            serde_json::json!({"dip_site": "lab", "job": "machines", "node": node, "rack": rack, "tier": "lab"});
        serde_json::json!({"targets": [format!("{address}:9200")], "labels": labels})
    };
    // `r2-n2` serves none, and `spare` is left alone.
    let wanted = [group("r1-n1", "10.1.1.1", "r1"), group("r1-n2", "10.1.1.2", "r1"), group("r2-n1", "10.1.2.1", "r2")];
    assert_eq!(groups, serde_json::Value::from(wanted.to_vec()));
    let one =
        place.dip(&["export", "site.yaml", "--format", "prometheus-sd", "--cluster", "ceph", "--all"]).ends(0).out;
    assert!(one.contains("r2-n1") && !one.contains("r2-n2"), "only the members of the cluster: {one}");
    place
        .dip(&["export", "site.yaml", "--format", "prometheus-sd", "--cluster", "no", "--all"])
        .ends(2)
        .tells("no cluster `no`");
    let none = handed_over("export-prometheus-none");
    export(&none, "prometheus-sd").ends(2).tells("no node of the list serves metrics");
}

#[test]
fn no_list_shows_a_secret_or_a_node_that_is_left_alone() {
    let place = handed_over("export-secrets");
    for format in ["ansible", "cephadm", "kubespray", "packstack"] {
        let out = export(&place, format).ends(0).out;
        assert!(!out.to_lowercase().contains("secret") && !out.contains("password"), "{out}");
        assert!(!out.contains("spare") && !out.contains("10.1.2.9"), "a node in maintenance is not handed over: {out}");
    }
}

#[test]
fn what_a_site_does_not_have_is_refused_with_what_to_write() {
    let place = Place::new("export-refused");
    let mut told = String::new();
    for words in [
        &["--format", "kubespray"][..],
        &["--format", "cephadm", "--cluster", "stor"],
        &["--format", "kubespray", "--cluster", "store"],
    ] {
        let all = [&["export", "site.yaml", "--all"][..], words].concat();
        let done = place.dip(&all).ends(2);
        assert_eq!(done.out, "");
        told.push_str(&format!("$ dip {}\n", all.join(" ")));
        done.err.lines().filter(|line| !line.contains("dip.lock")).for_each(|line| told.push_str(&format!("{line}\n")));
    }
    let two = HANDED_OVER.replace("installer: cephadm", "installer: kubespray");
    place.write("two.yaml", &two);
    let done = place.dip(&["export", "two.yaml", "--all", "--format", "kubespray"]).ends(2);
    told.push_str(&format!("$ dip export two.yaml --all --format kubespray\n{}", done.err));
    let clash = HANDED_OVER.replace("  gpu-large: {", "  gpu_large: {inherits: [base]}\n  gpu-large: {");
    place
        .write("clash.yaml", &clash.replace("r1-n2: {rack: r1, profile: base", "r1-n2: {rack: r1, profile: gpu_large"));
    let done = place.dip(&["export", "clash.yaml", "--all", "--format", "ansible"]).ends(2);
    told.push_str(&format!("$ dip export clash.yaml --all --format ansible\n{}", done.err));
    golden("export/refused.txt", &told);
    place.dip(&["export", "site.yaml", "--format", "salt"]).ends(2).tells("`salt` is no installer that dip knows");
}

#[test]
fn no_layer_touches_a_cluster_that_is_handed_over() {
    let place = handed_over("handed-over-plan");
    let plan = place.dip(&["plan", "site.yaml", "--sandbox"]).ends(0).prints("follow_time").out;
    assert!(!plan.contains("start_member") && !plan.contains("await_quorum"), "{plan}");
}

#[test]
fn only_nodes_that_are_ready_are_handed_over_and_the_others_are_told_with_the_reason() {
    let place = handed_over("export-ready");
    let done = place.dip(&["export", "site.yaml", "--format", "ansible", "--sandbox"]).ends(3);
    assert_eq!(done.out, "", "nothing is ready in a datacenter that is off");
    done.tells("left out: r1-n1 is not ready: ").tells("no node is ready, so there is nothing to hand over");
    // Of a node without settings the site asks nothing: it is ready, and the others are left out.
    let text = HANDED_OVER.replace("r1-n1: {rack: r1, profile: base, bmc: {address: 10.8.0.1}, ", "r1-n1: {rack: r1, ");
    place.write("site.yaml", &text);
    let words = ["export", "site.yaml", "--format", "ansible", "--sandbox", "--out", "hosts.yaml"];
    let done =
        place.dip(&words).ends(3).tells("left out: r1-n2 is not ready: firmware.boot_device@node/r1-n2#1: differs: ");
    done.tells("1 node is in hosts.yaml");
    let list = place.read("hosts.yaml");
    assert!(list.contains("r1-n1:") && !list.contains("r1-n2"), "{list}");
    // Nobody can begin with a cluster that has no controller yet.
    let done = place.dip(&["export", "site.yaml", "--format", "packstack", "--sandbox"]).ends(2);
    done.tells("packstack needs a node in the role `controller` of cluster `cloud`");
    place.dip(&["export", "site.yaml", "--format", "cephadm", "--sandbox"]).ends(3).prints("hostname: r1-n1");
}

#[test]
fn ready_names_what_each_node_lacks() {
    let place = Place::new("ready-off");
    let done = place.dip(&["ready", "site.yaml", "r1-n1", "--sandbox"]).ends(3);
    golden("ready.txt", &done.out);
    place.dip(&["ready", "site.yaml", "--sandbox"]).ends(3).prints("0 of 4 nodes are ready at demo.");
    place
        .dip(&["ready", "site.yaml", "r1-nn1", "--sandbox"])
        .ends(2)
        .tells("has no node `r1-nn1`; did you mean `r1-n1`?");
    place.write("overlay.yaml", "nodes: {r1-n1: {state: maintenance}}\n");
    let words = ["ready", "site.yaml", "r1-n1", "--sandbox", "--overlay", "overlay.yaml"];
    place.dip(&words).ends(2).tells("the site file says that it is in maintenance");
    let all = place.dip(&["ready", "site.yaml", "--sandbox", "--overlay", "overlay.yaml"]).ends(3).out;
    assert!(!all.contains("r1-n1"), "it is not wanted at ready state: {all}");
}

#[test]
fn ready_has_a_form_for_programs() {
    let place = Place::new("ready-json");
    let out = place.dip(&["ready", "site.yaml", "r2-n1", "--sandbox", "--json"]).ends(3).out;
    let [json] = &json_lines(&out)[..] else { panic!("one line: {out}") };
    assert_eq!((&json["dip_ready"], &json["site"]), (&1.into(), &"demo".into()));
    assert_eq!(json["nodes"].as_object().map(serde_json::Map::len), Some(1));
    let node = &json["nodes"]["r2-n1"];
    assert_eq!(node["verdict"], "not_ready");
    let facts = node["facts"].as_array().expect("facts");
    let port =
        facts.iter().find(|fact| fact["fact"] == "network.port_vlan@port/sw2/p1").expect("its port is a part of it");
    assert_eq!(port["state"]["missing"]["differs"][0]["wanted"], "20");
    assert!(facts.iter().all(|fact| fact["layer"] != "apps" && fact["layer"] != "cluster"), "{out}");
    let read: Readiness = serde_json::from_str(&out).expect("the library reads what the command writes");
    assert_eq!(read.nodes["r2-n1"].facts.len(), facts.len());
}

#[test]
fn a_node_of_which_nothing_is_asked_is_ready() {
    let place = Place::new("ready-nothing");
    place.write("site.yaml", "version: 1\nsite: lab\nnodes: {n1: {}}\n");
    place.dip(&["ready", "site.yaml"]).ends(0).prints("n1  ready         0 of 0 facts\n1 of 1 node is ready at lab.\n");
}

#[test]
fn who_cannot_be_asked_is_told_apart_from_what_is_missing() {
    let place = Place::new("ready-unseen");
    // Nobody listens on port 1.
    let text = "version: 1\nsite: lab\ndomain: lab.example\nnetworks: {prod: {prefixes: [{prefix: 10.1.0.0/16}]}}\n\
        services: {dns: {kind: rfc2136, server: \"127.0.0.1:1\", key: {name: k, algorithm: hmac-sha256, secret: env:K}}}\n\
        nodes: {n1: {nics: {eth0: {primary: true, mac: \"02:00:00:00:00:01\", network: prod, address: 10.1.1.1}}}}\n";
    place.write("site.yaml", text);
    let words = ["ready", "site.yaml"];
    let ask = |words: &[&str]| Done::of(place.command(words).env("K", "c2VjcmV0").output().expect("it runs"), words);
    ask(&words).ends(4).prints("n1  not observed  0 of 1 facts\n  opsmgmt.name@node/n1: could not be observed: ");
    ask(&["export", "site.yaml", "--format", "ansible"])
        .ends(3)
        .tells("left out: n1 is not observed: opsmgmt.name@node/n1");
}

#[test]
fn waiting_for_ready_ends_when_its_time_is_over() {
    let place = Place::new("ready-wait");
    let done = place.dip(&["ready", "site.yaml", "--sandbox", "--wait", "45s"]).ends(3);
    done.tells("4 of 4 nodes are not ready; looking again for up to 4").prints("0 of 4 nodes are ready");
    place
        .dip(&["ready", "site.yaml", "--sandbox", "--wait", "soon"])
        .ends(2)
        .tells("write it like `90s`, `20m` or `1h30m`");
}

#[test]
fn after_a_run_every_node_is_ready_and_drift_on_one_is_told_of_that_one() {
    let layers = dip::layers();
    let place = Place::new("ready-run");
    let site = Site::load(&[place.0.join("site.yaml")], &layers.settings()).expect("a site").site;
    let site = Arc::new(site);
    let sandbox = Sandbox::new(&site, 1);
    let providers = sandbox.providers();
    let clock = Arc::new(sandbox.clock());
    let readiness = sandbox.block_on(async {
        let look = async || {
            Planner::new(&layers, &providers)
                .goal(Goal::Ready)
                .limits(LIMITS.clone())
                .clock(&*clock)
                .prepare(Arc::clone(&site), &mut Observed::new())
                .await
        };
        let plan = look().await.expect("a plan").plan;
        let engine = Engine::new(layers.operations(), providers.clone()).clock(clock.clone());
        engine.run("r", plan, Arc::new(MemoryJournal::default()), &Stop::new()).await.expect("a run");
        let before = Readiness::of(&look().await.expect("a plan"));
        let port = "sw2/p1".parse().expect("a port");
        sandbox.by_hand().move_port(&port, 7.try_into().expect("a VLAN"));
        [before, Readiness::of(&look().await.expect("a plan"))]
    });
    assert!(readiness[0].nodes.values().all(|node| node.is_ready() && node.facts.len() >= 12), "{:#?}", readiness[0]);
    let mut missing = readiness[1].nodes.values().flat_map(|node| node.missing().map(|fact| (&node.node, fact)));
    let (node, first) = missing.next().expect("something is missing");
    assert_eq!((node.as_str(), &*first.fact.to_string()), ("r2-n1", "network.port_vlan@port/sw2/p1"));
    // Behind the port nobody reaches the system, and what is on it cannot be seen.
    assert!(missing.all(|(node, fact)| node.as_str() == "r2-n1" && fact.layer != LayerId::Firmware), "{readiness:#?}");
    assert_eq!(readiness[1].nodes["r2-n1"].verdict, Verdict::NotReady);
    assert_eq!(readiness[1].nodes["r1-n1"].verdict, Verdict::Ready);
}

static LIMITS: std::sync::LazyLock<Limits> = std::sync::LazyLock::new(Limits::default);
