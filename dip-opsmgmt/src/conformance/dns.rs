//! The trials of [`Dns`].

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::expect::{cancelled, fails, ignored, same, them, trials, us};
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::provider::{ErrorKind, Holder};

use super::further::further;
use crate::provider::{Dns, Entry, HeldName, HostName};

/// A DNS service under trial.
#[async_trait]
pub trait DnsHarness: Send + Sync {
    /// The provider.
    fn dns(&self) -> Arc<dyn Dns>;

    /// A provider with wrong credentials; `None` where the service asks for none.
    fn with_wrong_credentials(&self) -> Option<Arc<dyn Dns>>;

    /// A provider for a service that does not answer; `None` where there can be none.
    fn of_dead_server(&self) -> Option<Arc<dyn Dns>>;

    /// A name with one IPv4 and one IPv6 address in zones of the service, that shares nothing with any other. Each call gives
    /// another one.
    fn fresh(&self) -> HostName;

    /// Writes the addresses of a name, and their reverse names, without a mark, as a person would; `None` where that cannot be done.
    async fn seed_unmarked(&self, name: &HostName) -> Result<Option<()>, Failure>;

    /// Writes a record of another type than an address under a name, without a mark; `None` where that cannot be done.
    async fn seed_other_type(&self, name: &str) -> Result<Option<()>, Failure>;

    /// Writes a further record beside what is there, and no mark; `None` where that cannot be done.
    async fn seed_entry(&self, entry: &Entry) -> Result<Option<()>, Failure>;
}

/// The trials that a provider of [`Dns`] must pass.
#[must_use]
pub fn dns(harness: Arc<dyn DnsHarness>) -> Vec<Trial> {
    let mut all = trials![harness;
        a_name_that_was_never_made_is_absent
        a_look_up_right_after_a_write_sees_it
        ensuring_twice_is_once
        changed_addresses_replace_the_former_with_their_reverse_names
        a_removed_name_is_gone_and_can_be_made_again
        removing_what_is_absent_is_no_error
        an_address_moves_to_another_name_of_the_same_owner
        a_name_of_another_site_is_a_conflict
        a_name_without_a_mark_is_a_conflict
        a_reverse_name_without_a_mark_is_a_conflict
        a_name_with_a_record_of_another_type_is_a_conflict
        many_names_can_be_made_at_once
        two_sites_that_want_one_name_at_once_do_not_both_get_it
        the_names_that_carry_a_mark_can_be_listed
        all_names_can_be_listed_with_their_holders
        a_claimed_name_becomes_ours_and_can_be_given_back
        a_name_that_is_held_by_another_than_the_claim_says_is_a_conflict
        wrong_credentials_are_denied
        a_dead_server_is_unreachable
        a_cancelled_call_can_be_looked_at_and_made_again
    ];
    all.extend(further(&harness));
    all
}

type Harness = Arc<dyn DnsHarness>;

fn sorted(addresses: &[IpAddr]) -> Vec<IpAddr> {
    addresses.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The service must have the name in both directions, ours.
async fn ours(dns: &dyn Dns, wanted: &HostName) -> Result<(), Failure> {
    let held = dns.name(&wanted.name).await?;
    same("the name", &held, &Some(HeldName { addresses: sorted(&wanted.addresses), owner: Some(us()) }))?;
    for address in &wanted.addresses {
        same("the reverse name", &dns.reverse(*address).await?, &vec![wanted.name.clone()])?;
    }
    Ok(())
}

/// The service must have nothing of the name.
async fn gone(dns: &dyn Dns, name: &HostName) -> Result<(), Failure> {
    same("the name", &dns.name(&name.name).await?, &None)?;
    for address in &name.addresses {
        same("the reverse name", &dns.reverse(*address).await?, &Vec::new())?;
    }
    Ok(())
}

async fn a_name_that_was_never_made_is_absent(harness: Harness) -> Result<Verdict, Failure> {
    gone(&*harness.dns(), &harness.fresh()).await?;
    Ok(Verdict::Passed)
}

async fn a_look_up_right_after_a_write_sees_it(harness: Harness) -> Result<Verdict, Failure> {
    let (dns, wanted) = (harness.dns(), harness.fresh());
    dns.ensure(&wanted, &us()).await?;
    ours(&*dns, &wanted).await?;
    Ok(Verdict::Passed)
}

async fn ensuring_twice_is_once(harness: Harness) -> Result<Verdict, Failure> {
    let (dns, wanted) = (harness.dns(), harness.fresh());
    dns.ensure(&wanted, &us()).await?;
    dns.ensure(&wanted, &us()).await?;
    ours(&*dns, &wanted).await?;
    Ok(Verdict::Passed)
}

async fn changed_addresses_replace_the_former_with_their_reverse_names(harness: Harness) -> Result<Verdict, Failure> {
    let (dns, first, second) = (harness.dns(), harness.fresh(), harness.fresh());
    dns.ensure(&first, &us()).await?;
    let changed = HostName { name: first.name.clone(), addresses: vec![first.addresses[0], second.addresses[1]] };
    dns.ensure(&changed, &us()).await?;
    ours(&*dns, &changed).await?;
    same("the reverse name that was given up", &dns.reverse(first.addresses[1]).await?, &Vec::new())?;
    Ok(Verdict::Passed)
}

async fn a_removed_name_is_gone_and_can_be_made_again(harness: Harness) -> Result<Verdict, Failure> {
    let (dns, wanted) = (harness.dns(), harness.fresh());
    dns.ensure(&wanted, &us()).await?;
    dns.remove(&wanted.name, &us()).await?;
    gone(&*dns, &wanted).await?;
    dns.ensure(&wanted, &them()).await?;
    Ok(Verdict::Passed)
}

async fn removing_what_is_absent_is_no_error(harness: Harness) -> Result<Verdict, Failure> {
    let (dns, wanted) = (harness.dns(), harness.fresh());
    dns.remove(&wanted.name, &us()).await?;
    dns.ensure(&wanted, &us()).await?;
    dns.remove(&wanted.name, &us()).await?;
    dns.remove(&wanted.name, &us()).await?;
    Ok(Verdict::Passed)
}

async fn an_address_moves_to_another_name_of_the_same_owner(harness: Harness) -> Result<Verdict, Failure> {
    let (dns, former, latter) = (harness.dns(), harness.fresh(), harness.fresh());
    dns.ensure(&former, &us()).await?;
    let latter = HostName { addresses: former.addresses.clone(), ..latter };
    dns.ensure(&latter, &us()).await?;
    ours(&*dns, &latter).await?;
    Ok(Verdict::Passed)
}

async fn a_name_of_another_site_is_a_conflict(harness: Harness) -> Result<Verdict, Failure> {
    let (dns, theirs, free) = (harness.dns(), harness.fresh(), harness.fresh());
    dns.ensure(&theirs, &them()).await?;
    let before = dns.name(&theirs.name).await?;
    let same_name = HostName { name: theirs.name.clone(), addresses: free.addresses.clone() };
    let same_address = HostName { addresses: theirs.addresses.clone(), ..free.clone() };
    fails("taking the name", dns.ensure(&same_name, &us()).await, ErrorKind::Conflict)?;
    fails("taking the addresses", dns.ensure(&same_address, &us()).await, ErrorKind::Conflict)?;
    fails("ensuring the same", dns.ensure(&theirs, &us()).await, ErrorKind::Conflict)?;
    fails("removing it", dns.remove(&theirs.name, &us()).await, ErrorKind::Conflict)?;
    same("the name of the other site", &dns.name(&theirs.name).await?, &before)?;
    same("its reverse name", &dns.reverse(theirs.addresses[0]).await?, &vec![theirs.name.clone()])?;
    gone(&*dns, &free).await?;
    match dns.ensure(&same_name, &us()).await {
        Err(error) if error.to_string().contains(them().as_str()) => Ok(Verdict::Passed),
        other => Err(format!("the conflict does not name the holder: {other:?}").into()),
    }
}

async fn a_name_without_a_mark_is_a_conflict(harness: Harness) -> Result<Verdict, Failure> {
    let (dns, theirs, free) = (harness.dns(), harness.fresh(), harness.fresh());
    if harness.seed_unmarked(&theirs).await?.is_none() {
        return ignored("nothing without a mark can be written into the service");
    }
    let before = dns.name(&theirs.name).await?;
    same("what is told of it", &before, &Some(HeldName { addresses: sorted(&theirs.addresses), owner: None }))?;
    let same_name = HostName { name: theirs.name.clone(), addresses: free.addresses };
    fails("taking the name", dns.ensure(&same_name, &us()).await, ErrorKind::Conflict)?;
    fails("ensuring the same", dns.ensure(&theirs, &us()).await, ErrorKind::Conflict)?;
    fails("removing it", dns.remove(&theirs.name, &us()).await, ErrorKind::Conflict)?;
    same("the name", &dns.name(&theirs.name).await?, &before)?;
    Ok(Verdict::Passed)
}

async fn a_reverse_name_without_a_mark_is_a_conflict(harness: Harness) -> Result<Verdict, Failure> {
    let (dns, theirs, free) = (harness.dns(), harness.fresh(), harness.fresh());
    if harness.seed_unmarked(&theirs).await?.is_none() {
        return ignored("nothing without a mark can be written into the service");
    }
    let same_address = HostName { addresses: theirs.addresses.clone(), ..free.clone() };
    fails("taking the addresses", dns.ensure(&same_address, &us()).await, ErrorKind::Conflict)?;
    same("the reverse name", &dns.reverse(theirs.addresses[0]).await?, &vec![theirs.name])?;
    same("the name that was refused", &dns.name(&free.name).await?, &None)?;
    Ok(Verdict::Passed)
}

async fn a_name_with_a_record_of_another_type_is_a_conflict(harness: Harness) -> Result<Verdict, Failure> {
    let (dns, wanted) = (harness.dns(), harness.fresh());
    if harness.seed_other_type(&wanted.name).await?.is_none() {
        return ignored("no record of another type can be written into the service");
    }
    same("the name", &dns.name(&wanted.name).await?, &Some(HeldName { addresses: Vec::new(), owner: None }))?;
    fails("taking the name", dns.ensure(&wanted, &us()).await, ErrorKind::Conflict)?;
    Ok(Verdict::Passed)
}

async fn many_names_can_be_made_at_once(harness: Harness) -> Result<Verdict, Failure> {
    // More than any provider should open connections.
    let names: Vec<HostName> = (0..60).map(|_| harness.fresh()).collect();
    let tasks: Vec<_> = names
        .iter()
        .cloned()
        .map(|name| {
            let dns = harness.dns();
            tokio::spawn(async move { dns.ensure(&name, &us()).await })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    for name in &names {
        ours(&*harness.dns(), name).await?;
    }
    Ok(Verdict::Passed)
}

async fn two_sites_that_want_one_name_at_once_do_not_both_get_it(harness: Harness) -> Result<Verdict, Failure> {
    for _ in 0..10 {
        let (mine, theirs) = (harness.fresh(), harness.fresh());
        let theirs = HostName { name: mine.name.clone(), ..theirs };
        let (first, second) = (harness.dns(), harness.dns());
        let (us, them) = (us(), them());
        let (a, b) = tokio::join!(first.ensure(&mine, &us), second.ensure(&theirs, &them));
        let (winner, owner, loser) = match (a, b) {
            (Ok(()), Err(loser)) => (mine, us, loser),
            (Err(loser), Ok(())) => (theirs, them, loser),
            (a, b) => return Err(format!("one site should get the name: {a:?} and {b:?}").into()),
        };
        same("the other's failure", &loser.kind(), &ErrorKind::Conflict)?;
        let held = harness.dns().name(&winner.name).await?;
        same("the name", &held, &Some(HeldName { addresses: sorted(&winner.addresses), owner: Some(owner) }))?;
    }
    Ok(Verdict::Passed)
}

async fn the_names_that_carry_a_mark_can_be_listed(harness: Harness) -> Result<Verdict, Failure> {
    let (dns, mine, theirs, gone) = (harness.dns(), harness.fresh(), harness.fresh(), harness.fresh());
    dns.ensure(&mine, &us()).await?;
    dns.ensure(&theirs, &them()).await?;
    dns.ensure(&gone, &us()).await?;
    dns.remove(&gone.name, &us()).await?;
    let domain = mine.name.split_once('.').map_or("", |(_, domain)| domain);
    let listed = match dns.owned(domain, &us()).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            return ignored("the service does not let its names be listed");
        }
        listed => listed?,
    };
    same("that ours is listed", &listed.contains(&mine.name), &true)?;
    same("that another site's is listed as ours", &listed.contains(&theirs.name), &false)?;
    same("that a removed one is listed", &listed.contains(&gone.name), &false)?;
    same("that the list is in order", &listed.is_sorted(), &true)?;
    let alone = dns.owned(&mine.name, &us()).await?;
    same("what is at and below the name itself", &alone, &vec![mine.name])?;
    Ok(Verdict::Passed)
}

async fn all_names_can_be_listed_with_their_holders(harness: Harness) -> Result<Verdict, Failure> {
    let (dns, mine, theirs, nobodys) = (harness.dns(), harness.fresh(), harness.fresh(), harness.fresh());
    dns.ensure(&mine, &us()).await?;
    dns.ensure(&theirs, &them()).await?;
    let domain = mine.name.split_once('.').map_or("", |(_, domain)| domain);
    if let Err(error) = dns.names(domain).await
        && error.kind() == ErrorKind::Unsupported
    {
        return ignored("the service does not let its names be listed");
    }
    let mut wanted = vec![(&mine, Some(us())), (&theirs, Some(them()))];
    if harness.seed_unmarked(&nobodys).await?.is_some() {
        wanted.push((&nobodys, None));
    }
    let listed = dns.names(domain).await?;
    for (name, owner) in wanted {
        let held = listed.iter().find(|(listed, _)| *listed == name.name).map(|(_, held)| held.clone());
        same(&name.name, &held, &Some(HeldName { addresses: sorted(&name.addresses), owner }))?;
    }
    same("that the list is in order", &listed.is_sorted_by(|a, b| a.0 < b.0), &true)?;
    Ok(Verdict::Passed)
}

/// Whether the service takes claims at all: asked with a name that nobody uses.
async fn claims(dns: &dyn Dns, unused: &HostName) -> Result<bool, Failure> {
    match dns.claim(&unused.name, &Holder::Nobody, &us()).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(false),
        claimed => Ok(claimed.map(|()| true)?),
    }
}

async fn a_claimed_name_becomes_ours_and_can_be_given_back(harness: Harness) -> Result<Verdict, Failure> {
    let (dns, wanted, never) = (harness.dns(), harness.fresh(), harness.fresh());
    if harness.seed_unmarked(&wanted).await?.is_none() {
        return ignored("nothing without a mark can be written into the service");
    }
    if !claims(&*dns, &never).await? {
        return ignored("the service takes no claims");
    }
    for _ in 0..2 {
        dns.claim(&wanted.name, &Holder::Nobody, &us()).await?;
        ours(&*dns, &wanted).await?;
    }
    dns.ensure(&wanted, &us()).await?;
    for _ in 0..2 {
        dns.disown(&wanted.name, &us()).await?;
        let held = HeldName { addresses: sorted(&wanted.addresses), owner: None };
        same("the name that was given back", &dns.name(&wanted.name).await?, &Some(held))?;
        same("its reverse name", &dns.reverse(wanted.addresses[0]).await?, &vec![wanted.name.clone()])?;
    }
    dns.claim(&never.name, &Holder::Nobody, &us()).await?;
    dns.disown(&never.name, &us()).await?;
    gone(&*dns, &never).await?;
    Ok(Verdict::Passed)
}

async fn a_name_that_is_held_by_another_than_the_claim_says_is_a_conflict(
    harness: Harness,
) -> Result<Verdict, Failure> {
    let (dns, theirs) = (harness.dns(), harness.fresh());
    if !claims(&*dns, &theirs).await? {
        return ignored("the service takes no claims");
    }
    dns.ensure(&theirs, &them()).await?;
    let before = dns.name(&theirs.name).await?;
    fails("claiming it from nobody", dns.claim(&theirs.name, &Holder::Nobody, &us()).await, ErrorKind::Conflict)?;
    fails("giving it back", dns.disown(&theirs.name, &us()).await, ErrorKind::Conflict)?;
    same("the name of the other site", &dns.name(&theirs.name).await?, &before)?;
    dns.claim(&theirs.name, &Holder::Site(them()), &us()).await?;
    ours(&*dns, &theirs).await?;
    Ok(Verdict::Passed)
}

async fn wrong_credentials_are_denied(harness: Harness) -> Result<Verdict, Failure> {
    let Some(dns) = harness.with_wrong_credentials() else { return ignored("the service asks for no credentials") };
    let wanted = harness.fresh();
    fails("ensuring", dns.ensure(&wanted, &us()).await, ErrorKind::Denied)?;
    fails("removing", dns.remove(&wanted.name, &us()).await, ErrorKind::Denied)?;
    Ok(Verdict::Passed)
}

async fn a_dead_server_is_unreachable(harness: Harness) -> Result<Verdict, Failure> {
    let Some(dns) = harness.of_dead_server() else { return ignored("the service cannot be dead") };
    let wanted = harness.fresh();
    fails("looking up", dns.name(&wanted.name).await, ErrorKind::Unreachable)?;
    fails("looking up in reverse", dns.reverse(wanted.addresses[0]).await, ErrorKind::Unreachable)?;
    fails("ensuring", dns.ensure(&wanted, &us()).await, ErrorKind::Unreachable)?;
    fails("removing", dns.remove(&wanted.name, &us()).await, ErrorKind::Unreachable)?;
    Ok(Verdict::Passed)
}

async fn a_cancelled_call_can_be_looked_at_and_made_again(harness: Harness) -> Result<Verdict, Failure> {
    let (dns, wanted, owner) = (harness.dns(), harness.fresh(), us());
    cancelled(dns.ensure(&wanted, &owner)).await;
    dns.name(&wanted.name).await?;
    dns.ensure(&wanted, &owner).await?;
    ours(&*dns, &wanted).await?;
    cancelled(dns.remove(&wanted.name, &owner)).await;
    dns.name(&wanted.name).await?;
    dns.remove(&wanted.name, &owner).await?;
    gone(&*dns, &wanted).await?;
    Ok(Verdict::Passed)
}
