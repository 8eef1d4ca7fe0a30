//! A look at a health gate: the check of the step that tells whether a cluster is well, before a member is taken away.

use std::sync::Arc;
use std::time::Duration;

use super::attempt::{Shared, contained};
use crate::journal::{Event, Health};
use crate::operation::{Assignment, Check, Context, OperationError};
use crate::provider::sentence;

/// As long as one attempt at a step that talks to one server.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks, and tells what was seen as the event to be recorded; `None` where it was abandoned.
pub(super) async fn look(shared: &Arc<Shared>, assignment: Assignment, budget: u32) -> Option<Event> {
    let check = async {
        let operation = shared.operations.load(&assignment.call)?;
        let context = Context::new(&assignment, &shared.providers, &shared.abandoned);
        let check = operation.check(&context);
        tokio::time::timeout(PATIENCE, check).await.unwrap_or(Err(OperationError::Slow(PATIENCE)))
    };
    let seen = tokio::select! {
        biased;
        () = shared.abandoned.cancelled() => return None,
        seen = contained(check) => seen,
    };
    let health = match seen {
        Ok(Ok(Check::Holds(_))) => Health::Good,
        Ok(Ok(Check::Differs(diff))) => Health::Poor(diff.to_string()),
        Ok(Ok(Check::Unknown(gap))) => Health::Poor(gap.to_string()),
        Ok(Err(error)) => Health::Poor(sentence(&error)),
        Err(panic) => Health::Poor(format!("the look ended in a panic, which is a bug: {panic}")),
    };
    Some(Event::Looked { budget, health })
}
