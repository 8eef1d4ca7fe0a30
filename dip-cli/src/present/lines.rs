//! A run as plain lines: what was changed, what is tried again, what failed.

use std::collections::BTreeSet;

use dip::core::id::StepId;
use dip::core::journal::{Change, Event, FailureKind, Health, Record};
use dip::core::plan::Plan;

use crate::present::style::Style;

/// Makes lines of the records of one run.
#[derive(Debug)]
pub(crate) struct Lines {
    style: Style,
    /// The steps for which something was done that has not come true: doing it once more is worth a line. It is not where an
    /// attempt failed, because that has its own, nor where a step only watches.
    pending: BTreeSet<StepId>,
}

impl Lines {
    pub(crate) const fn new(style: Style) -> Self {
        Self { style, pending: BTreeSet::new() }
    }

    /// The line for a record; `None` for those that a person does not need.
    pub(crate) fn line(&mut self, plan: &Plan, record: &Record) -> Option<String> {
        let name = |step: &StepId| &plan.step(*step).step.name;
        let style = self.style;
        let text = match &record.event {
            Event::Settled { step, change: Change::Made, .. } => format!("{}  {}", style.good("changed "), name(step)),
            Event::Settled { step, change: Change::None, .. } => format!("{}  {}", style.faint("holds   "), name(step)),
            Event::Retrying { step, attempt, error, .. } => {
                self.pending.remove(step);
                format!("{}  {}: attempt {attempt}: {error}", style.warn("retrying"), name(step))
            }
            Event::Applying { step, attempt, diff } => {
                if !self.pending.remove(step) {
                    return None;
                }
                format!("{}  {}, attempt {attempt}: {diff}", style.warn("again   "), name(step))
            }
            Event::Waiting { step, change: Change::Made, .. } => {
                self.pending.insert(*step);
                return None;
            }
            Event::Failed { step, error, kind: FailureKind::Conflict } => {
                format!("{}  {}: {error}", style.warn("left    "), name(step))
            }
            Event::Failed { step, error, kind: FailureKind::Refused } => {
                format!("{}  {}: {error}", style.bad("refused "), name(step))
            }
            Event::Failed { step, error, .. } => format!("{}  {}: {error}", style.bad("failed  "), name(step)),
            Event::Ordered(order) => format!("{}  {}, by {}", style.strong("ordered "), order.command, order.by),
            Event::Looked { budget, health: Health::Poor(why) } => {
                let name = plan.budgets().list().get(*budget as usize).map_or("a budget", |of| of.name.as_str());
                format!("{}  nobody of {name} is taken away: {why}", style.warn("unwell  "))
            }
            Event::Stopping => style.warn("stopping: running steps end, no new one starts"),
            Event::Approved { approval } => {
                let ticket = approval.ticket.as_ref().map_or_else(String::new, |ticket| format!(" for {ticket}"));
                format!("{}  by {}{ticket}", style.good("approved"), approval.by)
            }
            Event::Consented { consent } => format!(
                "{}  {}: {} may be erased, says {} until {:.0}",
                style.warn("consent "),
                consent.node,
                consent.serials.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
                consent.by,
                consent.expires
            ),
            Event::Began { .. }
            | Event::Ended { .. }
            | Event::Opened { .. }
            | Event::Started { .. }
            | Event::Looked { .. }
            | Event::Waiting { .. } => return None,
        };
        Some(format!("{}  {text}", style.faint(record.at.strftime("%H:%M:%S"))))
    }

    /// Whether a record tells of something out of the ordinary.
    pub(crate) const fn is_incident(record: &Record) -> bool {
        !matches!(record.event, Event::Settled { .. })
    }
}
