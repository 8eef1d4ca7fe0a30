//! Which node differs from its like ones.

use std::fmt::Write as _;
use std::sync::Arc;

use dip_core::explain::{OutlierSource, outliers};
use dip_core::fact::Facts;
use dip_core::fact::firmware::IDENTITY;
use dip_core::hardware::Identity;
use dip_core::observed::{Observed, Survey};
use dip_core::operation::{Check, Diff, Gap};
use dip_core::plan::{Draft, Goal};
use dip_core::site::Site;

use super::golden;
use super::lab::{layers, site};

/// The draft of the site and what was seen: `differs` says of which nodes the reservation differs, and `model` what machine
/// each is; a node without one was not seen.
fn told(site: Site, differs: &[&str], model: impl Fn(&str) -> Option<&'static str>) -> Vec<dip_core::explain::Outlier> {
    let draft = Draft::new(Arc::new(site), &Observed::new(), &layers(), Goal::Everything).expect("a draft");
    let check = |step: &dip_core::step::Step| {
        let name = step.subject.name();
        let identity = |model: &str| Identity {
            model: Some(model.to_owned()),
            serial: Some(format!("serial of {name}")),
            ..Identity::default()
        };
        match model(name) {
            _ if differs.contains(&name) => Check::Differs(Diff::of("lease", Some(format!("of {name}")), Some("none"))),
            Some(model) => Check::Holds(Facts::new().with(&IDENTITY, &step.subject, &identity(model))),
            None => Check::Unknown(Gap::Unobservable("it does not answer".into())),
        }
    };
    let checks = draft.steps().iter().map(check).collect();
    outliers(&draft, &Survey::new(checks, "2026-01-01T00:00:00Z".parse().expect("a time")))
}

#[test]
fn who_differs_from_its_like_ones_is_told_with_what_they_have() {
    let site = site(&[("  r2-n4:\n", "  r2-n4:\n    os: {sysctl: {vm.swappiness: \"60\"}}\n")]);
    let model = |name: &str| if name == "r1-n3" { Some("DL380") } else { Some("R740") };
    let mut text = String::new();
    for outlier in told(site, &["r2-n1", "r2-n2"], model) {
        let _ = writeln!(text, "{outlier}");
    }
    golden("outliers.txt", &text);
}

#[test]
fn two_nodes_and_a_split_group_have_no_odd_one() {
    let few = site(&[
        ("n{n:1..4}", "n{n:1..1}"),
        ("  r1-n4: {state: maintenance, outlets: [pdu1/4, pdu2/14]}\n", ""),
        (
            "  r2-n4:\n    outlets: [pdu2/4, pdu2/24]\n    nics:\n      eth1: {mac: \"52:54:00:01:02:04\", link: sw1/p20, network: prod}\n",
            "",
        ),
        ("[r1-n1, r1-n2, r2-n1]", "[r1-n1]"),
        ("[r1-n3, r1-n4, r2-n3, r2-n4]", "[r2-n1]"),
    ]);
    assert_eq!(told(few, &["r1-n1"], |_| Some("R740")), Vec::new());
    // Seven nodes are wanted at ready state and have the profile: three of one model, three of another, one unseen.
    let split = |name: &str| match name {
        "r1-n1" | "r1-n2" | "r1-n3" => Some("DL380"),
        "r2-n1" => None,
        _ => Some("R740"),
    };
    let models = told(site(&[]), &[], split)
        .into_iter()
        .filter(|outlier| outlier.what.contains("model") && outlier.alike.contains("profile"));
    assert_eq!(models.count(), 0);
}

#[test]
fn what_could_not_be_seen_of_a_node_is_no_difference() {
    let seen = told(site(&[]), &[], |name| (name != "r1-n1").then_some("R740"));
    assert!(seen.iter().all(|outlier| outlier.source == OutlierSource::Wanted), "{seen:?}");
}
