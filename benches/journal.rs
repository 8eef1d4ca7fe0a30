//! What it costs to have the intent on disk before each effect, beside what the disk can do: records of the same size, 64 of
//! them a sync.

use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dip::core::journal::FileJournal;
use dip::{Engine, Outcome, Stop};
use tokio::runtime::Runtime;

mod disk;
mod rack;

use disk::{Scratch, disk};
use rack::{Board, Where};

/// How long a durable run takes, the plan's own record not counted: it is written before the first step.
fn durable(runtime: &Runtime, nodes: usize, steps: u16) -> Duration {
    let (layers, site) = rack::rack(nodes, steps, Where::Anywhere);
    let plan = rack::plan(&layers, &site);
    let engine = Engine::new(layers.operations(), Board::providers(nodes, steps));
    let scratch = Scratch::new("run");
    let journal = Arc::new(FileJournal::create(scratch.path()).expect("a journal"));
    let report = runtime.block_on(engine.run("bench", plan, journal, &Stop::new())).expect("a run");
    assert_eq!(report.outcome, Outcome::Ready);
    report.took
}

fn journal(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("journal");
    group.sample_size(10);
    // Two records a step are the least that tell intent and outcome, so that half the disk's rate of records is the limit.
    let (nodes, steps) = (1_000_u64, 12_u16);
    let count = nodes * u64::from(steps);
    group.throughput(Throughput::Elements(count));
    group.bench_function(BenchmarkId::new("durable steps", count), |bench| {
        bench.iter_custom(|times| (0..times).map(|_| durable(&runtime, nodes as usize, steps)).sum());
    });
    group.bench_function(BenchmarkId::new("bound: two records a step, 64 a sync", count), |bench| {
        bench.iter_custom(|times| (0..times).map(|_| disk(2 * count, 64)).sum());
    });
    let alone = 200_u16;
    group.throughput(Throughput::Elements(u64::from(alone)));
    group.bench_function(BenchmarkId::new("steps one after the other", alone), |bench| {
        bench.iter_custom(|times| (0..times).map(|_| durable(&runtime, 1, alone)).sum());
    });
    group.bench_function(BenchmarkId::new("bound: two syncs a step", alone), |bench| {
        bench.iter_custom(|times| (0..times).map(|_| disk(2 * u64::from(alone), 1)).sum());
    });
    group.finish();
}

criterion_group!(benches, journal);
criterion_main!(benches);
