//! `opsmgmt.register_name`: a node's names have its addresses in DNS, each address has its name, and further records are there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::opsmgmt::NAME;
use dip_core::id::{LayerId, NodeName, ServiceName, SiteName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::{ErrorKind, Holder, Ownership, ProviderError};
use dip_core::site::Origin;
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::provider::{Dns, Entry, EntryData, HeldName, HostName};

/// Makes a node's name and addresses known in DNS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterName {
    /// The DNS service.
    pub service: ServiceName,
    /// The node.
    pub node: NodeName,
    /// Its name and addresses.
    pub wanted: HostName,
    /// Further names and their addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<HostName>,
    /// Further records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
    /// The site that the records belong to.
    pub site: SiteName,
    /// By what right it is written.
    #[serde(default, skip_serializing_if = "Ownership::is_own")]
    pub ownership: Ownership,
}

impl RegisterName {
    pub(crate) fn step(self, origin: Option<Origin>) -> Step {
        let subject = Subject::node(&self.node);
        let key = NAME.of(&subject);
        Step::new(LayerId::OpsMgmt, subject, &self).give(key).origin(origin)
    }

    fn facts(&self) -> Facts {
        Facts::new().with(&NAME, &Subject::node(&self.node), &self.wanted.addresses)
    }

    /// The node's own names, which a claim may be of.
    pub(crate) fn names(&self) -> impl Iterator<Item = &HostName> {
        std::iter::once(&self.wanted).chain(&self.also)
    }

    /// What of a name differs.
    async fn look(&self, dns: &dyn Dns, wanted: &HostName) -> Result<Diff, OperationError> {
        let held = dns.name(&wanted.name).await?;
        let mut diff = forward(wanted, held.as_ref());
        let foreign = held.as_ref().filter(|held| held.owner.as_ref() != Some(&self.site));
        for address in &wanted.addresses {
            let names = dns.reverse(*address).await?;
            if names == [wanted.name.as_str()] {
                continue;
            }
            let now = Some(names.join(" ")).filter(|now| !now.is_empty());
            diff = diff.and(format!("reverse name of {address}"), now, Some(&wanted.name));
            for name in names.iter().filter(|name| **name != wanted.name) {
                let owner = dns.name(name).await?.and_then(|held| held.owner);
                if owner.as_ref() != Some(&self.site) {
                    let holder = Holder::from(owner);
                    return Err(conflict(
                        &wanted.name,
                        &diff,
                        format!("{address} is called {name}, which carries {holder}"),
                    ));
                }
            }
        }
        match foreign.map(|held| Holder::from(held.owner.clone())) {
            Some(holder) if self.ownership.covers(&holder) => {
                let what = format!("owner of {}", wanted.name);
                Ok(diff.and(what, Some(holder), Some(Holder::Site(self.site.clone()))))
            }
            // Records of somebody else that already say what is wanted serve as well as ours would.
            Some(holder) if !diff.is_empty() => {
                Err(conflict(&wanted.name, &diff, format!("{} carries {holder}", wanted.name)))
            }
            _ => Ok(diff),
        }
    }

    /// What of the further records at a name differs.
    async fn look_further(
        &self,
        dns: &dyn Dns,
        name: &str,
        wanted: &[&Entry],
        made: Option<&[Entry]>,
    ) -> Result<Diff, OperationError> {
        let held = dns.entries(name).await?;
        let has = |entry: &Entry| held.iter().any(|held| held.data.contains(&entry.data));
        let mut diff = Diff::default();
        for entry in wanted.iter().filter(|entry| !has(entry)) {
            diff = diff.and("record", None::<&str>, Some(entry));
        }
        // A name has one alias. Texts and services of others stand beside ours.
        let is_alias = wanted.iter().any(|entry| matches!(entry.data, EntryData::Cname(_)));
        for data in held.iter().flat_map(|held| &held.data).filter(|data| matches!(data, EntryData::Cname(_))) {
            if is_alias && wanted.iter().all(|entry| entry.data != *data) {
                let other = Entry { name: name.to_owned(), ttl: None, data: data.clone() };
                diff = diff.and("record", Some(other), None::<&str>);
            }
        }
        // What an earlier dip made, or whose note is lost, is noted again: else it would stay when it is no longer asked for.
        let is_ours = held.as_ref().is_some_and(|held| held.owner.as_ref() == Some(&self.site));
        if let Some(made) = made.filter(|_| is_ours) {
            for entry in wanted.iter().filter(|entry| has(entry) && !entry.is_among(made)) {
                diff = diff.and("note of record", None::<&str>, Some(entry));
            }
        }
        match held.map(|held| held.owner) {
            Some(owner) if owner.as_ref() != Some(&self.site) && !diff.is_empty() => {
                let holder = Holder::from(owner);
                if self.ownership.covers(&holder) && self.names().any(|host| host.name == name) {
                    return Ok(diff);
                }
                Err(conflict(name, &diff, format!("{name} carries {holder}")))
            }
            _ => Ok(diff),
        }
    }
}

/// What was made for a node; `None` where its name is not the site's, or the service has no further records.
pub(crate) async fn made(dns: &dyn Dns, first: &str, site: &SiteName) -> Result<Option<Vec<Entry>>, ProviderError> {
    match dns.made(first, site).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
        made => made,
    }
}

fn forward(wanted: &HostName, held: Option<&HeldName>) -> Diff {
    let addresses = listed(&wanted.addresses);
    let now = held.map(|held| listed(&held.addresses)).filter(|now| !now.is_empty());
    if now.as_ref() == Some(&addresses) {
        return Diff::default();
    }
    Diff::of(format!("addresses of {}", wanted.name), now, Some(addresses))
}

fn conflict(name: &str, diff: &Diff, holder: String) -> OperationError {
    ProviderError::new(ErrorKind::Conflict, "dns", format!("register {name} ({diff})"))
        .advise(format!(
            "{holder}; remove it there, give the node another name or address, or take it over by a claim (`dip claim`)"
        ))
        .into()
}

fn joined(into: Diff, from: &Diff) -> Diff {
    from.changes().iter().fold(into, |diff, change| diff.and(&change.what, change.now.as_ref(), change.wanted.as_ref()))
}

fn listed(addresses: &[IpAddr]) -> String {
    let addresses: BTreeSet<_> = addresses.iter().collect();
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl Operation for RegisterName {
    const NAME: &'static str = "opsmgmt.register_name";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let dns = cx.provider::<dyn Dns>(&Subject::service(&self.service))?;
        let mut diff = Diff::default();
        for wanted in self.names() {
            diff = joined(diff, &self.look(&*dns, wanted).await?);
        }
        let mut at: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in &self.entries {
            at.entry(&entry.name).or_default().push(entry);
        }
        let made = made(&*dns, &self.wanted.name, &self.site).await?;
        for (name, wanted) in at {
            diff = joined(diff, &self.look_further(&*dns, name, &wanted, made.as_deref()).await?);
        }
        for entry in made.iter().flatten().filter(|entry| !entry.is_among(&self.entries)) {
            diff = diff.and("record", Some(entry), None::<&str>);
        }
        Ok(diff.or_holds(self.facts()))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let dns = cx.provider::<dyn Dns>(&Subject::service(&self.service))?;
        if let Ownership::Claimed(from) = &self.ownership {
            for name in self.names() {
                dns.claim(&name.name, from, &self.site).await?;
            }
        }
        let names: Vec<HostName> = self.names().cloned().collect();
        dns.ensure_all(&names, &self.entries, &self.site).await?;
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::provider::MockDns;
    use crate::testing::site_name;
    use dip_core::testing::Bench;

    fn wanted() -> RegisterName {
        RegisterName {
            service: ServiceName::new("dns").expect("a name"),
            node: NodeName::new("n1").expect("a name"),
            wanted: HostName {
                name: "n1.lab.example".to_owned(),
                addresses: vec!["10.1.0.11".parse().expect("an address")],
            },
            also: Vec::new(),
            entries: Vec::new(),
            site: site_name("lab"),
            ownership: Ownership::Own,
        }
    }

    fn held(address: &str, owner: Option<&str>) -> Option<HeldName> {
        Some(HeldName { addresses: vec![address.parse().expect("an address")], owner: owner.map(site_name) })
    }

    fn bench(held: Option<HeldName>, reverse: &'static [&'static str], other: Option<HeldName>) -> Bench {
        let mut dns = MockDns::new();
        dns.expect_name()
            .returning(move |name| Ok(if name == "n1.lab.example" { held.clone() } else { other.clone() }));
        dns.expect_reverse().returning(|_| Ok(reverse.iter().map(ToString::to_string).collect()));
        dns.expect_made().returning(|_, _| Ok(Some(Vec::new())));
        dns.expect_ensure_all()
            .withf(|names, entries, owner| *names == [wanted().wanted] && entries.is_empty() && owner.as_str() == "lab")
            .returning(|_, _, _| Ok(()));
        Bench::with::<dyn Dns>(&Subject::service(&wanted().service), Arc::new(dns), wanted().step(None))
    }

    async fn differs(bench: &Bench) -> String {
        match wanted().check(&bench.context()).await.expect("the server answers") {
            Check::Differs(diff) => diff.to_string(),
            other => panic!("it does not differ: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_missing_name_differs_and_is_made() {
        let bench = bench(None, &[], None);
        assert_eq!(
            differs(&bench).await,
            "+ addresses of n1.lab.example 10.1.0.11, + reverse name of 10.1.0.11 n1.lab.example"
        );
        assert_eq!(wanted().apply(&bench.context()).await.expect("the server obeys"), Applied::Done);
    }

    #[tokio::test]
    async fn a_name_without_its_reverse_name_differs() {
        let bench = bench(held("10.1.0.11", Some("lab")), &[], None);
        assert_eq!(differs(&bench).await, "+ reverse name of 10.1.0.11 n1.lab.example");
    }

    #[tokio::test]
    async fn a_name_in_both_directions_holds_whoever_wrote_it() {
        for owner in [Some("lab"), None] {
            let bench = bench(held("10.1.0.11", owner), &["n1.lab.example"], None);
            assert_eq!(wanted().check(&bench.context()).await.expect("it serves"), Check::Holds(wanted().facts()));
        }
    }

    #[tokio::test]
    async fn a_foreign_name_of_another_address_is_a_conflict_that_names_its_holder() {
        let bench = bench(held("10.1.0.99", Some("north")), &[], None);
        let error = wanted().check(&bench.context()).await.expect_err("it is not ours");
        assert!(error.is_conflict());
        assert!(error.to_string().contains("site `north`"), "{error}");
    }

    #[tokio::test]
    async fn the_reverse_name_of_another_of_our_nodes_may_be_taken_and_that_of_others_not() {
        let ours = bench(None, &["old.lab.example"], held("10.1.0.11", Some("lab")));
        assert!(differs(&ours).await.contains("old.lab.example → n1.lab.example"));
        let theirs = bench(None, &["www.lab.example"], held("10.1.0.11", None));
        let error = wanted().check(&theirs.context()).await.expect_err("it is not ours");
        assert!(error.is_conflict() && error.to_string().contains("www.lab.example"), "{error}");
    }

    #[tokio::test]
    async fn a_claimed_name_is_taken_over_even_where_it_says_what_is_wanted_and_from_nobody_else() {
        let claimed = RegisterName { ownership: Ownership::Claimed(Holder::Nobody), ..wanted() };
        let free = bench(held("10.1.0.11", None), &["n1.lab.example"], None);
        let Ok(Check::Differs(diff)) = claimed.check(&free.context()).await else { panic!("it does not differ") };
        assert_eq!(diff.to_string(), "owner of n1.lab.example nobody's mark → the mark of site `lab`");
        let theirs = bench(held("10.1.0.99", Some("north")), &["n1.lab.example"], None);
        let error = claimed.check(&theirs.context()).await.expect_err("the claim is not about site north");
        assert!(error.is_conflict() && error.to_string().contains("dip claim"), "{error}");
    }
}
