//! Reservations by the commands of Kea's hook `host_cmds`, as ISC ships it with Kea 3.0.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use dip_core::conformance::expect::{refused, same, us};
use dip_core::conformance::{Failure, Trial, on_server, trials_of};
use dip_core::provider::{ErrorKind, Holder};
use dip_core::secret::LocalSecrets;
use dip_lab::Requirement;
use dip_network::conformance::DhcpHarness;
use dip_network::provider::{Dhcp, Reservation};
use dip_network::providers::kea::Kea;
use dip_network::settings::{HostsDatabase, KeaSettings};

use super::database::{reserve_all, sql, two_nodes_can_exchange_their_addresses};
use super::hook_faults::{
    a_kea_or_database_that_is_killed_in_the_middle_leaves_nothing_twice_and_the_next_run_completes,
    a_kea_without_a_hosts_database_is_told, a_kea_without_the_hook_says_what_to_load,
    an_old_hook_adds_and_removes_and_tells_what_it_cannot_change, an_update_that_is_refused_leaves_what_was_there,
    one_that_is_refused_leaves_the_others, who_removes_the_reservation_between_look_and_command_does_no_harm,
    who_takes_the_address_between_look_and_command_is_told, who_takes_the_reservation_between_look_and_command_is_told,
};
use super::hook_rig::{by_socket, row, seed_full, several};
use super::interposed::Interposed;
use super::rig::{Rig, lease, of_every_way, settings};
use crate::openvswitch::is;

const SERVER: &str = "kea 3.0 hook";

pub(super) async fn trials() -> Vec<Trial> {
    on_server(
        SERVER,
        Requirement::check_all(&[Requirement::Kea3, Requirement::KeaPostgres]),
        async { Rig::new(dip_lab::Kea::start_with_hook().await?).await },
        |rig| {
            let mut trials = of_every_way(&rig);
            trials.extend(trials_of! {rig;
                two_nodes_can_exchange_their_addresses
                two_nodes_can_exchange_some_of_their_ipv6_addresses
                a_kea_without_the_hook_says_what_to_load
                the_hook_and_a_database_are_not_both_taken
                what_else_a_claimed_reservation_says_stays
                those_of_others_stay_as_they_are_to_the_byte
                more_than_a_page_is_listed_whole
                many_reservations_are_read_once_and_written_one_after_the_other
                one_that_is_refused_leaves_the_others
                who_takes_the_address_between_look_and_command_is_told
                who_takes_the_reservation_between_look_and_command_is_told
                who_removes_the_reservation_between_look_and_command_does_no_harm
                an_update_that_is_refused_leaves_what_was_there
                an_old_hook_adds_and_removes_and_tells_what_it_cannot_change
                a_kea_without_a_hosts_database_is_told
                a_kea_or_database_that_is_killed_in_the_middle_leaves_nothing_twice_and_the_next_run_completes
            });
            trials
        },
    )
    .await
}

async fn two_nodes_can_exchange_some_of_their_ipv6_addresses(rig: &Rig) -> Result<(), Failure> {
    let all = |last: [u16; 2]| last.map(|last| IpAddr::from([0xfd77, 0, 0, 0, 0, 0, 0x20, last])).to_vec();
    let mut pair = several(rig, 2);
    for (wanted, last) in pair.iter_mut().zip([[1, 2], [3, 4]]) {
        wanted.addresses = all(last);
        rig.provider.reserve(wanted, &us()).await?;
    }
    for (wanted, last) in pair.iter_mut().zip([[1, 3], [2, 4]]) {
        wanted.addresses = all(last);
    }
    reserve_all(&rig.provider, &pair).join_all().await.into_iter().collect::<Result<(), _>>()?;
    for wanted in &pair {
        let held = rig.provider.reservation(wanted.mac).await?.ok_or("it is gone")?;
        same("that it says what is wanted", &held.reservation.agrees_with(wanted), &true)?;
        rig.provider.release(wanted.mac, &us()).await?;
    }
    Ok(())
}

async fn the_hook_and_a_database_are_not_both_taken(rig: &Rig) -> Result<(), Failure> {
    let database = HostsDatabase {
        address: "unix:/run/postgresql".to_owned(),
        name: "kea".to_owned(),
        user: "dip".to_owned(),
        password: None,
    };
    let both = KeaSettings { hosts_database: Some(database), ..settings(&rig.server)? };
    let refused = Kea::new(&both, &LocalSecrets::new(Path::new("/"))).err().ok_or("both are taken")?;
    is(
        "the reason",
        &refused,
        "`backend: hook` and `hosts_database` are two ways to the same reservations: leave one of them out",
    )
}

async fn what_else_a_claimed_reservation_says_stays(rig: &Rig) -> Result<(), Failure> {
    let theirs = DhcpHarness::fresh(rig);
    seed_full(rig, &theirs).await?;
    let before = row(rig, theirs.mac)?;
    rig.provider.claim(theirs.mac, &Holder::Nobody, &us()).await?;
    let (claimed, mark) = (row(rig, theirs.mac)?, r#"{"dip": {"site": "conformance"}, "room": 7}"#);
    is("the row that was claimed", &claimed, &before.replace(r#"{"room": 7}"#, mark))?;
    let changed = Reservation { addresses: DhcpHarness::fresh(rig).addresses, ..theirs.clone() };
    rig.provider.reserve(&changed, &us()).await?;
    let got = lease(&rig.server, theirs.mac)?.ok_or("the client got no lease")?;
    is("the address of its client", &got.address.to_string(), &changed.addresses[0].to_string())?;
    rig.provider.reserve(&theirs, &us()).await?;
    rig.provider.disown(theirs.mac, &us()).await?;
    is("the row that was given back", &row(rig, theirs.mac)?, &before)
}

async fn those_of_others_stay_as_they_are_to_the_byte(rig: &Rig) -> Result<(), Failure> {
    let theirs = several(rig, 2);
    seed_full(rig, &theirs[0]).await?;
    let other = dip_core::id::SiteName::new("other-site")?;
    rig.provider.reserve(&theirs[1], &other).await?;
    let whole = |of: &Reservation| {
        let mac = of.mac.to_string().replace(':', "");
        sql(rig, &format!("SELECT h.* FROM hosts h WHERE dhcp_identifier = '\\x{mac}'"))
    };
    let before = [whole(&theirs[0])?, whole(&theirs[1])?];
    let [mut ours, next] = [DhcpHarness::fresh(rig), DhcpHarness::fresh(rig)];
    rig.provider.reserve(&ours, &us()).await?;
    ours.addresses = next.addresses;
    rig.provider.reserve(&ours, &us()).await?;
    for theirs in &theirs {
        let address = Reservation { addresses: theirs.addresses.clone(), ..ours.clone() };
        refused(rig.provider.reserve(&address, &us()).await, ErrorKind::Conflict, "is held by")?;
        refused(rig.provider.reserve(theirs, &us()).await, ErrorKind::Conflict, "is held by")?;
        refused(rig.provider.release(theirs.mac, &us()).await, ErrorKind::Conflict, "is held by")?;
    }
    rig.provider.release(ours.mac, &us()).await?;
    is("the row of nobody", &whole(&theirs[0])?, &before[0])?;
    is("the row of another site", &whole(&theirs[1])?, &before[1])
}

/// Written by SQL, for the commands take one at a time.
async fn more_than_a_page_is_listed_whole(rig: &Rig) -> Result<(), Failure> {
    let range = "dhcp_identifier BETWEEN '\\x02d170300000' AND '\\x02d17030ffff'";
    sql(
        rig,
        "INSERT INTO hosts (dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id, ipv4_address)
         SELECT decode('02d17030' || lpad(to_hex(n), 4, '0'), 'hex'), 0, 1, 172843008 + n FROM generate_series(1, 1200) n",
    )?;
    let listed = rig.provider.list().await?;
    let listed = listed.iter().filter(|held| held.reservation.mac.0[..4] == [2, 0xd1, 0x70, 0x30]).count();
    sql(rig, &format!("DELETE FROM hosts WHERE {range}"))?;
    same("the number of reservations", &listed, &1200)
}

async fn many_reservations_are_read_once_and_written_one_after_the_other(rig: &Rig) -> Result<(), Failure> {
    let between = Interposed::before(&rig.server.socket, "many.sock", Box::new(|_| Ok(())))?;
    let (dhcp, wanted) = (Arc::new(by_socket(&between.socket)?), several(rig, 30));
    reserve_all(&dhcp, &wanted).join_all().await.into_iter().collect::<Result<(), _>>()?;
    same("the number of commands that add", &between.count("reservation-add"), &30)?;
    let reads = between.count("config-get");
    same("that they were read together", &(reads <= 4), &true).map_err(|_| format!("{reads} times"))?;
    let got = lease(&rig.server, wanted[23].mac)?.ok_or("the client got no lease")?;
    is("the address of a client", &got.address.to_string(), &wanted[23].addresses[0].to_string())?;
    for wanted in &wanted {
        dhcp.release(wanted.mac, &us()).await?;
    }
    Ok(())
}
