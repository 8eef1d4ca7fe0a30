//! How long it takes to know the power of 200 machines: dip's sweep over one socket, FreeIPMI's `ipmipower` with a range of hosts,
//! and 32 `ipmitool` at a time, on the same simulated BMCs and in turn.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use dip::core::secret::Secret;
use dip::firmware::ipmi::Sockets;
use dip::firmware::provider::Bmc;
use dip::firmware::providers::{Ipmi, sweep};
use dip::firmware::settings::{IpmiSettings, IpmiSuite};
use dip_lab::{Chassis, IpmiSim, IpmiSimConfig, NodeDirectory, Requirement, find_program, is_root};
use tokio::runtime::Runtime;

/// `ipmipower` reads ranges of addresses, and not of ports: each BMC has an address of its own.
const BMCS: u8 = 200;
/// Comparisons in turn; the medians are printed.
const ROUNDS: usize = 9;
/// Only so many rounds also wait for `ipmitool`, which takes many times as long.
const SLOW_ROUNDS: usize = 3;
/// As many `ipmitool` as are started at once in machine rooms.
const PROCESSES: usize = 32;
/// A sweep takes far less.
const PATIENCE: Duration = Duration::from_secs(60);

struct Rack {
    network: [u8; 2],
    _sims: Vec<IpmiSim>,
}

impl Rack {
    fn start(runtime: &Runtime, chassis: Chassis) -> Self {
        // A loopback network that another run at the same time has not.
        let network = (std::process::id() as u16).to_le_bytes();
        let sims = runtime.block_on(async {
            let mut sims = Vec::new();
            for n in 1..=BMCS {
                let node = NodeDirectory::idle(&format!("n{n}")).expect("the temporary directory is writable");
                let addr = Some(address(network, n));
                let config = IpmiSimConfig { addr, chassis, ..IpmiSimConfig::named(&format!("n{n}")) };
                sims.push(IpmiSim::start(config, &node).await.expect("the BMC starts"));
            }
            sims
        });
        Self { network, _sims: sims }
    }

    fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        (1..=BMCS).map(|n| address(self.network, n))
    }
}

fn address([a, b]: [u8; 2], n: u8) -> SocketAddr {
    // 127.0.x.y belongs to the machine itself.
    (Ipv4Addr::new(127, a | 1, b, n), 623).into()
}

/// Both peers use suite 3 unasked.
const AS_PEERS: Option<IpmiSuite> = Some(IpmiSuite::Suite3);
/// dip asks for the best that a BMC has, which takes five requests more here.
const BEST: Option<IpmiSuite> = None;

/// Our sweep, from nothing: sessions are opened, used and closed. Gives when the last of those that answer was told.
fn dip(
    runtime: &Runtime,
    addresses: impl Iterator<Item = SocketAddr>,
    cipher_suite: Option<IpmiSuite>,
    answer: usize,
) -> Duration {
    let password = Secret::new("secret".to_owned());
    runtime.block_on(async {
        let began = Instant::now();
        let sockets = Sockets::new();
        let bmcs = addresses.map(|addr| {
            let settings = IpmiSettings { port: Some(addr.port()), cipher_suite, ..IpmiSettings::default() };
            let bmc =
                Ipmi::new(&sockets, &addr.ip().to_string(), "admin", &password, &settings).expect("it fits into IPMI");
            (addr, Arc::new(bmc) as Arc<dyn Bmc>)
        });
        let mut answers = sweep::power(bmcs.collect::<Vec<_>>(), sweep::Pace::default());
        for _ in 0..answer {
            let (addr, power) = answers.next().await.expect("as many were asked");
            power.unwrap_or_else(|error| panic!("{addr}: {error}"));
        }
        began.elapsed()
    })
}

fn ipmipower(rack: &Rack) -> Duration {
    let [a, b] = rack.network;
    let hosts = format!("127.{}.{b}.[1-{BMCS}]", a | 1);
    let began = Instant::now();
    let program = find_program("ipmipower").expect("it is required");
    let output = Command::new(program)
        .args(["-D", "LAN_2_0", "-W", "opensesspriv", "-u", "admin", "-p", "secret", "-h", &hosts, "--stat"])
        .output()
        .expect("ipmipower runs");
    let took = began.elapsed();
    let told = String::from_utf8_lossy(&output.stdout);
    let known = told.lines().filter(|line| line.ends_with(": off")).count();
    assert_eq!(known, usize::from(BMCS), "ipmipower knows all of them: {told}");
    took
}

fn ipmitool(rack: &Rack) -> Duration {
    let program = find_program("ipmitool").expect("it is required");
    let left = std::sync::Mutex::new(rack.addresses());
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..PROCESSES {
            scope.spawn(|| {
                loop {
                    let Some(addr) = left.lock().expect("nobody panics with it").next() else { return };
                    let done = Command::new(&program)
                        .args(["-I", "lanplus", "-C", "3", "-U", "admin", "-P", "secret", "-H", &addr.ip().to_string()])
                        .args(["chassis", "power", "status"])
                        .stdout(Stdio::null())
                        .status();
                    assert!(done.is_ok_and(|status| status.success()), "ipmitool asks {addr}");
                }
            });
        }
    });
    began.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn compare(runtime: &Runtime, rack: &Rack, who: &str) {
    let all = usize::from(BMCS);
    // Where nobody answers: a socket that reads nothing.
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let silent = silent.local_addr().expect("it is bound");
    let [mut ours, mut best, mut theirs, mut slow, mut beside]: [Vec<Duration>; 5] = Default::default();
    for round in 0..ROUNDS {
        ours.push(dip(runtime, rack.addresses(), AS_PEERS, all));
        theirs.push(ipmipower(rack));
        best.push(dip(runtime, rack.addresses(), BEST, all));
        beside.push(dip(runtime, std::iter::once(silent).chain(rack.addresses()), AS_PEERS, all));
        if round < SLOW_ROUNDS {
            slow.push(ipmitool(rack));
        }
    }
    assert!(beside.iter().all(|took| *took < PATIENCE), "the silent one is not waited for");
    let [ours, best, theirs, slow, beside] =
        [ours, best, theirs, slow, beside].map(|times| median(times).as_secs_f64());
    let told = format!(
        "sweep of {BMCS} {who}, medians: dip {ours:.3} s ({best:.3} s where it asks for the best suite), ipmipower {theirs:.3} s, {PROCESSES} ipmitool {slow:.2} s; dip takes {:.2} of \
         ipmipower, ipmitool takes {:.0} of dip; with a silent BMC among them the others are known after {beside:.3} s",
        ours / theirs,
        slow / ours
    );
    std::io::Write::write_all(&mut std::io::stdout(), format!("{told}\n").as_bytes())
        .expect("standard output is there");
}

fn sweeps(criterion: &mut Criterion) {
    let needed = Requirement::check_all(&[Requirement::Ipmi, Requirement::FreeIpmi]);
    if let Some(missing) = needed.err().map(|missing| missing.to_string()).or_else(|| {
        (!is_root())
            .then(|| "BMCs at port 623 are started by root alone, and ipmipower reads no ranges of ports".to_owned())
    }) {
        std::io::Write::write_all(&mut std::io::stderr(), format!("sweep is left out: {missing}\n").as_bytes())
            .expect("standard error is there");
        return;
    }
    let runtime = Runtime::new().expect("a runtime");
    compare(&runtime, &Rack::start(&runtime, Chassis::Node), "that start a shell for each question");
    let rack = Rack::start(&runtime, Chassis::Nothing);
    compare(&runtime, &rack, "that answer by themselves");
    let mut group = criterion.benchmark_group("sweep");
    group.sample_size(10);
    group.bench_function("dip", |bench| {
        bench.iter_custom(|times| {
            (0..times).map(|_| dip(&runtime, rack.addresses(), AS_PEERS, usize::from(BMCS))).sum()
        });
    });
    group.bench_function("ipmipower", |bench| {
        bench.iter_custom(|times| (0..times).map(|_| ipmipower(&rack)).sum());
    });
    group.finish();
}

criterion_group!(benches, sweeps);
criterion_main!(benches);
