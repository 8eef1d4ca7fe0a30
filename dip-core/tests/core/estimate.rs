//! Estimates: the longest way against all ways, quorums, limits, and the slowest of many.

use crate::effort::Effort;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dip_core::engine::Limits;
use dip_core::history::{Bound, History};
use dip_core::journal::Change;
use dip_core::plan::{Graph, Plan, Vertex, VertexId};
use dip_core::step::{Lock, Need, Step};
use proptest::prelude::*;

use crate::history::{one_step, run, secs, settled, started};
use crate::toy::{Stage, is_set, set};

fn plan_of(steps: Vec<Step>) -> Arc<Plan> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async { Stage::new(steps).prepare().await.expect("a plan").plan })
}

/// A history in which the operation of all toy steps took these seconds.
async fn took(seconds: &[i64]) -> History {
    let plan = one_step().await;
    let mut history = History::new();
    for &seconds in seconds {
        history.add(&run(&plan, [(0, started(0)), (seconds, settled(0, Change::Made))]));
    }
    history
}

fn always(seconds: i64) -> History {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(took(&[seconds]))
}

fn generous() -> Limits {
    Limits { workers: usize::MAX, locks: BTreeMap::new() }
}

/// All ways by trying each: the time until a vertex is done, by the meaning of the graph alone.
fn brute(graph: &Graph, vertex: VertexId, takes: &dyn Fn(u32) -> u64) -> u64 {
    let mut before: Vec<u64> = graph.predecessors(vertex).map(|(before, _)| brute(graph, before, takes)).collect();
    before.sort_unstable();
    match graph.vertices()[vertex.index()] {
        // The best of all choices of so many facts: the k first.
        Vertex::Barrier { threshold, .. } if threshold > 0 => before[threshold.min(before.len() as u32) as usize - 1],
        Vertex::Barrier { .. } => 0,
        Vertex::Step(step) => before.last().copied().unwrap_or(0) + takes(step.0),
        _ => before.last().copied().unwrap_or(0),
    }
}

#[derive(Debug, Clone)]
struct Case {
    /// For each thing those before it that it needs, by number, and whether some of them are enough.
    needs: Vec<(Vec<usize>, Option<usize>)>,
}

fn case() -> impl Strategy<Value = Case> {
    let one = (prop::collection::vec(any::<usize>(), 0..4), prop::option::weighted(0.4, any::<usize>()));
    prop::collection::vec(one, 1..10).prop_map(|needs| Case { needs })
}

impl Case {
    fn plan(&self) -> Arc<Plan> {
        let steps = self.needs.iter().enumerate().map(|(index, (needs, count))| {
            let step = set(&format!("t{index}"), &[]);
            let mut before: Vec<usize> = needs.iter().filter(|_| index > 0).map(|need| need % index).collect();
            before.sort_unstable();
            before.dedup();
            let facts: Vec<_> = before.iter().map(|before| is_set(&format!("t{before}"))).collect();
            match (facts.is_empty(), count) {
                (true, _) => step,
                (_, None) => step.need(Need::All(facts)),
                (_, Some(count)) => step.need(Need::AtLeast { count: count % facts.len() + 1, facts }),
            }
        });
        plan_of(steps.collect())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_longest_way_is_as_long_as_the_longest_of_all_ways(case in case(), seconds in 1_i64..60) {
        let plan = case.plan();
        let estimate = plan.estimate(&always(seconds), &generous());
        let graph = plan.graph();
        let ids = (0..).map(VertexId).take(graph.vertices().len());
        let longest = ids.map(|vertex| brute(graph, vertex, &|_| seconds as u64)).max().unwrap_or(0);
        prop_assert_eq!(estimate.path, secs(longest));
        prop_assert_eq!(estimate.total, secs(longest), "without spread every run takes the same");
        prop_assert_eq!(estimate.spread, (secs(longest), secs(longest)));
        let sum: Duration = estimate.critical_path.iter().map(|leg| leg.expected.median).sum();
        prop_assert_eq!(sum, estimate.path, "its steps follow each other without a gap");
        for pair in estimate.critical_path.windows(2) {
            prop_assert!(brute(graph, pair[0].step.into(), &|_| 1) < brute(graph, pair[1].step.into(), &|_| 1));
        }
        let by_layer: Duration = estimate.layers.values().sum();
        prop_assert_eq!(by_layer, estimate.path);
    }

    #[test]
    fn weighted_heights_are_the_longest_way_to_an_end(case in case(), weights in prop::collection::vec(0_u32..100, 10)) {
        let plan = case.plan();
        let graph = plan.graph();
        let heights = graph.weighted_heights(|step| weights[step.index()]);
        fn below(graph: &Graph, vertex: VertexId, weights: &[u32]) -> u64 {
            let rest = graph.successors(vertex).iter().map(|&next| below(graph, next, weights)).max().unwrap_or(0);
            rest + match graph.vertices()[vertex.index()] {
                Vertex::Step(step) => u64::from(weights[step.index()]),
                _ => 0,
            }
        }
        for vertex in (0..).map(VertexId).take(graph.vertices().len()) {
            prop_assert_eq!(heights[vertex.index()], below(graph, vertex, &weights));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn weights_of_one_give_the_heights_without_weights() {
    let plan =
        Stage::new(vec![set("a", &[]), set("b", &["a"]), set("c", &["a", "b"])]).prepare().await.expect("a plan").plan;
    let heights: Vec<u64> = plan.graph().heights().into_iter().map(u64::from).collect();
    assert_eq!(plan.graph().weighted_heights(|_| 1), heights);
}

#[tokio::test(start_paused = true)]
async fn of_many_that_go_on_side_by_side_the_slowest_counts() {
    let history = took(&[10, 10, 10, 10, 10, 10, 10, 10, 10, 100]).await;
    let one = one_step().await.estimate(&history, &generous());
    assert_eq!(one.total, secs(10), "nine of ten times");
    let many = Stage::new((0..100).map(|index| set(&format!("t{index}"), &[])).collect());
    let many = many.prepare().await.expect("a plan").plan.estimate(&history, &generous());
    assert_eq!(many.path, secs(10), "the longest way is no longer");
    assert_eq!(many.total, secs(100), "but of a hundred some are slow in every run");
}

#[tokio::test(start_paused = true)]
async fn the_spread_of_a_chain_grows_slower_than_the_chain() {
    let history = took(&[10, 20, 30]).await;
    let chain = |length: usize| {
        let name = |index: usize| format!("t{index}");
        (0..length).map(move |index| match index {
            0 => set(&name(0), &[]),
            _ => set(&name(index), &[&name(index - 1)]),
        })
    };
    let plan = Stage::new(chain(100).collect()).prepare().await.expect("a plan").plan;
    let estimate = plan.estimate(&history, &generous());
    let (low, high) = estimate.spread;
    // 100 steps of 20 s with a standard deviation of 8.2 s: 2000 s, and 82 s × 1.28 to each side.
    assert_eq!(estimate.path, secs(2_000));
    assert!(low > secs(1_840) && low < secs(1_960), "{low:?}");
    assert!(high < secs(2_160) && high > secs(2_040), "{high:?}");
    assert_eq!(estimate, plan.estimate(&history, &generous()), "the same plan and history give the same estimate");
}

#[tokio::test(start_paused = true)]
async fn too_few_workers_and_a_narrow_lock_are_named() {
    let history = took(&[10]).await;
    let steps = |lock: Option<Lock>| {
        let lock = move |step: Step| lock.clone().into_iter().fold(step, Step::lock);
        Stage::new((0..40).map(|index| lock(set(&format!("t{index}"), &[]))).collect())
    };
    let plan = steps(None).prepare().await.expect("a plan").plan;
    let few = Limits { workers: 4, ..generous() };
    let estimate = plan.estimate(&history, &few);
    assert_eq!(estimate.bound, Bound::Workers { workers: 4, at_least: secs(100) });
    assert_eq!(estimate.total, secs(100));
    assert_eq!(plan.estimate(&history, &generous()).bound, Bound::Path);
    let zone = Lock::new("zone/lab");
    let plan = steps(Some(zone.clone())).prepare().await.expect("a plan").plan;
    let estimate = plan.estimate(&history, &generous());
    assert_eq!(estimate.bound, Bound::Lock { lock: zone.clone(), at_least: secs(400) });
    let plan = steps(Some(zone.clone().weighing(2))).prepare().await.expect("a plan").plan;
    let estimate = plan.estimate(&history, &generous());
    assert_eq!(estimate.bound, Bound::Lock { lock: zone, at_least: secs(800) }, "a heavy holder leaves less to others");
}

#[tokio::test(start_paused = true)]
async fn an_estimate_for_people_folds_the_middle_of_the_longest_way() {
    let name = |index: usize| format!("t{index:02}");
    let chain = (0..20).map(|index| match index {
        0 => set(&name(0), &[]),
        _ => set(&name(index), &[&name(index - 1)]),
    });
    let plan = Stage::new(chain.collect()).prepare().await.expect("a plan").plan;
    let known = plan.estimate(&took(&[10, 12, 30]).await, &generous()).to_string();
    let first = "takes about ";
    assert!(known.starts_with(first) && known.contains(", from 3 past runs\n"), "{known}");
    assert!(
        known.contains("  the longest way: 20 steps in 4 min 00 s\n          12.0 s  toy.set thing/t00\n"),
        "{known}"
    );
    assert!(known.contains("    2 min 24 s  12 more steps\n"), "{known}");
    assert!(known.ends_with("toy.set thing/t18\n          12.0 s  toy.set thing/t19\n"), "{known}");
    assert!(known.lines().all(|line| line.chars().count() <= 80), "{known}");
    let guessed = plan.estimate(&History::new(), &generous()).to_string();
    assert!(guessed.contains("from defaults,") && guessed.contains("toy.set thing/t00  (a default)"), "{guessed}");
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_50_000_steps_neither_overflows_the_stack_nor_takes_long() {
    let name = |index: usize| format!("t{index}");
    let chain = (0..50_000).map(|index| match index {
        0 => set(&name(0), &[]),
        _ => set(&name(index), &[&name(index - 1)]),
    });
    let layers = dip_core::layer::Layers::new().with(crate::toy::Toy(chain.collect()));
    let site = Arc::new(dip_core::site::Site::new(dip_core::id::SiteName::new("toy").expect("a name")));
    let seen = dip_core::observed::Observed::new();
    let draft = dip_core::plan::Draft::new(site, &seen, &layers, dip_core::plan::Goal::Everything).expect("a draft");
    let blind = dip_core::observed::Survey::blind(draft.steps().len(), crate::history::at(0));
    let plan = Plan::new(&draft, &blind, &layers).expect("a plan");
    let effort = Effort::begin();
    let estimate = plan.estimate(&took(&[1]).await, &generous());
    assert_eq!(estimate.path, secs(50_000));
    // Linear, it takes a second or two without optimisation.
    assert!(effort.so_far() < secs(20), "{:?}", effort.so_far());
}
