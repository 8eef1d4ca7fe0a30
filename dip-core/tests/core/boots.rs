//! Boots: which ones a plan has, and what shares them.

use crate::effort::Effort;
use std::path::Path;
use std::sync::Arc;

use dip_core::plan::{BootCount, Plan, render};
use dip_core::report::Outcome;
use dip_core::step::{Environment, Need, Step};

use crate::toy::{Stage, is_set, node, set};

use Environment::{Discovery, Installed, Off};

fn on(at: &str, environment: Environment, name: &str, needs: &[&str]) -> Step {
    set(name, needs).in_environment(&node(at), environment)
}

/// A setting that is pending until the node boots, and the step that finds it at work.
fn pending(at: &str, name: &str) -> [Step; 2] {
    let works = set(&format!("{name} works"), &[]).after_boot(&node(at), Installed, is_set(name));
    [set(name, &[]), works]
}

async fn plan(stage: &Stage) -> Arc<Plan> {
    stage.prepare().await.expect("a plan").plan
}

/// The boots of a plan: which node, and from where into what.
fn boots(plan: &Plan) -> Vec<String> {
    let from = |from: Option<Environment>| from.map_or_else(|| "?".to_owned(), |from| from.to_string());
    plan.boots().iter().map(|boot| format!("{} {}→{}", boot.boot.node, from(boot.boot.from), boot.boot.to)).collect()
}

/// What a run of the plan does, in order.
async fn carried_out(stage: &Stage) -> Vec<String> {
    let (report, _) = stage.run().await;
    assert_eq!(report.outcome, Outcome::Ready, "{report}");
    stage.applied()
}

fn count(node_name: &str, boots: usize, at_least: usize, waits_for: &[&str]) -> BootCount {
    let waits_for = waits_for.iter().map(|name| node(name)).collect();
    BootCount { node: node(node_name), boots, at_least, waits_for }
}

#[tokio::test(start_paused = true)]
async fn secure_boot_is_set_only_once_the_virtual_cd_is_attached() {
    // The order of proposals is the wrong one, and no step has a place in time: the needs alone decide.
    let stage = Stage::new(vec![
        on("n1", Installed, "first login", &["install"]),
        set("install", &["cd"]).after_boot(&node("n1"), Discovery, is_set("secure boot")),
        set("secure boot", &["cd"]),
        set("cd", &[]),
    ]);
    let done = carried_out(&stage).await;
    assert_eq!(done, ["cd", "secure boot", "n1 discovery", "install", "n1 installed", "first login"]);
}

#[tokio::test(start_paused = true)]
async fn two_pending_settings_share_one_reboot() {
    let stage = Stage::new([pending("n1", "turbo"), pending("n1", "sriov")].concat());
    stage.change(|world| world.nodes.insert(node("n1"), Installed));
    let plan = plan(&stage).await;
    assert_eq!(boots(&plan), ["n1 installed→installed"]);
    assert_eq!(plan.boots()[0].leaves.len(), 2, "it follows both settings");
    assert_eq!(plan.boot_counts(), [count("n1", 1, 1, &[])]);
    let done = carried_out(&stage).await;
    let reboot = done.iter().position(|what| what == "n1 installed").expect("it boots");
    assert_eq!((reboot, done.len()), (2, 5), "{done:?}");
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_was_made_before_still_wants_its_boot() {
    let stage = Stage::new(pending("n1", "turbo").to_vec());
    stage.change(|world| {
        world.nodes.insert(node("n1"), Installed);
        world.things.insert("turbo".to_owned());
    });
    assert_eq!(carried_out(&stage).await, ["n1 installed", "turbo works"]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_right_is_never_booted() {
    let stage = Stage::new(pending("n1", "turbo").to_vec());
    stage.change(|world| {
        world.nodes.insert(node("n1"), Installed);
        world.things.extend(["turbo".to_owned(), "turbo works".to_owned()]);
    });
    let prepared = stage.prepare().await.expect("a plan");
    assert!(prepared.plan.is_empty());
    assert!(prepared.drift().is_none(), "that it is not off is no drift");
}

#[tokio::test(start_paused = true)]
async fn a_pending_setting_shares_the_boot_that_a_node_makes_anyway() {
    let steps = [pending("n1", "turbo").to_vec(), vec![on("n1", Off, "dimm", &[])]].concat();
    let stage = Stage::new(steps);
    stage.change(|world| world.nodes.insert(node("n1"), Installed));
    assert_eq!(boots(&*plan(&stage).await), ["n1 installed→off", "n1 off→installed"]);
}

#[tokio::test(start_paused = true)]
async fn a_setting_whose_own_setting_waits_for_a_boot_takes_two() {
    let second = [
        set("second", &["first works"]),
        set("second works", &[]).after_boot(&node("n1"), Installed, is_set("second")),
    ];
    let stage = Stage::new([pending("n1", "first"), second].concat());
    stage.change(|world| world.nodes.insert(node("n1"), Installed));
    assert_eq!(plan(&stage).await.boot_counts(), [count("n1", 2, 2, &[])]);
    let done = carried_out(&stage).await;
    assert_eq!(done, ["first", "n1 installed", "first works", "second", "n1 installed", "second works"]);
}

#[tokio::test(start_paused = true)]
async fn a_node_is_discovered_and_then_installed() {
    let stage = Stage::new(vec![
        on("n1", Installed, "login", &["image"]),
        on("n1", Discovery, "image", &["disks"]),
        on("n1", Discovery, "disks", &[]),
    ]);
    let done = carried_out(&stage).await;
    assert_eq!(done, ["n1 discovery", "disks", "image", "n1 installed", "login"]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_nobody_can_see_boots_afresh_where_something_waits_for_a_boot() {
    let stage = Stage::new(pending("n1", "turbo").to_vec());
    // It has power and does not answer: it could come up with the old setting just now.
    stage.change(|world| world.nodes.insert(node("n1"), Environment::Rescue));
    assert_eq!(boots(&*plan(&stage).await), ["n1 installed→installed"]);
    let stage = Stage::new(pending("n1", "turbo").to_vec());
    assert_eq!(boots(&*plan(&stage).await), ["n1 off→installed"], "whoever is off boots afresh anyway");
}

/// Each of two nodes could do with three boots if it stayed in discovery until the other has been off.
fn crosswise() -> Stage {
    let one = |own: &str, other: &str| {
        [
            on(own, Discovery, &format!("{own} look"), &[]),
            on(own, Off, &format!("{own} dimm"), &[&format!("{own} look")]),
            on(own, Discovery, &format!("{own} compare"), &[&format!("{other} dimm")]),
        ]
    };
    Stage::new([one("n1", "n2"), one("n2", "n1")].concat())
}

#[tokio::test(start_paused = true)]
async fn two_nodes_that_would_wait_for_each_other_are_repaired_by_one_more_boot_that_is_named() {
    let stage = crosswise();
    let plan = plan(&stage).await;
    assert_eq!(plan.boot_counts(), [count("n1", 4, 3, &["n2"]), count("n2", 3, 3, &[])]);
    golden("circle_of_boots.txt", &render::text(&plan));
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/boots.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    assert!(page.contains(&render::text(&plan)), "docs/boots.md shows another plan than this one");
    let read: Plan = serde_json::from_str(&serde_json::to_string(&*plan).expect("JSON")).expect("the same plan");
    assert_eq!(read.boot_counts(), plan.boot_counts(), "a plan on disk tells the same");
    let done = carried_out(&stage).await;
    assert_eq!(done.len(), 6 + 7);
}

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/plan").join(name);
    if std::env::var_os("DIP_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("the folder can be made");
        std::fs::write(&path, text).expect("the file can be written");
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(text, wanted, "{} differs; DIP_BLESS=1 writes it anew", path.display());
}

#[tokio::test(start_paused = true)]
async fn members_that_wait_for_all_of_their_cluster_are_planned_without_a_walk_through_it_for_each() {
    // Each node is discovered, waits until all are, is installed and waits again; one step for all of them collects each set.
    const NODES: usize = 3_000;
    let all = |what: &str| {
        let facts = (0..NODES).map(|index| is_set(&format!("{what}{index}"))).collect();
        set(&format!("all {what}"), &[]).need(Need::All(facts))
    };
    let steps = (0..NODES).flat_map(|index| {
        let at = format!("n{index}");
        [
            on(&at, Discovery, &format!("seen{index}"), &[]),
            on(&at, Discovery, &format!("made{index}"), &["all seen"]),
            on(&at, Installed, &format!("up{index}"), &["all made"]),
        ]
    });
    let stage = Stage::new(steps.chain([all("seen"), all("made")]).collect());
    let effort = Effort::begin();
    let plan = plan(&stage).await;
    assert_eq!(plan.boots().len(), 2 * NODES);
    assert!(plan.boot_counts().iter().all(|count| count.boots == 2 && count.at_least == 2));
    // Linear, it takes seconds in a build for tests; with a walk through all members for each one, many minutes.
    assert!(effort.so_far() < std::time::Duration::from_secs(60), "{:?}", effort.so_far());
}
