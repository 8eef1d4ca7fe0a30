//! `dip claim`: writes down that records of other people may be taken over, or gives them back. A claim itself changes no record:
//! the next run does, after somebody has reviewed the file.

use std::path::Path;
use std::sync::Arc;

use dip::core::observed::Observed;
use dip::core::operation::Gap;
use dip::core::plan::Draft;
use dip::core::site::{Claim, Claims};
use dip::core::step::Step;
use dip::{Goal, Site};
use serde_json::json;

use crate::args::Claim as Args;
use crate::error::CliError;
use crate::out::Out;
use crate::world::{self, World};

pub(super) fn run(args: &Args, out: &Out) -> Result<u8, CliError> {
    let layers = dip::layers();
    let loaded = world::load(&args.files, &layers, out)?;
    let claims = loaded.site.claims.clone();
    let world = World::real(Arc::new(loaded.site), layers)?;
    world.block_on(async {
        if args.release {
            release(args, &world, claims, &loaded.claims_path, out).await
        } else {
            claim(args, &world, claims, &loaded.claims_path, out).await
        }
    })?
}

async fn claim(args: &Args, world: &World, mut claims: Claims, path: &Path, out: &Out) -> Result<u8, CliError> {
    let seen = world.prepare(Goal::Everything).await?;
    let foreign: Vec<&Step> =
        seen.unknown().filter(|(_, gap)| matches!(gap, Gap::Foreign(_))).map(|(step, _)| step).collect();
    let by = args.by.clone().or_else(|| std::env::var("USER").ok().filter(|user| !user.is_empty()));
    for subject in &args.subjects {
        let steps: Vec<&&Step> = foreign.iter().filter(|step| is_about(step, subject)).collect();
        if steps.is_empty() {
            return Err(nothing_foreign(subject, &foreign));
        }
        for step in steps {
            let Some(held) = world.held(step).await? else {
                let text = format!("what `{}` finds cannot be claimed; its holder has to give it up", step.name);
                return Err(CliError::Usage(text));
            };
            let claim = Claim {
                operation: step.call.operation().to_owned(),
                subject: step.subject.clone(),
                holder: held.holder,
                was: held.says,
                at: world.clock.now(),
                by: by.clone(),
                reason: args.reason.clone(),
            };
            tell("claimed", &claim, out)?;
            claims.add(claim);
        }
    }
    claims.write(path)?;
    let path = path.display();
    out.note(format!(
        "{path} keeps what may be taken over; review it, put it under version control, and apply the site"
    ));
    Ok(super::READY)
}

async fn release(args: &Args, world: &World, mut claims: Claims, path: &Path, out: &Out) -> Result<u8, CliError> {
    let steps = wanted_steps(&world.site, world)?;
    for subject in &args.subjects {
        let is_it = |claim: &&Claim| {
            let name = format!("{} {}", claim.operation, claim.subject);
            *subject == name || *subject == claim.subject.to_string() || subject == claim.subject.name()
        };
        let released: Vec<Claim> = claims.iter().filter(is_it).cloned().collect();
        if released.is_empty() {
            return Err(CliError::Usage(format!("nothing of `{subject}` is claimed in {}", path.display())));
        }
        for claim in released {
            match steps.iter().find(|step| step.call.operation() == claim.operation && step.subject == claim.subject) {
                Some(step) => world.disown(step).await?,
                None => {
                    out.note(format!("no step writes the record of {} any more: it is left as it is", claim.subject))
                }
            }
            tell("released", &claim, out)?;
            claims.take_out(&claim.operation, &claim.subject);
            // One by one, so that what was given back is never claimed any more.
            claims.write(path)?;
        }
    }
    Ok(super::READY)
}

/// The steps that write the records of a site, whatever is the case now.
fn wanted_steps(site: &Arc<Site>, world: &World) -> Result<Vec<Step>, CliError> {
    let draft =
        Draft::new(Arc::clone(site), &Observed::new(), &world.layers, Goal::Everything).map_err(CliError::Plan)?;
    Ok(draft.steps().to_vec())
}

fn is_about(step: &Step, wanted: &str) -> bool {
    wanted == step.name.as_str() || wanted == step.subject.to_string() || wanted == step.subject.name()
}

fn nothing_foreign(subject: &str, foreign: &[&Step]) -> CliError {
    let names: Vec<_> = foreign.iter().map(|step| step.subject.to_string()).collect();
    let known =
        if names.is_empty() { "nothing at this site is".to_owned() } else { format!("{} are", names.join(", ")) };
    CliError::Usage(format!("nothing of `{subject}` is held by somebody else; {known} (`dip drift` tells what)"))
}

fn tell(verb: &str, claim: &Claim, out: &Out) -> Result<(), CliError> {
    if out.json {
        return out.json(&json!({verb: claim}));
    }
    out.line(format!(
        "{verb}  {} {}: it carried {} and said {}",
        claim.operation, claim.subject, claim.holder, claim.was
    ))
}
