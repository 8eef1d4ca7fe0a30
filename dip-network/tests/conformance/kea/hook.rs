//! Reservations by the commands of Kea's hook `host_cmds`. Debian's Kea has no such hook: the lab has a stand-in that answers by the Kea ARM,
//! over the hosts database of the real server, which real clients are answered from.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use dip_core::conformance::expect::{refused, same, us};
use dip_core::conformance::{Failure, Trial, on_server, trials_of};
use dip_core::hardware::MacAddr;
use dip_core::provider::{ErrorKind, Holder};
use dip_core::secret::LocalSecrets;
use dip_lab::{HostCommandsAge, Postgres, Requirement};
use dip_network::conformance::DhcpHarness;
use dip_network::provider::{Dhcp, Reservation};
use dip_network::providers::kea::Kea;
use dip_network::settings::{KeaBackend, KeaSettings};
use serde_json::json;

use super::database::{reserve_all, sql, two_nodes_can_exchange_their_addresses};
use super::interposed::{Before, Interposed};
use super::rig::{
    Rig, a_client_behind_a_relay_gets_what_is_reserved_for_it, a_conflict_says_who_holds_it,
    a_dhcpv6_client_gets_what_is_reserved_for_it, a_lease_is_told, an_address_of_no_subnet_is_refused, lease, provider,
    seed, settings,
};
use crate::by_dhcp::dhcp_and_ipam;
use crate::openvswitch::is;
use crate::wait;

const SERVER: &str = "kea-host-cmds";

pub(super) async fn trials() -> Vec<Trial> {
    on_server(
        SERVER,
        Requirement::check_all(&[Requirement::Kea, Requirement::KeaPostgres]),
        async { Rig::new(dip_lab::Kea::start_with_host_commands().await?).await },
        |rig| {
            let mut trials = dhcp_and_ipam("kea", &rig);
            trials.extend(trials_of! {rig;
                a_dhcpv6_client_gets_what_is_reserved_for_it
                a_client_behind_a_relay_gets_what_is_reserved_for_it
                a_lease_is_told
                a_conflict_says_who_holds_it
                an_address_of_no_subnet_is_refused
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
                an_old_hook_adds_and_removes_and_tells_what_it_cannot_change
                a_kea_without_a_hosts_database_is_told
                a_kea_or_database_that_is_killed_in_the_middle_leaves_nothing_twice_and_the_next_run_completes
            });
            trials
        },
    )
    .await
}

/// The hook behind a control socket of DHCPv4.
fn by_socket(socket: &Path) -> Result<Kea, Failure> {
    provider(&KeaSettings {
        dhcp4: Some(format!("unix:{}", socket.display())),
        dhcp6: None,
        user: None,
        password: None,
        tls_ca: None,
        hosts_database: None,
        backend: Some(KeaBackend::Hook),
        networks: Vec::new(),
        boot: None,
    })
}

fn hook4(server: &dip_lab::Kea) -> Result<&Path, Failure> {
    let [v4, _] = server.host_commands.as_ref().ok_or("it has the stand-in")?;
    Ok(&v4.socket)
}

fn several(rig: &Rig, count: usize) -> Vec<Reservation> {
    (0..count).map(|_| DhcpHarness::fresh(rig)).collect()
}

/// All that the tables say of the host of a hardware address, but the numbers of rows and what is empty.
fn row(rig: &Rig, mac: MacAddr) -> Result<String, Failure> {
    let mac = mac.to_string().replace(':', "");
    let query = format!(
        "SELECT jsonb_strip_nulls(to_jsonb(h) - '{{host_id,user_context,dhcp6_client_classes}}'::text[]), user_context::jsonb,
             (SELECT jsonb_agg(to_jsonb(o) - '{{host_id,option_id,modification_ts}}'::text[]) FROM dhcp4_options o WHERE o.host_id = h.host_id)
         FROM hosts h WHERE dhcp_identifier = '\\x{mac}'"
    );
    sql(rig, &query)
}

/// A row of somebody who says all that a row can say.
async fn seed_full(rig: &Rig, theirs: &Reservation) -> Result<(), Failure> {
    seed(&rig.server, theirs).await?;
    let mac = theirs.mac.to_string().replace(':', "");
    let fill = format!(
        "UPDATE hosts SET dhcp4_boot_file_name = 'theirs.efi', dhcp4_next_server = 172818435, dhcp4_server_hostname = 'tftp',
             dhcp4_client_classes = 'voip,office', user_context = '{{\"room\": 7}}' WHERE dhcp_identifier = '\\x{mac}';
         INSERT INTO dhcp4_options (code, formatted_value, space, persistent, host_id, scope_id)
             SELECT 15, 'example.org', 'dhcp4', true, host_id, 3 FROM hosts WHERE dhcp_identifier = '\\x{mac}'"
    );
    sql(rig, &fill).map(drop)
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

async fn a_kea_without_the_hook_says_what_to_load(rig: &Rig) -> Result<(), Failure> {
    let dhcp = by_socket(&rig.server.socket)?;
    let wanted = DhcpHarness::fresh(rig);
    let words = "has not loaded the hook `libdhcp_host_cmds.so`: it does not know `reservation-add`; add {\"library\":";
    refused(dhcp.reserve(&wanted, &us()).await, ErrorKind::Unsupported, words)?;
    refused(dhcp.list().await, ErrorKind::Unsupported, "to `hooks-libraries` of its configuration")
}

async fn the_hook_and_a_database_are_not_both_taken(rig: &Rig) -> Result<(), Failure> {
    let database = dip_network::settings::HostsDatabase {
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

/// Written by SQL, for the stand-in lets Kea's parser try each by itself.
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
    let between = Interposed::before(hook4(&rig.server)?, "many.sock", Box::new(|_| Ok(())))?;
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

async fn one_that_is_refused_leaves_the_others(rig: &Rig) -> Result<(), Failure> {
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

async fn who_takes_the_address_between_look_and_command_is_told(rig: &Rig) -> Result<(), Failure> {
    let [ours, mut theirs] = [DhcpHarness::fresh(rig), DhcpHarness::fresh(rig)];
    theirs.addresses.clone_from(&ours.addresses);
    let seeding = {
        let (server, theirs) = (Arc::clone(&rig.server), theirs.clone());
        move || wait(seed(&server, &theirs))
    };
    let between = Interposed::before(hook4(&rig.server)?, "address.sock", once("reservation-add", seeding))?;
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
    let between = Interposed::before(hook4(&rig.server)?, "moved.sock", once("reservation-update", seeding))?;
    let wanted = Reservation { addresses: moved.addresses, ..ours.clone() };
    let words = format!("{} is held by a reservation without a mark of dip, for {}", wanted.addresses[0], others.mac);
    refused(by_socket(&between.socket)?.reserve(&wanted, &us()).await, ErrorKind::Conflict, &words)?;
    let held = rig.provider.reservation(ours.mac).await?.ok_or("ours is gone")?;
    same("that ours is as it was", &held.reservation.agrees_with(&ours), &true)
}

async fn who_takes_the_reservation_between_look_and_command_is_told(rig: &Rig) -> Result<(), Failure> {
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
        let between = Interposed::before(hook4(&rig.server)?, &name, once("reservation-get", take))?;
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

async fn an_old_hook_adds_and_removes_and_tells_what_it_cannot_change(rig: &Rig) -> Result<(), Failure> {
    let old = rig.server.host_commands("old.sock", HostCommandsAge::Before24)?;
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
async fn a_kea_without_a_hosts_database_is_told(rig: &Rig) -> Result<(), Failure> {
    let server = wait(dip_lab::Kea::start_with_host_commands())?;
    let mut config = wait(server.command("config-get", json!({})))?;
    let body = config["Dhcp4"].as_object_mut().ok_or("it has a configuration")?;
    body.retain(|key, _| !key.starts_with("hosts-database"));
    wait(server.command("config-set", config))?;
    let failed = by_socket(hook4(&server)?)?.reserve(&DhcpHarness::fresh(rig), &us()).await;
    refused(
        failed,
        ErrorKind::Unsupported,
        "has no `hosts-databases`, which its hook `libdhcp_host_cmds.so` writes into",
    )
}

/// They are of their own: others are asked meanwhile. Kea is killed before another command is answered each time.
async fn a_kea_or_database_that_is_killed_in_the_middle_leaves_nothing_twice_and_the_next_run_completes(
    rig: &Rig,
) -> Result<(), Failure> {
    let mut server = wait(dip_lab::Kea::start_with_host_commands())?;
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
        let between = Interposed::before(hook4(&server)?, &format!("{victim}.sock"), kill)?;
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
        refused(by_socket(hook4(&server)?)?.list().await, ErrorKind::Unreachable, "hung up without an answer")?;
        wait(server.restart())?;
        let dhcp = Arc::new(by_socket(hook4(&server)?)?);
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
    let dhcp = by_socket(hook4(&server)?)?;
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
async fn reserve_until_it_fails(
    dhcp: &Arc<Kea>,
    wanted: &[Reservation],
) -> Vec<Result<(), dip_core::provider::ProviderError>> {
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
