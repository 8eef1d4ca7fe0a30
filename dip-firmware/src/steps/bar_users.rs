//! `firmware.bar_users`: nobody logs in to a controller but those whom the site names.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::firmware::{BMC_PASSWORD, BMC_STRANGERS, IDENTITY};
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::site::Origin;
use dip_core::step::{Need, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use super::boot_ref::bmc_lock;
use crate::hygiene::Others;
use crate::provider::{Account, Accounts, Bmc};

/// Finds users whom the site does not name, and bars them where it says so. The user that dip logs in as is always named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BarUsers {
    /// The node.
    pub node: NodeName,
    /// Those who may log in.
    pub allowed: Vec<String>,
    /// What becomes of all others.
    pub others: Others,
}

impl BarUsers {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let subject = Subject::node(&self.node);
        let (identity, password) = (IDENTITY.of(&subject), BMC_PASSWORD.of(&subject));
        let key = BMC_STRANGERS.of(&subject);
        // No way in is closed before our own is proved.
        let before = [Need::IfGiven(identity), Need::IfGiven(password)];
        let step = Step::new(LayerId::Firmware, subject, &self).give(key).lock(bmc_lock(&self.node)).origin(origin);
        before.into_iter().fold(step, Step::need)
    }

    fn accounts(&self, cx: &Context<'_>) -> Result<std::sync::Arc<dyn Accounts>, OperationError> {
        cx.provider::<dyn Bmc>(&Subject::node(&self.node))?.accounts().ok_or_else(|| {
            OperationError::Impossible(format!(
                "the BMC of node `{}` tells no users by the protocols that it lists; take `firmware.controller.users` away from it",
                self.node
            ))
        })
    }

    async fn strangers(&self, accounts: &dyn Accounts) -> Result<Vec<Account>, OperationError> {
        let all = accounts.list().await?;
        Ok(all.into_iter().filter(|user| user.enabled && !self.allowed.contains(&user.name)).collect())
    }
}

#[async_trait]
impl Operation for BarUsers {
    const NAME: &'static str = "firmware.bar_users";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let strangers = self.strangers(&*self.accounts(cx)?).await?;
        let names: Vec<String> = strangers.into_iter().map(|user| called(&user)).collect();
        let diff = match self.others {
            Others::Report => Diff::default(),
            Others::Disable => {
                names.iter().fold(Diff::default(), |diff, name| diff.and("user", Some(name), None::<&str>))
            }
        };
        Ok(diff.or_holds(Facts::new().with(&BMC_STRANGERS, &Subject::node(&self.node), &names)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let accounts = self.accounts(cx)?;
        for user in self.strangers(&*accounts).await? {
            accounts.disable(&user.name).await?;
        }
        Ok(Applied::Done)
    }
}

/// A user as a person finds it.
fn called(user: &Account) -> String {
    if user.name.is_empty() { format!("anonymous (id {})", user.id) } else { user.name.clone() }
}
