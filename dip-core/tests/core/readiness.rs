//! Readiness: which facts make a node ready, and what is said of those that are not there.

use std::collections::BTreeMap;

use dip_core::engine::{Planner, Prepared};
use dip_core::id::{LayerId, NicName, SiteName, Symbol};
use dip_core::observed::Observed;
use dip_core::report::{FactState, READINESS_VERSION, Readiness, Unknown, Verdict};
use dip_core::site::{Nic, NicRole, Node, NodeSettings, NodeState, Site};
use dip_core::step::{Environment, Step};
use dip_core::subject::Subject;

use crate::toy::{Stage, node, set};

fn machine(name: &str, state: NodeState) -> Node {
    let nic = NicName::new("eth0").expect("a name");
    let eth0 = Nic {
        name: nic.clone(),
        role: NicRole::Primary,
        mac: None,
        duid: None,
        pci: None,
        link: Some(format!("sw1/{name}").parse().expect("a port")),
        network: None,
        addresses: Vec::new(),
        origin: None,
    };
    Node {
        name: node(name),
        state,
        rack: None,
        profiles: Vec::new(),
        serial: None,
        bmc: None,
        nics: [(nic, eth0)].into(),
        outlets: vec!["pdu1/7".parse().expect("an outlet")],
        disks: BTreeMap::new(),
        settings: NodeSettings::default(),
        origin: None,
    }
}

fn site(nodes: &[(&str, NodeState)]) -> Site {
    let mut site = Site::new(SiteName::new("toy").expect("a name"));
    site.nodes.extend(nodes.iter().map(|(name, state)| (node(name), machine(name, *state))));
    site
}

/// A step that sets a thing, about something else.
fn about(name: &str, kind: &'static str, subject: &str) -> Step {
    let mut step = set(name, &[]);
    step.subject = Subject::new(Symbol::of(kind), subject);
    step
}

async fn look(site: Site, steps: Vec<Step>, there: &[&str]) -> Prepared {
    let stage = Stage::new(steps);
    stage.change(|world| world.things.extend(there.iter().map(|name| (*name).to_owned())));
    look_at(site, &stage).await
}

async fn look_at(site: Site, stage: &Stage) -> Prepared {
    Planner::new(&stage.layers, &stage.providers)
        .clock(&*stage.clock)
        .prepare(site.into(), &mut Observed::new())
        .await
        .expect("a plan")
}

fn facts(readiness: &Readiness, name: &str) -> Vec<String> {
    readiness.nodes[name].facts.iter().map(|fact| format!("{} = {}", fact.fact, fact.state)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_node_is_ready_by_the_facts_of_itself_its_interfaces_its_ports_and_its_outlets() {
    let mut app = about("app", "node", "n1");
    app.layer = LayerId::Apps;
    let steps = vec![
        about("name", "node", "n1"),
        about("lease", "nic", "n1/eth0"),
        about("port", "port", "sw1/n1"),
        about("outlet", "outlet", "pdu1/7"),
        about("gpu", "gpu", "n1/0"),
        about("switch", "switch", "n1"),
        about("other", "node", "n2"),
        app,
    ];
    let seen = look(site(&[("n1", NodeState::Ready)]), steps, &["name", "lease", "port", "outlet", "gpu"]).await;
    let readiness = Readiness::of(&seen);
    assert_eq!(
        facts(&readiness, "n1"),
        [
            "toy.set@thing/gpu = true",
            "toy.set@thing/lease = true",
            "toy.set@thing/name = true",
            "toy.set@thing/outlet = true",
            "toy.set@thing/port = true",
        ],
        "neither a switch of that name nor another node nor an application is a part of it"
    );
    assert!(readiness.nodes["n1"].is_ready());
    assert_eq!(readiness.nodes["n1"].missing().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_told_with_what_differs() {
    let steps = vec![about("name", "node", "n1"), about("other", "node", "n2")];
    let seen = look(site(&[("n1", NodeState::Ready), ("n2", NodeState::Ready)]), steps, &["other"]).await;
    let readiness = Readiness::of(&seen);
    assert_eq!(facts(&readiness, "n1"), ["toy.set@thing/name = differs: + thing name"]);
    assert_eq!(readiness.nodes["n1"].verdict, Verdict::NotReady);
    assert_eq!(readiness.nodes["n2"].verdict, Verdict::Ready, "another node's fault is not its own");
    assert_eq!(
        Readiness::verdict(readiness.nodes.values()),
        Verdict::NotReady,
        "all together are as ready as the worst"
    );
    assert_eq!(Readiness::verdict([]), Verdict::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_run_lacks_its_boot_and_hides_what_could_be_seen_on_it() {
    let step = set("file", &[]).in_environment(&node("n1"), Environment::Installed);
    let stage = Stage::new(vec![step]);
    let seen = look_at(site(&[("n1", NodeState::Ready)]), &stage).await;
    let readiness = Readiness::of(&seen);
    assert_eq!(
        facts(&readiness, "n1"),
        [
            "toy.in@node/n1#1 = differs: environment off → installed",
            "toy.set@thing/file = unknown until n1 runs its installed system",
        ]
    );
    assert_eq!(readiness.nodes["n1"].verdict, Verdict::NotReady);
    stage.change(|world| {
        world.nodes.insert(node("n1"), Environment::Installed);
        world.things.insert("file".to_owned());
    });
    let seen = look_at(site(&[("n1", NodeState::Ready)]), &stage).await;
    assert_eq!(Readiness::of(&seen).nodes["n1"].verdict, Verdict::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_asked_is_not_observed_and_not_a_lack() {
    let stage = Stage::new(vec![about("name", "node", "n1"), about("record", "node", "n1")]);
    stage.change(|world| {
        world.things.insert("name".to_owned());
        world.check_panics.insert("record".to_owned());
    });
    let readiness = Readiness::of(&look_at(site(&[("n1", NodeState::Ready)]), &stage).await);
    let record = &readiness.nodes["n1"].facts[1].state;
    assert!(matches!(record, FactState::Unknown { reason: Unknown::NotObserved, .. }), "{record}");
    assert_eq!(readiness.nodes["n1"].verdict, Verdict::NotObserved);
    stage.change(|world| world.things.remove("name"));
    let readiness = Readiness::of(&look_at(site(&[("n1", NodeState::Ready)]), &stage).await);
    assert_eq!(readiness.nodes["n1"].verdict, Verdict::NotReady, "something else is known to be missing");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_something_of_the_site_is_not_ready_though_nothing_of_its_own_differs() {
    let mut waits = about("name", "node", "n1").seen_after_needs();
    waits = waits.need_facts([crate::toy::is_set("zone")]);
    let seen = look(site(&[("n1", NodeState::Ready)]), vec![about("zone", "service", "dns"), waits], &["name"]).await;
    let readiness = Readiness::of(&seen);
    assert_eq!(facts(&readiness, "n1"), ["toy.set@thing/name = unknown until toy.set of zone is known"]);
    assert_eq!(readiness.nodes["n1"].verdict, Verdict::NotReady);
}

#[tokio::test(start_paused = true)]
async fn only_nodes_that_are_wanted_at_ready_state_can_be_asked_for() {
    let site = site(&[("n1", NodeState::Ready), ("n2", NodeState::Maintenance)]);
    let seen = look(site.clone(), vec![], &[]).await;
    let readiness = Readiness::of(&seen);
    assert!(readiness.node(&site, "n1").expect("it is wanted").is_ready(), "of which nothing is asked is ready");
    let error = |name| readiness.node(&site, name).expect_err("it is not").to_string();
    assert_eq!(error("n2"), "node `n2` is not wanted at ready state: the site file says that it is in maintenance");
    assert_eq!(error("n11"), "the site has no node `n11`; did you mean `n1`?");
    assert_eq!(error("elsewhere"), "the site has no node `elsewhere`");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_gives_no_fact_counts_by_its_operation() {
    let mut step = about("thing", "node", "n1");
    step.gives.clear();
    let seen = look(site(&[("n1", NodeState::Ready)]), vec![step], &[]).await;
    assert_eq!(facts(&Readiness::of(&seen), "n1"), ["toy.set@node/n1 = differs: + thing thing"]);
}

#[tokio::test(start_paused = true)]
async fn readiness_has_a_form_that_other_programs_can_rely_on() {
    let steps = vec![about("name", "node", "n1"), about("record", "node", "n1")];
    let seen = look(site(&[("n1", NodeState::Ready)]), steps, &["name"]).await;
    let readiness = Readiness::of(&seen);
    let json = serde_json::to_value(&readiness).expect("JSON");
    assert_eq!(json["dip_ready"], READINESS_VERSION);
    let wanted = serde_json::json!({
        "node": "n1",
        "verdict": "not_ready",
        "facts": [
            {
                "fact": "toy.set@thing/name",
                "layer": "os",
                "step": "toy.set thing/name",
                "state": {"known": {"value": true}},
            },
            {
                "fact": "toy.set@thing/record",
                "layer": "os",
                "step": "toy.set thing/record",
                "state": {"missing": {"differs": [{"what": "thing", "now": null, "wanted": "record"}]}},
            },
        ],
    });
    assert_eq!(json["nodes"]["n1"], wanted);
    assert_eq!(serde_json::from_value::<Readiness>(json).expect("it reads back"), readiness);
}
