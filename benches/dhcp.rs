//! How long 10,000 reservations take into the PostgreSQL hosts backend of a Kea: dip with all of them at once, as the steps of an engine ask
//! for them; and, on the same server and in turn, `psql` with the same rows as one `COPY`, which is the bound, and as one `INSERT` each.
#![allow(clippy::print_stdout, reason = "a bench tells its figures")]

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dip::core::hardware::MacAddr;
use dip::core::id::SiteName;
use dip::core::secret::{LocalSecrets, SecretRef};
use dip::network::provider::{Dhcp, Reservation};
use dip::network::providers::kea::Kea;
use dip::network::settings::{HostsDatabase, KeaSettings};
use dip_lab::{Kea as KeaLab, KeaRelease, Postgres, Requirement, find_program};
use tokio::runtime::Runtime;

const RESERVATIONS: u16 = 10_000;
/// One by one they take long; so many tell the rate.
const SINGLE: u16 = 1_000;
/// Comparisons in turn; the medians are printed.
const ROUNDS: usize = 7;

fn main() {
    // `cargo test --benches` only wants to know that it starts.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    if let Err(missing) = Requirement::check_all(&[Requirement::Kea, Requirement::KeaPostgres]) {
        println!("kea: not measured, {missing}");
        return;
    }
    let runtime = Runtime::new().expect("a runtime can be built");
    let lab = runtime.block_on(KeaLab::start_with_database(KeaRelease::V2_2)).expect("Kea starts");
    let database = lab.database.as_ref().expect("it was started with one");
    let (mut dip, mut again, mut copied, mut single) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let kea: Arc<dyn Dhcp> = Arc::new(provider(&lab, database));
        dip.push(reserve(&runtime, &kea));
        again.push(reserve(&runtime, &kea));
        empty(database);
        copied.push(psql(database, &copy()));
        empty(database);
        single.push(psql(database, &inserts(SINGLE)));
        empty(database);
    }
    let (dip, again, copied) = (median(dip), median(again), median(copied));
    let single = median(single) * u32::from(RESERVATIONS / SINGLE);
    println!(
        "kea, {RESERVATIONS} reservations into its hosts backend: dip {dip:.2?}, the same again {again:.2?}; one COPY of the same rows \
         {copied:.2?} (dip {:.1} times); one INSERT each {single:.2?} (of {SINGLE}, extrapolated; dip {:.2} of it)",
        dip.as_secs_f64() / copied.as_secs_f64(),
        dip.as_secs_f64() / single.as_secs_f64()
    );
}

fn provider(lab: &KeaLab, database: &Postgres) -> Kea {
    let (user, password) = Postgres::LOGIN;
    let file = lab.file.with_file_name("bench-password");
    std::fs::write(&file, password).expect("the lab's directory is writable");
    let settings = KeaSettings {
        dhcp4: Some(format!("unix:{}", lab.socket.display())),
        dhcp6: None,
        user: None,
        password: None,
        tls_ca: None,
        tls_certificate: None,
        tls_key: None,
        hosts_database: Some(HostsDatabase {
            address: database.addr.to_string(),
            name: Postgres::DATABASE.to_owned(),
            user: user.to_owned(),
            password: Some(SecretRef::File(file)),
        }),
        backend: None,
        networks: Vec::new(),
        boot: None,
    };
    Kea::new(&settings, &LocalSecrets::new(Path::new("/"))).expect("the settings are those of the lab")
}

/// An interface, its address and its name.
fn row(number: u16) -> (MacAddr, Ipv4Addr, String) {
    let [high, low] = number.to_be_bytes();
    (MacAddr([2, 0xd1, 0x70, 0x20, high, low]), Ipv4Addr::new(10, 77, high, low), format!("m{number}"))
}

/// All at once; each must be kept.
fn reserve(runtime: &Runtime, kea: &Arc<dyn Dhcp>) -> Duration {
    let owner = SiteName::new("bench").expect("a name");
    runtime.block_on(async {
        let began = Instant::now();
        let tasks: Vec<_> = (0..RESERVATIONS)
            .map(|number| {
                let ((mac, address, name), kea, owner) = (row(number), Arc::clone(kea), owner.clone());
                let wanted = Reservation {
                    mac,
                    addresses: vec![IpAddr::V4(address)],
                    host_name: Some(name),
                    duid: None,
                    boot: None,
                };
                tokio::spawn(async move { kea.reserve(&wanted, &owner).await })
            })
            .collect();
        for task in tasks {
            task.await.expect("it does not panic").expect("Kea takes it");
        }
        began.elapsed()
    })
}

const COLUMNS: &str = "dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id, ipv4_address, hostname, user_context";
const MARK: &str = "{\"dip\":{\"site\":\"bench\"}}";

fn copy() -> String {
    let mut script = format!("COPY hosts ({COLUMNS}) FROM STDIN;\n");
    for (mac, address, name) in (0..RESERVATIONS).map(row) {
        let octets = mac.to_string().replace(':', "");
        let _ = writeln!(script, "\\\\x{octets}\t0\t1\t{}\t{name}\t{MARK}", address.to_bits());
    }
    script.push_str("\\.\n");
    script
}

/// Each in a transaction of its own.
fn inserts(count: u16) -> String {
    let mut script = String::new();
    for (mac, address, name) in (0..count).map(row) {
        let octets = mac.to_string().replace(':', "");
        let address = address.to_bits();
        let _ = writeln!(
            script,
            "INSERT INTO hosts ({COLUMNS}) VALUES ('\\x{octets}', 0, 1, {address}, '{name}', '{MARK}');"
        );
    }
    script
}

fn empty(database: &Postgres) {
    psql(database, "DELETE FROM hosts;\n");
}

/// How long `psql` takes for a script.
fn psql(database: &Postgres, script: &str) -> Duration {
    let file: PathBuf = std::env::temp_dir().join(format!("dip-bench-dhcp-{}", std::process::id()));
    std::fs::write(&file, script).expect("the temporary directory is writable");
    let (host, port) = (database.addr.ip().to_string(), database.addr.port().to_string());
    let began = Instant::now();
    let status = Command::new(find_program("psql").expect("it is required"))
        .args([
            "-h",
            &host,
            "-p",
            &port,
            "-U",
            "postgres",
            "-v",
            "ON_ERROR_STOP=1",
            "-q",
            "-d",
            Postgres::DATABASE,
            "-f",
        ])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .expect("psql runs");
    let took = began.elapsed();
    let _ = std::fs::remove_file(&file);
    assert!(status.success(), "psql could not write all");
    took
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
