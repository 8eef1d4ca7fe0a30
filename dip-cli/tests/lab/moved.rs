//! A node whose address is changed in the site file: its name, reservation, record and monitoring target move in one plan, and what
//! somebody changes in them is put right while dip looks every so often.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use dip_lab::{Bind, BindConfig, Dnsmasq, Host, Hosts, Prometheus, Requirement, Zone};

use crate::command::{Dip, Told, Unexpected, expect};

pub(crate) const NEEDS: &[Requirement] =
    &[Requirement::Hosts, Requirement::Bind, Requirement::Dnsmasq, Requirement::Prometheus];

const NAME: &str = "n1.lab.test";

/// The servers of a site with one node.
struct Rig {
    hosts: Hosts,
    bind: Bind,
    dnsmasq: Dnsmasq,
    prometheus: Prometheus,
    directory: PathBuf,
}

impl Rig {
    async fn start() -> Told<Self> {
        let hosts = Hosts::start(1).await?;
        let [a, b, c, _] = hosts.router.octets();
        let zones = vec![Zone::empty("lab.test"), Zone::empty(&format!("{c}.{b}.{a}.in-addr.arpa"))];
        let bind = Bind::start(BindConfig { zones, ..BindConfig::default() }).await?;
        let directory = std::env::temp_dir().join(format!("dip-moved-{}", std::process::id()));
        std::fs::create_dir_all(directory.join("cmdb"))?;
        std::fs::create_dir_all(directory.join("secrets"))?;
        std::fs::write(directory.join("secrets/tsig"), &bind.key_secret)?;
        let (dnsmasq, prometheus) = (Dnsmasq::start().await?, Prometheus::start().await?);
        Ok(Self { hosts, bind, dnsmasq, prometheus, directory })
    }

    fn host(&self) -> &Host {
        &self.hosts.hosts()[0]
    }

    /// The site file with the node at an address.
    fn site(&self, address: Ipv4Addr) -> Told<PathBuf> {
        let (host, [a, b, c, _]) = (self.host(), address.octets());
        let text = format!(
            "version: 1
site: lab
domain: lab.test
networks:
  prod:
    prefixes: [{{prefix: {a}.{b}.{c}.0/24}}]
services:
  dhcp: {{kind: dnsmasq, hosts_directory: {hosts}, pid_file: {pid}}}
  dns: {{kind: rfc2136, server: \"{dns}\", key: {{name: {key}, algorithm: {algorithm}, secret: \"file:secrets/tsig\"}}}}
  cmdb: {{kind: directory, path: cmdb}}
  monitoring: {{kind: prometheus, targets: {targets}, url: \"http://{prometheus}\"}}
nodes:
  n1:
    nics:
      eth0: {{primary: true, mac: \"{mac}\", network: prod, address: {address}}}
    os: {{ssh: {{user: root, key: \"file:{login}\", host_key: \"{host_key}\"}}}}
    opsclients: {{metrics: {{port: 9100}}}}
",
            hosts = self.dnsmasq.hosts_dir.display(),
            pid = self.dnsmasq.pid_file.display(),
            dns = self.bind.addr,
            key = self.bind.key_name,
            algorithm = self.bind.algorithm,
            targets = self.prometheus.targets_dir.display(),
            prometheus = self.prometheus.addr,
            mac = host.mac,
            login = host.client_key.private.display(),
            host_key = host.host_key.fingerprint,
        );
        let site = self.directory.join("site.yaml");
        std::fs::write(&site, text)?;
        Ok(site)
    }

    /// Each central record says that the node is there, and none says that it is anywhere else.
    async fn all_at(&self, address: Ipv4Addr, former: Ipv4Addr) -> Told {
        let (address, former) = (address.to_string(), former.to_string());
        let held = self.bind.dig(&["+short", NAME, "A"]).await?;
        expect(held.trim() == address, || format!("dig finds {held:?}"))?;
        let reverse = self.bind.dig(&["+short", "-x", &address]).await?;
        expect(reverse.trim() == format!("{NAME}."), || format!("dig finds {reverse:?} for {address}"))?;
        let left = self.bind.dig(&["+short", "-x", &former]).await?;
        expect(left.trim().is_empty(), || format!("dig still finds {left:?} for {former}"))?;
        for directory in [&self.dnsmasq.hosts_dir, &self.prometheus.targets_dir, &self.directory.join("cmdb")] {
            let text = all_of(directory)?;
            let words: Vec<&str> = text.split(|c: char| !c.is_ascii_digit() && c != '.').collect();
            expect(words.contains(&&*address) && !words.contains(&&*former), || {
                format!("{} says\n{text}", directory.display())
            })?;
        }
        Ok(())
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// All files of a directory.
fn all_of(directory: &Path) -> Told<String> {
    let mut text = String::new();
    for entry in std::fs::read_dir(directory)? {
        text.push_str(&std::fs::read_to_string(entry?.path())?);
    }
    Ok(text)
}

/// Asks for the node's name every 20 ms, as its clients would, and keeps what was answered.
struct Prober {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<std::io::Result<BTreeSet<Vec<Ipv4Addr>>>>,
}

impl Prober {
    fn start(server: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            socket.connect(server)?;
            socket.set_read_timeout(Some(Duration::from_secs(5)))?;
            let mut answers = BTreeSet::new();
            while !seen.load(Ordering::Acquire) {
                answers.insert(ask(&socket)?);
                std::thread::sleep(Duration::from_millis(20));
            }
            Ok(answers)
        });
        Self { stop, thread }
    }

    fn end(self) -> Told<BTreeSet<Vec<Ipv4Addr>>> {
        self.stop.store(true, Ordering::Release);
        let answers = self.thread.join().map_err(|_| Unexpected::new("the prober panicked"))?;
        Ok(answers?)
    }
}

/// The addresses of the name (RFC 1035 § 4): a header of 12 bytes, the question, and answers whose names are pointers.
fn ask(socket: &UdpSocket) -> std::io::Result<Vec<Ipv4Addr>> {
    let mut question = vec![0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in NAME.split('.') {
        question.push(u8::try_from(label.len()).unwrap_or_default());
        question.extend(label.bytes());
    }
    // The root, type A, class IN.
    question.extend([0, 0, 1, 0, 1]);
    socket.send(&question)?;
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer)?;
    let count = usize::from(u16::from_be_bytes([answer[6], answer[7]]));
    // Pointer, type, class, time to live and length are 12 bytes before the address.
    let records = answer[question.len()..length].chunks_exact(16).take(count);
    let mut addresses: Vec<_> =
        records.map(|record| Ipv4Addr::new(record[12], record[13], record[14], record[15])).collect();
    addresses.sort_unstable();
    Ok(addresses)
}

pub(crate) async fn address() -> Told {
    let rig = Rig::start().await?;
    let former = rig.host().address;
    let [a, b, c, _] = former.octets();
    let wanted = Ipv4Addr::new(a, b, c, 211);
    // While it moves, the node has both.
    rig.host().ssh(&format!("ip address add {wanted}/24 dev eth0")).await?;
    let dip = Dip::at(&rig.directory, rig.site(former)?);
    let site = dip.site();
    dip.run(&["apply", &site, "--yes"])?.expect_status(0)?.expect_text("is ready")?;
    rig.all_at(former, wanted).await?;

    rig.site(wanted)?;
    let prober = Prober::start(rig.bind.addr);
    let done = dip.run(&["apply", &site, "--yes"])?.expect_status(0)?.expect_text("is ready")?;
    let seen = prober.end()?;
    for step in ["network.reserve_address", "opsmgmt.register_name", "opsmgmt.record_node", "opsmgmt.monitor_node"] {
        expect(done.out.contains(&format!("changed   {step}")), || format!("{step} is not in the run:\n{}", done.out))?;
    }
    rig.all_at(wanted, former).await?;
    // The new address is added before the former one is removed: for a moment the name has both, and never none.
    let states = BTreeSet::from([vec![former], vec![former, wanted], vec![wanted]]);
    expect(seen.is_subset(&states) && seen.contains(&vec![wanted]), || format!("the name was resolved to {seen:?}"))?;
    for address in seen.iter().flatten() {
        TcpStream::connect((*address, 9100))?;
    }
    dip.run(&["apply", &site, "--yes"])?.expect_status(0)?.expect_text("Nothing to do")?;

    // What somebody takes away is put right at the next look, under the policy that allows it.
    rig.bind.update(&[&format!("delete {NAME} A")]).await?;
    for directory in [&rig.prometheus.targets_dir, &rig.directory.join("cmdb")] {
        for entry in std::fs::read_dir(directory)? {
            std::fs::remove_file(entry?.path())?;
        }
    }
    let keep = ["converge", &site, "--every", "2s", "--looks", "2"];
    dip.run(&[&keep[..], &["--repair", "report"]].concat())?.expect_status(3)?;
    expect(rig.all_at(wanted, former).await.is_err(), || "a look that only reports has put it right".to_owned())?;
    dip.run(&[&keep[..], &["--repair", "safe", "--yes"]].concat())?.expect_status(0)?;
    rig.all_at(wanted, former).await
}
