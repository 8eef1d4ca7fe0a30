//! The trials of [`Dhcp`].

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::conformance::expect::{cancelled, fails, ignored, same, them, trials, us};
use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::{Duid, MacAddr};
use dip_core::provider::{ErrorKind, Holder, sentence};

use super::dhcp_at_once::many_reservations_at_once_are_all_made;
use super::dhcp_boot::{
    boot_files_without_an_ipv4_address_are_refused, each_firmware_is_told_its_own_boot_file,
    each_firmware_is_told_the_url_of_its_boot_file_over_dhcpv6,
};
use crate::provider::{Dhcp, Held, Reservation};

/// A DHCP server under trial.
#[async_trait]
pub trait DhcpHarness: Send + Sync {
    /// The provider.
    fn dhcp(&self) -> Arc<dyn Dhcp>;

    /// A provider with wrong credentials; `None` where the server asks for none.
    fn with_wrong_credentials(&self) -> Option<Arc<dyn Dhcp>>;

    /// A provider for a server that does not answer; `None` where there can be none.
    fn of_dead_server(&self) -> Option<Arc<dyn Dhcp>>;

    /// A reservation that the server can keep and that shares nothing with any other: a MAC address, an IPv4 address of a
    /// network that it serves, and a host name. Each call gives another one.
    fn fresh(&self) -> Reservation;

    /// Writes a reservation into the server without a mark, as a person would; `None` where that cannot be done.
    async fn seed_unmarked(&self, reservation: &Reservation) -> Result<Option<()>, Failure>;

    /// Real clients of the server; `None` where there are none.
    fn clients(&self) -> Option<Arc<dyn DhcpClients>>;
}

/// Machines that ask the server for an address and for what to boot.
#[async_trait]
pub trait DhcpClients: Send + Sync {
    /// The IPv4 address that a new client with this MAC address gets; `None` where it gets none.
    async fn lease(&self, mac: MacAddr) -> Result<Option<IpAddr>, Failure>;

    /// The server and the boot file that a new client with this MAC address, architecture (option 93) and user class (option 77) is told,
    /// which calls itself an HTTP client where that is its architecture; `None` where it is told none.
    async fn boot(
        &self,
        mac: MacAddr,
        architecture: u16,
        user_class: Option<&'static str>,
    ) -> Result<Option<(Ipv4Addr, String)>, Failure>;

    /// The URL of the boot file that a new DHCPv6 client with this MAC address (and a DUID of nothing else), architecture (option 61) and
    /// user class (option 15) is told, which calls itself an HTTP client where that is its architecture; `None` where it is told none. It
    /// is where the addresses of the documentation prefix of RFC 3849 are.
    async fn boot6(
        &self,
        mac: MacAddr,
        architecture: u16,
        user_class: Option<&'static str>,
    ) -> Result<Option<String>, Failure>;
}

/// The trials that a provider of [`Dhcp`] must pass.
#[must_use]
pub fn dhcp(harness: Arc<dyn DhcpHarness>) -> Vec<Trial> {
    trials![harness;
        a_reservation_that_was_never_made_is_absent
        a_look_up_right_after_a_write_sees_it
        reserving_twice_is_once
        many_reservations_at_once_are_all_made
        ipv4_and_ipv6_addresses_are_kept_together
        a_client_that_asks_by_a_duid_is_kept_by_it
        a_changed_reservation_replaces_the_former
        a_released_reservation_is_gone
        releasing_what_is_absent_is_no_error
        an_address_moves_to_another_interface_of_the_same_owner
        a_reservation_of_another_site_is_a_conflict
        a_reservation_without_a_mark_is_a_conflict
        the_list_tells_whose_each_is
        a_claimed_reservation_becomes_ours_and_can_be_given_back
        a_reservation_that_is_held_by_another_than_the_claim_says_is_a_conflict
        wrong_credentials_are_denied
        a_dead_server_is_unreachable
        a_cancelled_call_can_be_looked_at_and_made_again
        a_client_gets_what_is_reserved_for_it
        each_firmware_is_told_its_own_boot_file
        each_firmware_is_told_the_url_of_its_boot_file_over_dhcpv6
        boot_files_without_an_ipv4_address_are_refused
    ]
}

type Harness = Arc<dyn DhcpHarness>;

/// What the server holds must be this reservation, ours.
pub(super) fn ours(held: Option<Held>, wanted: &Reservation) -> Result<(), Failure> {
    let Some(held) = held else { return Err(format!("there is no reservation of {}", wanted.mac).into()) };
    same("the owner", &held.owner, &Some(us()))?;
    if held.reservation.agrees_with(wanted) {
        Ok(())
    } else {
        Err(format!("the reservation is {:?} and should be {wanted:?}", held.reservation).into())
    }
}

async fn a_reservation_that_was_never_made_is_absent(harness: Harness) -> Result<Verdict, Failure> {
    same("the reservation", &harness.dhcp().reservation(harness.fresh().mac).await?, &None)?;
    Ok(Verdict::Passed)
}

async fn a_look_up_right_after_a_write_sees_it(harness: Harness) -> Result<Verdict, Failure> {
    let (dhcp, wanted) = (harness.dhcp(), harness.fresh());
    dhcp.reserve(&wanted, &us()).await?;
    ours(dhcp.reservation(wanted.mac).await?, &wanted)?;
    Ok(Verdict::Passed)
}

async fn reserving_twice_is_once(harness: Harness) -> Result<Verdict, Failure> {
    let (dhcp, wanted) = (harness.dhcp(), harness.fresh());
    dhcp.reserve(&wanted, &us()).await?;
    dhcp.reserve(&wanted, &us()).await?;
    let found = dhcp.list().await?.into_iter().filter(|held| held.reservation.mac == wanted.mac).count();
    same("the number of its reservations", &found, &1)?;
    ours(dhcp.reservation(wanted.mac).await?, &wanted)?;
    Ok(Verdict::Passed)
}

async fn ipv4_and_ipv6_addresses_are_kept_together(harness: Harness) -> Result<Verdict, Failure> {
    let (dhcp, wanted) = (harness.dhcp(), with_v6(harness.fresh()));
    match dhcp.reserve(&wanted, &us()).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            same("what is left of it", &dhcp.reservation(wanted.mac).await?, &None)?;
            return ignored(&sentence(&error));
        }
        reserved => reserved?,
    }
    ours(dhcp.reservation(wanted.mac).await?, &wanted)?;
    Ok(Verdict::Passed)
}

/// The same with an IPv6 address of the documentation prefix of RFC 3849, unique because the MAC address is.
pub(super) fn with_v6(mut reservation: Reservation) -> Reservation {
    let [a, b, c, d, e, f] = reservation.mac.0.map(u16::from);
    let v6 = [0x2001, 0xdb8, 0, 0, 0, a << 8 | b, c << 8 | d, e << 8 | f];
    reservation.addresses.push(IpAddr::from(v6));
    reservation
}

async fn a_client_that_asks_by_a_duid_is_kept_by_it(harness: Harness) -> Result<Verdict, Failure> {
    let (dhcp, first, other) = (harness.dhcp(), with_v6(harness.fresh()), with_v6(harness.fresh()));
    // Type 4 is a UUID (RFC 6355), of which the length does not matter here.
    let duid = |mac: MacAddr| Duid::new(&[&[0, 4], mac.0.as_slice()].concat());
    let wanted = Reservation { duid: duid(first.mac), ..first.clone() };
    match dhcp.reserve(&wanted, &us()).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => return ignored(&sentence(&error)),
        reserved => reserved?,
    }
    ours(dhcp.reservation(wanted.mac).await?, &wanted)?;
    dhcp.reserve(&wanted, &us()).await?;
    let theirs = Reservation { duid: wanted.duid.clone(), ..other.clone() };
    fails("reserving for its DUID", dhcp.reserve(&theirs, &them()).await, ErrorKind::Conflict)?;
    same("what was refused", &dhcp.reservation(theirs.mac).await?, &None)?;
    // The mainboard was replaced, then the card, then the client was set up to ask by the card's address.
    let board = Reservation { duid: duid(other.mac), ..first.clone() };
    dhcp.reserve(&board, &us()).await?;
    ours(dhcp.reservation(first.mac).await?, &board)?;
    let card = Reservation { mac: other.mac, ..board };
    dhcp.reserve(&card, &us()).await?;
    same("the reservation of the card that is gone", &dhcp.reservation(first.mac).await?, &None)?;
    ours(dhcp.reservation(other.mac).await?, &card)?;
    let plain = Reservation { duid: None, ..card };
    dhcp.reserve(&plain, &us()).await?;
    ours(dhcp.reservation(other.mac).await?, &plain)?;
    // What was given up is free for another site.
    dhcp.reserve(&Reservation { duid: wanted.duid, ..with_v6(harness.fresh()) }, &them()).await?;
    dhcp.release(other.mac, &us()).await?;
    same("what was released", &dhcp.reservation(other.mac).await?, &None)?;
    Ok(Verdict::Passed)
}

async fn a_changed_reservation_replaces_the_former(harness: Harness) -> Result<Verdict, Failure> {
    let (dhcp, first, second) = (harness.dhcp(), harness.fresh(), harness.fresh());
    dhcp.reserve(&first, &us()).await?;
    let changed = Reservation { mac: first.mac, ..second };
    dhcp.reserve(&changed, &us()).await?;
    ours(dhcp.reservation(first.mac).await?, &changed)?;
    let unnamed = Reservation { host_name: None, ..changed };
    dhcp.reserve(&unnamed, &us()).await?;
    ours(dhcp.reservation(first.mac).await?, &unnamed)?;
    // The address that it gave up is free for another interface, also of another site.
    let taker = Reservation { addresses: first.addresses, ..harness.fresh() };
    dhcp.reserve(&taker, &them()).await?;
    Ok(Verdict::Passed)
}

async fn a_released_reservation_is_gone(harness: Harness) -> Result<Verdict, Failure> {
    let (dhcp, wanted) = (harness.dhcp(), harness.fresh());
    dhcp.reserve(&wanted, &us()).await?;
    dhcp.release(wanted.mac, &us()).await?;
    same("the reservation", &dhcp.reservation(wanted.mac).await?, &None)?;
    dhcp.reserve(&wanted, &us()).await?;
    ours(dhcp.reservation(wanted.mac).await?, &wanted)?;
    Ok(Verdict::Passed)
}

async fn releasing_what_is_absent_is_no_error(harness: Harness) -> Result<Verdict, Failure> {
    let (dhcp, wanted) = (harness.dhcp(), harness.fresh());
    dhcp.release(wanted.mac, &us()).await?;
    dhcp.reserve(&wanted, &us()).await?;
    dhcp.release(wanted.mac, &us()).await?;
    dhcp.release(wanted.mac, &us()).await?;
    Ok(Verdict::Passed)
}

async fn an_address_moves_to_another_interface_of_the_same_owner(harness: Harness) -> Result<Verdict, Failure> {
    let (dhcp, former, latter) = (harness.dhcp(), harness.fresh(), harness.fresh());
    dhcp.reserve(&former, &us()).await?;
    let latter = Reservation { mac: latter.mac, ..former.clone() };
    dhcp.reserve(&latter, &us()).await?;
    same("the former reservation", &dhcp.reservation(former.mac).await?, &None)?;
    ours(dhcp.reservation(latter.mac).await?, &latter)?;
    Ok(Verdict::Passed)
}

async fn a_reservation_of_another_site_is_a_conflict(harness: Harness) -> Result<Verdict, Failure> {
    let (dhcp, theirs, free) = (harness.dhcp(), harness.fresh(), harness.fresh());
    dhcp.reserve(&theirs, &them()).await?;
    let before = dhcp.reservation(theirs.mac).await?;
    let same_interface = Reservation { mac: theirs.mac, ..free.clone() };
    let same_address = Reservation { addresses: theirs.addresses.clone(), ..free.clone() };
    fails("reserving its interface", dhcp.reserve(&same_interface, &us()).await, ErrorKind::Conflict)?;
    fails("reserving its address", dhcp.reserve(&same_address, &us()).await, ErrorKind::Conflict)?;
    fails("reserving the same", dhcp.reserve(&theirs, &us()).await, ErrorKind::Conflict)?;
    fails("releasing it", dhcp.release(theirs.mac, &us()).await, ErrorKind::Conflict)?;
    same("the reservation of the other site", &dhcp.reservation(theirs.mac).await?, &before)?;
    same("the reservation that was refused", &dhcp.reservation(free.mac).await?, &None)?;
    Ok(Verdict::Passed)
}

async fn a_reservation_without_a_mark_is_a_conflict(harness: Harness) -> Result<Verdict, Failure> {
    let (dhcp, theirs, free) = (harness.dhcp(), harness.fresh(), harness.fresh());
    if harness.seed_unmarked(&theirs).await?.is_none() {
        return ignored("nothing without a mark can be written into the server");
    }
    let before = dhcp.reservation(theirs.mac).await?;
    same("what is told of it", &before, &Some(Held { reservation: theirs.clone(), owner: None }))?;
    let same_address = Reservation { addresses: theirs.addresses.clone(), ..free };
    fails("reserving its interface", dhcp.reserve(&theirs, &us()).await, ErrorKind::Conflict)?;
    fails("reserving its address", dhcp.reserve(&same_address, &us()).await, ErrorKind::Conflict)?;
    fails("releasing it", dhcp.release(theirs.mac, &us()).await, ErrorKind::Conflict)?;
    same("the reservation", &dhcp.reservation(theirs.mac).await?, &before)?;
    Ok(Verdict::Passed)
}

async fn the_list_tells_whose_each_is(harness: Harness) -> Result<Verdict, Failure> {
    let (dhcp, mine, theirs) = (harness.dhcp(), harness.fresh(), harness.fresh());
    dhcp.reserve(&mine, &us()).await?;
    dhcp.reserve(&theirs, &them()).await?;
    let list = match dhcp.list().await {
        Err(error) if error.kind() == ErrorKind::Unsupported => return ignored(&sentence(&error)),
        list => list?,
    };
    for (wanted, owner) in [(mine, us()), (theirs, them())] {
        let found = list.iter().find(|held| held.reservation.mac == wanted.mac);
        let Some(found) = found else { return Err(format!("{} is not in the list", wanted.mac).into()) };
        same("the owner", &found.owner, &Some(owner))?;
        same("that it says the same", &found.reservation.agrees_with(&wanted), &true)?;
    }
    let order: Vec<_> = list.iter().map(|held| held.reservation.mac).collect();
    same("that the list is in the order of MAC addresses", &order.is_sorted(), &true)?;
    Ok(Verdict::Passed)
}

async fn a_claimed_reservation_becomes_ours_and_can_be_given_back(harness: Harness) -> Result<Verdict, Failure> {
    let (dhcp, wanted, never) = (harness.dhcp(), harness.fresh(), harness.fresh());
    if harness.seed_unmarked(&wanted).await?.is_none() {
        return ignored("nothing without a mark can be written into the server");
    }
    for _ in 0..2 {
        dhcp.claim(wanted.mac, &Holder::Nobody, &us()).await?;
        ours(dhcp.reservation(wanted.mac).await?, &wanted)?;
    }
    match dhcp.list().await {
        Err(error) if error.kind() == ErrorKind::Unsupported => {}
        list => {
            let entries = list?.into_iter().filter(|held| held.reservation.mac == wanted.mac).count();
            same("the number of its reservations", &entries, &1)?;
        }
    }
    dhcp.reserve(&wanted, &us()).await?;
    for _ in 0..2 {
        dhcp.disown(wanted.mac, &us()).await?;
        let held = dhcp.reservation(wanted.mac).await?.ok_or("the reservation that was given back is gone")?;
        same("that it says the same", &held.reservation.agrees_with(&wanted), &true)?;
        same("its owner", &held.owner, &None)?;
    }
    fails("taking it without a claim", dhcp.release(wanted.mac, &us()).await, ErrorKind::Conflict)?;
    dhcp.claim(wanted.mac, &Holder::Nobody, &us()).await?;
    dhcp.release(wanted.mac, &us()).await?;
    dhcp.claim(never.mac, &Holder::Nobody, &us()).await?;
    dhcp.disown(never.mac, &us()).await?;
    same("a reservation that was never made", &dhcp.reservation(never.mac).await?, &None)?;
    Ok(Verdict::Passed)
}

async fn a_reservation_that_is_held_by_another_than_the_claim_says_is_a_conflict(
    harness: Harness,
) -> Result<Verdict, Failure> {
    let (dhcp, theirs) = (harness.dhcp(), harness.fresh());
    dhcp.reserve(&theirs, &them()).await?;
    let before = dhcp.reservation(theirs.mac).await?;
    fails("claiming it from nobody", dhcp.claim(theirs.mac, &Holder::Nobody, &us()).await, ErrorKind::Conflict)?;
    fails("giving it back", dhcp.disown(theirs.mac, &us()).await, ErrorKind::Conflict)?;
    same("the reservation of the other site", &dhcp.reservation(theirs.mac).await?, &before)?;
    dhcp.claim(theirs.mac, &Holder::Site(them()), &us()).await?;
    ours(dhcp.reservation(theirs.mac).await?, &theirs)?;
    Ok(Verdict::Passed)
}

async fn wrong_credentials_are_denied(harness: Harness) -> Result<Verdict, Failure> {
    let Some(dhcp) = harness.with_wrong_credentials() else { return ignored("the server asks for no credentials") };
    let wanted = harness.fresh();
    fails("reserving", dhcp.reserve(&wanted, &us()).await, ErrorKind::Denied)?;
    fails("releasing", dhcp.release(wanted.mac, &us()).await, ErrorKind::Denied)?;
    Ok(Verdict::Passed)
}

async fn a_dead_server_is_unreachable(harness: Harness) -> Result<Verdict, Failure> {
    let Some(dhcp) = harness.of_dead_server() else { return ignored("the server cannot be dead") };
    let wanted = harness.fresh();
    fails("looking up", dhcp.reservation(wanted.mac).await, ErrorKind::Unreachable)?;
    fails("reserving", dhcp.reserve(&wanted, &us()).await, ErrorKind::Unreachable)?;
    fails("releasing", dhcp.release(wanted.mac, &us()).await, ErrorKind::Unreachable)?;
    fails("listing", dhcp.list().await, ErrorKind::Unreachable)?;
    Ok(Verdict::Passed)
}

async fn a_cancelled_call_can_be_looked_at_and_made_again(harness: Harness) -> Result<Verdict, Failure> {
    let (dhcp, wanted, owner) = (harness.dhcp(), harness.fresh(), us());
    cancelled(dhcp.reserve(&wanted, &owner)).await;
    dhcp.reservation(wanted.mac).await?;
    dhcp.reserve(&wanted, &owner).await?;
    ours(dhcp.reservation(wanted.mac).await?, &wanted)?;
    cancelled(dhcp.release(wanted.mac, &owner)).await;
    dhcp.reservation(wanted.mac).await?;
    dhcp.release(wanted.mac, &owner).await?;
    same("the reservation", &dhcp.reservation(wanted.mac).await?, &None)?;
    Ok(Verdict::Passed)
}

async fn a_client_gets_what_is_reserved_for_it(harness: Harness) -> Result<Verdict, Failure> {
    let Some(clients) = harness.clients() else { return ignored("the server has no clients here") };
    let (dhcp, wanted) = (harness.dhcp(), harness.fresh());
    dhcp.reserve(&wanted, &us()).await?;
    same("the lease", &clients.lease(wanted.mac).await?.as_slice(), &wanted.addresses.as_slice())?;
    let changed = Reservation { mac: wanted.mac, ..harness.fresh() };
    dhcp.reserve(&changed, &us()).await?;
    same("the lease after a change", &clients.lease(wanted.mac).await?.as_slice(), &changed.addresses.as_slice())?;
    let latter = Reservation { mac: harness.fresh().mac, ..harness.fresh() };
    let former = Reservation { mac: harness.fresh().mac, ..latter.clone() };
    dhcp.reserve(&former, &us()).await?;
    dhcp.reserve(&latter, &us()).await?;
    same(
        "the lease of the one that an address moved to",
        &clients.lease(latter.mac).await?.as_slice(),
        &latter.addresses.as_slice(),
    )?;
    let released = harness.fresh();
    dhcp.reserve(&released, &us()).await?;
    dhcp.release(released.mac, &us()).await?;
    let got = clients.lease(released.mac).await?;
    same("that a released address is still given", &got.is_some_and(|got| released.addresses.contains(&got)), &false)?;
    Ok(Verdict::Passed)
}
