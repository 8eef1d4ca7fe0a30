//! How long a plan will take: its longest way, what its limits allow, and how far runs spread around that. Pure.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::Serialize;

use super::{Expected, History, Sample};
use crate::engine::Limits;
use crate::id::{LayerId, StepId, Symbol};
use crate::operation::Patience;
use crate::plan::{Graph, Plan, Reading, Vertex, VertexId};
use crate::step::{Lock, StepName};

/// How long a plan will take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// As likely less as more.
    pub total: Duration,
    /// Eight of ten runs end between these.
    pub spread: (Duration, Duration),
    /// The longest way through the plan, each step in its median, the first one first.
    pub critical_path: Vec<Leg>,
    /// How long that way is.
    pub path: Duration,
    /// What it cannot be faster than, whatever way is taken: the longest way, or what a limit leaves.
    pub bound: Bound,
    /// How much of the longest way each layer has.
    pub layers: BTreeMap<LayerId, Duration>,
    /// How many steps past runs tell of.
    pub known: usize,
    /// How many steps there are.
    pub steps: usize,
    /// From how many past runs this is.
    pub runs: usize,
}

/// A step on the longest way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Leg {
    /// The step.
    pub step: StepId,
    /// Its name.
    pub name: StepName,
    /// How long it should take.
    pub expected: Expected,
}

/// What holds a plan back most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The longest way: more workers would not help.
    Path,
    /// There is more work than so many workers do while the longest way is gone.
    Workers {
        /// How many workers there are.
        workers: usize,
        /// How long the work takes them at least.
        at_least: Duration,
    },
    /// So many steps need one lock that its holders take longest.
    Lock {
        /// The lock.
        lock: Lock,
        /// How long its holders take at least.
        at_least: Duration,
    },
}

/// How often the run is imagined: 200 place the first and the last of ten within a few percent of the spread.
const MOST_TRIALS: usize = 200;

/// Never fewer than so many, however large the plan is.
const FEWEST_TRIALS: usize = 16;

/// How many vertices are passed in all: it keeps the estimate of 200,000 steps within a fraction of a second.
const PASSES: usize = 8_000_000;

impl Plan {
    /// How long it will take by what past runs tell.
    ///
    /// The run is imagined many times, each step with a duration that its operation had in a past run, always with the same
    /// luck, so that one plan and one history give one estimate. `total` and `spread` are the median and the 10th and 90th
    /// percentile of these: of a hundred machines that boot side by side, the slowest one counts, as it will in truth. Steps
    /// are taken as independent, so what slows all of them at once (an image server on a bad day) is in the samples but not in
    /// the spread. Linear in the plan, and without recursion.
    #[must_use]
    pub fn estimate(&self, history: &History, limits: &Limits) -> Estimate {
        let laws = Laws::new(self, history);
        let graph = self.graph();
        let order = graph.topological();
        let medians = pass(graph, &order, |step| laws.of(step).expected.median);
        let legs = longest(graph, &medians, |step| Leg {
            step,
            name: self.step(step).step.name.clone(),
            expected: laws.of(step).expected,
        });
        let path = medians.iter().max().copied().unwrap_or_default();
        let mut layers = BTreeMap::new();
        for leg in &legs {
            *layers.entry(self.step(leg.step).step.layer).or_default() += leg.expected.median;
        }
        let (bound, at_least) = self.bound(&laws, limits, path);
        let mut trials: Vec<Duration> = (0..trials(order.len()))
            .map(|trial| {
                let mut luck = Luck::new(trial);
                let ends = pass(graph, &order, |step| laws.of(step).draw(&mut luck));
                ends.into_iter().max().unwrap_or_default().max(at_least)
            })
            .collect();
        trials.sort_unstable();
        let at = |percent: usize| trials[((trials.len() - 1) * percent + 50) / 100];
        Estimate {
            total: at(50),
            spread: (at(10), at(90)),
            critical_path: legs,
            path,
            bound,
            layers,
            known: (0..self.steps().len()).filter(|&index| laws.of(StepId::at(index)).expected.is_known()).count(),
            steps: self.steps().len(),
            runs: history.runs(),
        }
    }

    /// What holds it back most, and the time that limits leave whatever way is taken. Only what workers have counts against
    /// a limit, because waits give both worker and locks back.
    fn bound(&self, laws: &Laws, limits: &Limits, path: Duration) -> (Bound, Duration) {
        let mut work = Duration::ZERO;
        let mut locked: BTreeMap<&Symbol, Duration> = BTreeMap::new();
        for (index, planned) in self.steps().iter().enumerate() {
            let held = laws.of(StepId::at(index)).expected.held;
            work += held;
            for lock in &planned.step.locks {
                *locked.entry(lock.name()).or_default() += held * lock.weight();
            }
        }
        let part = |work: Duration, slots: u32| work / slots.max(1);
        let workers = limits.workers.max(1);
        let by_workers = part(work, u32::try_from(workers).unwrap_or(u32::MAX));
        let locked = locked.into_iter().map(|(name, work)| (Lock::new(name.clone()), work));
        let by_lock = locked.map(|(lock, work)| (part(work, limits.capacity(lock.as_str())), lock)).max();
        let lock_takes = by_lock.as_ref().map_or(Duration::ZERO, |(takes, _)| *takes);
        let at_least = by_workers.max(lock_takes);
        let bound = match by_lock {
            _ if path >= at_least => Bound::Path,
            Some((takes, lock)) if takes >= by_workers => Bound::Lock { lock, at_least },
            _ => Bound::Workers { workers, at_least },
        };
        (bound, at_least)
    }
}

fn trials(vertices: usize) -> usize {
    (PASSES / vertices.max(1)).clamp(FEWEST_TRIALS, MOST_TRIALS)
}

/// When each vertex is done. A set of facts of which some are enough is reached with the last of those, not of all.
fn pass(graph: &Graph, order: &[VertexId], mut takes: impl FnMut(StepId) -> Duration) -> Vec<Duration> {
    let mut ends = vec![Duration::ZERO; graph.vertices().len()];
    let mut quorum = Vec::new();
    for &vertex in order {
        let begins = match graph.vertices()[vertex.index()] {
            Vertex::Barrier { .. } => {
                quorum.clear();
                quorum.extend(graph.predecessors(vertex).map(|(before, _)| ends[before.index()]));
                quorum.sort_unstable();
                let enough = graph.threshold(vertex) as usize;
                enough.checked_sub(1).and_then(|last| quorum.get(last)).copied().unwrap_or_default()
            }
            _ => graph.predecessors(vertex).map(|(before, _)| ends[before.index()]).max().unwrap_or_default(),
        };
        ends[vertex.index()] = match graph.vertices()[vertex.index()] {
            Vertex::Step(step) => begins + takes(step),
            Vertex::Barrier { .. } | Vertex::Boot(_) | Vertex::Leave(_) | Vertex::Wave(_) => begins,
        };
    }
    ends
}

/// The steps of the longest way: from what ends last back to what it waited for, and so on.
fn longest(graph: &Graph, ends: &[Duration], leg: impl Fn(StepId) -> Leg) -> Vec<Leg> {
    let last =
        (0..).map(VertexId).take(ends.len()).max_by_key(|vertex| (ends[vertex.index()], std::cmp::Reverse(*vertex)));
    let mut legs = Vec::new();
    let mut at = last;
    while let Some(vertex) = at {
        let mut begins = ends[vertex.index()];
        if let Vertex::Step(step) = graph.vertices()[vertex.index()] {
            let leg = leg(step);
            begins = begins.saturating_sub(leg.expected.median);
            legs.push(leg);
        }
        // Of those that end just then the first; one that ends later was not waited for, as a quorum was reached before.
        at = graph.predecessors(vertex).map(|(before, _)| before).find(|before| ends[before.index()] == begins);
    }
    legs.reverse();
    legs
}

/// How durations are drawn: for each step its law, one for all alike.
struct Laws {
    laws: Vec<Law>,
    of_step: Vec<u32>,
}

struct Law {
    expected: Expected,
    samples: Vec<Sample>,
}

impl Laws {
    fn new(plan: &Plan, history: &History) -> Self {
        let mut known: HashMap<(&str, bool, Option<Patience>), u32> = HashMap::new();
        let mut laws: Vec<Law> = Vec::new();
        let mut of_step = Vec::with_capacity(plan.steps().len());
        for planned in plan.steps() {
            let operation = planned.step.call.operation();
            let is_change = matches!(planned.reading, Reading::Differs(_));
            let patience = planned.step.patience;
            let by_runs = known.get(&(operation, is_change, None)).copied();
            let index = by_runs.or_else(|| known.get(&(operation, is_change, Some(patience))).copied());
            of_step.push(index.unwrap_or_else(|| {
                let index = u32::try_from(laws.len()).expect("there are no more laws than steps");
                let samples = history.samples(operation, &planned.reading);
                let by_runs = Expected::of(&samples);
                known.insert((operation, is_change, by_runs.is_none().then_some(patience)), index);
                laws.push(Law { expected: by_runs.unwrap_or_else(|| Expected::by_default(patience)), samples });
                index
            }));
        }
        Self { laws, of_step }
    }

    fn of(&self, step: StepId) -> &Law {
        &self.laws[self.of_step[step.index()] as usize]
    }
}

impl Law {
    /// A duration that it had once; where it is not known at best, as usual or at worst.
    fn draw(&self, luck: &mut Luck) -> Duration {
        match self.samples.len() {
            0 => [self.expected.p10, self.expected.median, self.expected.p90][luck.below(3)],
            many => self.samples[luck.below(many)].took,
        }
    }
}

/// Luck that is the same each time: numbers of `SplitMix64`, another row of them for each trial.
struct Luck(u64);

impl Luck {
    const fn new(trial: usize) -> Self {
        Self(mix(trial as u64))
    }

    /// A number below another one.
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        // Limits are at most some hundreds, so that nobody could measure the bias of a remainder.
        usize::try_from(mix(self.0) % limit as u64).expect("it is below a usize")
    }
}

const fn mix(number: u64) -> u64 {
    let mut mixed = number;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
