//! What two plans differ in.

use std::sync::Arc;

use dip_core::engine::Planner;
use dip_core::id::SiteName;
use dip_core::layer::Layers;
use dip_core::observed::Observed;
use dip_core::plan::{Elsewhere, Plan};
use dip_core::site::Site;
use dip_core::step::{Environment, Hazard, Step};

use super::golden;
use super::lab::{self, site};
use crate::toy::{Stage, Toy, is_set, node, set, set_two};

async fn plan_of(site: Site, steps: Vec<Step>, holds: &[&str]) -> Arc<Plan> {
    let mut stage = Stage::new(Vec::new());
    stage.layers = Layers::new().with(Toy(steps));
    stage.change(|world| world.things.extend(holds.iter().map(|name| (*name).to_owned())));
    let site = Arc::new(site);
    let prepared =
        Planner::new(&stage.layers, &stage.providers).clock(&*stage.clock).prepare(site, &mut Observed::new()).await;
    prepared.expect("a plan").plan
}

fn bare() -> Site {
    Site::new(SiteName::new("toy").expect("a name"))
}

#[tokio::test(start_paused = true)]
async fn what_two_plans_differ_in_is_told_step_by_step() {
    let (n1, n2) = (node("n1"), node("n2"));
    let before = vec![
        set("record", &[]),
        set("gone", &[]).hazard(Hazard::Disrupts),
        set("zone", &[]),
        set("mon-1", &["record"]),
        set("mon-2", &["record"]),
        set("file", &[]).in_environment(&n1, Environment::Installed),
    ];
    let after = vec![
        set("record", &[]),
        set("zone", &[]),
        set_two("mon-1", "mon-1b").need_facts([is_set("record"), is_set("zone")]),
        set_two("mon-2", "mon-2b").need_facts([is_set("record"), is_set("zone")]),
        set("file", &[]).in_environment(&n2, Environment::Installed).hazard(Hazard::Disrupts),
        set("new-1", &[]),
        set("new-2", &[]),
    ];
    let before = plan_of(site(&[]), before, &[]).await;
    let after_site = site(&[
        ("[10.1.1.201, 10.1.2.201]", "[10.1.2.201]"),
        ("  sw9: {}\n", ""),
        ("vm.swappiness: \"10\"", "vm.swappiness: \"20\""),
    ]);
    let after = plan_of(after_site, after, &["zone"]).await;
    // The ids change with every form of the planner, and nobody reads them here.
    let text = before.diff(&after).to_string();
    let text = text.replace(before.id().short(), "111111111111").replace(after.id().short(), "222222222222");
    golden("diff.txt", &text);
    let back = after.diff(&before);
    assert_eq!(back.only_after.len(), before.diff(&after).only_before.len(), "it is the same from the other end");
    assert!(before.diff(&after).only_before.iter().any(|one| one.elsewhere == Elsewhere::Holds));
}

#[tokio::test(start_paused = true)]
async fn there_is_no_difference_where_and_only_where_the_id_is_the_same() {
    let n1 = node("n1");
    let base = || vec![set("a", &[]), set("b", &["a"]).in_environment(&n1, Environment::Installed)];
    let mut others: Vec<(Vec<Step>, &[&str])> = vec![(base(), &[]), (base(), &["a"])];
    others.push((vec![set("a", &[]), set("b", &[]).in_environment(&n1, Environment::Installed)], &[]));
    others.push((vec![set("a", &[]), set("b", &["a"])], &[]));
    others.push((
        vec![set("a", &[]).hazard(Hazard::Erases), set("b", &["a"]).in_environment(&n1, Environment::Installed)],
        &[],
    ));
    others
        .push((vec![set("a", &[]), set("b", &[]).read(is_set("a")).in_environment(&n1, Environment::Installed)], &[]));
    let first = plan_of(bare(), base(), &[]).await;
    for (steps, holds) in others {
        let other = plan_of(bare(), steps, holds).await;
        assert_eq!(first.diff(&other).is_empty(), first.id() == other.id(), "{}", first.diff(&other));
    }
    let mut elsewhere = bare();
    elsewhere.domain = Some("elsewhere.example".to_owned());
    let elsewhere = plan_of(elsewhere, base(), &[]).await;
    assert!(!first.diff(&elsewhere).is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_sites_of_one_base_have_comparable_plans() {
    let renamed = || site(&[("site: lab1", "site: prod7"), ("lab1.example", "prod7.example")]);
    let steps =
        |site: &str| vec![set(&format!("zone-of {site}.example"), &[]), set(&format!("n1.{site}.example"), &[])];
    let before = plan_of(site(&[]), steps("lab1"), &[]).await;
    let after = plan_of(renamed(), steps("prod7"), &[]).await;
    assert!(before.diff_across_sites(&after).is_empty(), "{}", before.diff_across_sites(&after));
    let diff = before.diff(&after);
    assert_eq!((diff.only_before.len(), diff.only_after.len(), diff.site.len()), (2, 2, 1));
    let other =
        site(&[("site: lab1", "site: prod7"), ("lab1.example", "prod7.example"), ("outlets: 24}", "outlets: 48}")]);
    let other = plan_of(other, steps("prod7"), &[]).await;
    assert_eq!(before.diff_across_sites(&other).site.len(), 2, "what differs beside the names is still told");
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_was_read_from_disk_does_not_differ() {
    let plan = plan_of(lab::site(&[]), vec![set("a", &[]), set("b", &["a"])], &["a"]).await;
    let read: Plan = serde_json::from_str(&serde_json::to_string(&*plan).expect("JSON")).expect("a plan");
    assert!(plan.diff(&read).is_empty());
    assert!(plan.diff(&read).to_string().starts_with("No difference: plan "));
}
