//! How long runs take on virtual time, in units of the bound below which no schedule can come; beside it FIFO list scheduling
//! of the same sites, and dip's schedule where the durations that it is told are up to 30 % wrong.
//!
//! Criterion measures what the deciding costs; the figures of the makespans are printed.

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;

mod simulate;

use simulate::{FAMILIES, Instance, Random, Rule, Tightness, bound, instance, limits, list, plan, run};

/// Makespans in units of the bound.
#[derive(Debug, Clone, Copy)]
struct Ratios {
    exact: f64,
    wrong: f64,
    fifo: f64,
    list: f64,
    line: f64,
    line_wrong: f64,
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("a time")
}

/// The durations of the tasks, and the same with each up to 30 % wrong.
fn durations(instance: &Instance, seed: u64) -> (Vec<u64>, Vec<u64>) {
    let mut random = Random::new(seed ^ 0x5eed);
    let exact: Vec<u64> = instance.tasks.iter().map(|task| task.millis).collect();
    let wrong = exact.iter().map(|millis| (*millis as f64 * random.between(0.7, 1.3)) as u64).collect();
    (exact, wrong)
}

fn measure(family: &str, nodes: usize, tightness: Tightness, seed: u64) -> Ratios {
    let instance = instance(family, nodes, tightness, seed);
    let (exact, wrong) = durations(&instance, seed);
    let (plan, limits) = (plan(&instance, now()), limits(&instance));
    let bound = bound(&instance) as f64;
    Ratios {
        exact: run(&instance, &plan, &limits, &exact, now()) as f64 / bound,
        wrong: run(&instance, &plan, &limits, &wrong, now()) as f64 / bound,
        fifo: list(&instance, Rule::Fifo, &exact) as f64 / bound,
        list: list(&instance, Rule::LongestWay, &exact) as f64 / bound,
        line: list(&instance, Rule::Line, &exact) as f64 / bound,
        line_wrong: list(&instance, Rule::Line, &wrong) as f64 / bound,
    }
}

fn median(ratios: &[Ratios], of: impl Fn(&Ratios) -> f64) -> f64 {
    let mut values: Vec<f64> = ratios.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[expect(clippy::print_stdout, reason = "the figures are what this bench is for")]
fn makespans(nodes: usize, seeds: u64) {
    println!("\nmakespan / bound, {nodes} nodes, {seeds} sites of each family: median");
    println!("limits  family     exact   ±30 %    FIFO    way    line   ±30 %  (the last three by list scheduling)");
    for tightness in Tightness::ALL {
        let mut all: Vec<Ratios> = Vec::new();
        let line = |name: &str, of: &[Ratios]| {
            let [exact, wrong, fifo] = [median(of, |r| r.exact), median(of, |r| r.wrong), median(of, |r| r.fifo)];
            let [list, line, line_wrong] =
                [median(of, |r| r.list), median(of, |r| r.line), median(of, |r| r.line_wrong)];
            let limits = format!("{tightness:?}").to_lowercase();
            println!(
                "{limits:7} {name:9} {exact:6.3}  {wrong:6.3}  {fifo:6.3}  {list:6.3}  {line:6.3}  {line_wrong:6.3}"
            );
        };
        for family in FAMILIES {
            let ratios: Vec<Ratios> = (0..seeds).map(|seed| measure(family, nodes, tightness, seed)).collect();
            line(family, &ratios);
            all.extend(ratios);
        }
        line("all", &all);
    }
}

fn makespan(criterion: &mut Criterion) {
    makespans(1_000, 9);
    makespans(10_000, 3);
    makespans(100_000, 1);
    let mut group = criterion.benchmark_group("makespan");
    group.sample_size(10);
    for nodes in [1_000, 10_000] {
        let instance = instance("racks", nodes, Tightness::Mid, 0);
        let (exact, _) = durations(&instance, 0);
        let (plan, limits) = (plan(&instance, now()), limits(&instance));
        group.throughput(Throughput::Elements(plan.steps().len() as u64));
        group.bench_function(BenchmarkId::new("simulated run", nodes), |bench| {
            bench.iter(|| run(&instance, &Arc::clone(&plan), &limits, &exact, now()));
        });
    }
    group.finish();
}

criterion_group!(benches, makespan);
criterion_main!(benches);
