//! Seeds: datacenters of a few sizes with random faults, some of them interrupted; each ends ready, or tells the fault that it had.
//! `DIP_SEED=7 cargo test -p dip-sandbox --test ready_state simulate` replays one.

use std::sync::Arc;
use std::time::Duration;

use dip_core::engine::{Limits, Status, Stop};
use dip_core::journal::MemoryJournal;
use dip_core::report::{Outcome, Report};
use dip_core::site::Site;
use dip_sandbox::{Fault, Faults, Sandbox, Snapshot};

use crate::judge::Judge;
use crate::scene::{apply, engine, plan, ready, site};

const SEEDS: u64 = 60;

/// A number below `end` from a seed, for one purpose.
fn draw(seed: u64, purpose: u64, end: u64) -> u64 {
    let mut mixed = (seed * 1_000 + purpose).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % end
}

/// A fault that no patience survives, in some of the seeds.
fn harsh(site: &Site, seed: u64) -> Option<Fault> {
    let nodes: Vec<_> = site.nodes.keys().cloned().collect();
    let node = nodes[usize::try_from(draw(seed, 1, nodes.len() as u64)).expect("small")].clone();
    let dns = site.services.keys().find(|name| name.as_str() == "dns").expect("the site has a DNS server").clone();
    match draw(seed, 2, 5) {
        0 => Some(Fault::BootHangs { node, times: 100 }),
        1 => Some(Fault::ServiceRefuses { service: dns, times: 100_000 }),
        _ => None,
    }
}

/// What a datacenter without faults comes to.
fn calm(site: &Arc<Site>, seed: u64) -> Snapshot {
    let sandbox = Sandbox::new(site, seed);
    ready(&sandbox.block_on(apply(site, &sandbox)));
    sandbox.snapshot()
}

/// Runs a seed; whether it came to ready state.
fn simulate(seed: u64) -> Result<bool, String> {
    let (nodes, racks) = [(3, 1), (4, 2), (5, 3), (6, 2)][usize::try_from(draw(seed, 3, 4)).expect("small")];
    let site = site(nodes, racks);
    let sandbox = Sandbox::new(&site, seed);
    sandbox.inject_all(Faults::random(&site, seed, [0.1, 0.3, 0.6][usize::try_from(draw(seed, 4, 3)).expect("small")]));
    let harsh = harsh(&site, seed);
    if let Some(fault) = &harsh {
        sandbox.inject(fault.clone());
    }
    let limits =
        Limits { workers: [4, 16, 128][usize::try_from(draw(seed, 5, 3)).expect("small")], ..Limits::default() };
    let journal = Arc::new(MemoryJournal::new());
    let report = sandbox.block_on(course(seed, &site, &sandbox, &limits, &journal))?;
    let plan = match &journal.records()[0].event {
        dip_core::journal::Event::Began { plan, .. } => Arc::clone(plan),
        event => return Err(format!("the journal begins with {event:?}")),
    };
    Judge::new(&plan, limits).judge(&journal.records(), &report)?;
    if harsh.is_none() && report.outcome != Outcome::Ready {
        return Err(format!("it should be ready: {report}"));
    }
    for step in report.failures() {
        let fault = harsh.as_ref().ok_or("nothing should fail")?;
        is_told(fault, step.name.as_str(), &step.status)?;
    }
    if report.outcome == Outcome::Ready && sandbox.snapshot() != calm(&site, seed) {
        return Err("it is told to be ready, and is not as the site wants it".to_owned());
    }
    Ok(report.outcome == Outcome::Ready)
}

/// A run, interrupted once in some of the seeds.
async fn course(
    seed: u64,
    site: &Arc<Site>,
    sandbox: &Sandbox,
    limits: &Limits,
    journal: &Arc<MemoryJournal>,
) -> Result<Report, String> {
    let prepared = plan(site, sandbox).await;
    let engine = engine(sandbox).limits(limits.clone());
    let stop = Stop::new();
    let run = engine.run("test", prepared.plan, Arc::<MemoryJournal>::clone(journal), &stop);
    let after = Duration::from_secs(draw(seed, 6, 400));
    let first = match draw(seed, 7, 4) {
        // As by kill -9.
        0 => tokio::time::timeout(after, run).await.ok(),
        1 => {
            tokio::pin!(run);
            match tokio::time::timeout(after, &mut run).await {
                Ok(ended) => Some(ended),
                Err(_) => {
                    stop.ask();
                    Some(tokio::time::timeout(FOR_EVER, run).await.map_err(|_| "it does not stop")?)
                }
            }
        }
        _ => Some(tokio::time::timeout(FOR_EVER, run).await.map_err(|_| "it waits for ever")?),
    };
    match first.transpose().map_err(|error| error.to_string())? {
        Some(report) if report.outcome != Outcome::Interrupted => Ok(report),
        _ => {
            let records = journal.records();
            let stop = Stop::new();
            let resumed = engine.resume(&records, Arc::<MemoryJournal>::clone(journal), &stop);
            let ended = tokio::time::timeout(FOR_EVER, resumed).await.map_err(|_| "it waits for ever")?;
            ended.map_err(|error| error.to_string())
        }
    }
}

const FOR_EVER: Duration = Duration::from_secs(86_400);

/// Whether what failed is about the fault, and says so.
fn is_told(fault: &Fault, step: &str, status: &Status) -> Result<(), String> {
    let fits = match (fault, status) {
        (Fault::BootHangs { node, .. }, Status::Failed { error, .. }) => {
            step.contains(node.as_str()) && error.contains("did not come true within")
        }
        (Fault::ServiceRefuses { .. }, Status::Failed { error, .. }) => {
            step.starts_with("opsmgmt.register_name") && error.contains("denied")
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(format!("{step} is told as {status:?} under {fault:?}")) }
}

#[test]
fn seeded_datacenters_with_faults_end_ready_or_tell_their_fault() {
    if let Ok(seed) = std::env::var("DIP_SEED") {
        let seed = seed.parse().expect("DIP_SEED is a number");
        simulate(seed).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        return;
    }
    let (mut all_ready, mut wrong) = (0, Vec::new());
    for seed in 0..SEEDS {
        match simulate(seed) {
            Ok(is_ready) => all_ready += u64::from(is_ready),
            Err(words) => {
                wrong.push(format!("DIP_SEED={seed} cargo test -p dip-sandbox --test ready_state simulate\n  {words}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {SEEDS} seeds went wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!((SEEDS / 3..SEEDS * 9 / 10).contains(&all_ready), "{all_ready} of {SEEDS} came to ready state");
}
