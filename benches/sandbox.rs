//! A thousand simulated machines from powered off to ready state, on virtual time and with a durable journal: what it costs the
//! machine that runs it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use dip::core::engine::Clock;
use dip::core::journal::FileJournal;
use dip::core::site::{Format, Lock, Site, Source};
use dip::sandbox::{Sandbox, datacenter};
use dip::{Engine, Goal, Layers, Limits, Observed, Outcome, Planner, Stop};

fn site(layers: &Layers, nodes: usize) -> Arc<Site> {
    let source = Source::new("site.yaml", Format::Yaml, datacenter(nodes, nodes.div_ceil(40)));
    Arc::new(Site::parse(&[source], &layers.settings(), &Lock::default()).expect("a site").site)
}

/// The time of the run alone, and how many steps it had.
fn ready(layers: &Layers, site: &Arc<Site>) -> (Duration, usize) {
    let sandbox = Sandbox::new(site, 1);
    let (providers, clock) = (sandbox.providers(), Arc::new(sandbox.clock()) as Arc<dyn Clock>);
    let limits = Limits { workers: 1024, ..Limits::of(site, layers) };
    let planner = Planner::new(layers, &providers).goal(Goal::Ready).limits(limits.clone()).clock(&*clock);
    let mut seen = Observed::new();
    let plan = sandbox.block_on(planner.prepare(Arc::clone(site), &mut seen)).expect("a plan").plan;
    let engine = Engine::new(layers.operations(), providers.clone()).limits(limits).clock(clock);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}-sandbox", std::process::id()));
    let journal = Arc::new(FileJournal::create(&path).expect("a journal"));
    let steps = plan.steps().len();
    let began = Instant::now();
    let report = sandbox.block_on(engine.run("bench", plan, journal, &Stop::new())).expect("a run");
    let took = began.elapsed();
    let _ = std::fs::remove_file(&path);
    assert_eq!(report.outcome, Outcome::Ready);
    (took, steps)
}

fn sandbox(criterion: &mut Criterion) {
    let layers = dip::layers();
    let mut group = criterion.benchmark_group("sandbox");
    group.sample_size(10);
    for nodes in [100, 1_000] {
        let site = site(&layers, nodes);
        let steps = ready(&layers, &site).1;
        group.bench_function(
            BenchmarkId::new(format!("machines to ready state, {steps} durable steps"), nodes),
            |bench| {
                bench.iter_custom(|times| (0..times).map(|_| ready(&layers, &site).0).sum());
            },
        );
    }
    group.finish();
}

criterion_group!(benches, sandbox);
criterion_main!(benches);
