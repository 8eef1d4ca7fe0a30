//! `opsmgmt.remove_name`: a node's names are no longer in DNS, in neither direction, nor are its further records.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::id::{LayerId, NodeName, ServiceName, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::{Dns, Entry};

/// Takes the site's records of a node's name away. A name that carries another mark, or none, is not the site's and stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveName {
    /// The DNS service.
    pub service: ServiceName,
    /// The node.
    pub node: NodeName,
    /// Its fully qualified name.
    pub name: String,
    /// Its further names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// Its further records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
    /// The site that the records belong to.
    pub site: SiteName,
}

impl RemoveName {
    pub(crate) fn step(self) -> Step {
        Step::new(LayerId::OpsMgmt, Subject::node(&self.node), &self)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.also).map(String::as_str)
    }
}

#[async_trait]
impl Operation for RemoveName {
    const NAME: &'static str = "opsmgmt.remove_name";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let dns = cx.provider::<dyn Dns>(&Subject::service(&self.service))?;
        let mut diff = Diff::default();
        for name in self.names() {
            let held = dns.name(name).await?.filter(|held| held.owner.as_ref() == Some(&self.site));
            // A mark that nothing but further records stands beside is theirs.
            let shared = self.entries.iter().any(|entry| entry.name == name);
            if let Some(held) = held.filter(|held| !(shared && held.addresses.is_empty())) {
                let addresses: Vec<_> = held.addresses.iter().map(ToString::to_string).collect();
                diff = diff.and(format!("addresses of {name}"), Some(addresses.join(" ")), None::<&str>);
            }
        }
        for entry in &self.entries {
            let held = dns.entries(&entry.name).await?.filter(|held| held.owner.as_ref() == Some(&self.site));
            if held.is_some_and(|held| held.data.contains(&entry.data)) {
                diff = diff.and("record", Some(entry), None::<&str>);
            }
        }
        Ok(diff.or_holds(Facts::new()))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let dns = cx.provider::<dyn Dns>(&Subject::service(&self.service))?;
        // Before the names: with them goes the mark that says whose the texts at a name are.
        dns.remove_entries(&self.entries, &self.site).await?;
        for name in self.names() {
            dns.remove(name, &self.site).await?;
        }
        Ok(Applied::Done)
    }
}
