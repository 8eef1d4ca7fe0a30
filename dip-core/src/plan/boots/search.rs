//! The fewest boots of one node: a breadth-first search over the environments that it can enter.

use std::collections::{HashSet, VecDeque};

use super::own::{Own, Stay};
use super::set::Set;
use crate::step::Environment;

/// So many states are looked at before the search gives way to a greedy one. Nodes with a handful of environments need some
/// dozens.
const STATES: usize = 4_096;

/// The way of a node through its environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    /// What it enters, one boot each.
    pub(super) boots: Vec<Environment>,
    /// So many boots are needed, whatever the way.
    pub(super) at_least: usize,
}

struct State {
    at: Option<Environment>,
    stay: Stay,
    /// The state that this one was reached from; the first state is its own.
    before: usize,
}

impl Own {
    /// The fewest boots from where the node is until all its steps are done and it is where it rests.
    ///
    /// All that is ready in an environment is done before it is left, which for one node never costs a boot. So a state is
    /// where the node is and which of its own steps are done, and the first way that the search finds is the shortest. The
    /// search ends after 4,096 states: a node that needs more goes on greedily, each time to where most can be done, and its
    /// lower bound is the number of environments that it has to enter.
    pub(super) fn way(&self, at: Option<Environment>, done: &Set, armed: &Set) -> Way {
        let first = self.stay(at, done, armed);
        if self.is_over(at, &first) {
            return Way { boots: Vec::new(), at_least: 0 };
        }
        let mut seen = HashSet::from([(at, first.done.clone())]);
        let mut states = vec![State { at, stay: first, before: 0 }];
        let mut ahead = VecDeque::from([0]);
        while let Some(before) = ahead.pop_front() {
            for to in self.moves(states[before].at) {
                let stay = self.boot(to, &states[before].stay);
                let is_over = self.is_over(Some(to), &stay);
                if is_over || (self.is_of_use(to, &stay, &states[before]) && seen.insert((Some(to), stay.done.clone())))
                {
                    ahead.push_back(states.len());
                    states.push(State { at: Some(to), stay, before });
                }
                if is_over {
                    let boots = self.path(&states);
                    return Way { at_least: boots.len(), boots };
                }
            }
            if states.len() > STATES {
                break;
            }
        }
        self.greedy(states.swap_remove(0))
    }

    fn moves(&self, at: Option<Environment>) -> impl Iterator<Item = Environment> {
        let is_move = move |to: &Environment| *to != Environment::Off || at != Some(Environment::Off);
        self.environments.iter().copied().filter(is_move)
    }

    fn boot(&self, to: Environment, from: &Stay) -> Stay {
        self.stay(Some(to), &from.done, &from.armed)
    }

    fn is_over(&self, at: Option<Environment>, stay: &Stay) -> bool {
        at == Some(self.rest) && stay.done.len() == self.steps.len()
    }

    /// Nobody goes where nothing can be done; but from `Off`, a node that must boot and be off again goes somewhere first.
    fn is_of_use(&self, to: Environment, stay: &Stay, before: &State) -> bool {
        stay.done != before.stay.done || (before.at == Some(Environment::Off) && to != Environment::Off)
    }

    fn path(&self, states: &[State]) -> Vec<Environment> {
        let mut boots = Vec::new();
        let mut index = states.len() - 1;
        while index != 0 {
            boots.extend(states[index].at);
            index = states[index].before;
        }
        boots.reverse();
        boots
    }

    fn greedy(&self, mut state: State) -> Way {
        let is_left = |environment: &Environment| {
            let is_open = |place: &usize| !state.stay.done.contains(*place);
            let needs =
                (0..self.steps.len()).filter(is_open).any(|place| self.steps[place].environment == *environment);
            state.at != Some(*environment) && (needs || *environment == self.rest)
        };
        let at_least = self.environments.iter().filter(|environment| is_left(environment)).count();
        let mut boots = Vec::new();
        loop {
            let best =
                self.moves(state.at).map(|to| (to, self.boot(to, &state.stay))).max_by_key(|(_, stay)| stay.done.len());
            match best.filter(|(_, stay)| stay.done.len() > state.stay.done.len()) {
                Some((to, stay)) => {
                    boots.push(to);
                    state = State { at: Some(to), stay, before: 0 };
                }
                None => break,
            }
        }
        if state.at != Some(self.rest) {
            boots.push(self.rest);
        }
        Way { boots, at_least }
    }
}
