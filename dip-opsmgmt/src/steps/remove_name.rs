//! `opsmgmt.remove_name`: a node's names are no longer in DNS, in neither direction, nor are its further records.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::id::{LayerId, NodeName, ServiceName, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::{ErrorKind, ProviderError};
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use super::register_name::made;
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

    /// What the site file says of the node, and what it said when it was made.
    async fn all_entries(&self, dns: &dyn Dns) -> Result<Vec<Entry>, ProviderError> {
        let made = made(dns, &self.name, &self.site).await?.unwrap_or_default();
        let mut all = self.entries.clone();
        all.extend(made.into_iter().filter(|entry| !entry.is_among(&self.entries)));
        Ok(all)
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
        let (mut diff, entries) = (Diff::default(), self.all_entries(&*dns).await?);
        for name in self.names() {
            let held = dns.name(name).await?.filter(|held| held.owner.as_ref() == Some(&self.site));
            // A mark that nothing but further records stands beside is theirs.
            let shared = entries.iter().any(|entry| entry.name == name);
            if let Some(held) = held.filter(|held| !(shared && held.addresses.is_empty())) {
                let addresses: Vec<_> = held.addresses.iter().map(ToString::to_string).collect();
                diff = diff.and(format!("addresses of {name}"), Some(addresses.join(" ")), None::<&str>);
            }
        }
        for entry in &entries {
            let held = match dns.entries(&entry.name).await {
                // Its zone has left the server, and the records with it.
                Err(error) if error.kind() == ErrorKind::Invalid => None,
                held => held?,
            };
            let held = held.filter(|held| held.owner.as_ref() == Some(&self.site));
            if held.is_some_and(|held| held.data.contains(&entry.data)) {
                diff = diff.and("record", Some(entry), None::<&str>);
            }
        }
        Ok(diff.or_holds(Facts::new()))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let dns = cx.provider::<dyn Dns>(&Subject::service(&self.service))?;
        // Before the names: with them go the mark that says whose the texts at a name are, and the list of what was made.
        dns.remove_entries(&self.all_entries(&*dns).await?, &self.site).await?;
        for name in self.names() {
            dns.remove(name, &self.site).await?;
        }
        Ok(Applied::Done)
    }
}
