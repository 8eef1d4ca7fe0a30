//! Reservations in Kea's configuration.

use std::sync::Arc;

use dip_core::conformance::expect::{refused, same, us};
use dip_core::conformance::{Failure, Trial, on_server, trials_of};
use dip_core::hardware::MacAddr;
use dip_core::provider::ErrorKind;
use dip_lab::KeaRelease;
use dip_network::conformance::{self, DhcpHarness};
use dip_network::provider::{Dhcp, Reservation};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::http::{
    a_kea_of_another_authority_is_not_trusted, a_wrong_password_over_tls_is_denied,
    who_shows_no_certificate_where_kea_wants_one_is_told_what_to_give,
};
use super::interposed::{Before, Interposed};
use super::rig::{Rig, by_socket4, lease, of_every_way, provider, required, seed, settings};
use crate::openvswitch::is;
use crate::{step, wait};

pub(super) async fn trials(release: KeaRelease) -> Vec<Trial> {
    let start = async { Rig::new(dip_lab::Kea::start(release).await?).await };
    on_server(&format!("kea {release} configuration"), release.requirement().check(), start, |rig| {
        let mut trials = of_every_way(&rig);
        trials.extend(trials_of! {rig;
            the_step_reserves_and_a_real_client_gets_address_and_name
            nothing_else_in_the_configuration_is_touched
            what_boot_files_add_goes_with_them_and_everything_else_stays
            an_edit_that_comes_between_is_seen_and_kept
            who_edits_all_the_time_makes_it_busy
            many_reservations_become_few_changes
            what_is_killed_between_set_and_write_is_saved_by_the_next_run
            a_server_that_hangs_up_is_unreachable
            a_server_that_is_killed_before_it_sets_changes_nothing_and_the_next_run_does
            answers_that_come_late_are_waited_for
            a_kea_that_is_killed_in_the_middle_loses_nothing_and_the_next_run_completes
        });
        if release == KeaRelease::V3_0 {
            trials.extend(trials_of! {rig;
                who_shows_no_certificate_where_kea_wants_one_is_told_what_to_give
                a_kea_of_another_authority_is_not_trusted
                a_wrong_password_over_tls_is_denied
            });
        }
        trials
    })
    .await
}

async fn the_step_reserves_and_a_real_client_gets_address_and_name(rig: &Rig) -> Result<(), Failure> {
    let (mac, address) = ("02:d1:70:00:02:01", "10.77.2.1");
    let settings = serde_json::to_value(settings(&rig.server)?)?;
    let site = step::with_dhcp(step::site()?, "kea", settings, mac, address)?;
    let (providers, steps) = (step::connect(&site)?, step::propose(&site)?);
    let [reserve] = steps.as_slice() else { return Err(format!("{steps:?} is not one step").into()) };
    step::bring_about(reserve, &providers).await?;
    let lease = lease(&rig.server, mac.parse()?)?.ok_or("the client got no lease")?;
    is("the address", &lease.address.to_string(), address)?;
    is("the host name", lease.host_name.as_deref().unwrap_or_default(), "n1")
}

fn config(rig: &Rig) -> Result<Value, Failure> {
    Ok(wait(rig.server.config())?)
}

/// Everything but the reservation of one interface.
fn without(mut config: Value, mac: MacAddr) -> Value {
    if let Some(list) = config["Dhcp4"]["subnet4"][0]["reservations"].as_array_mut() {
        list.retain(|item| item["hw-address"] != json!(mac));
    }
    config
}

async fn nothing_else_in_the_configuration_is_touched(rig: &Rig) -> Result<(), Failure> {
    let wanted = DhcpHarness::fresh(rig);
    let dhcp = by_socket(&rig.server.socket)?;
    // The lists of other trials are changed meanwhile: only what surrounds them, and what nobody else writes, must be the same.
    let rest = |config: Value| {
        let mut config = without(config, wanted.mac);
        config["Dhcp4"]["subnet4"][0]["reservations"].take();
        config
    };
    let before = config(rig)?;
    dhcp.reserve(&wanted, &us()).await?;
    same("the rest while it is there", &rest(config(rig)?), &rest(before.clone()))?;
    let file: Value = serde_json::from_str(&std::fs::read_to_string(&rig.server.file)?)?;
    same("that it is in the file", &file.to_string().contains(&wanted.mac.to_string()), &true)?;
    same("the rest in the file", &rest(file), &rest(before.clone()))?;
    dhcp.release(wanted.mac, &us()).await?;
    same("the rest after its end", &rest(config(rig)?), &rest(before))
}

/// It is one of its own: others write their boot files meanwhile. Both servers have a class of somebody else that a shared network requires.
async fn what_boot_files_add_goes_with_them_and_everything_else_stays(rig: &Rig) -> Result<(), Failure> {
    let server = wait(dip_lab::Kea::start(rig.server.release))?;
    let (required, only_then) = (required(server.release), only_if_required(server.release));
    let theirs = json!([{"name": "theirs", "test": "pkt.iface == 'br0'", only_then: true}]);
    for root in ["Dhcp4", "Dhcp6"] {
        let mut config = told(&server, root)?;
        config[root]["client-classes"] = theirs.clone();
        config[root]["shared-networks"][0][required] = json!(["theirs"]);
        match root {
            "Dhcp4" => wait(server.command("config-set", config))?,
            _ => wait(server.command6("config-set", config))?,
        };
    }
    let dhcp = provider(&settings(&server)?)?;
    let before = [told(&server, "Dhcp4")?, told(&server, "Dhcp6")?];
    let [first, second] = conformance::trial_boot_files6();
    let wanted = Reservation {
        addresses: vec!["10.78.1.9".parse()?, "2001:db8::9".parse()?, "fd77::9".parse()?],
        boot: Some(first),
        ..DhcpHarness::fresh(rig)
    };
    let another = Reservation {
        addresses: vec!["10.77.1.9".parse()?, "fd77::a".parse()?],
        boot: Some(second),
        ..DhcpHarness::fresh(rig)
    };
    for wanted in [&wanted, &another] {
        dhcp.reserve(wanted, &us()).await?;
        let held = dhcp.reservation(wanted.mac).await?.ok_or("it is not there")?;
        same("that it says what is wanted", &held.reservation.agrees_with(wanted), &true)?;
    }
    for root in ["Dhcp4", "Dhcp6"] {
        let config = &told(&server, root)?[root];
        let required = config["shared-networks"][0][required].as_array().map_or(0, Vec::len);
        same("what the shared network requires: theirs, and one for each client of the first files", &required, &7)?;
        same("the classes of both", &config["client-classes"].as_array().map_or(0, Vec::len), &15)?;
    }
    dhcp.release(wanted.mac, &us()).await?;
    dhcp.release(another.mac, &us()).await?;
    same("DHCPv4 after their end", &told(&server, "Dhcp4")?, &before[0])?;
    same("DHCPv6 after their end", &told(&server, "Dhcp6")?, &before[1])
}

/// What a class calls that it is looked at only where it is required.
const fn only_if_required(release: KeaRelease) -> &'static str {
    match release {
        KeaRelease::V2_2 => "only-if-required",
        KeaRelease::V3_0 => "only-in-additional-list",
    }
}

/// The configuration of one of a Kea's servers.
fn told(server: &dip_lab::Kea, root: &str) -> Result<Value, Failure> {
    Ok(match root {
        "Dhcp4" => wait(server.config())?,
        _ => wait(server.config6())?,
    })
}

fn by_socket(socket: &std::path::Path) -> Result<dip_network::providers::kea::Kea, Failure> {
    provider(&by_socket4(socket))
}

/// Somebody who adds a reservation by hand before the given numbers of `config-test`.
fn editor(rig: &Rig, edits: Vec<Reservation>) -> Before {
    let (server, mut edits) = (Arc::clone(&rig.server), edits);
    Box::new(move |command| {
        if command != "config-test" {
            return Ok(());
        }
        let Some(edit) = edits.pop() else { return Ok(()) };
        wait(seed(&server, &edit))
    })
}

async fn an_edit_that_comes_between_is_seen_and_kept(rig: &Rig) -> Result<(), Failure> {
    let (wanted, theirs) = (DhcpHarness::fresh(rig), DhcpHarness::fresh(rig));
    let between = Interposed::before(&rig.server.socket, "between.sock", editor(rig, vec![theirs.clone()]))?;
    by_socket(&between.socket)?.reserve(&wanted, &us()).await?;
    let found = |mac| async move { Ok::<_, Failure>(rig.provider.reservation(mac).await?.is_some()) };
    same("that ours is there", &found(wanted.mac).await?, &true)?;
    same("that theirs is there", &found(theirs.mac).await?, &true)?;
    // Theirs may be the very thing that is wanted: then it is theirs.
    let taken = DhcpHarness::fresh(rig);
    let again = Interposed::before(&rig.server.socket, "again.sock", editor(rig, vec![taken.clone()]))?;
    refused(by_socket(&again.socket)?.reserve(&taken, &us()).await, ErrorKind::Conflict, "without a mark of dip")
}

async fn who_edits_all_the_time_makes_it_busy(rig: &Rig) -> Result<(), Failure> {
    let (wanted, edits) = (DhcpHarness::fresh(rig), (0..5).map(|_| DhcpHarness::fresh(rig)).collect());
    let between = Interposed::before(&rig.server.socket, "busy.sock", editor(rig, edits))?;
    let failed = by_socket(&between.socket)?.reserve(&wanted, &us()).await;
    refused(failed, ErrorKind::Busy, "changed by somebody else 5 times")
}

async fn many_reservations_become_few_changes(rig: &Rig) -> Result<(), Failure> {
    let between = Interposed::before(&rig.server.socket, "many.sock", Box::new(|_| Ok(())))?;
    let dhcp = Arc::new(by_socket(&between.socket)?);
    let mut all = JoinSet::new();
    for number in 0..500_u16 {
        let [high, low] = number.to_be_bytes();
        let (mac, address) = (MacAddr([2, 0xd1, 0x70, 0x10, high, low]), [10, 77, 40 + high, low].into());
        let (wanted, dhcp) =
            (Reservation { mac, addresses: vec![address], host_name: None, duid: None, boot: None }, Arc::clone(&dhcp));
        all.spawn(async move { dhcp.reserve(&wanted, &us()).await });
    }
    all.join_all().await.into_iter().collect::<Result<(), _>>()?;
    let ours = |mac: MacAddr| mac.0[3] == 0x10;
    let held: Vec<_> =
        dhcp.list().await?.into_iter().map(|held| held.reservation.mac).filter(|mac| ours(*mac)).collect();
    same("the number of reservations", &held.len(), &500)?;
    let changes = between.count("config-set");
    let mut all = JoinSet::new();
    for mac in held {
        let dhcp = Arc::clone(&dhcp);
        all.spawn(async move { dhcp.release(mac, &us()).await });
    }
    all.join_all().await.into_iter().collect::<Result<(), _>>()?;
    same("that there were few changes", &(changes <= 10), &true).map_err(|_| format!("{changes} changes").into())
}

async fn what_is_killed_between_set_and_write_is_saved_by_the_next_run(rig: &Rig) -> Result<(), Failure> {
    let wanted = DhcpHarness::fresh(rig);
    let refuse: Before = Box::new(|command| if command == "config-write" { Err("killed".into()) } else { Ok(()) });
    let between = Interposed::before(&rig.server.socket, "killed.sock", refuse)?;
    refused(by_socket(&between.socket)?.reserve(&wanted, &us()).await, ErrorKind::Unreachable, "hung up")?;
    by_socket(&rig.server.socket)?.reserve(&wanted, &us()).await?;
    let file = std::fs::read_to_string(&rig.server.file)?;
    same("that it is in the file", &file.contains(&wanted.mac.to_string()), &true)
}

async fn a_server_that_hangs_up_is_unreachable(rig: &Rig) -> Result<(), Failure> {
    let refuse: Before = Box::new(|_| Err("no".into()));
    let between = Interposed::before(&rig.server.socket, "hangs-up.sock", refuse)?;
    let failed = by_socket(&between.socket)?.reserve(&DhcpHarness::fresh(rig), &us()).await;
    refused(failed, ErrorKind::Unreachable, "hung up without an answer")
}

async fn a_server_that_is_killed_before_it_sets_changes_nothing_and_the_next_run_does(
    rig: &Rig,
) -> Result<(), Failure> {
    let (wanted, theirs) = (DhcpHarness::fresh(rig), DhcpHarness::fresh(rig));
    rig.seed_unmarked(&theirs).await?;
    let before = config(rig)?;
    let refuse: Before = Box::new(|command| if command == "config-set" { Err("killed".into()) } else { Ok(()) });
    let between = Interposed::before(&rig.server.socket, "before-set.sock", refuse)?;
    refused(by_socket(&between.socket)?.reserve(&wanted, &us()).await, ErrorKind::Unreachable, "hung up")?;
    same("the configuration", &config(rig)?, &before)?;
    by_socket(&rig.server.socket)?.reserve(&wanted, &us()).await?;
    same("the rest of it", &without(config(rig)?, wanted.mac), &without(before, wanted.mac))
}

async fn answers_that_come_late_are_waited_for(rig: &Rig) -> Result<(), Failure> {
    let wanted = DhcpHarness::fresh(rig);
    let late: Before = Box::new(|_| {
        wait(tokio::time::sleep(std::time::Duration::from_millis(300)));
        Ok(())
    });
    let between = Interposed::before(&rig.server.socket, "late.sock", late)?;
    let dhcp = by_socket(&between.socket)?;
    dhcp.reserve(&wanted, &us()).await?;
    let held = dhcp.reservation(wanted.mac).await?.ok_or("it is not there")?;
    same("that it says what is wanted", &held.reservation.agrees_with(&wanted), &true)
}

/// It is one of its own: others are asked meanwhile. Each time it is killed before another command is answered.
async fn a_kea_that_is_killed_in_the_middle_loses_nothing_and_the_next_run_completes(rig: &Rig) -> Result<(), Failure> {
    let mut server = wait(dip_lab::Kea::start(rig.server.release))?;
    let theirs = DhcpHarness::fresh(rig);
    let mut file: Value = serde_json::from_str(&std::fs::read_to_string(&server.file)?)?;
    file["Dhcp4"]["subnet4"][0]["reservations"] =
        json!([{"hw-address": theirs.mac, "ip-address": theirs.addresses[0]}]);
    std::fs::write(&server.file, file.to_string())?;
    wait(server.restart())?;
    let victims = ["config-get", "config-test", "config-set", "config-write"];
    for victim in victims {
        let wanted: Vec<Reservation> = (0..3).map(|_| DhcpHarness::fresh(rig)).collect();
        let pid = server.pid().to_string();
        let kill: Before = Box::new(move |command| {
            if command == victim {
                std::process::Command::new("kill").args(["-9", &pid]).status()?;
            }
            Ok(())
        });
        let between = Interposed::before(&server.socket, &format!("{victim}.sock"), kill)?;
        let dhcp = by_socket(&between.socket)?;
        for wanted in &wanted {
            refused(dhcp.reserve(wanted, &us()).await, ErrorKind::Unreachable, "see whether Kea still runs")?;
        }
        drop(between);
        wait(server.restart())?;
        let dhcp = by_socket(&server.socket)?;
        for wanted in &wanted {
            dhcp.reserve(wanted, &us()).await?;
        }
        let held = dhcp.list().await?;
        for wanted in &wanted {
            let found = held.iter().filter(|held| held.reservation.mac == wanted.mac);
            same("the number of its reservations", &found.count(), &1)?;
        }
    }
    // What the file says is what it starts with: all of them, and the one of somebody else, who is not touched.
    wait(server.restart())?;
    let held = by_socket(&server.socket)?.list().await?;
    same("the number of reservations", &held.len(), &(victims.len() * 3 + 1))?;
    let found = held.iter().find(|held| held.reservation.mac == theirs.mac).ok_or("the foreign one is gone")?;
    same("its owner", &found.owner, &None)
}
