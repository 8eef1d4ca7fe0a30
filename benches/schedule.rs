//! How long the pure schedule takes to lead a large plan to its end, without a runtime and without a disk.

use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dip::core::engine::Schedule;
use dip::core::fact::Facts;
use dip::core::journal::{Change, Event, Record};
use dip::{Limits, Plan};
use jiff::Timestamp;

mod rack;

use rack::Where;

fn lead(plan: &Arc<Plan>, now: Timestamp) -> u64 {
    let mut schedule = Schedule::replay(Arc::clone(plan), Limits::default(), &[]);
    let mut sequence = 0;
    loop {
        let actions = schedule.poll(now);
        if actions.is_empty() {
            assert!(schedule.is_finished(), "nothing is left");
            return sequence;
        }
        for action in actions {
            let start = action.start().expect("a rack has neither budgets nor values that follow");
            let event = Event::Settled { step: start.step, change: Change::None, facts: Facts::new() };
            schedule.record(&Record { sequence, at: now, event });
            sequence += 1;
        }
    }
}

fn schedule(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("schedule");
    group.sample_size(10);
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
    for nodes in [1_000, 10_000] {
        let (layers, site) = rack::rack(nodes, 20, Where::Installed);
        let plan = rack::plan(&layers, &site);
        group.throughput(Throughput::Elements(plan.steps().len() as u64));
        group.bench_function(BenchmarkId::new("to the end", nodes), |bench| {
            bench.iter_batched(|| (), |()| lead(&plan, now), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, schedule);
criterion_main!(benches);
