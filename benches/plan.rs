//! How long it takes to plan a large site, from the layers' proposals to the plan with its id, beside what petgraph takes to
//! sort the same graph; and how much memory a planner holds.

use std::process::Command;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group};
use dip::core::observed::{Observed, Survey};
use dip::core::plan::{Draft, VertexId};
use dip::{Goal, Layers, Plan, Site};
use petgraph::graph::{DiGraph, NodeIndex};

mod rack;

use rack::Where;

/// Set for a process of its own that plans a site of so many nodes and tells how much memory it holds.
const MEMORY_OF: &str = "DIP_BENCH_MEMORY_OF";

fn draft(layers: &Layers, site: &Arc<Site>) -> Draft {
    Draft::new(Arc::clone(site), &Observed::new(), layers, Goal::Everything).expect("a draft")
}

fn blind(draft: &Draft) -> Survey {
    Survey::blind(draft.steps().len(), "2026-01-01T00:00:00Z".parse().expect("a time"))
}

fn plan(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    group.sample_size(10);
    for nodes in [1_000, 10_000, 100_000] {
        let (layers, site) = rack::rack(nodes, 20, Where::Installed);
        group.throughput(Throughput::Elements(nodes as u64 * 20));
        // The layer's own work within the draft: its steps, with their inputs as JSON, and nothing of the planner.
        group.bench_function(BenchmarkId::new("of the draft: the layer proposes", nodes), |bench| {
            let seen = Observed::new();
            let propose = || layers.iter().map(|layer| layer.propose(&site, &seen).expect("steps")).collect::<Vec<_>>();
            bench.iter_with_large_drop(propose);
        });
        group.bench_function(BenchmarkId::new("draft", nodes), |bench| {
            bench.iter_with_large_drop(|| draft(&layers, &site));
        });
        let drafted = draft(&layers, &site);
        let survey = blind(&drafted);
        group.bench_function(BenchmarkId::new("plan", nodes), |bench| {
            bench.iter_with_large_drop(|| Plan::new(&drafted, &survey, &layers).expect("a plan"));
        });
        if nodes > 10_000 {
            continue;
        }
        let plan = || Plan::new(&drafted, &survey, &layers).expect("a plan");
        group.bench_function(BenchmarkId::new("id", nodes), |bench| {
            bench.iter_batched(plan, |plan| plan.id().clone(), BatchSize::PerIteration);
        });
        let peer = petgraph(&plan());
        group.bench_function(BenchmarkId::new("bound: petgraph sorts the same graph", nodes), |bench| {
            bench.iter(|| petgraph::algo::toposort(&peer, None).expect("no circle").len());
        });
    }
    // One node with all the steps: a chain.
    let (layers, site) = rack::rack(4, 50_000, Where::Anywhere);
    group.throughput(Throughput::Elements(200_000));
    group.bench_function("draft and plan/four chains of 50000", |bench| {
        bench.iter_with_large_drop(|| {
            let draft = draft(&layers, &site);
            Plan::new(&draft, &blind(&draft), &layers).expect("a plan")
        });
    });
    group.finish();
}

fn petgraph(plan: &Plan) -> DiGraph<(), ()> {
    let graph = plan.graph();
    let mut peer = DiGraph::with_capacity(graph.vertices().len(), graph.edge_count());
    let nodes: Vec<NodeIndex> = graph.vertices().iter().map(|_| peer.add_node(())).collect();
    for from in (0..).map(VertexId).take(graph.vertices().len()) {
        for to in graph.successors(from) {
            peer.add_edge(nodes[from.index()], nodes[to.index()], ());
        }
    }
    peer
}

/// W(n) of 12 steps a node that run anywhere. A process of its own tells what it holds, since an allocator keeps what was freed.
#[expect(clippy::print_stdout, reason = "the figures are what this is for")]
fn memory(_: &mut Criterion) {
    for nodes in [1_000, 10_000] {
        let this = std::env::current_exe().expect("this process has a file");
        let told = Command::new(this).env(MEMORY_OF, nodes.to_string()).output().expect("it can be run again");
        print!("{}", String::from_utf8_lossy(&told.stdout));
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what this is for")]
fn tell_memory(nodes: usize) {
    let (layers, site) = rack::rack(nodes, 12, Where::Anywhere);
    let before = resident();
    let draft = draft(&layers, &site);
    let survey = blind(&draft);
    let plan = Plan::new(&draft, &survey, &layers).expect("a plan");
    let all = resident() - before;
    let steps = plan.steps().len();
    println!(
        "memory of draft, survey and plan: {steps} steps, {all:.1} MiB, {:.0} bytes a step",
        all * 1048576.0 / steps as f64
    );
    drop((draft, survey, plan));
}

/// The resident memory of this process in MiB.
fn resident() -> f64 {
    let told = std::fs::read_to_string("/proc/self/statm").expect("Linux tells it");
    let pages: f64 = told.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("the second number");
    pages * 4096.0 / 1048576.0
}

criterion_group!(benches, memory, plan);

fn main() {
    match std::env::var(MEMORY_OF).ok().and_then(|nodes| nodes.parse().ok()) {
        Some(nodes) => tell_memory(nodes),
        None => {
            benches();
            Criterion::default().configure_from_args().final_summary();
        }
    }
}
