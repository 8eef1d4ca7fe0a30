//! How long 1,000 names take into BIND, Knot and PowerDNS: dip with all names at once, and `nsupdate` with 500 names a message
//! and with one, on the same servers and in turn. All write the same records under the same prerequisites: an address, the mark
//! beside it, and the reverse name.
#![allow(clippy::print_stdout, reason = "a bench tells its figures")]

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dip::core::id::SiteName;
use dip::core::secret::{Secret, SecretRef};
use dip::opsmgmt::provider::{Dns, HostName};
use dip::opsmgmt::providers::powerdns::PowerDns;
use dip::opsmgmt::providers::rfc2136::Rfc2136;
use dip::opsmgmt::settings::{KeyAlgorithm, PowerDnsSettings, Rfc2136Settings, TsigKey};
use dip_lab::{Bind, BindConfig, Knot, KnotConfig, PowerDns as PowerDnsLab, Requirement, Zone, find_program};
use tokio::runtime::Runtime;

const NAMES: u16 = 1_000;
/// As many names a message as make `nsupdate` fastest.
const BATCH: usize = 500;
/// One name a message takes many times as long; so many tell the rate.
const SINGLE: u16 = 200;
/// Comparisons in turn; the medians are printed.
const ROUNDS: u8 = 7;

struct Key {
    name: String,
    secret: String,
}

fn main() {
    // `cargo test --benches` only wants to know that it starts.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    // `-- knot` measures that server alone.
    let only = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let wanted = |server: &str| only.as_deref().is_none_or(|only| only == server);
    let runtime = Runtime::new().expect("a runtime can be built");
    if wanted("bind") {
        bind(&runtime);
    }
    if wanted("knot") {
        knot(&runtime);
    }
    if wanted("powerdns") {
        powerdns(&runtime);
    }
}

fn bind(runtime: &Runtime) {
    match Requirement::Bind.check() {
        Ok(()) => {
            let bind = runtime.block_on(Bind::start(BindConfig::default())).expect("BIND starts");
            let key = Key { name: bind.key_name.clone(), secret: bind.key_secret.clone() };
            updates(runtime, "bind", bind.addr, &key, KeyAlgorithm::HmacSha256);
        }
        Err(missing) => println!("bind: not measured, {missing}"),
    }
}

fn knot(runtime: &Runtime) {
    match Requirement::Knot.check() {
        Ok(()) => {
            let config = KnotConfig { algorithm: "hmac-sha256", ..KnotConfig::default() };
            let knot = runtime.block_on(Knot::start(config)).expect("Knot starts");
            let key = Key { name: knot.key_name.clone(), secret: knot.key_secret.clone() };
            updates(runtime, "knot", knot.addr, &key, KeyAlgorithm::HmacSha256);
        }
        Err(missing) => println!("knot: not measured, {missing}"),
    }
}

fn updates(runtime: &Runtime, server: &str, addr: SocketAddr, key: &Key, algorithm: KeyAlgorithm) {
    let settings = Rfc2136Settings {
        server: addr.to_string(),
        zones: Vec::new(),
        key: TsigKey { name: key.name.clone(), algorithm, secret: SecretRef::File(PathBuf::from("unused")) },
        ttl: 60,
        names: Vec::new(),
    };
    let (mut dip, mut batched, mut single) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let provider = Rfc2136::new(&settings, &Secret::new(key.secret.clone())).expect("the settings are sound");
        dip.push(rate(NAMES, ensure(runtime, Arc::new(provider), &names('d', round, NAMES))));
        batched.push(rate(NAMES, nsupdate(addr, key, &names('b', round, NAMES), BATCH)));
        single.push(rate(SINGLE, nsupdate(addr, key, &names('s', round, SINGLE), 1)));
    }
    let (dip, batched, single) = (median(dip), median(batched), median(single));
    println!(
        "{server}: dip {dip:.0} names/s; nsupdate {BATCH} names a message {batched:.0}/s (dip {:.2} of it), one name a \
         message {single:.0}/s (dip {:.1} times)",
        dip / batched,
        dip / single
    );
}

fn powerdns(runtime: &Runtime) {
    if let Err(missing) = Requirement::PowerDns.check() {
        println!("powerdns: not measured, {missing}");
        return;
    }
    let zones = [Zone::empty("lab.test"), Zone::empty("10.in-addr.arpa")];
    let lab = runtime.block_on(PowerDnsLab::start(&zones)).expect("PowerDNS starts");
    let settings = PowerDnsSettings {
        url: format!("http://{}", lab.api),
        key: SecretRef::File(PathBuf::from("unused")),
        server: "localhost".to_owned(),
        ttl: 60,
        names: Vec::new(),
    };
    let mut rates = Vec::new();
    for round in 0..ROUNDS {
        let provider = PowerDns::new(&settings, &Secret::new(lab.api_key.clone())).expect("the settings are sound");
        rates.push(rate(NAMES, ensure(runtime, Arc::new(provider), &names('d', round, NAMES))));
    }
    println!("powerdns: dip {:.0} names/s (three sets of records each), no call failed", median(rates));
}

/// Names and addresses that nothing else of this run has.
fn names(who: char, round: u8, count: u16) -> Vec<HostName> {
    let third = match who {
        'd' => 0,
        'b' => 64,
        _ => 128,
    };
    let of = |number: u16| {
        let [high, low] = number.to_be_bytes();
        let address = IpAddr::V4(Ipv4Addr::new(10, round, third + high, low));
        HostName { name: format!("{who}{round}n{number}.lab.test"), addresses: vec![address] }
    };
    (0..count).map(of).collect()
}

/// All names at once, as steps of an engine ask for them; each must be made.
fn ensure(runtime: &Runtime, dns: Arc<dyn Dns>, names: &[HostName]) -> Duration {
    let owner = SiteName::new("bench").expect("a name");
    runtime.block_on(async {
        let began = Instant::now();
        let tasks: Vec<_> = names
            .iter()
            .map(|name| {
                let (dns, name, owner) = (Arc::clone(&dns), name.clone(), owner.clone());
                tokio::spawn(async move { dns.ensure(&name, &owner).await })
            })
            .collect();
        for task in tasks {
            task.await.expect("it does not panic").expect("the server takes it");
        }
        began.elapsed()
    })
}

/// The same by `nsupdate`, in one process.
fn nsupdate(addr: SocketAddr, key: &Key, names: &[HostName], batch: usize) -> Duration {
    let mut script = format!("server {} {}\n", addr.ip(), addr.port());
    for part in names.chunks(batch) {
        script.push_str("zone lab.test\n");
        for HostName { name, addresses } in part {
            let _ = writeln!(script, "prereq nxdomain {name}\nprereq nxdomain _dip.{name}");
            let _ = writeln!(
                script,
                "update add _dip.{name} 60 TXT \"site=bench\"\nupdate add {name} 60 A {}",
                addresses[0]
            );
        }
        script.push_str("send\nzone 10.in-addr.arpa\n");
        for HostName { name, addresses } in part {
            let IpAddr::V4(address) = addresses[0] else { continue };
            let [a, b, c, d] = address.octets();
            let at = format!("{d}.{c}.{b}.{a}.in-addr.arpa");
            let _ =
                writeln!(script, "prereq nxrrset {at} PTR\nprereq nxrrset {at} CNAME\nupdate add {at} 60 PTR {name}.");
        }
        script.push_str("send\n");
    }
    let file = std::env::temp_dir().join(format!("dip-bench-dns-{}", std::process::id()));
    std::fs::write(&file, script).expect("the temporary directory is writable");
    let began = Instant::now();
    let status = Command::new(find_program("nsupdate").expect("it is required"))
        .args(["-v", "-y", &format!("hmac-sha256:{}:{}", key.name, key.secret)])
        .arg(&file)
        .stdin(Stdio::null())
        .status()
        .expect("nsupdate runs");
    let took = began.elapsed();
    let _ = std::fs::remove_file(&file);
    assert!(status.success(), "nsupdate could not write all");
    took
}

fn rate(names: u16, took: Duration) -> f64 {
    f64::from(names) / took.as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_unstable_by(f64::total_cmp);
    rates[rates.len() / 2]
}
