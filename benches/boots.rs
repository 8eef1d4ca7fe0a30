//! How long it takes to place the boots of a large site, and to tell how many each node needs.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dip::core::id::NodeName;
use dip::core::observed::{Observed, Survey};
use dip::core::plan::Draft;
use dip::core::step::{Environment, Need, Step};
use dip::{Goal, Plan};

mod rack;

/// Each node is discovered by five steps, waits until all nodes are, is imaged by five more, and ends with ten in its installed
/// system, the last five of them once all nodes have done the first.
fn discovered(nodes: &[NodeName]) -> Vec<Step> {
    let collect = |number: u16, last: u16| {
        let facts = nodes.iter().map(|node| rack::done(node, last)).collect();
        let all = NodeName::new("all").expect("a name");
        rack::work(&all, number).need(Need::All(facts))
    };
    let collected = |number: u16| rack::done(&NodeName::new("all").expect("a name"), number);
    let mut steps = vec![collect(0, 4), collect(1, 14)];
    for node in nodes {
        for index in 0..rack::STEPS {
            let environment = if index < 10 { Environment::Discovery } else { Environment::Installed };
            let step = rack::work(node, index).in_environment(node, environment);
            steps.push(match index {
                0 => step,
                5 => step.need_facts([collected(0)]),
                15 => step.need_facts([collected(1)]),
                _ => step.need_facts([rack::done(node, index - 1)]),
            });
        }
    }
    steps
}

/// Pairs of nodes each of which would stay in discovery until the other has been off: every second node boots once more.
fn crosswise(nodes: &[NodeName]) -> Vec<Step> {
    let mut steps = Vec::new();
    for pair in nodes.chunks_exact(2) {
        for (node, other) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
            for index in 0..rack::STEPS {
                let environment = match index {
                    0..5 | 10..15 => Environment::Discovery,
                    5..10 => Environment::Off,
                    _ => Environment::Installed,
                };
                let step = rack::work(node, index).in_environment(node, environment);
                steps.push(match index {
                    0 => step,
                    10 => step.need_facts([rack::done(other, 9)]),
                    _ => step.need_facts([rack::done(node, index - 1)]),
                });
            }
        }
    }
    steps
}

fn boots(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("boots");
    group.sample_size(10);
    let patterns: [(&str, rack::Proposal); 3] =
        [("one environment", rack::chained), ("barriers", discovered), ("crosswise", crosswise)];
    for (name, propose) in patterns {
        for nodes in [1_000, 10_000] {
            let (layers, site) = rack::proposing(nodes, propose);
            group.throughput(Throughput::Elements((nodes * usize::from(rack::STEPS)) as u64));
            let draft = Draft::new(site.clone(), &Observed::new(), &layers, Goal::Everything).expect("a draft");
            let survey = Survey::blind(draft.steps().len(), "2026-01-01T00:00:00Z".parse().expect("a time"));
            group.bench_function(BenchmarkId::new(format!("plan/{name}"), nodes), |bench| {
                bench.iter_with_large_drop(|| Plan::new(&draft, &survey, &layers).expect("a plan"));
            });
            let plan = Plan::new(&draft, &survey, &layers).expect("a plan");
            group.bench_function(BenchmarkId::new(format!("counts/{name}"), nodes), |bench| {
                bench.iter(|| plan.boot_counts());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, boots);
criterion_main!(benches);
