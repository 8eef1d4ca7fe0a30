//! `dip consent`: somebody who knows a machine says that certain disks of it may be erased.

use std::collections::{BTreeMap, BTreeSet};

use dip::Plan;
use dip::core::guard::{Consent as Given, ConsentError, Erasure, write_consents};
use dip::core::id::{NodeName, SiteName};
use dip::core::plan::PlanId;
use jiff::Timestamp;
use serde_json::json;

use crate::args::{Consent, SiteFiles};
use crate::error::CliError;
use crate::out::Out;
use crate::target::Target;
use crate::world;

/// What may be erased: serial numbers by node.
type Reviewed = BTreeMap<NodeName, BTreeSet<String>>;

pub(super) fn run(args: &Consent, out: &Out) -> Result<u8, CliError> {
    let (site, plan, reviewed) = match Target::of(&args.target)? {
        Target::Plan(plan) => (plan.site().name.clone(), Some(plan.id().clone()), of_plan(args, &plan)?),
        Target::Site => of_site(args, out)?,
    };
    let consents = consents(args, &site, plan.as_ref(), &reviewed)?;
    write_consents(&args.out, consents.clone())?;
    if out.json {
        out.json(&json!({"consents": consents}))?;
    } else {
        tell(args, &site, plan.as_ref(), &consents, out)?;
    }
    let file = args.out.display();
    out.note(format!("the consent is in {file}; `dip apply --consent {file}` brings it to the run"));
    Ok(super::READY)
}

/// All that a plan erases, or what of it is named. What it does not erase is no use in a consent to it, and most likely a slip.
fn of_plan(args: &Consent, plan: &Plan) -> Result<Reviewed, CliError> {
    if let Some(option) = args.over.given() {
        return Err(CliError::Usage(format!(
            "a plan holds the site that it was made for; give {option} to `dip plan`"
        )));
    }
    let mut erased = Reviewed::new();
    for Erasure { node, serials, .. } in Erasure::all(plan) {
        if let Some(node) = node {
            erased.entry(node).or_default().extend(serials);
        }
    }
    let Some(node) = &args.node else {
        if erased.is_empty() {
            let text = format!("plan {} erases nothing; it needs no consent", plan.id().short());
            return Err(CliError::Usage(text));
        }
        return Ok(erased);
    };
    let serials = erased.remove(node).unwrap_or_default();
    if let Some(other) = args.serial.iter().find(|serial| !serials.contains(*serial)) {
        let known: Vec<&str> = serials.iter().map(String::as_str).collect();
        let known = if known.is_empty() { "nothing".to_owned() } else { known.join(" ") };
        let text = format!("plan {} does not erase {other} of {node}; it erases {known} there", plan.id().short());
        return Err(CliError::Usage(text));
    }
    Ok(named(args, node))
}

fn of_site(args: &Consent, out: &Out) -> Result<(SiteName, Option<PlanId>, Reviewed), CliError> {
    let Some(node) = &args.node else {
        let text = "--all-erasures is for a plan: make one with `dip plan SITE --out FILE`, and consent to that";
        return Err(CliError::Usage(text.to_owned()));
    };
    let files = SiteFiles { site: args.target.clone(), over: args.over.clone() };
    let site = world::load(&files, &dip::layers(), out)?.site;
    if !site.nodes.contains_key(node) {
        return Err(CliError::Usage(format!("site {} has no node {node}", site.name)));
    }
    Ok((site.name, None, named(args, node)))
}

fn named(args: &Consent, node: &NodeName) -> Reviewed {
    Reviewed::from([(node.clone(), args.serial.iter().cloned().collect())])
}

fn consents(
    args: &Consent,
    site: &SiteName,
    plan: Option<&PlanId>,
    reviewed: &Reviewed,
) -> Result<Vec<Given>, ConsentError> {
    let given = Timestamp::now();
    let expires = given.saturating_add(args.lifetime).map_err(|_| ConsentError::Lifetime)?;
    let consent = |(node, serials): (&NodeName, &BTreeSet<String>)| {
        let (site, plan, node, serials) = (site.clone(), plan.cloned(), node.clone(), serials.clone());
        let (by, reason) = (args.by.clone(), args.reason.clone());
        Given { site, node, serials, plan, by, reason, given, expires }.checked()
    };
    reviewed.iter().map(consent).collect()
}

fn tell(args: &Consent, site: &SiteName, plan: Option<&PlanId>, consents: &[Given], out: &Out) -> Result<(), CliError> {
    let what = plan.map_or_else(|| "any plan".to_owned(), |plan| format!("plan {}", plan.short()));
    out.line(format!("{} consents, for {what} of {site}, that it erases:", args.by))?;
    for consent in consents {
        let serials: Vec<&str> = consent.serials.iter().map(String::as_str).collect();
        out.line(format!("  {}  {}", consent.node, serials.join(" ")))?;
    }
    if let Some(consent) = consents.first() {
        out.line(format!("until {:.0}, because: {}", consent.expires, args.reason))?;
    }
    Ok(())
}
