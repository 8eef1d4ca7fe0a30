//! `opsmgmt.await_calm`: no alert fires for those whom a budget protects. It is the check of a gate, and no step of a plan.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::id::ServiceName;
use dip_core::operation::{Applied, Call, Check, Context, Diff, Operation, OperationError};
use dip_core::plan::Watch;
use dip_core::step::StepName;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::{Alert, Alerts, AlertsOf};

/// Rules are evaluated every 15 s to a minute.
const POLL: Duration = Duration::from_secs(10);

/// Told at most; who mends these sees the others.
const TOLD: usize = 5;

/// Waits until no alert fires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwaitCalm {
    /// The service that tells of alerts.
    pub service: ServiceName,
    /// The alerts.
    pub of: AlertsOf,
}

impl AwaitCalm {
    /// The look before a member of a budget is taken away.
    pub(crate) fn watch(&self, subject: Subject) -> Watch {
        let step = StepName::from(format!("{} {subject}", Self::NAME).as_str());
        Watch { subject, step, call: Call::new(self) }
    }
}

/// `alert DiskFull of n2 fires since 2026-11-26T02:40:00Z (disk is full) → over, or silenced`.
fn differs(firing: &[Alert]) -> Diff {
    let mut diff = Diff::default();
    for alert in firing.iter().take(TOLD) {
        let of = alert.node.as_ref().map_or_else(String::new, |node| format!(" of {node}"));
        let says = alert.summary.as_ref().map_or_else(String::new, |summary| format!(" ({summary})"));
        let since = alert.since.strftime("%Y-%m-%dT%H:%M:%SZ");
        let now = format!("fires since {since}{says}");
        diff = diff.and(format!("alert {}{of}", alert.name), Some(now), Some("over: mend it, or silence it"));
    }
    match firing.len().saturating_sub(TOLD) {
        0 => diff,
        more => diff.and("further alerts", Some(more), Some(0)),
    }
}

#[async_trait]
impl Operation for AwaitCalm {
    const NAME: &'static str = "opsmgmt.await_calm";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let firing = cx.provider::<dyn Alerts>(&Subject::service(&self.service))?.firing(&self.of).await?;
        Ok(differs(&firing).or_holds(Facts::new()))
    }

    async fn apply(&self, _: &Context<'_>) -> Result<Applied, OperationError> {
        Ok(Applied::watch("the alerts to be over", POLL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fires_is_told_by_name_with_its_node_its_time_and_what_to_do() {
        let alert = Alert {
            name: "DiskFull".to_owned(),
            node: Some("n2".to_owned()),
            since: "2026-11-26T02:40:00.5Z".parse().expect("a time"),
            summary: Some("the disk is full".to_owned()),
        };
        let told =
            "alert DiskFull of n2 fires since 2026-11-26T02:40:00Z (the disk is full) → over: mend it, or silence it";
        assert_eq!(differs(std::slice::from_ref(&alert)).to_string(), told);
        assert!(differs(&vec![alert; 7]).to_string().ends_with("further alerts 2 → 0"));
        assert!(differs(&[]).is_empty());
    }
}
