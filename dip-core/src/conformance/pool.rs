//! The trials of [`AddressPool`].

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use ipnetwork::IpNetwork;

use super::expect::{cancelled, fails, ignored, same, them, trials, us};
use super::{Failure, Trial, Verdict};
use crate::provider::{AddressPool, ErrorKind, Holder};

/// A service that gives out addresses, under trial.
#[async_trait]
pub trait PoolHarness: Send + Sync {
    /// The provider.
    fn pool(&self) -> Arc<dyn AddressPool>;

    /// A provider with wrong credentials; `None` where the service asks for none.
    fn with_wrong_credentials(&self) -> Option<Arc<dyn AddressPool>>;

    /// A provider for a service that does not answer; `None` where there can be none.
    fn of_dead_server(&self) -> Option<Arc<dyn AddressPool>>;

    /// A prefix with room for four addresses or more, of which none is taken. Each call gives another one.
    async fn fresh(&self) -> Result<IpNetwork, Failure>;

    /// A prefix that the service does not keep.
    fn unknown(&self) -> IpNetwork;

    /// Lets an address be somebody's, as a person would.
    async fn give(&self, address: IpNetwork) -> Result<(), Failure>;
}

/// The trials that a provider of [`AddressPool`] must pass.
#[must_use]
pub fn pool(harness: Arc<dyn PoolHarness>) -> Vec<Trial> {
    trials![harness;
        free_addresses_are_told_in_their_order_without_those_that_are_taken
        an_address_that_is_taken_is_ours_until_it_is_given_back
        taking_twice_is_once_and_giving_back_twice_too
        an_address_of_somebody_else_is_a_conflict_and_stays_theirs
        of_two_who_take_an_address_at_once_one_gets_it
        a_prefix_that_is_not_kept_is_told
        wrong_credentials_of_a_pool_are_denied
        a_dead_pool_is_unreachable
        a_cancelled_taking_can_be_looked_at_and_made_again
    ]
}

type Harness = Arc<dyn PoolHarness>;

/// The first free addresses of a prefix.
async fn free(harness: &Harness, prefix: IpNetwork, most: usize) -> Result<Vec<IpNetwork>, Failure> {
    let found = harness.pool().free(prefix, most).await?;
    Ok(found.into_iter().filter_map(|address| IpNetwork::new(address, prefix.prefix()).ok()).collect())
}

async fn holder(harness: &Harness, address: IpAddr) -> Result<Option<Holder>, Failure> {
    Ok(harness.pool().holder(address).await?.map(|holder| holder.holder))
}

async fn free_addresses_are_told_in_their_order_without_those_that_are_taken(
    harness: Harness,
) -> Result<Verdict, Failure> {
    let prefix = harness.fresh().await?;
    let found = free(&harness, prefix, 4).await?;
    same("how many are free", &found.len(), &4)?;
    same("that they are in their order", &found.is_sorted(), &true)?;
    same("that the network itself is none of them", &found.iter().any(|it| it.ip() == prefix.network()), &false)?;
    harness.pool().take(found[0], "n1/eth0", &us()).await?;
    harness.give(found[2]).await?;
    let left = free(&harness, prefix, 2).await?;
    same("what is left", &left, &vec![found[1], found[3]])?;
    Ok(Verdict::Passed)
}

async fn an_address_that_is_taken_is_ours_until_it_is_given_back(harness: Harness) -> Result<Verdict, Failure> {
    let prefix = harness.fresh().await?;
    let first = free(&harness, prefix, 1).await?[0];
    same("its holder", &holder(&harness, first.ip()).await?, &None)?;
    harness.pool().take(first, "n1/eth0", &us()).await?;
    same("its holder", &holder(&harness, first.ip()).await?, &Some(Holder::Site(us())))?;
    harness.pool().give_back(first.ip(), &us()).await?;
    same("its holder", &holder(&harness, first.ip()).await?, &None)?;
    same("what is free", &free(&harness, prefix, 1).await?, &vec![first])?;
    Ok(Verdict::Passed)
}

async fn taking_twice_is_once_and_giving_back_twice_too(harness: Harness) -> Result<Verdict, Failure> {
    let prefix = harness.fresh().await?;
    let first = free(&harness, prefix, 1).await?[0];
    for _ in 0..2 {
        harness.pool().take(first, "n1/eth0", &us()).await?;
    }
    for _ in 0..2 {
        harness.pool().give_back(first.ip(), &us()).await?;
        same("its holder", &holder(&harness, first.ip()).await?, &None)?;
    }
    Ok(Verdict::Passed)
}

async fn an_address_of_somebody_else_is_a_conflict_and_stays_theirs(harness: Harness) -> Result<Verdict, Failure> {
    let prefix = harness.fresh().await?;
    let found = free(&harness, prefix, 2).await?;
    harness.pool().take(found[0], "n1/eth0", &them()).await?;
    harness.give(found[1]).await?;
    for (address, theirs) in [(found[0], Holder::Site(them())), (found[1], Holder::Nobody)] {
        fails("taking it", harness.pool().take(address, "n1/eth0", &us()).await, ErrorKind::Conflict)?;
        fails("giving it back", harness.pool().give_back(address.ip(), &us()).await, ErrorKind::Conflict)?;
        same("its holder", &holder(&harness, address.ip()).await?, &Some(theirs))?;
    }
    Ok(Verdict::Passed)
}

async fn of_two_who_take_an_address_at_once_one_gets_it(harness: Harness) -> Result<Verdict, Failure> {
    let prefix = harness.fresh().await?;
    for first in free(&harness, prefix, 3).await? {
        let (pool, other, one, two) = (harness.pool(), harness.pool(), us(), them());
        let (mine, theirs) = tokio::join!(pool.take(first, "n1/eth0", &one), other.take(first, "n2/eth0", &two));
        let got: Vec<Holder> = [(mine.is_ok(), us()), (theirs.is_ok(), them())]
            .into_iter()
            .filter(|(got, _)| *got)
            .map(|(_, site)| Holder::Site(site))
            .collect();
        let [got] = got.as_slice() else { return Err(format!("{got:?} got it: {mine:?}, {theirs:?}").into()) };
        same("its holder", &holder(&harness, first.ip()).await?.as_ref(), &Some(got))?;
    }
    Ok(Verdict::Passed)
}

async fn a_prefix_that_is_not_kept_is_told(harness: Harness) -> Result<Verdict, Failure> {
    fails("asking what is free", harness.pool().free(harness.unknown(), 1).await, ErrorKind::NotFound)?;
    Ok(Verdict::Passed)
}

async fn wrong_credentials_of_a_pool_are_denied(harness: Harness) -> Result<Verdict, Failure> {
    let Some(pool) = harness.with_wrong_credentials() else { return ignored("the service asks for no credentials") };
    let prefix = harness.fresh().await?;
    let first = free(&harness, prefix, 1).await?[0];
    fails("asking what is free", pool.free(prefix, 1).await, ErrorKind::Denied)?;
    fails("taking", pool.take(first, "n1/eth0", &us()).await, ErrorKind::Denied)?;
    Ok(Verdict::Passed)
}

async fn a_dead_pool_is_unreachable(harness: Harness) -> Result<Verdict, Failure> {
    let Some(pool) = harness.of_dead_server() else { return ignored("the service cannot be dead") };
    let prefix = harness.unknown();
    fails("asking what is free", pool.free(prefix, 1).await, ErrorKind::Unreachable)?;
    fails("asking who has one", pool.holder(prefix.ip()).await, ErrorKind::Unreachable)?;
    fails("taking", pool.take(prefix, "n1/eth0", &us()).await, ErrorKind::Unreachable)?;
    fails("giving back", pool.give_back(prefix.ip(), &us()).await, ErrorKind::Unreachable)?;
    Ok(Verdict::Passed)
}

async fn a_cancelled_taking_can_be_looked_at_and_made_again(harness: Harness) -> Result<Verdict, Failure> {
    let (pool, owner, prefix) = (harness.pool(), us(), harness.fresh().await?);
    let first = free(&harness, prefix, 1).await?[0];
    cancelled(pool.take(first, "n1/eth0", &owner)).await;
    holder(&harness, first.ip()).await?;
    pool.take(first, "n1/eth0", &owner).await?;
    same("its holder", &holder(&harness, first.ip()).await?, &Some(Holder::Site(owner)))?;
    Ok(Verdict::Passed)
}
