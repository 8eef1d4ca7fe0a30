//! Guards as people meet them: what is refused, the files that lift it, and the lock of a site.

use std::path::Path;
use std::sync::Arc;

use dip::core::fact::FactRegistry;
use dip::core::guard::read_consents;
use dip::core::id::{LayerId, SiteName};
use dip::core::journal::SiteLock;
use dip::core::layer::{ConnectError, Layer, Layers, Note};
use dip::core::observed::{Observed, Survey};
use dip::core::operation::Operations;
use dip::core::plan::Draft;
use dip::core::provider::Providers;
use dip::core::secret::Secrets;
use dip::core::site::SettingsSchema;
use dip::core::step::{Boot, Step};
use dip::core::subject::Subject;
use dip::os::steps::SetHostName;
use dip::{Goal, Plan, Site};

use crate::place::{Done, Place, golden, json_lines};

/// A site of which somebody else must have approved the plan.
fn place_with_approvals(name: &str) -> Place {
    let place = Place::new(name);
    let site = format!("{}\nconduct:\n  approvals: {{required: 1, separate: true}}\n", place.read("site.yaml"));
    place.write("site.yaml", &site);
    place
}

#[test]
fn a_plan_that_wants_approval_runs_once_somebody_else_gave_it() {
    let place = place_with_approvals("approval");
    let planned = place.dip(&["plan", "site.yaml", "--sandbox", "--out", "the.plan", "--by", "ada"]).ends(0);
    let refused = planned.out.split_once("\nwould be refused:\n").expect("whoever plans learns it").1;
    golden("would-be-refused.txt", refused);
    let apply = |more: &[&str]| place.dip(&[&["apply", "the.plan", "--sandbox", "--yes"], more].concat());
    apply(&[]).ends(2).tells("is refused, and nothing was changed:").tells("dip approve PLAN");
    place.dip(&["approve", "the.plan", "--by", "Ada", "--out", "own.json"]).ends(0);
    apply(&["--approval", "own.json"]).ends(2).tells("Ada made this plan, so the approval of Ada does not count");
    assert_eq!(place.count_journals(), 0, "nothing was begun");
    let approve = ["approve", "the.plan", "--by", "bob", "--ticket", "CHG-7", "--out", "bob.json"];
    place.dip(&approve).ends(0).prints("bob approves plan ").tells("--approval bob.json");
    place.dip(&["plan", "site.yaml", "--sandbox", "--by", "ada", "--approval", "bob.json"]).ends(0);
    let out = apply(&["--approval", "bob.json", "--json"]).ends(0).out;
    let approved: Vec<_> = json_lines(&out).into_iter().filter(|line| line["event"]["approved"].is_object()).collect();
    assert_eq!(approved.len(), 1, "who, when and for which ticket is in the journal");
    let approval = &approved[0]["event"]["approved"]["approval"];
    assert_eq!((approval["by"].as_str(), approval["ticket"].as_str()), (Some("bob"), Some("CHG-7")));
}

#[test]
fn an_approval_is_for_one_plan() {
    let place = place_with_approvals("approval-other");
    place.dip(&["plan", "site.yaml", "--sandbox", "--out", "all.plan", "--by", "ada"]).ends(0);
    let ready = ["plan", "site.yaml", "--sandbox", "--through", "ready", "--out", "ready.plan", "--by", "ada"];
    place.dip(&ready).ends(0);
    place.dip(&["approve", "ready.plan", "--by", "bob", "--out", "bob.json"]).ends(0);
    let done = place.dip(&["apply", "all.plan", "--sandbox", "--yes", "--approval", "bob.json"]).ends(2);
    let short = |plan: &str| {
        let plan: serde_json::Value = serde_json::from_str(&place.read(plan)).expect("JSON");
        plan["id"].as_str().expect("an id")[..12].to_owned()
    };
    let ids =
        format!("the approval of bob is for plan {}, and this is plan {}", short("ready.plan"), short("all.plan"));
    done.tells(&ids);
    place.dip(&["approve", "site.yaml", "--by", "bob", "--out", "b.json"]).ends(2).tells("what is approved is a plan");
    place
        .dip(&["apply", "all.plan", "--sandbox", "--yes", "--approval", "all.plan"])
        .ends(2)
        .tells("is not an approval");
}

/// A layer that erases the disks of two nodes.
#[derive(Debug)]
struct Eraser;

impl Layer for Eraser {
    fn id(&self) -> LayerId {
        LayerId::Os
    }

    fn facts(&self, _: &mut FactRegistry) {}

    fn operations(&self, _: &mut Operations) {}

    fn settings(&self) -> SettingsSchema {
        SettingsSchema::default()
    }

    fn connect(&self, _: &Site, _: &dyn Secrets, _: &mut Providers) -> Result<(), Vec<ConnectError>> {
        Ok(())
    }

    fn propose(&self, site: &Site, _: &Observed) -> Result<Vec<Step>, Vec<Note>> {
        let wipe = |name: &str, serials: &[&str]| {
            let node = site.nodes.get_key_value(name).expect("the site has it").0;
            let host_name = SetHostName { node: node.clone(), host_name: name.to_owned() };
            Step::new(LayerId::Os, Subject::node(node), &host_name).called("wipe").erasing(serials)
        };
        Ok(vec![wipe("r1-n1", &["S1", "S2"]), wipe("r2-n2", &["S9"])])
    }

    fn enter(&self, _: &Site, _: &Boot) -> Vec<Step> {
        Vec::new()
    }
}

/// Writes a plan that erases.
fn erasing(place: &Place) {
    let loaded = Site::load(&[place.0.join("site.yaml")], &dip::layers().settings()).expect("a site");
    let mut site = loaded.site;
    // Nothing is to be booted for it.
    site.nodes.values_mut().for_each(|node| node.bmc = None);
    let layers = Layers::new().with(Eraser);
    let draft = Draft::new(Arc::new(site), &Observed::new(), &layers, Goal::Everything).expect("a draft");
    let survey = Survey::blind(draft.steps().len(), "2026-01-01T00:00:00Z".parse().expect("a time"));
    let plan = Plan::new(&draft, &survey, &layers).expect("a plan");
    place.write("the.plan", &serde_json::to_string(&plan).expect("plans are JSON"));
}

const WHO: [&str; 6] = ["--by", "ada", "--reason", "they leave the site", "--out", "c.json"];

#[test]
fn who_consents_sees_each_node_and_serial_number() {
    let place = Place::new("consent");
    erasing(&place);
    let consent = |more: &[&str]| place.dip(&[&["consent", "the.plan"], more, &WHO].concat());
    let done = consent(&["--all-erasures", "--for", "30m"]).ends(0);
    done.prints("ada consents, for plan ").prints("\n  r1-n1  S1 S2\n  r2-n2  S9\nuntil ").tells("--consent c.json");
    let consents = read_consents(&place.0.join("c.json")).expect("consents");
    assert_eq!(consents.len(), 2);
    assert!(consents.iter().all(|consent| consent.plan.is_some()), "they are bound to the plan");
    assert_eq!(consents[0].expires.duration_since(consents[0].given).as_mins(), 30);
    consent(&["--node", "r1-n1", "--serial", "S1", "--serial", "S2"]).ends(0).prints("\n  r1-n1  S1 S2\nuntil ");
    consent(&["--node", "r1-n1", "--serial", "S9"]).ends(2).tells("does not erase S9 of r1-n1; it erases S1 S2 there");
    consent(&["--all-erasures", "--for", "200h"]).ends(2).tells("at most 7 days");
    consent(&["--all-erasures", "--overlay", "site.yaml"]).ends(2).tells("give --overlay to `dip plan`");
    consent(&[]).ends(2).tells("--node");
    consent(&["--node", "r1-n1"]).ends(2).tells("--serial");
}

#[test]
fn a_consent_without_a_plan_is_for_a_node_of_the_site() {
    let place = Place::new("consent-site");
    let consent = |more: &[&str]| place.dip(&[&["consent", "site.yaml"], more, &WHO].concat());
    consent(&["--node", "r1-n1", "--serial", "S1"])
        .ends(0)
        .prints("ada consents, for any plan of demo, that it erases:");
    assert_eq!(read_consents(&place.0.join("c.json")).expect("consents")[0].plan, None);
    consent(&["--node", "r9-n9", "--serial", "S1"]).ends(2).tells("site demo has no node r9-n9");
    consent(&["--all-erasures"]).ends(2).tells("--all-erasures is for a plan");
    place.dip(&["plan", "site.yaml", "--sandbox", "--out", "the.plan"]).ends(0);
    place.dip(&[&["consent", "the.plan", "--all-erasures"], &WHO[..]].concat()).ends(2).tells("erases nothing");
    let newer = place.read("c.json").replace("\"dip_consent\": 1", "\"dip_consent\": 2");
    place.write("newer.json", &newer);
    let done = place.dip(&["plan", "site.yaml", "--sandbox", "--consent", "newer.json"]).ends(2);
    done.tells("newer.json has form 2, and this dip reads form 1");
}

#[test]
fn a_site_is_worked_on_from_one_place_by_one_operator_at_a_time() {
    let place = Place::new("site-lock");
    let runs = place.0.join(".dip/runs");
    let apply = ["apply", "site.yaml", "--yes"];
    let lock = |directory: &Path| {
        let since = "2026-01-05T08:00:00Z".parse().expect("a time");
        SiteLock::take(directory, &SiteName::new("demo").expect("a name"), since).expect("nobody holds it")
    };
    let mut held = lock(&runs);
    held.works_on("first").expect("it can be written");
    let done = place.dip(&apply).ends(1).tells("site demo is held by process ");
    done.tells("for run first, since 2026-01-05T08:00:00Z; wait for it, or stop it");
    place.dip(&["apply", "site.yaml", "--yes", "--sandbox"]).ends(0);
    place.dip(&["plan", "site.yaml", "--sandbox"]).ends(0);
    // From another directory nobody knows of it.
    other_place(&place, &apply, "elsewhere");
    drop(held);
    other_place(&place, &apply, ".dip/runs");
    // Whoever goes on with a run takes it too.
    let run = place.run();
    std::fs::rename(place.journal(&run), place.journal("real")).expect("it is renamed");
    let text = std::fs::read(place.journal("real")).expect("the journal");
    let last = text[..text.len() - 1].iter().rposition(|byte| *byte == b'\n').expect("several records") + 1;
    std::fs::write(place.journal("real"), &text[..last]).expect("it has no end");
    let _held = lock(&runs);
    place.dip(&["resume", "real"]).ends(1).tells("site demo is held by process ");
}

/// Gets past the lock, to the secrets that nobody has set.
fn other_place(place: &Place, apply: &[&str], journal: &str) {
    let words = [apply, &["--journal", journal]].concat();
    let mut command = place.command(&words);
    command.env_remove("DIP_BMC_PASSWORD");
    Done::of(command.output().expect("the command runs"), &words).ends(2).tells("env:DIP_BMC_PASSWORD");
}
