//! The people around a run: they retry, skip, hold, go on, and tell who is down; in the end they let everything go on.

use std::time::Duration;

use dip_core::engine::{Control, RunView, Status};
use dip_core::id::{NodeName, StepId};
use dip_core::journal::{Command, Order};
use dip_core::plan::Plan;
use dip_core::step::StepName;

use super::draw::Draw;
use crate::mortal::Mortal;

/// Gives a few orders at random times, and then none but those that let the run end. It never ends by itself.
pub(super) async fn operate(mut draw: Draw, control: &Control, plan: &Plan, nodes: &[NodeName], journal: &Mortal) {
    let give = async |command| control.give(Order::new("ada", command)).await.is_ok();
    for _ in 0..draw.below(6) {
        tokio::time::sleep(Duration::from_secs(draw.below(60))).await;
        let node = nodes[draw.index(nodes.len())].clone();
        let step = pick(&mut draw, plan, journal);
        let command = match draw.below(9) {
            0 | 1 => Command::Retry { step },
            2 => Command::Skip { step, reason: "it was done by hand".to_owned() },
            3 => Command::Hold { step: None, reason: "lunch".to_owned() },
            4 => Command::Hold { step: Some(step), reason: "not yet".to_owned() },
            5 => Command::Continue { step: None },
            6 => Command::Continue { step: Some(step) },
            7 => Command::Down { node, reason: "its disk died".to_owned() },
            _ => Command::Up { node },
        };
        give(command).await;
    }
    loop {
        tokio::time::sleep(Duration::from_secs(600)).await;
        // Also those whom an owner before this one was told of.
        for node in nodes {
            give(Command::Up { node: node.clone() }).await;
        }
        give(Command::Continue { step: None }).await;
    }
}

/// A step: rather one that failed, where there is one.
fn pick(draw: &mut Draw, plan: &Plan, journal: &Mortal) -> StepName {
    let all = 0..plan.steps().len();
    let failed: Vec<StepId> = match RunView::of(&journal.records()) {
        Some(view) => all
            .clone()
            .map(StepId::at)
            .filter(|step| matches!(view.schedule.status(*step), Status::Failed { .. }))
            .collect(),
        None => Vec::new(),
    };
    let step = if failed.is_empty() { StepId::at(draw.index(all.len())) } else { failed[draw.index(failed.len())] };
    plan.step(step).step.name.clone()
}
