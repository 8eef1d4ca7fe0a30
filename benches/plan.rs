//! How long it takes to plan a large site, from the layers' proposals to the plan with its id.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dip::core::observed::{Observed, Survey};
use dip::core::plan::Draft;
use dip::{Goal, Plan};

mod rack;

fn plan(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    group.sample_size(10);
    for nodes in [1_000, 5_000, 10_000, 20_000] {
        let (layers, site) = rack::rack(nodes, rack::chained);
        group.throughput(Throughput::Elements((nodes * usize::from(rack::STEPS)) as u64));
        group.bench_function(BenchmarkId::new("draft", nodes), |bench| {
            bench.iter_with_large_drop(|| {
                Draft::new(site.clone(), &Observed::new(), &layers, Goal::Everything).expect("a draft")
            });
        });
        let draft = Draft::new(site.clone(), &Observed::new(), &layers, Goal::Everything).expect("a draft");
        let survey = Survey::blind(draft.steps().len(), "2026-01-01T00:00:00Z".parse().expect("a time"));
        group.bench_function(BenchmarkId::new("plan", nodes), |bench| {
            bench.iter_with_large_drop(|| Plan::new(&draft, &survey, &layers).expect("a plan"));
        });
    }
    group.finish();
}

criterion_group!(benches, plan);
criterion_main!(benches);
