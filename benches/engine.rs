//! What the driver costs a step: plans of steps that do nothing, without a journal; beside it what tokio takes to run as many
//! empty tasks as wide as the engine does.

use std::sync::Arc;

use async_trait::async_trait;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dip::core::journal::{Journal, JournalError, Record};
use dip::core::provider::Providers;
use dip::{Engine, Outcome, Plan, Stop};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

mod rack;

use rack::{Board, Where};

const STEPS: u16 = 12;

/// As wide as the engine goes by default.
const WORKERS: usize = 128;

/// Keeps nothing.
#[derive(Debug)]
struct Nowhere;

#[async_trait]
impl Journal for Nowhere {
    fn append(&self, _: &Record) -> Result<(), JournalError> {
        Ok(())
    }

    async fn sync(&self) -> Result<(), JournalError> {
        Ok(())
    }
}

async fn run(engine: &Engine, plan: &Arc<Plan>) {
    let report = engine.run("bench", Arc::clone(plan), Arc::new(Nowhere), &Stop::new()).await.expect("a run");
    assert_eq!(report.outcome, Outcome::Ready);
}

/// The bound: as many tasks that do nothing, each joined, so many at once.
async fn spawn(tasks: usize) {
    let mut workers = JoinSet::new();
    for _ in 0..tasks {
        if workers.len() >= WORKERS {
            workers.join_next().await;
        }
        workers.spawn(async {});
    }
    while workers.join_next().await.is_some() {}
}

fn engine(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let mut group = criterion.benchmark_group("engine");
    group.sample_size(10);
    for nodes in [1_000, 10_000] {
        let (layers, site) = rack::rack(nodes, STEPS, Where::Anywhere);
        let plan = rack::plan(&layers, &site);
        let steps = plan.steps().len();
        group.throughput(Throughput::Elements(steps as u64));
        let looks = Engine::new(layers.operations(), Providers::new());
        group.bench_function(BenchmarkId::new("check", steps), |bench| {
            bench.iter(|| runtime.block_on(run(&looks, &plan)));
        });
        let fresh = || Engine::new(layers.operations(), Board::providers(nodes, STEPS));
        group.bench_function(BenchmarkId::new("check, apply, check", steps), |bench| {
            bench.iter_batched(fresh, |engine| runtime.block_on(run(&engine, &plan)), BatchSize::PerIteration);
        });
        group.bench_function(BenchmarkId::new("bound: tokio runs empty tasks", steps), |bench| {
            bench.iter(|| runtime.block_on(spawn(steps)));
        });
    }
    group.finish();
}

criterion_group!(benches, engine);
criterion_main!(benches);
