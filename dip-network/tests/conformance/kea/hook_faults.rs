//! What goes wrong with Kea's hook: it is not there, or old, or refuses; somebody else is faster; a server is killed in the middle.

use std::sync::Arc;

use dip_core::conformance::Failure;
use dip_core::conformance::expect::{refused, same, us};
use dip_core::provider::{ErrorKind, Holder, ProviderError};
use dip_lab::{KeaRelease, Postgres};
use dip_network::conformance::DhcpHarness;
use dip_network::provider::{Dhcp, Reservation};
use dip_network::providers::kea::Kea;
use serde_json::{Value, json};

use super::database::{reserve_all, sql};
use super::hook_rig::{by_socket, row, seed_full, several};
use super::interposed::{Before, Interposed};
use super::rig::{Rig, lease, seed};
use crate::openvswitch::is;
use crate::wait;

pub(super) async fn a_kea_without_the_hook_says_what_to_load(rig: &Rig) -> Result<(), Failure> {
    let server = wait(dip_lab::Kea::start(KeaRelease::V3_0))?;
    let dhcp = by_socket(&server.socket)?;
    let wanted = DhcpHarness::fresh(rig);
    let words = "has not loaded the hook `libdhcp_host_cmds.so`: it does not know `reservation-add`; add {\"library\":";
    refused(dhcp.reserve(&wanted, &us()).await, ErrorKind::Unsupported, words)?;
    refused(dhcp.list().await, ErrorKind::Unsupported, "to `hooks-libraries` of its configuration")
}

pub(super) async fn one_that_is_refused_leaves_the_others(rig: &Rig) -> Result<(), Failure> {
    let mut wanted = several(rig, 12);
    wanted[7].host_name = Some("forbidden-here".to_owned());
    sql(rig, "ALTER TABLE hosts ADD CONSTRAINT refuses CHECK (hostname <> 'forbidden-here')")?;
    let mut ended: Vec<_> = reserve_all(&rig.provider, &wanted).join_all().await;
    sql(rig, "ALTER TABLE hosts DROP CONSTRAINT refuses")?;
    ended.retain(Result::is_err);
    same("how many are refused", &ended.len(), &1)?;
    refused(ended.remove(0), ErrorKind::Invalid, "refuses `reservation-add`: Statement exec failed")?;
    same("what was refused", &rig.provider.reservation(wanted[7].mac).await?, &None)?;
    for wanted in wanted.iter().filter(|one| one.mac != wanted[7].mac) {
        let held = rig.provider.reservation(wanted.mac).await?.ok_or("one of the others is gone")?;
        same("that it says what is wanted", &held.reservation.agrees_with(wanted), &true)?;
    }
    Ok(())
}

/// Somebody who acts once, before a command.
fn once(command: &'static str, act: impl FnOnce() -> Result<(), Failure> + Send + 'static) -> Before {
    let mut act = Some(act);
    Box::new(move |seen| match act.take_if(|_| seen == command) {
        Some(act) => act(),
        None => Ok(()),
    })
}

pub(super) async fn who_takes_the_address_between_look_and_command_is_told(rig: &Rig) -> Result<(), Failure> {
    let [ours, mut theirs] = [DhcpHarness::fresh(rig), DhcpHarness::fresh(rig)];
    theirs.addresses.clone_from(&ours.addresses);
    let seeding = {
        let (server, theirs) = (Arc::clone(&rig.server), theirs.clone());
        move || wait(seed(&server, &theirs))
    };
    let between = Interposed::before(&rig.server.socket, "address.sock", once("reservation-add", seeding))?;
    let words = format!("{} is held by a reservation without a mark of dip, for {}", ours.addresses[0], theirs.mac);
    refused(by_socket(&between.socket)?.reserve(&ours, &us()).await, ErrorKind::Conflict, &words)?;
    same("the number of tries to add it", &between.count("reservation-add"), &1)?;
    // The same where ours is there already, and moves.
    let [moved, mut others] = [DhcpHarness::fresh(rig), DhcpHarness::fresh(rig)];
    others.addresses.clone_from(&moved.addresses);
    let ours = DhcpHarness::fresh(rig);
    rig.provider.reserve(&ours, &us()).await?;
    let seeding = {
        let (server, others) = (Arc::clone(&rig.server), others.clone());
        move || wait(seed(&server, &others))
    };
    let between = Interposed::before(&rig.server.socket, "moved.sock", once("reservation-update", seeding))?;
    let wanted = Reservation { addresses: moved.addresses, ..ours.clone() };
    let words = format!("{} is held by a reservation without a mark of dip, for {}", wanted.addresses[0], others.mac);
    refused(by_socket(&between.socket)?.reserve(&wanted, &us()).await, ErrorKind::Conflict, &words)?;
    let held = rig.provider.reservation(ours.mac).await?.ok_or("ours is gone")?;
    same("that ours is as it was", &held.reservation.agrees_with(&ours), &true)
}

pub(super) async fn who_takes_the_reservation_between_look_and_command_is_told(rig: &Rig) -> Result<(), Failure> {
    for (number, removed) in [(0, false), (1, true)] {
        let ours = DhcpHarness::fresh(rig);
        rig.provider.reserve(&ours, &us()).await?;
        let (server, mac) = (Arc::clone(&rig.server), ours.mac.to_string().replace(':', ""));
        let take = move || {
            let database = server.database.as_ref().ok_or("it has a database")?;
            let taken = format!(
                "UPDATE hosts SET user_context = '{{\"dip\": {{\"site\": \"elsewhere\"}}}}' WHERE dhcp_identifier = '\\x{mac}'"
            );
            wait(database.sql(Postgres::DATABASE, &taken))?;
            Ok(())
        };
        let name = format!("taken{number}.sock");
        let between = Interposed::before(&rig.server.socket, &name, once("reservation-get", take))?;
        let dhcp = by_socket(&between.socket)?;
        let ended = if removed {
            dhcp.release(ours.mac, &us()).await
        } else {
            dhcp.reserve(&Reservation { host_name: Some("renamed".to_owned()), ..ours.clone() }, &us()).await
        };
        refused(ended, ErrorKind::Conflict, "is held by site `elsewhere`")?;
        same("that nothing was written", &between.count("reservation-update"), &0)?;
        same("that nothing was removed", &between.count("reservation-del"), &0)?;
        let held = rig.provider.reservation(ours.mac).await?.ok_or("it is gone")?;
        same("that it is as it was", &held.reservation.agrees_with(&ours), &true)?;
    }
    Ok(())
}

/// What the hook of Kea 2.2 answers where this one answers otherwise: it has no `reservation-update`, and tells absent hosts by result 0
/// without a host, or by an error.
fn as_before_24(command: &str, answer: &mut Value) {
    match (command, answer["result"].as_u64()) {
        ("list-commands", _) => {
            if let Some(list) = answer["arguments"].as_array_mut() {
                list.retain(|command| command != "reservation-update");
            }
        }
        ("reservation-get", Some(3)) => answer["result"] = json!(0),
        ("reservation-del", Some(3)) => answer["result"] = json!(1),
        _ => {}
    }
}

/// Debian 12 has no such hook with its Kea 2.2.
pub(super) async fn who_removes_the_reservation_between_look_and_command_does_no_harm(
    rig: &Rig,
) -> Result<(), Failure> {
    let ours = DhcpHarness::fresh(rig);
    rig.provider.reserve(&ours, &us()).await?;
    let (server, mac) = (Arc::clone(&rig.server), ours.mac.to_string().replace(':', ""));
    let remove = move || {
        let database = server.database.as_ref().ok_or("it has a database")?;
        let gone = format!("DELETE FROM hosts WHERE dhcp_identifier = '\\x{mac}'");
        wait(database.sql(Postgres::DATABASE, &gone))?;
        Ok(())
    };
    let between = Interposed::before(&rig.server.socket, "removed.sock", once("reservation-update", remove))?;
    let wanted = Reservation { host_name: Some("renamed".to_owned()), ..ours };
    by_socket(&between.socket)?.reserve(&wanted, &us()).await?;
    same("the number of commands that add", &between.count("reservation-add"), &1)?;
    let held = rig.provider.reservation(wanted.mac).await?.ok_or("it is gone")?;
    same("that it says what is wanted", &held.reservation.agrees_with(&wanted), &true)
}

/// Kea with several threads removes what it then cannot write.
pub(super) async fn an_update_that_is_refused_leaves_what_was_there(rig: &Rig) -> Result<(), Failure> {
    let theirs = DhcpHarness::fresh(rig);
    seed_full(rig, &theirs).await?;
    rig.provider.claim(theirs.mac, &Holder::Nobody, &us()).await?;
    let before = row(rig, theirs.mac)?;
    sql(rig, "ALTER TABLE hosts ADD CONSTRAINT refuses_names CHECK (hostname <> 'never-here')")?;
    let wanted = Reservation { host_name: Some("never-here".to_owned()), ..theirs.clone() };
    let ended = rig.provider.reserve(&wanted, &us()).await;
    sql(rig, "ALTER TABLE hosts DROP CONSTRAINT refuses_names")?;
    refused(ended, ErrorKind::Invalid, "refuses `reservation-update`: Statement exec failed")?;
    is("the row", &row(rig, theirs.mac)?, &before)?;
    let got = lease(&rig.server, theirs.mac)?.ok_or("the client got no lease")?;
    is("the address of its client", &got.address.to_string(), &theirs.addresses[0].to_string())
}

pub(super) async fn an_old_hook_adds_and_removes_and_tells_what_it_cannot_change(rig: &Rig) -> Result<(), Failure> {
    let old = Interposed::retelling(&rig.server.socket, "old.sock", Box::new(as_before_24))?;
    let dhcp = Arc::new(by_socket(&old.socket)?);
    let ours = DhcpHarness::fresh(rig);
    dhcp.reserve(&ours, &us()).await?;
    dhcp.reserve(&ours, &us()).await?;
    // Asked for together with new ones, which are kept.
    let mut wanted = several(rig, 4);
    wanted.push(Reservation { addresses: DhcpHarness::fresh(rig).addresses, ..ours.clone() });
    let mut ended = reserve_all(&dhcp, &wanted).join_all().await;
    ended.retain(Result::is_err);
    same("how many are refused", &ended.len(), &1)?;
    let words =
        "has no `reservation-update`: its reservations can be added and removed, and not changed; use Kea 2.4 or later";
    refused(ended.remove(0), ErrorKind::Unsupported, words)?;
    refused(dhcp.disown(ours.mac, &us()).await, ErrorKind::Unsupported, words)?;
    let held = dhcp.reservation(ours.mac).await?.ok_or("it is gone")?;
    same("that it is as it was", &held.reservation.agrees_with(&ours), &true)?;
    for wanted in &wanted {
        dhcp.release(wanted.mac, &us()).await?;
        dhcp.release(wanted.mac, &us()).await?;
        same("what was released", &dhcp.reservation(wanted.mac).await?, &None)?;
    }
    Ok(())
}

/// It is one of its own: others are asked meanwhile.
pub(super) async fn a_kea_without_a_hosts_database_is_told(rig: &Rig) -> Result<(), Failure> {
    let server = wait(dip_lab::Kea::start(KeaRelease::V3_0))?;
    let mut config = wait(server.config())?;
    let hooks = config["Dhcp4"]["hooks-libraries"].as_array_mut().ok_or("it has hooks")?;
    hooks.push(json!({"library": "libdhcp_host_cmds.so"}));
    wait(server.command("config-set", config))?;
    let failed = by_socket(&server.socket)?.reserve(&DhcpHarness::fresh(rig), &us()).await;
    refused(
        failed,
        ErrorKind::Unsupported,
        "has no `hosts-databases`, which its hook `libdhcp_host_cmds.so` writes into",
    )
}

/// They are of their own: others are asked meanwhile. Kea is killed before another command is answered each time.
pub(super) async fn a_kea_or_database_that_is_killed_in_the_middle_leaves_nothing_twice_and_the_next_run_completes(
    rig: &Rig,
) -> Result<(), Failure> {
    let mut server = wait(dip_lab::Kea::start_with_hook())?;
    let theirs = "INSERT INTO hosts (dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id, ipv4_address, hostname)
                  VALUES ('\\x02d170770001', 0, 1, 172830211, 'printer')";
    let database = |server: &dip_lab::Kea, text: &str| {
        let database = server.database.as_ref().ok_or("it has a database")?;
        Ok::<_, Failure>(wait(database.sql(Postgres::DATABASE, text))?.trim().to_owned())
    };
    database(&server, theirs)?;
    let foreign = "SELECT h.* FROM hosts h WHERE hostname = 'printer'";
    let before = database(&server, foreign)?;
    let mut wanted = several(rig, 8);
    let victims = ["list-commands", "reservation-get-page", "reservation-add", "reservation-update", "reservation-del"];
    for victim in victims {
        let pid = server.pid().to_string();
        let mut left = 3_usize;
        let kill: Before = Box::new(move |command| {
            left = left.saturating_sub(usize::from(command == victim));
            if left == 0 {
                std::process::Command::new("kill").args(["-9", &pid]).status()?;
                return Err("it is dead".into());
            }
            Ok(())
        });
        let between = Interposed::before(&server.socket, &format!("{victim}.sock"), kill)?;
        let dhcp = Arc::new(by_socket(&between.socket)?);
        if victim == "reservation-del" {
            let mut ended = Vec::new();
            for wanted in &wanted {
                ended.push(dhcp.release(wanted.mac, &us()).await);
            }
            same("that some fail", &ended.iter().any(Result::is_err), &true)?;
        } else {
            for ended in reserve_until_it_fails(&dhcp, &wanted).await {
                refused(ended, ErrorKind::Unreachable, "see whether Kea still runs")?;
            }
        }
        drop(between);
        // What was killed may still be on its way out.
        server.stop();
        refused(by_socket(&server.socket)?.list().await, ErrorKind::Unreachable, "start Kea, or correct the path")?;
        wait(server.restart())?;
        let dhcp = Arc::new(by_socket(&server.socket)?);
        reserve_all(&dhcp, &wanted).join_all().await.into_iter().collect::<Result<(), _>>()?;
        let rows = "SELECT count(*), count(DISTINCT dhcp_identifier), count(DISTINCT ipv4_address), count(user_context) FROM hosts";
        is("what is there after the next run", &database(&server, rows)?, "9|9|9|8")?;
        is("theirs", &database(&server, foreign)?, &before)?;
        // Another name, so that the next one has something to change.
        if victim == "reservation-add" {
            for wanted in &mut wanted {
                wanted.host_name = wanted.host_name.as_ref().map(|name| format!("{name}-anew"));
            }
        } else if victim != "reservation-update" {
            for wanted in &wanted {
                dhcp.release(wanted.mac, &us()).await?;
            }
        }
    }
    let dhcp = by_socket(&server.socket)?;
    server.database.as_mut().ok_or("it has a database")?.kill()?;
    let failed = dhcp.reserve(&DhcpHarness::fresh(rig), &us()).await;
    refused(failed, ErrorKind::Busy, "see whether its hosts database runs")?;
    wait(server.database.as_mut().ok_or("it has a database")?.restart())?;
    // A Kea that lost its database ends, unless its `max-reconnect-tries` says otherwise.
    wait(server.restart())?;
    dhcp.reserve(&wanted[0], &us()).await?;
    is("theirs", &database(&server, foreign)?, &before)
}

/// What fails of some that are asked for, all at once, until something fails.
async fn reserve_until_it_fails(dhcp: &Arc<Kea>, wanted: &[Reservation]) -> Vec<Result<(), ProviderError>> {
    let mut failed = Vec::new();
    for _ in 0..3 {
        failed = reserve_all(dhcp, wanted).join_all().await;
        failed.retain(Result::is_err);
        if !failed.is_empty() {
            break;
        }
    }
    failed
}
