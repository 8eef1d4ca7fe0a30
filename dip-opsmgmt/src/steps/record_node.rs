//! `opsmgmt.record_node`: the site's CMDB has a node's record.

use std::collections::BTreeSet;
use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::opsmgmt::CMDB_RECORD;
use dip_core::hardware::Identity;
use dip_core::id::{LayerId, NicName, NodeName, RackName, ServiceName, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Input, Operation, OperationError};
use dip_core::provider::{ErrorKind, Holder, Ownership, ProviderError};
use dip_core::site::Origin;
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::{Cmdb, NicRecord, NodeRecord};

/// Writes a node's record into a CMDB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordNode {
    /// The CMDB.
    pub service: ServiceName,
    /// The node.
    pub node: NodeName,
    /// Its fully qualified host name.
    pub host_name: String,
    /// Its addresses, the primary one first.
    pub addresses: Vec<IpAddr>,
    /// Its rack.
    pub rack: Option<RackName>,
    /// Who the machine is.
    pub identity: Input<Identity>,
    /// Its interfaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nics: Vec<NicRecord>,
    /// The site that the record belongs to.
    pub site: SiteName,
    /// By what right it is written.
    #[serde(default, skip_serializing_if = "Ownership::is_own")]
    pub ownership: Ownership,
}

impl RecordNode {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let subject = Subject::node(&self.node);
        let key = CMDB_RECORD.of(&subject);
        let step = Step::new(LayerId::OpsMgmt, subject, &self).give(key).origin(origin);
        match self.identity {
            Input::From(identity) => step.read(identity),
            Input::Value(_) => step,
        }
    }

    fn record(&self, cx: &Context<'_>) -> Result<NodeRecord, OperationError> {
        Ok(NodeRecord {
            node: self.node.clone(),
            host_name: self.host_name.clone(),
            addresses: self.addresses.clone(),
            rack: self.rack.clone(),
            identity: cx.input(&self.identity)?,
            nics: self.nics.clone(),
        })
    }
}

fn diff(now: &NodeRecord, wanted: &NodeRecord) -> Diff {
    let (before, after) = (fields(now), fields(wanted));
    let differing = before.iter().zip(&after).filter(|((_, now), (_, wanted))| now != wanted);
    let diff = differing
        .fold(Diff::default(), |diff, ((what, now), (_, wanted))| diff.and(*what, now.as_ref(), wanted.as_ref()));
    let names: BTreeSet<&NicName> = now.nics.iter().chain(&wanted.nics).map(|nic| &nic.name).collect();
    let of =
        |record: &NodeRecord, name: &NicName| record.nics.iter().find(|nic| nic.name == *name).map(ToString::to_string);
    names.into_iter().fold(diff, |diff, name| match (of(now, name), of(wanted, name)) {
        (now, wanted) if now == wanted => diff,
        (now, wanted) => diff.and(format!("interface {name}"), now, wanted),
    })
}

fn fields(record: &NodeRecord) -> [(&'static str, Option<String>); 7] {
    let addresses: Vec<_> = record.addresses.iter().map(ToString::to_string).collect();
    let identity = &record.identity;
    [
        ("host name", Some(record.host_name.clone())),
        ("addresses", Some(addresses.join(" ")).filter(|addresses| !addresses.is_empty())),
        ("rack", record.rack.as_ref().map(ToString::to_string)),
        ("manufacturer", identity.manufacturer.clone()),
        ("model", identity.model.clone()),
        ("serial number", identity.serial.clone()),
        ("UUID", identity.uuid.clone()),
    ]
}

#[async_trait]
impl Operation for RecordNode {
    const NAME: &'static str = "opsmgmt.record_node";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let cmdb = cx.provider::<dyn Cmdb>(&Subject::service(&self.service))?;
        let wanted = self.record(cx)?;
        let Some(held) = cmdb.read(&self.node).await? else {
            cmdb.may_write(&wanted, &self.site).await?;
            return Ok(Check::Differs(Diff::missing("CMDB record", &self.host_name)));
        };
        let diff = diff(&held.record, &wanted);
        let (holder, us) = (Holder::from(held.owner), Holder::Site(self.site.clone()));
        if holder != us && self.ownership.covers(&holder) {
            return Ok(Check::Differs(diff.and("owner", Some(holder), Some(us))));
        }
        if !diff.is_empty() && holder != us {
            let advice = format!(
                "the record {} carries {holder}; remove it there, rename the node, or take it over by a claim (`dip claim`)",
                held.id
            );
            let action = format!("record {} ({diff})", self.node);
            return Err(ProviderError::new(ErrorKind::Conflict, "cmdb", action).advise(advice).into());
        }
        if !diff.is_empty() {
            // Others may hold an address or an interface of the CMDB's own though the record is ours.
            cmdb.may_write(&wanted, &self.site).await?;
        }
        Ok(diff.or_holds(Facts::new().with(&CMDB_RECORD, &Subject::node(&self.node), &held.id)))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let cmdb = cx.provider::<dyn Cmdb>(&Subject::service(&self.service))?;
        if let Ownership::Claimed(from) = &self.ownership {
            cmdb.claim(&self.node, from, &self.site).await?;
        }
        cmdb.write(&self.record(cx)?, &self.site).await?;
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dip_core::fact::firmware::IDENTITY;

    use super::*;
    use crate::provider::{HeldRecord, MockCmdb};
    use crate::testing::site_name;
    use dip_core::step::Need;
    use dip_core::testing::Bench;

    fn wanted(identity: Input<Identity>) -> RecordNode {
        RecordNode {
            service: ServiceName::new("cmdb").expect("a name"),
            node: NodeName::new("n1").expect("a name"),
            host_name: "n1.lab.example".to_owned(),
            addresses: vec!["10.1.0.11".parse().expect("an address")],
            rack: None,
            identity,
            nics: Vec::new(),
            site: site_name("lab"),
            ownership: Ownership::Own,
        }
    }

    fn known(serial: &str) -> Input<Identity> {
        Input::Value(Identity { serial: Some(serial.to_owned()), ..Identity::default() })
    }

    fn bench(held_serial: &str, owner: Option<&str>) -> Bench {
        let record = NodeRecord {
            node: NodeName::new("n1").expect("a name"),
            host_name: "n1.lab.example".to_owned(),
            addresses: vec!["10.1.0.11".parse().expect("an address")],
            rack: None,
            identity: Identity { serial: Some(held_serial.to_owned()), ..Identity::default() },
            nics: Vec::new(),
        };
        let held = HeldRecord { id: "17".to_owned(), record, owner: owner.map(site_name) };
        let mut cmdb = MockCmdb::new();
        cmdb.expect_read().returning(move |_| Ok(Some(held.clone())));
        cmdb.expect_may_write().returning(|_, _| Ok(()));
        let step = wanted(known("A1")).step(None);
        Bench::with::<dyn Cmdb>(&Subject::service(&ServiceName::new("cmdb").expect("a name")), Arc::new(cmdb), step)
    }

    #[tokio::test]
    async fn a_changed_serial_number_differs() {
        let bench = bench("A0", Some("lab"));
        let Check::Differs(diff) = wanted(known("A1")).check(&bench.context()).await.expect("it answers") else {
            panic!("it does not differ");
        };
        assert_eq!(diff.to_string(), "serial number A0 → A1");
    }

    #[tokio::test]
    async fn a_record_that_says_all_holds_and_gives_its_id() {
        let bench = bench("A1", Some("lab"));
        let Check::Holds(facts) = wanted(known("A1")).check(&bench.context()).await.expect("it answers") else {
            panic!("it does not hold");
        };
        let key = CMDB_RECORD.of(&Subject::node(&NodeName::new("n1").expect("a name")));
        assert_eq!(facts.read::<String>(&key).expect("a text"), Some("17".to_owned()));
    }

    #[tokio::test]
    async fn the_record_of_another_site_is_a_conflict() {
        let bench = bench("A0", Some("north"));
        let error = wanted(known("A1")).check(&bench.context()).await.expect_err("it is not ours");
        assert!(error.is_conflict() && error.to_string().contains("site `north`"), "{error}");
    }

    #[tokio::test]
    async fn an_unknown_identity_is_told_as_the_fact_that_is_not_known() {
        let bench = bench("A0", Some("lab"));
        let key = IDENTITY.of(&Subject::node(&NodeName::new("n1").expect("a name")));
        let step = wanted(Input::From(key.clone()));
        assert_eq!(step.clone().step(None).needs, [Need::fact(key.clone())]);
        let error = step.check(&bench.context()).await.expect_err("it is not known");
        assert!(matches!(error, OperationError::FactUnknown(unknown) if unknown == key));
    }
}
