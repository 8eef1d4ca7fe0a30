//! `dip approve`: somebody has read a plan and says yes to it.

use dip::core::guard::{Approval, write_approval};
use jiff::Timestamp;
use serde_json::json;

use crate::args::Approve;
use crate::error::CliError;
use crate::out::Out;
use crate::target::Target;

pub(super) fn run(args: &Approve, out: &Out) -> Result<u8, CliError> {
    let Target::Plan(plan) = Target::of(&args.plan)? else {
        let text = "what is approved is a plan: make one with `dip plan SITE --out FILE`, read it, and approve that";
        return Err(CliError::Usage(text.to_owned()));
    };
    let (ticket, note) = (args.ticket.clone(), args.note.clone());
    let approval = Approval { plan: plan.id().clone(), by: args.by.clone(), at: Timestamp::now(), ticket, note };
    write_approval(&args.out, approval.clone())?;
    if out.json {
        out.json(&json!({"approval": approval}))?;
    } else {
        let steps = if plan.steps().len() == 1 { "step" } else { "steps" };
        let (id, site) = (plan.id().short(), &plan.site().name);
        out.line(format!("{} approves plan {id} for {site}: {} {steps}.", args.by, plan.steps().len()))?;
    }
    let (plan, file) = (args.plan.display(), args.out.display());
    out.note(format!("the approval is in {file}; `dip apply {plan} --approval {file}` brings it to the run"));
    Ok(super::READY)
}
