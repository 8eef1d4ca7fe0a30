//! The trials of [`Ipam`].

use std::net::IpAddr;
use std::sync::Arc;

use super::expect::{fails, ignored, same, them, trials};
use super::{Failure, Trial, Verdict};
use crate::hardware::MacAddr;
use crate::provider::{ErrorKind, Holder, Ipam};
use async_trait::async_trait;

/// An IPAM under trial.
#[async_trait]
pub trait IpamHarness: Send + Sync {
    /// The provider.
    fn ipam(&self) -> Arc<dyn Ipam>;

    /// A provider for an IPAM that does not answer; `None` where there can be none.
    fn of_dead_server(&self) -> Option<Arc<dyn Ipam>>;

    /// An address that the IPAM can keep and that nobody holds. Each call gives another one.
    fn fresh(&self) -> (IpAddr, MacAddr);

    /// Lets somebody hold an address, with a site's mark or none.
    async fn give(&self, address: IpAddr, mac: MacAddr, to: &Holder) -> Result<Option<()>, Failure>;

    /// Takes it back.
    async fn take(&self, address: IpAddr, mac: MacAddr, from: &Holder) -> Result<(), Failure>;
}

/// The trials that a provider of [`Ipam`] must pass.
#[must_use]
pub fn ipam(harness: Arc<dyn IpamHarness>) -> Vec<Trial> {
    trials![harness;
        an_address_that_nobody_holds_is_free
        a_holder_is_told_right_after_it_was_given_and_not_after_it_was_taken
        an_address_without_a_mark_is_held_by_nobodys_record
        a_dead_ipam_is_unreachable
    ]
}

type Harness = Arc<dyn IpamHarness>;

async fn an_address_that_nobody_holds_is_free(harness: Harness) -> Result<Verdict, Failure> {
    same("the holders", &harness.ipam().holders(&[harness.fresh().0, harness.fresh().0]).await?, &Vec::new())?;
    Ok(Verdict::Passed)
}

async fn held_by(harness: &Harness, holder: Holder) -> Result<Verdict, Failure> {
    let (ipam, (address, mac)) = (harness.ipam(), harness.fresh());
    if harness.give(address, mac, &holder).await?.is_none() {
        return ignored("nobody can be given an address there");
    }
    // Another one that is asked for at once, and that nobody holds.
    let found = ipam.holders(&[harness.fresh().0, address]).await?;
    let [(of, found)] = found.as_slice() else {
        return Err(format!("one holds the address that was given, not {found:?}").into());
    };
    same("the address", of, &address)?;
    same("the holder", &found.holder, &holder)?;
    // Not every service knows of interfaces.
    same("the interface, if it is told", &found.mac.unwrap_or(mac), &mac)?;
    same("that the record is named", &found.record.is_empty(), &false)?;
    if holder != Holder::Nobody {
        harness.take(address, mac, &holder).await?;
        same("the holders of what was taken", &ipam.holders(&[address]).await?, &Vec::new())?;
    }
    Ok(Verdict::Passed)
}

async fn a_holder_is_told_right_after_it_was_given_and_not_after_it_was_taken(
    harness: Harness,
) -> Result<Verdict, Failure> {
    held_by(&harness, Holder::Site(them())).await
}

async fn an_address_without_a_mark_is_held_by_nobodys_record(harness: Harness) -> Result<Verdict, Failure> {
    held_by(&harness, Holder::Nobody).await
}

async fn a_dead_ipam_is_unreachable(harness: Harness) -> Result<Verdict, Failure> {
    let Some(ipam) = harness.of_dead_server() else { return ignored("the IPAM cannot be dead") };
    fails("a look", ipam.holders(&[harness.fresh().0]).await, ErrorKind::Unreachable)?;
    Ok(Verdict::Passed)
}
