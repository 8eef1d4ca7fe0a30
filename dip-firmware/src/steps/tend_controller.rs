//! `firmware.tend_controller`: a controller follows the site's time servers, sends its log where the site wants it, and has no weak
//! way in that the site does not know of.

use std::sync::Arc;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::firmware::{BMC_WEAKNESSES, IDENTITY};
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::site::Origin;
use dip_core::step::{Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use super::boot_ref::bmc_lock;
use crate::hygiene::Weaknesses;
use crate::provider::{Bmc, Controller};

/// Sets up a controller itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TendController {
    /// The node.
    pub node: NodeName,
    /// The time servers that it follows, where the site says any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ntp: Option<Vec<String>>,
    /// Where it sends its log, where the site says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syslog: Option<Vec<String>>,
    /// What becomes of weak ways in, where the site cares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weaknesses: Option<Weaknesses>,
}

impl TendController {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let subject = Subject::node(&self.node);
        let identified = Need::IfGiven(IDENTITY.of(&subject));
        let key = BMC_WEAKNESSES.of(&subject);
        let step = Step::new(LayerId::Firmware, subject, &self).give(key).need(identified);
        step.lock(bmc_lock(&self.node)).origin(origin)
    }

    fn controller(&self, cx: &Context<'_>) -> Result<Arc<dyn Controller>, OperationError> {
        cx.provider::<dyn Bmc>(&Subject::node(&self.node))?.controller().ok_or_else(|| {
            OperationError::Impossible(format!(
                "the BMC of node `{}` cannot be set up by the protocols that it lists; take `firmware.controller` away from it, or add `redfish`",
                self.node
            ))
        })
    }
}

#[async_trait]
impl Operation for TendController {
    const NAME: &'static str = "firmware.tend_controller";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let state = self.controller(cx)?.state().await?;
        let mut diff = Diff::default();
        let lists = [("time servers", &self.ntp, &state.ntp), ("log receivers", &self.syslog, &state.syslog)];
        for (what, wanted, now) in lists {
            if let Some(wanted) = wanted
                && now.as_deref().unwrap_or_default() != wanted.as_slice()
            {
                let listed = |list: &Vec<String>| Some(list.join(" ")).filter(|list| !list.is_empty());
                diff = diff.and(what, now.as_ref().and_then(listed), listed(wanted));
            }
        }
        if self.weaknesses == Some(Weaknesses::Close) {
            let open = |diff: Diff, weakness: &String| diff.and("weak way in", Some(weakness), None::<&str>);
            diff = state.weaknesses.iter().fold(diff, open);
        }
        Ok(diff.or_holds(Facts::new().with(&BMC_WEAKNESSES, &Subject::node(&self.node), &state.weaknesses)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let controller = self.controller(cx)?;
        let state = controller.state().await?;
        if let Some(servers) = &self.ntp
            && state.ntp.as_ref() != Some(servers)
        {
            controller.set_ntp(servers).await?;
        }
        if let Some(receivers) = &self.syslog
            && state.syslog.as_ref() != Some(receivers)
        {
            controller.set_syslog(receivers).await?;
        }
        if self.weaknesses == Some(Weaknesses::Close) && !state.weaknesses.is_empty() {
            let left = controller.close_weaknesses().await?;
            if !left.is_empty() {
                return Err(OperationError::Impossible(format!(
                    "the controller of node `{}` cannot close these weak ways in: {}; close them by hand, or write `weaknesses: report` for it",
                    self.node,
                    dip_core::words::and(&left)
                )));
            }
        }
        Ok(Applied::Done)
    }
}
