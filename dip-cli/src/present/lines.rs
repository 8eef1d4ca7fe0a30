//! A run as plain lines: what was changed, what is tried again, what failed.

use dip::core::id::StepId;
use dip::core::journal::{Change, Event, FailureKind, Record};
use dip::core::plan::Plan;

use crate::present::style::Style;

/// The line for a record; `None` for those that a person does not need.
pub(crate) fn line(plan: &Plan, record: &Record, style: Style) -> Option<String> {
    let name = |step: &StepId| &plan.step(*step).step.name;
    let text = match &record.event {
        Event::Settled { step, change: Change::Made, .. } => format!("{}  {}", style.good("changed "), name(step)),
        Event::Settled { step, change: Change::None, .. } => format!("{}  {}", style.faint("holds   "), name(step)),
        Event::Retrying { step, attempt, error, .. } => {
            format!("{}  {}: attempt {attempt}: {error}", style.warn("retrying"), name(step))
        }
        Event::Failed { step, error, kind: FailureKind::Conflict } => {
            format!("{}  {}: {error}", style.warn("left    "), name(step))
        }
        Event::Failed { step, error, .. } => format!("{}  {}: {error}", style.bad("failed  "), name(step)),
        Event::Stopping => style.warn("stopping: running steps end, no new one starts").to_string(),
        Event::Applying { .. }
        | Event::Began { .. }
        | Event::Ended { .. }
        | Event::Opened { .. }
        | Event::Started { .. }
        | Event::Waiting { .. } => return None,
    };
    Some(format!("{}  {text}", style.faint(record.at.strftime("%H:%M:%S"))))
}
