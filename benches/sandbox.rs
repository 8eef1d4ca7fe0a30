//! A thousand simulated machines from powered off to ready state, on virtual time and with a durable journal: what it costs the
//! machine that runs it, beside what the simulation costs without a disk and what the disk takes for as many records.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use dip::core::engine::Clock;
use dip::core::journal::{FileJournal, Journal, JournalError, MemoryJournal, Record};
use dip::core::site::{Format, Lock, Site, Source};
use dip::sandbox::{Sandbox, datacenter};
use dip::{Engine, Goal, Layers, Limits, Observed, Outcome, Planner, Stop};
use tokio::runtime::Runtime;

mod disk;

use disk::{Scratch, disk};

/// What is done with each machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Sixteen steps: all of the simulated datacenter.
    All,
    /// Twelve of them: no CMDB, no monitoring and no time service.
    Twelve,
}

fn site(layers: &Layers, nodes: usize, work: Work) -> Arc<Site> {
    let text = datacenter(nodes, nodes.div_ceil(40));
    let left_out = |line: &&str| {
        let names = ["cmdb:", "monitoring:", "metrics:", "time:"];
        work == Work::Twelve && names.iter().any(|name| line.trim_start().starts_with(name))
    };
    let text: String = text.lines().filter(|line| !left_out(line)).map(|line| format!("{line}\n")).collect();
    let source = Source::new("site.yaml", Format::Yaml, text);
    Arc::new(Site::parse(&[source], &layers.settings(), &Lock::default()).expect("a site").site)
}

/// Where a run is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// On disk; those who ask at the same time share a write.
    OnDisk,
    InMemory,
    /// In memory, and each instant of virtual time has a write of its own.
    AtEachInstant,
}

/// Counts what is asked of a journal.
#[derive(Debug)]
struct Counted {
    journal: Arc<dyn Journal>,
    records: AtomicU64,
    syncs: AtomicU64,
}

#[async_trait]
impl Journal for Counted {
    fn append(&self, record: &Record) -> Result<(), JournalError> {
        self.records.fetch_add(1, Ordering::Relaxed);
        self.journal.append(record)
    }

    async fn sync(&self) -> Result<(), JournalError> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.journal.sync().await
    }

    fn sync_from(&self, runtime: &Runtime) -> Result<(), JournalError> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.journal.sync_from(runtime)
    }
}

/// A run: how long it took the machine, and in the simulation; of how many steps, with how many records and writes.
#[derive(Debug)]
struct Ran {
    took: Duration,
    simulated: Duration,
    steps: usize,
    records: u64,
    syncs: u64,
}

fn ready(layers: &Layers, site: &Arc<Site>, kept: Kept) -> Ran {
    let sandbox = Sandbox::new(site, 1);
    let (providers, clock) = (sandbox.providers(), Arc::new(sandbox.clock()) as Arc<dyn Clock>);
    let limits = Limits { workers: 1024, ..Limits::of(site, layers) };
    let planner = Planner::new(layers, &providers).goal(Goal::Ready).limits(limits.clone()).clock(&*clock);
    let mut seen = Observed::new();
    let plan = sandbox.block_on(planner.prepare(Arc::clone(site), &mut seen)).expect("a plan").plan;
    let engine = Engine::new(layers.operations(), providers.clone()).limits(limits).clock(clock);
    let scratch = Scratch::new("sandbox");
    let journal: Arc<dyn Journal> = match kept {
        Kept::OnDisk => Arc::new(FileJournal::create(scratch.path()).expect("a journal")),
        Kept::InMemory | Kept::AtEachInstant => Arc::new(MemoryJournal::new()),
    };
    let counted = Arc::new(Counted { journal, records: AtomicU64::new(0), syncs: AtomicU64::new(0) });
    let journal = Arc::clone(&counted) as Arc<dyn Journal>;
    let journal = if kept == Kept::AtEachInstant { journal } else { sandbox.journal(journal) };
    let steps = plan.steps().len();
    // Reckoned when it is first asked for: it belongs to the plan, whose bench tells what it takes.
    std::hint::black_box(plan.id());
    let began = Instant::now();
    let report = sandbox.block_on(engine.run("bench", plan, journal, &Stop::new())).expect("a run");
    let took = began.elapsed();
    assert_eq!(report.outcome, Outcome::Ready);
    let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
    Ran { took, simulated: report.took, steps, records: count(&counted.records), syncs: count(&counted.syncs) }
}

#[expect(clippy::print_stdout, reason = "how many writes there were is what tells the bound")]
fn sandbox(criterion: &mut Criterion) {
    let layers = dip::layers();
    let mut group = criterion.benchmark_group("sandbox");
    // Each sample is one run: the usual way of sampling would make 55 of them, at seconds each.
    group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    for (nodes, work) in [(100, Work::All), (1_000, Work::All), (1_000, Work::Twelve)] {
        let site = site(&layers, nodes, work);
        let Ran { simulated, steps, records, syncs, took } = ready(&layers, &site, Kept::OnDisk);
        let each = ready(&layers, &site, Kept::AtEachInstant).syncs;
        println!(
            "\n{nodes} machines, {steps} durable steps: {records} records in {syncs} writes ({each}, were there one at each \
             instant), {simulated:.0?} of virtual time in {took:.2?}"
        );
        let mut bench = |name: &str, measure: &dyn Fn() -> Duration| {
            group.bench_function(BenchmarkId::new(name, format!("{nodes} x {}", steps / nodes)), |bench| {
                bench.iter_custom(|times| (0..times).map(|_| measure()).sum());
            });
        };
        bench("to ready state, on disk", &|| ready(&layers, &site, Kept::OnDisk).took);
        bench("to ready state, in memory", &|| ready(&layers, &site, Kept::InMemory).took);
        bench("bound: its records, 64 a sync", &|| disk(records, 64));
        bench("bound: its records, in as many syncs", &|| disk(records, records.div_ceil(syncs)));
    }
    group.finish();
}

criterion_group!(benches, sandbox);
criterion_main!(benches);
