//! A look at a health gate: the checks that tell whether a cluster is well and no alert fires, before a member is taken away.

use std::sync::Arc;
use std::time::Duration;

use super::attempt::{Shared, contained};
use crate::journal::{Event, Health};
use crate::operation::{Assignment, Check, Context, OperationError};
use crate::provider::sentence;

/// As long as one attempt at a step that talks to one server.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks, until something is not well, and tells what was seen as the event to be recorded; `None` where it was abandoned.
pub(super) async fn look(shared: &Arc<Shared>, assignments: Vec<Assignment>, budget: u32) -> Option<Event> {
    let mut health = Health::Good;
    for assignment in assignments {
        health = look_once(shared, &assignment).await?;
        if health != Health::Good {
            break;
        }
    }
    Some(Event::Looked { budget, health })
}

async fn look_once(shared: &Arc<Shared>, assignment: &Assignment) -> Option<Health> {
    let check = async {
        let operation = shared.operations.load(&assignment.call)?;
        let context = Context::new(assignment, &shared.providers, &shared.abandoned);
        let check = operation.check(&context);
        tokio::time::timeout(PATIENCE, check).await.unwrap_or(Err(OperationError::Slow(PATIENCE)))
    };
    let seen = tokio::select! {
        biased;
        () = shared.abandoned.cancelled() => return None,
        seen = contained(check) => seen,
    };
    Some(match seen {
        Ok(Ok(Check::Holds(_))) => Health::Good,
        Ok(Ok(Check::Differs(diff))) => Health::Poor(diff.to_string()),
        Ok(Ok(Check::Unknown(gap))) => Health::Poor(gap.to_string()),
        Ok(Err(error)) => Health::Poor(sentence(&error)),
        Err(panic) => Health::Poor(format!("the look ended in a panic, which is a bug: {panic}")),
    })
}
