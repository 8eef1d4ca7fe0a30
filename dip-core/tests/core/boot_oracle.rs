//! Boots against brute force: on small random cases every order is tried, and the plan may not be worse than its word.

use std::collections::{BTreeSet, HashSet, VecDeque};

use dip_core::id::StepId;
use dip_core::plan::{Plan, PlanFault, Vertex};
use dip_core::step::{Environment, Need, Place};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::toy::{Stage, is_set, node, set};

const ENVIRONMENTS: [Environment; 3] = [Environment::Off, Environment::Discovery, Environment::Installed];

/// One step, by numbers of others.
#[derive(Debug, Clone)]
struct Piece {
    /// Its node and environment, where it has one.
    place: Option<(usize, Environment)>,
    needs: Vec<usize>,
    quorum: Vec<usize>,
    /// What its node must have booted since.
    since: Vec<usize>,
}

#[derive(Debug, Clone)]
struct Case {
    pieces: Vec<Piece>,
    /// Where each node is; it is known only where some step needs it.
    now: Vec<Environment>,
}

fn environment() -> impl Strategy<Value = Environment> {
    prop::sample::select(ENVIRONMENTS.to_vec())
}

/// Cases of so many nodes. Most needs go back; now and then one goes forward, so that there may be a circle.
fn case(nodes: usize, most: usize) -> impl Strategy<Value = Case> {
    let some = move |weight: f64, most: usize| {
        prop::bool::weighted(weight).prop_flat_map(move |is| vec(any::<usize>(), if is { 1..=most } else { 0..=0 }))
    };
    let place = prop_oneof![4 => (0..nodes, environment()).prop_map(Some), 1 => Just(None)];
    let piece = (place, some(0.6, 2), some(0.15, 3), some(0.25, 2), prop::bool::weighted(0.03));
    let now = prop_oneof![3 => environment(), 1 => Just(Environment::Rescue)];
    (vec(piece, 1..=most), vec(now, nodes)).prop_map(|(pieces, now)| {
        let count = pieces.len();
        let pieces = pieces.into_iter().enumerate().map(|(index, (place, needs, quorum, since, goes_anywhere))| {
            let below = if goes_anywhere { count } else { index };
            let numbers = |of: Vec<usize>| -> Vec<usize> {
                let of: BTreeSet<usize> =
                    of.into_iter().filter(|_| below > 0).map(|number| number % below.max(1)).collect();
                of.into_iter().collect()
            };
            let since = if place.is_some() { numbers(since) } else { Vec::new() };
            Piece { place, needs: numbers(needs), quorum: numbers(quorum), since }
        });
        Case { pieces: pieces.collect(), now }
    })
}

fn name(index: usize) -> String {
    format!("t{index}")
}

impl Case {
    fn stage(&self) -> Stage {
        let steps = self.pieces.iter().enumerate().map(|(index, piece)| {
            let mut step = set(&name(index), &[]);
            step.needs.extend(piece.needs.iter().map(|&before| Need::fact(is_set(&name(before)))));
            if !piece.quorum.is_empty() {
                let facts = piece.quorum.iter().map(|&before| is_set(&name(before))).collect();
                step.needs.push(Need::AtLeast { count: 1, facts });
            }
            if let Some((at, environment)) = piece.place {
                step = step.in_environment(&node(&format!("n{at}")), environment);
                for &since in &piece.since {
                    step = step.after_boot(&node(&format!("n{at}")), environment, is_set(&name(since)));
                }
            }
            step
        });
        let stage = Stage::new(steps.collect());
        stage.change(|world| {
            for (index, now) in self.now.iter().enumerate() {
                world.nodes.insert(node(&format!("n{index}")), *now);
            }
        });
        stage
    }

    fn has_work(&self, at: usize) -> bool {
        self.pieces.iter().any(|piece| piece.place.is_some_and(|(node, _)| node == at))
    }

    /// Where a node is, where that can be known: some step asks for it, or the node is where it should rest.
    fn known(&self, at: usize) -> Option<Environment> {
        let mut asked: BTreeSet<Environment> = [Environment::Installed].into();
        for piece in &self.pieces {
            if let Some((_, environment)) = piece.place.filter(|(node, _)| *node == at) {
                asked.insert(environment);
                if !piece.since.is_empty() {
                    asked.insert(Environment::Off);
                }
            }
        }
        Some(self.now[at]).filter(|now| asked.contains(now))
    }

    /// The same case as one node sees it: every other is always where it should be.
    fn alone(&self, at: usize) -> Self {
        let mut alone = self.clone();
        for piece in &mut alone.pieces {
            if piece.place.is_some_and(|(node, _)| node != at) {
                (piece.place, piece.since) = (None, piece.needs.iter().chain(&piece.since).copied().collect());
                piece.needs = std::mem::take(&mut piece.since);
            }
        }
        alone
    }

    /// The fewest boots in all, found by trying everything; none where nothing leads to the end.
    fn fewest(&self) -> Option<usize> {
        let all = (1_u32 << self.pieces.len()) - 1;
        let is_in = |done: u32, index: usize| done & (1 << index) != 0;
        let nodes: Vec<usize> = (0..self.now.len()).filter(|&at| self.has_work(at)).collect();
        let first = (nodes.iter().map(|&at| self.known(at)).collect::<Vec<_>>(), 0_u32, 0_u32);
        let mut seen = HashSet::new();
        let mut ahead = VecDeque::from([(first, 0)]);
        while let Some((state, boots)) = ahead.pop_front() {
            if !seen.insert(state.clone()) {
                continue;
            }
            let (at, done, booted) = &state;
            if *done == all && at.iter().all(|at| *at == Some(Environment::Installed)) {
                return Some(boots);
            }
            for (index, piece) in self.pieces.iter().enumerate().filter(|(index, _)| !is_in(*done, *index)) {
                // A quorum counts as all of its members where boots are placed.
                let mut before = piece.needs.iter().chain(&piece.quorum).chain(&piece.since);
                let is_there = piece.place.is_none_or(|(node, environment)| {
                    let place = nodes.iter().position(|other| *other == node).expect("it has work");
                    at[place] == Some(environment)
                });
                let has_booted = piece.since.is_empty() || is_in(*booted, index);
                if is_there && has_booted && before.all(|&before| is_in(*done, before)) {
                    ahead.push_front(((at.clone(), done | 1 << index, *booted), boots));
                }
            }
            for (place, &node) in nodes.iter().enumerate() {
                for to in ENVIRONMENTS {
                    if to == Environment::Off && at[place] == Some(Environment::Off) {
                        continue;
                    }
                    let mut at = at.clone();
                    at[place] = Some(to);
                    let mut booted = *booted;
                    for (index, piece) in self.pieces.iter().enumerate() {
                        let is_here = piece.place.is_some_and(|(other, _)| other == node);
                        if is_here && piece.since.iter().all(|&since| is_in(*done, since)) {
                            booted |= 1 << index;
                        }
                    }
                    ahead.push_back(((at, *done, booted), boots + 1));
                }
            }
        }
        None
    }

    /// Carries a plan out in an order of its graph and looks that each step finds what it needs.
    fn carry_out(&self, plan: &Plan) -> Result<(), TestCaseError> {
        let mut at: Vec<Option<Environment>> = (0..self.now.len()).map(|at| self.known(at)).collect();
        let (mut done, mut booted) = (BTreeSet::new(), BTreeSet::new());
        let number = |step: StepId| plan.step(step).step.subject.name().trim_start_matches('t').parse::<usize>();
        for vertex in plan.graph().topological() {
            match plan.graph().vertices()[vertex.index()] {
                Vertex::Step(step) if plan.step(step).step.boot.is_some() => {
                    // The toy boots by one part: from here on the node is there.
                    let boot = plan.step(step).step.boot.clone().expect("it is a part of one");
                    let node: usize = boot.node.as_str().trim_start_matches('n').parse().expect("a number");
                    at[node] = Some(boot.to);
                    for (index, piece) in self.pieces.iter().enumerate() {
                        let is_here = piece.place.is_some_and(|(other, _)| other == node);
                        if is_here && piece.since.iter().all(|since| done.contains(since)) {
                            booted.insert(index);
                        }
                    }
                }
                Vertex::Step(step) => {
                    let index = number(step).expect("a number");
                    let piece = &self.pieces[index];
                    if let Some((node, environment)) = piece.place {
                        prop_assert_eq!(at[node], Some(environment), "t{} is elsewhere", index);
                    }
                    prop_assert!(piece.since.is_empty() || booted.contains(&index), "t{} wants a boot", index);
                    prop_assert!(piece.needs.iter().all(|before| done.contains(before)));
                    done.insert(index);
                }
                Vertex::Barrier { .. } | Vertex::Boot(_) | Vertex::Leave(_) | Vertex::Wave(_) => {}
            }
        }
        prop_assert_eq!(done.len(), self.pieces.len());
        for node in (0..self.now.len()).filter(|&node| self.has_work(node)) {
            prop_assert_eq!(at[node], Some(Environment::Installed), "n{} does not come to rest", node);
        }
        Ok(())
    }

    fn plan(&self) -> Result<Option<std::sync::Arc<Plan>>, TestCaseError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        match runtime.expect("a runtime").block_on(self.stage().prepare()) {
            Ok(prepared) => Ok(Some(prepared.plan)),
            Err(error) => {
                prop_assert!(error.faults().iter().all(|fault| matches!(fault, PlanFault::Circle(_))), "{error}");
                Ok(None)
            }
        }
    }
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn one_node_boots_as_few_times_as_any_order_allows(case in case(1, 7)) {
        let plan = case.plan()?;
        let fewest = case.fewest();
        prop_assert_eq!(plan.is_some(), fewest.is_some());
        if let (Some(plan), Some(fewest)) = (plan, fewest) {
            prop_assert_eq!(plan.boots().len(), fewest);
            case.carry_out(&plan)?;
            for count in plan.boot_counts() {
                prop_assert_eq!((count.boots, count.at_least), (fewest, fewest));
            }
        }
    }

    #[test]
    fn nodes_that_wait_for_each_other_boot_a_little_more_often_and_never_in_a_circle(case in case(2, 7)) {
        let plan = case.plan()?;
        let fewest = case.fewest();
        prop_assert_eq!(plan.is_some(), fewest.is_some());
        if let (Some(plan), Some(fewest)) = (plan, fewest) {
            case.carry_out(&plan)?;
            prop_assert!(plan.boots().len() >= fewest);
            prop_assert!(plan.boots().len() <= fewest + 2, "{} boots, and {} are enough", plan.boots().len(), fewest);
            for count in plan.boot_counts() {
                let at: usize = count.node.as_str().trim_start_matches('n').parse().expect("a number");
                prop_assert_eq!(Some(count.at_least), case.alone(at).fewest());
                prop_assert!(count.boots >= count.at_least && count.boots <= count.at_least + 3, "{:?}", count);
                prop_assert_eq!(count.boots > count.at_least, !count.waits_for.is_empty(), "{:?}", count);
            }
        }
    }
}

/// A case that 4,000 random ones found: what a boot is worth to one node changes by what is done elsewhere.
#[test]
fn a_node_waits_for_a_setting_that_is_made_elsewhere_while_another_boots() {
    let piece = |place, needs: &[usize], since: &[usize]| Piece {
        place: Some(place),
        needs: needs.to_vec(),
        quorum: vec![],
        since: since.to_vec(),
    };
    let case = Case {
        pieces: vec![
            piece((0, Environment::Off), &[], &[]),
            piece((0, Environment::Off), &[], &[0]),
            piece((1, Environment::Off), &[], &[]),
            piece((1, Environment::Off), &[2], &[1]),
            piece((1, Environment::Installed), &[], &[]),
        ],
        now: vec![Environment::Off, Environment::Discovery],
    };
    let plan = case.plan().expect("no fault but a circle").expect("a plan");
    assert_eq!((plan.boots().len(), case.fewest()), (5, Some(5)));
}

#[test]
fn a_place_is_where_the_toy_says() {
    let case = Case {
        pieces: vec![Piece { place: Some((0, Environment::Discovery)), needs: vec![], quorum: vec![], since: vec![] }],
        now: vec![Environment::Installed],
    };
    let plan = case.plan().expect("no fault but a circle").expect("a plan");
    assert!(matches!(plan.step(StepId(0)).step.place, Place::In(_, Environment::Discovery)));
    assert_eq!((plan.boots().len(), case.fewest()), (2, Some(2)));
}
