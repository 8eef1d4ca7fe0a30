//! Reservations in the database of Kea's hosts backend.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dip_core::conformance::expect::{refused, same, us};
use dip_core::conformance::{Failure, Trial, on_server, trials_of};
use dip_core::hardware::MacAddr;
use dip_core::provider::{ErrorKind, Holder, ProviderError, Retry};
use dip_lab::{KeaRelease, Postgres, Requirement};
use dip_network::conformance::{self, DhcpHarness};
use dip_network::provider::{Dhcp, Reservation};
use dip_network::providers::kea::Kea;
use dip_network::settings::KeaSettings;
use tokio::task::JoinSet;

use super::rig::{Rig, of_every_way, provider, settings};
use crate::openvswitch::is;
use crate::wait;

pub(super) async fn trials(release: KeaRelease) -> Vec<Trial> {
    on_server(
        &format!("kea {release} database"),
        Requirement::check_all(&[release.requirement(), Requirement::KeaPostgres]),
        async { Rig::new(dip_lab::Kea::start_with_database(release).await?).await },
        |rig| {
            let mut trials = of_every_way(&rig);
            trials.extend(trials_of! {rig;
                what_else_a_claimed_row_says_stays
                classes_that_somebody_gave_a_dhcpv6_row_stay_beside_those_of_boot_files
                two_nodes_can_exchange_their_addresses
                ten_thousand_reservations_are_written_together
                a_database_without_keas_tables_is_told
                somebody_who_holds_the_table_is_waited_for
                a_database_that_is_killed_in_the_middle_keeps_all_or_nothing_and_the_next_run_goes_on
                reservations_go_on_while_kea_is_away_and_it_has_them_when_it_comes_back
            });
            trials
        },
    )
    .await
}

pub(super) fn sql(rig: &Rig, text: &str) -> Result<String, Failure> {
    let database = rig.server.database.as_ref().ok_or("it has a database")?;
    Ok(wait(database.sql(Postgres::DATABASE, text))?.trim().to_owned())
}

async fn what_else_a_claimed_row_says_stays(rig: &Rig) -> Result<(), Failure> {
    let wanted = DhcpHarness::fresh(rig);
    rig.seed_unmarked(&wanted).await?;
    let mac = wanted.mac.to_string().replace(':', "");
    let row = |rig: &Rig| {
        sql(
            rig,
            &format!("SELECT dhcp4_boot_file_name, user_context::jsonb FROM hosts WHERE dhcp_identifier = '\\x{mac}'"),
        )
    };
    let boot = format!(
        "UPDATE hosts SET dhcp4_boot_file_name = 'ipxe.efi', user_context = '{{\"room\": 7}}' WHERE dhcp_identifier = '\\x{mac}'"
    );
    sql(rig, &boot)?;
    rig.provider.claim(wanted.mac, &Holder::Nobody, &us()).await?;
    is("the row that was claimed", &row(rig)?, r#"ipxe.efi|{"dip": {"site": "conformance"}, "room": 7}"#)?;
    let changed = Reservation { addresses: DhcpHarness::fresh(rig).addresses, ..wanted.clone() };
    rig.provider.reserve(&changed, &us()).await?;
    is("the row that was changed", &row(rig)?, r#"ipxe.efi|{"dip": {"site": "conformance"}, "room": 7}"#)?;
    rig.provider.disown(wanted.mac, &us()).await?;
    is("the row that was given back", &row(rig)?, r#"ipxe.efi|{"room": 7}"#)
}

async fn classes_that_somebody_gave_a_dhcpv6_row_stay_beside_those_of_boot_files(rig: &Rig) -> Result<(), Failure> {
    let [boot, _] = conformance::trial_boot_files6();
    let wanted = Reservation { addresses: vec!["fd77::b".parse()?], boot: Some(boot), ..DhcpHarness::fresh(rig) };
    rig.provider.reserve(&Reservation { boot: None, ..wanted.clone() }, &us()).await?;
    let mac = wanted.mac.to_string().replace(':', "");
    let of = format!("FROM hosts WHERE dhcp_identifier = '\\x{mac}'");
    sql(rig, &format!("UPDATE hosts SET dhcp6_client_classes = 'theirs' WHERE dhcp_identifier = '\\x{mac}'"))?;
    rig.provider.reserve(&wanted, &us()).await?;
    let classes = sql(rig, &format!("SELECT dhcp6_client_classes {of}"))?;
    is("theirs and ours", &classes.starts_with("theirs,dip-conformance-boot-").to_string(), "true")?;
    rig.provider.reserve(&Reservation { boot: None, ..wanted.clone() }, &us()).await?;
    is("theirs", &sql(rig, &format!("SELECT dhcp6_client_classes, dhcp4_client_classes {of}"))?, "theirs|")?;
    rig.provider.release(wanted.mac, &us()).await?;
    is("what is left", &sql(rig, &format!("SELECT count(*) {of}"))?, "0")
}

pub(super) async fn two_nodes_can_exchange_their_addresses(rig: &Rig) -> Result<(), Failure> {
    let (first, second) = (DhcpHarness::fresh(rig), DhcpHarness::fresh(rig));
    rig.provider.reserve(&first, &us()).await?;
    rig.provider.reserve(&second, &us()).await?;
    let exchanged = [
        Reservation { addresses: second.addresses.clone(), ..first.clone() },
        Reservation { addresses: first.addresses.clone(), ..second.clone() },
    ];
    let (us, dhcp) = (us(), &rig.provider);
    let (one, other) = tokio::join!(dhcp.reserve(&exchanged[0], &us), dhcp.reserve(&exchanged[1], &us));
    one?;
    other?;
    for wanted in exchanged {
        let held = rig.provider.reservation(wanted.mac).await?.ok_or("it is gone")?;
        same("that it says what is wanted", &held.reservation.agrees_with(&wanted), &true)?;
    }
    Ok(())
}

async fn ten_thousand_reservations_are_written_together(rig: &Rig) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut all = JoinSet::new();
    for number in 0..10_000_u16 {
        let [high, low] = number.to_be_bytes();
        let (mac, address) = (MacAddr([2, 0xd1, 0x70, 0x20, high, low]), [10, 77, 40 + high, low].into());
        let host_name = Some(format!("m{number}"));
        let (wanted, dhcp) = (
            Reservation { mac, addresses: vec![address], host_name, duid: None, boot: None },
            Arc::clone(&rig.provider),
        );
        all.spawn(async move { dhcp.reserve(&wanted, &us()).await });
    }
    all.join_all().await.into_iter().collect::<Result<(), _>>()?;
    let took = begun.elapsed();
    let ours = "SELECT count(*) FROM hosts WHERE dhcp_identifier BETWEEN '\\x02d170200000' AND '\\x02d17020ffff'";
    is("the number of rows", &sql(rig, ours)?, "10000")?;
    // A client of one in the midst of them, to see that Kea reads them at once.
    let lease = wait(rig.server.lease("02:d1:70:20:12:34"))?.ok_or("the client got no lease")?;
    is("the lease", &lease.address.to_string(), "10.77.58.52")?;
    sql(rig, "DELETE FROM hosts WHERE dhcp_identifier BETWEEN '\\x02d170200000' AND '\\x02d17020ffff'")?;
    // One by one they take more than 20 s; the limit leaves room for a build without optimization on a busy machine.
    same("that it took less than ten seconds", &(took < Duration::from_secs(10)), &true)
        .map_err(|_| format!("it took {took:?}").into())
}

async fn a_database_without_keas_tables_is_told(rig: &Rig) -> Result<(), Failure> {
    let mut settings = settings(&rig.server)?;
    settings.hosts_database.as_mut().ok_or("it has a database")?.name = "postgres".to_owned();
    let failed = provider(&settings)?.reserve(&DhcpHarness::fresh(rig), &us()).await;
    refused(failed, ErrorKind::NotFound, "kea-admin db-init pgsql")
}

async fn somebody_who_holds_the_table_is_waited_for(rig: &Rig) -> Result<(), Failure> {
    let (wanted, server) = (DhcpHarness::fresh(rig), Arc::clone(&rig.server));
    let holds = tokio::task::spawn_blocking(move || {
        let database = server.database.as_ref().ok_or("it has a database")?;
        let hold = "BEGIN; LOCK TABLE hosts IN EXCLUSIVE MODE; SELECT pg_sleep(1); COMMIT";
        tokio::runtime::Handle::current().block_on(database.sql(Postgres::DATABASE, hold))?;
        Ok::<_, Failure>(())
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    rig.provider.reserve(&wanted, &us()).await?;
    holds.await??;
    Ok(())
}

/// Each asks for itself, all at once.
pub(super) fn reserve_all(dhcp: &Arc<Kea>, wanted: &[Reservation]) -> JoinSet<Result<(), ProviderError>> {
    let mut all = JoinSet::new();
    for wanted in wanted {
        let (wanted, dhcp) = (wanted.clone(), Arc::clone(dhcp));
        all.spawn(async move { dhcp.reserve(&wanted, &us()).await });
    }
    all
}

/// The database that is killed is one of its own: others are asked meanwhile.
async fn a_database_that_is_killed_in_the_middle_keeps_all_or_nothing_and_the_next_run_goes_on(
    rig: &Rig,
) -> Result<(), Failure> {
    let mut server = wait(dip_lab::Kea::start_with_database(rig.server.release))?;
    let provider = Arc::new(provider(&settings(&server)?)?);
    let database = server.database.as_mut().ok_or("it has a database")?;
    let theirs = "INSERT INTO hosts (dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id, ipv4_address, hostname)
                  VALUES ('\\x02d170770001', 0, 1, 172830211, 'printer')";
    wait(database.sql(Postgres::DATABASE, theirs))?;
    let wanted: Vec<Reservation> = (0..50).map(|_| DhcpHarness::fresh(rig)).collect();
    // Whoever holds the table keeps the change from its end until the database dies.
    let held = database.hold("LOCK TABLE hosts IN EXCLUSIVE MODE")?;
    let changes = reserve_all(&provider, &wanted);
    tokio::time::sleep(Duration::from_millis(500)).await;
    database.kill()?;
    drop(held);
    let ended = changes.join_all().await;
    for end in &ended {
        let retry = end.as_ref().err().map(|error| (error.kind(), error.retry()));
        let told = matches!(retry, Some((ErrorKind::Unreachable | ErrorKind::Busy, Retry::Backoff)));
        same("that it is told, to be tried again", &told, &true).map_err(|_| format!("{retry:?}"))?;
    }
    refused(provider.reservation(wanted[0].mac).await, ErrorKind::Unreachable, "start PostgreSQL")?;
    wait(database.restart())?;
    let rows = "SELECT count(*), count(user_context) FROM hosts";
    is("what is there", wait(database.sql(Postgres::DATABASE, rows))?.trim(), "1|0")?;
    // It refuses first because it is full, then because it is a standby.
    let set = |how: &str| wait(database.sql("postgres", &format!("ALTER USER {} {how}", Postgres::LOGIN.0)));
    set("CONNECTION LIMIT 0")?;
    refused(provider.reserve(&wanted[0], &us()).await, ErrorKind::Busy, "too many connections")?;
    set("CONNECTION LIMIT -1")?;
    set("SET default_transaction_read_only = on")?;
    let words = "name the primary as `hosts_database`, and not a standby";
    refused(provider.reserve(&wanted[0], &us()).await, ErrorKind::Denied, words)?;
    set("RESET default_transaction_read_only")?;
    let provider = Arc::new(self::provider(&settings(&server)?)?);
    let database = server.database.as_ref().ok_or("it has a database")?;
    reserve_all(&provider, &wanted).join_all().await.into_iter().collect::<Result<(), _>>()?;
    is("what is there after the next run", wait(database.sql(Postgres::DATABASE, rows))?.trim(), "51|50")?;
    is(
        "theirs",
        wait(database.sql(Postgres::DATABASE, "SELECT hostname FROM hosts WHERE user_context IS NULL"))?.trim(),
        "printer",
    )
}

/// It is one of its own: others are asked meanwhile.
async fn reservations_go_on_while_kea_is_away_and_it_has_them_when_it_comes_back(rig: &Rig) -> Result<(), Failure> {
    let mut server = wait(dip_lab::Kea::start_with_database(rig.server.release))?;
    let socket = Some(format!("unix:{}", server.socket.display()));
    let settings = KeaSettings { dhcp4: socket, dhcp6: None, user: None, password: None, ..settings(&server)? };
    let dhcp = provider(&settings)?;
    let (before, meanwhile) = (DhcpHarness::fresh(rig), DhcpHarness::fresh(rig));
    dhcp.reserve(&before, &us()).await?;
    server.stop();
    dhcp.reserve(&meanwhile, &us()).await?;
    dhcp.release(before.mac, &us()).await?;
    // Whoever has not seen Kea's subnets cannot know where an address belongs.
    let words = "start Kea, or correct the path";
    refused(provider(&settings)?.reserve(&before, &us()).await, ErrorKind::Unreachable, words)?;
    wait(server.restart())?;
    let lease = wait(server.lease(&meanwhile.mac.to_string()))?.ok_or("the client got no lease")?;
    is("the lease", &lease.address.to_string(), &meanwhile.addresses[0].to_string())?;
    let dhcp = provider(&settings)?;
    same("what was released", &dhcp.reservation(before.mac).await?, &None)?;
    dhcp.reserve(&before, &us()).await?;
    same("the number of reservations", &dhcp.list().await?.len(), &2)
}
