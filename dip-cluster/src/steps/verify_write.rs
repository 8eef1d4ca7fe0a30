//! `cluster.verify_write`: a write was made and is read back through the cluster.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::cluster::{QUORUM, WRITABLE};
use dip_core::id::{ClusterName, LayerId, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::site::Origin;
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::Membership;

/// Writes the mark of `site` into `cluster`, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyWrite {
    /// The cluster.
    pub cluster: ClusterName,
    /// The site whose mark is written.
    pub site: SiteName,
}

impl VerifyWrite {
    /// The step.
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let subject = Subject::cluster(&self.cluster);
        Step::new(LayerId::Cluster, subject.clone(), &self)
            .need_facts([QUORUM.of(&subject)])
            .give(WRITABLE.of(&subject))
            // Without a quorum the cluster only keeps its caller waiting.
            .seen_after_needs()
            .origin(origin)
    }

    /// The key has a prefix of its own, so that it never meets one of the cluster's users.
    fn key(&self) -> String {
        format!("/dip/{}/verified", self.site)
    }
}

#[async_trait]
impl Operation for VerifyWrite {
    const NAME: &'static str = "cluster.verify_write";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let subject = Subject::cluster(&self.cluster);
        let stored = cx.provider::<dyn Membership>(&subject)?.read(&self.key()).await?;
        Ok(match stored {
            Some(stored) if stored.value == self.cluster.as_str() => {
                Check::Holds(Facts::new().with(&WRITABLE, &subject, &stored.revision))
            }
            Some(stored) => Check::Differs(Diff::of(self.key(), Some(stored.value), Some(&self.cluster))),
            None => Check::Differs(Diff::missing(self.key(), &self.cluster)),
        })
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let membership = cx.provider::<dyn Membership>(&Subject::cluster(&self.cluster))?;
        membership.write(&self.key(), self.cluster.as_str()).await?;
        Ok(Applied::Done)
    }
}
