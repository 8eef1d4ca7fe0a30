//! DNS servers that die, hang, or can no longer write: what is told, that a later call goes on, and that nothing foreign changed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dip_core::conformance::expect::us;
use dip_core::conformance::{Failure, Trial, Verdict, not_installed};
use dip_core::provider::{ErrorKind, sentence};
use dip_core::secret::Secret;
use dip_lab::{PowerDns as PowerDnsLab, Requirement, Zone};
use dip_opsmgmt::provider::{Dns, HostName};
use dip_opsmgmt::providers::powerdns::PowerDns;
use dip_opsmgmt::settings::PowerDnsSettings;

use crate::primary::{Primary, provider, settings};
use crate::{is, wait};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (server, requirement) in [("bind", Requirement::Bind), ("knot", Requirement::Knot)] {
        let dies = move || async move { killed_in_the_middle(requirement).await };
        trials.push(Trial::new("killed_in_the_middle_loses_nothing_and_a_later_call_goes_on", dies).on(server));
        let hangs = move || async move { slow(requirement).await };
        trials.push(Trial::new("that_hangs_is_told_and_serves_again_when_it_wakes", hangs).on(server));
    }
    let full = || async { database_read_only().await };
    trials.push(Trial::new("that_cannot_write_its_database_is_told_and_retried", full).on("powerdns"));
    trials
}

fn node(number: u16) -> HostName {
    let [high, low] = number.to_be_bytes();
    HostName { name: format!("f{number}.lab.test"), addresses: vec![[10, 7, high, low].into()] }
}

/// So many names are made at once: enough that they share messages, and few enough that one message is not all of them.
const WORKERS: u16 = 16;

/// Many names, of which those that were made and what failed are told; the former are counted while it goes on. Who fails, ends.
async fn make(dns: &Arc<dyn Dns>, count: u16, counted: &Arc<AtomicUsize>) -> (Vec<u16>, Vec<(ErrorKind, String)>) {
    let tasks: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let (dns, counted) = (Arc::clone(dns), Arc::clone(counted));
            tokio::spawn(async move {
                let (mut made, mut failed) = (Vec::new(), Vec::new());
                for number in (worker..count).step_by(usize::from(WORKERS)) {
                    match dns.ensure(&node(number), &us()).await {
                        Ok(()) => {
                            made.push(number);
                            counted.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => {
                            failed.push((error.kind(), sentence(&error)));
                            break;
                        }
                    }
                }
                (made, failed)
            })
        })
        .collect();
    let (mut made, mut failed) = (Vec::new(), Vec::new());
    for task in tasks {
        let (of_worker, failed_of_worker) = task.await.expect("it does not panic");
        made.extend(of_worker);
        failed.extend(failed_of_worker);
    }
    (made, failed)
}

/// Lines of a zone that dip did not write.
fn foreign(primary: &Primary) -> Result<String, Failure> {
    let text = wait(primary.transfer("lab.test"))?;
    let mut lines: Vec<&str> =
        text.lines().filter(|line| !line.contains("SOA") && !line.starts_with(['f', '_'])).collect();
    lines.sort_unstable();
    Ok(lines.join("\n"))
}

fn signal(pid: Option<u32>, name: &str) -> Result<(), Failure> {
    let pid = pid.ok_or("the server does not run")?;
    let sent = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status()?;
    if sent.success() { Ok(()) } else { Err(format!("the server cannot be sent {name}").into()) }
}

/// After so many the server is killed: some messages are written by then, and most are not.
const FIRST: usize = 20;
/// So many would be made if nobody died: more than can be made while a signal is on its way.
const ALL: u16 = 4_000;

async fn killed_in_the_middle(requirement: Requirement) -> Result<Verdict, Failure> {
    if let Err(missing) = requirement.check() {
        return not_installed(missing.to_string());
    }
    let mut primary = wait(Primary::start(requirement))?;
    let before = foreign(&primary)?;
    let dns: Arc<dyn Dns> = Arc::new(provider(&settings(&primary, &[]), primary.key().2)?);
    let pid = primary.pid();
    let counted = Arc::new(AtomicUsize::new(0));
    let running = tokio::spawn({
        let (dns, counted) = (Arc::clone(&dns), Arc::clone(&counted));
        async move { make(&dns, ALL, &counted).await }
    });
    while counted.load(Ordering::Relaxed) < FIRST && !running.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    signal(pid, "KILL")?;
    let (made, failed) = running.await?;
    if made.len() < FIRST || failed.is_empty() {
        let (made, failed) = (made.len(), failed.len());
        return Err(format!("{made} were made and {failed} failed: it was not killed in the middle").into());
    }
    for (kind, told) in &failed {
        if *kind != ErrorKind::Unreachable {
            return Err(format!("a killed server is told as: {told}").into());
        }
    }
    wait(primary.restart())?;
    for number in &made {
        let held = dns.name(&node(*number).name).await?;
        if held.is_none_or(|held| held.addresses != node(*number).addresses) {
            return Err(format!("{} was told as made and is not there", node(*number).name).into());
        }
    }
    let (made, failed) = make(&dns, 400, &counted).await;
    is("what fails afterwards", &failed.iter().map(|(_, told)| told.as_str()).collect::<Vec<_>>().join("\n"), "")?;
    is("how many are there", &made.len().to_string(), "400")?;
    is("what others wrote", &foreign(&primary)?, &before)?;
    Ok(Verdict::Passed)
}

async fn slow(requirement: Requirement) -> Result<Verdict, Failure> {
    if let Err(missing) = requirement.check() {
        return not_installed(missing.to_string());
    }
    let primary = wait(Primary::start(requirement))?;
    let dns: Arc<dyn Dns> = Arc::new(provider(&settings(&primary, &[]), primary.key().2)?);
    dns.ensure(&node(1), &us()).await?;
    signal(primary.pid(), "STOP")?;
    let told = dns.ensure(&node(2), &us()).await;
    signal(primary.pid(), "CONT")?;
    match told {
        Err(error) if error.kind() == ErrorKind::Unreachable && sentence(&error).contains("did not answer within") => {}
        other => return Err(format!("a server that hangs is told as {other:?}").into()),
    }
    dns.ensure(&node(2), &us()).await?;
    Ok(Verdict::Passed)
}

async fn database_read_only() -> Result<Verdict, Failure> {
    if let Err(missing) = Requirement::PowerDns.check() {
        return not_installed(missing.to_string());
    }
    let lab = wait(PowerDnsLab::start(&[Zone::empty("lab.test"), Zone::empty("10.in-addr.arpa")]))?;
    let settings = PowerDnsSettings {
        url: format!("http://{}", lab.api),
        key: dip_core::secret::SecretRef::File("unused".into()),
        server: "localhost".to_owned(),
        ttl: 60,
        names: Vec::new(),
    };
    let dns: Arc<dyn Dns> = Arc::new(PowerDns::new(&settings, &Secret::new(lab.api_key.clone()))?);
    dns.ensure(&node(1), &us()).await?;
    // Another program holds the database for writing: all others are locked out until it ends.
    let mut holder =
        Command::new("sqlite3").arg(lab.database()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = holder.stdin.take().ok_or("it has an input")?;
    input.write_all(b".timeout 10000\nbegin immediate;\n.print held\n")?;
    let mut said = String::new();
    BufReader::new(holder.stdout.take().ok_or("it has an output")?).read_line(&mut said)?;
    is("what the holder says", said.trim(), "held")?;
    let told = dns.ensure(&node(2), &us()).await;
    drop(input);
    holder.wait()?;
    match told {
        Err(error) if error.kind() == ErrorKind::Busy && sentence(&error).contains("its log says why") => {}
        other => return Err(format!("a locked database is told as {other:?}").into()),
    }
    dns.ensure(&node(2), &us()).await?;
    Ok(Verdict::Passed)
}
