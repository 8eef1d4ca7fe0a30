//! The trials of [`Dhcp`](crate::provider::Dhcp) that are about many callers at once.

use std::sync::Arc;

use dip_core::conformance::expect::{same, us};
use dip_core::conformance::{Failure, Verdict};
use tokio::task::JoinSet;

use super::dhcp::{DhcpHarness, ours};
use crate::provider::{Dhcp, Reservation};

/// As many as share one server: each looks at what the others hold while they change it.
const CALLERS: usize = 24;

async fn reserve_all(dhcp: &Arc<dyn Dhcp>, all: &[Reservation]) -> Result<(), Failure> {
    let mut callers = JoinSet::new();
    for wanted in all {
        let (dhcp, wanted) = (Arc::clone(dhcp), wanted.clone());
        callers.spawn(async move { dhcp.reserve(&wanted, &us()).await });
    }
    Ok(callers.join_all().await.into_iter().collect::<Result<(), _>>()?)
}

pub(super) async fn many_reservations_at_once_are_all_made(harness: Arc<dyn DhcpHarness>) -> Result<Verdict, Failure> {
    let dhcp = harness.dhcp();
    let all: Vec<Reservation> = (0..CALLERS).map(|_| harness.fresh()).collect();
    for _ in 0..2 {
        reserve_all(&dhcp, &all).await?;
        for wanted in &all {
            ours(dhcp.reservation(wanted.mac).await?, wanted)?;
        }
    }
    // All of them want the address of the first: one has it in the end, whoever that is.
    let rivals: Vec<Reservation> =
        all.iter().map(|rival| Reservation { addresses: all[0].addresses.clone(), ..rival.clone() }).collect();
    reserve_all(&dhcp, &rivals).await?;
    let held = dhcp.list().await?;
    let holders = held.iter().filter(|held| held.reservation.addresses == all[0].addresses).count();
    same("how many have the address that all want", &holders, &1)?;
    for wanted in &all {
        dhcp.release(wanted.mac, &us()).await?;
    }
    Ok(Verdict::Passed)
}
