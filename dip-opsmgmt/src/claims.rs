//! Who holds the records that a step writes, for a claim, and how they are given back.

use std::collections::BTreeSet;

use dip_core::operation::OperationError;
use dip_core::orphan::HeldRecord;
use dip_core::provider::{ErrorKind, Holder, ProviderError, Providers};
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde_json::{Value, json};

use crate::provider::{Cmdb, Dns, EntryData, HeldEntries};
use crate::steps::{RecordNode, RegisterName};

/// What somebody else holds of that which a step would write: all of it, since a claim lets the step take all of it over.
pub(crate) async fn held(step: &Step, providers: &Providers) -> Result<Option<HeldRecord>, OperationError> {
    if let Some(register) = step.call.as_operation::<RegisterName>() {
        let dns = providers.find::<dyn Dns>(&Subject::service(&register.service))?;
        return Ok(names(&register, &*dns).await?);
    }
    let Some(RecordNode { service, node, .. }) = step.call.as_operation() else { return Ok(None) };
    let held = providers.find::<dyn Cmdb>(&Subject::service(&service))?.read(&node).await?;
    Ok(held.map(|held| HeldRecord { holder: Holder::from(held.owner), says: json!(held.record) }))
}

/// Takes the site's mark off the records that a step writes.
pub(crate) async fn disown(step: &Step, providers: &Providers) -> Result<(), OperationError> {
    if let Some(register) = step.call.as_operation::<RegisterName>() {
        let dns = providers.find::<dyn Dns>(&Subject::service(&register.service))?;
        return Ok(disown_names(&register, &*dns).await?);
    }
    if let Some(RecordNode { service, node, site, .. }) = step.call.as_operation() {
        providers.find::<dyn Cmdb>(&Subject::service(&service))?.disown(&node, &site).await?;
    }
    Ok(())
}

/// The names of a node that somebody else holds, and what stands at them.
async fn names(register: &RegisterName, dns: &dyn Dns) -> Result<Option<HeldRecord>, ProviderError> {
    let mut holders: Vec<(String, Holder)> = Vec::new();
    let mut says: Vec<Value> = Vec::new();
    for host in register.names() {
        let Some(held) = dns.name(&host.name).await? else { continue };
        let holder = Holder::from(held.owner.clone());
        let records = entries(dns, &host.name).await?.map(|held| held.data).unwrap_or_default();
        // A name with records of other types alone is none that dip could keep.
        if held.owner.as_ref() == Some(&register.site) || (held.owner.is_none() && held.addresses.is_empty()) {
            continue;
        }
        let mut name = json!({"name": host.name, "addresses": held.addresses});
        if !records.is_empty() {
            name["records"] = json!(records);
        }
        says.push(name);
        holders.push((host.name.clone(), holder));
    }
    let Some((_, holder)) = holders.first().cloned() else { return Ok(None) };
    // A claim is of names alone: what stands at the others must be free, or it could not be fulfilled.
    for name in beside(register) {
        if let Some(held) = entries(dns, name).await?
            && held.owner.as_ref() != Some(&register.site)
        {
            let advice =
                format!("{name} carries {} and can be claimed by nobody; remove it there", Holder::from(held.owner));
            return Err(refused(register, advice));
        }
    }
    if holders.iter().any(|(_, other)| *other != holder) {
        let told: Vec<_> = holders.iter().map(|(name, holder)| format!("{name} carries {holder}")).collect();
        let advice = format!("{}; a claim is of one holder: let the others give their names up", told.join(", "));
        return Err(refused(register, advice));
    }
    Ok(Some(HeldRecord { holder, says: json!({"names": says}) }))
}

async fn disown_names(register: &RegisterName, dns: &dyn Dns) -> Result<(), ProviderError> {
    for host in register.names() {
        dns.disown(&host.name, &register.site).await?;
    }
    for name in beside(register) {
        let Some(held) = entries(dns, name).await? else { continue };
        let is_of_node =
            |data: &EntryData| register.entries.iter().any(|entry| entry.name == name && entry.data == *data);
        // Where other nodes have records too, the mark is theirs as well.
        if held.data.iter().all(is_of_node) {
            dns.disown(name, &register.site).await?;
        }
    }
    Ok(())
}

/// The names that further records of a node stand at, beside its own names.
fn beside(register: &RegisterName) -> BTreeSet<&str> {
    let all = register.entries.iter().map(|entry| entry.name.as_str());
    all.filter(|name| register.names().all(|host| host.name != *name)).collect()
}

/// The further records at a name, where the service has any.
async fn entries(dns: &dyn Dns, name: &str) -> Result<Option<HeldEntries>, ProviderError> {
    match dns.entries(name).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
        held => held,
    }
}

fn refused(register: &RegisterName, advice: String) -> ProviderError {
    let action = format!("claim the names of {}", register.node);
    ProviderError::new(ErrorKind::Conflict, "dns", action).advise(advice)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::provider::{Entry, HeldName, HostName, MockDns};
    use crate::testing::site_name;
    use dip_core::id::{NodeName, ServiceName};
    use dip_core::provider::Ownership;

    const SRV: &str = "_etcd._tcp.lab.example";

    fn host(name: &str) -> HostName {
        HostName { name: name.to_owned(), addresses: vec!["10.1.0.11".parse().expect("an address")] }
    }

    fn srv(node: &str) -> EntryData {
        EntryData::Srv { priority: 0, weight: 0, port: 2380, target: format!("{node}.lab.example") }
    }

    fn step() -> Step {
        let register = RegisterName {
            service: ServiceName::new("dns").expect("a name"),
            node: NodeName::new("n1").expect("a name"),
            wanted: host("n1.lab.example"),
            also: vec![host("n1.storage.example")],
            entries: vec![Entry { name: SRV.to_owned(), ttl: None, data: srv("n1") }],
            site: site_name("lab"),
            ownership: Ownership::Own,
        };
        register.step(None)
    }

    /// Names with their holders, and what stands at further ones; and what was disowned.
    fn service(
        names: &[(&'static str, Option<&str>)],
        further: &[(&'static str, Option<&str>, &[EntryData])],
    ) -> (Providers, Arc<Mutex<Vec<String>>>) {
        let held = |name: &str, owner: &Option<&str>| HeldName {
            addresses: host(name).addresses,
            owner: owner.map(site_name),
        };
        let names: BTreeMap<_, _> = names.iter().map(|(name, owner)| (*name, held(name, owner))).collect();
        let of =
            |owner: &Option<&str>, data: &[EntryData]| HeldEntries { data: data.to_vec(), owner: owner.map(site_name) };
        let further: BTreeMap<_, _> = further.iter().map(|(name, owner, data)| (*name, of(owner, data))).collect();
        let (mut dns, disowned) = (MockDns::new(), Arc::new(Mutex::new(Vec::new())));
        dns.expect_name().returning(move |name| Ok(names.get(name).cloned()));
        dns.expect_entries().returning(move |name| Ok(further.get(name).cloned()));
        let told = Arc::clone(&disowned);
        dns.expect_disown().returning(move |name, _| {
            told.lock().expect("nobody panics").push(name.to_owned());
            Ok(())
        });
        let mut providers = Providers::new();
        let subject = Subject::service(&ServiceName::new("dns").expect("a name"));
        providers.insert::<dyn Dns>(&subject, Arc::new(dns));
        (providers, disowned)
    }

    #[tokio::test]
    async fn a_claim_shows_every_name_that_it_lets_the_node_take_over_and_what_stands_there() {
        let text = EntryData::Txt("by hand".to_owned());
        let names = [("n1.lab.example", None), ("n1.storage.example", None)];
        let (providers, _) = service(&names, &[("n1.storage.example", None, &[text])]);
        let held = held(&step(), &providers).await.expect("it answers").expect("it is held");
        assert_eq!(held.holder, Holder::Nobody);
        let wanted = json!({"names": [
            {"name": "n1.lab.example", "addresses": ["10.1.0.11"]},
            {"name": "n1.storage.example", "addresses": ["10.1.0.11"], "records": [{"txt": "by hand"}]},
        ]});
        assert_eq!(held.says, wanted);
    }

    #[tokio::test]
    async fn a_further_name_that_is_foreign_alone_can_be_claimed() {
        let (providers, _) = service(&[("n1.lab.example", Some("lab")), ("n1.storage.example", Some("north"))], &[]);
        let held = held(&step(), &providers).await.expect("it answers").expect("it is held");
        assert_eq!(held.holder, Holder::Site(site_name("north")));
        assert_eq!(held.says["names"][0]["name"], "n1.storage.example");
    }

    #[tokio::test]
    async fn names_of_two_holders_and_records_that_cannot_be_claimed_are_refused() {
        let (two, _) = service(&[("n1.lab.example", None), ("n1.storage.example", Some("north"))], &[]);
        let error = held(&step(), &two).await.expect_err("they differ");
        assert!(error.is_conflict(), "{error}");
        assert!(error.to_string().contains("n1.storage.example carries the mark of site `north`"), "{error}");
        let (further, _) = service(&[("n1.lab.example", None)], &[(SRV, None, &[srv("old")])]);
        let error = held(&step(), &further).await.expect_err("the service is not free");
        assert!(error.is_conflict() && error.to_string().contains(SRV), "{error}");
    }

    #[tokio::test]
    async fn all_names_and_records_are_given_back_but_those_that_other_nodes_share() {
        for (at, wanted) in [
            (vec![srv("n1")], vec!["n1.lab.example", "n1.storage.example", SRV]),
            (vec![srv("n1"), srv("n2")], vec!["n1.lab.example", "n1.storage.example"]),
        ] {
            let (providers, disowned) = service(&[], &[(SRV, Some("lab"), &at)]);
            disown(&step(), &providers).await.expect("it obeys");
            assert_eq!(*disowned.lock().expect("nobody panics"), wanted);
        }
    }
}
