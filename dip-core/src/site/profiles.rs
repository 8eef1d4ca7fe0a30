//! Profiles: who inherits from whom, and what a list of profiles says together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::check::{Checker, Place, Whole};
use super::merge::inherit;
use super::report::{Raw, Report};
use super::root::Root;
use super::section::section;
use super::tree::{Data, Map, Tree};
use super::{Origin, Profile};
use crate::id::ProfileName;

/// How long a chain of profiles may be.
const DEPTH: usize = 64;

/// The profiles of a site.
pub(crate) struct Profiles {
    /// All of them; a part of a tree knows its profile as an index into these.
    pub(crate) names: Vec<ProfileName>,
    parents: Vec<Vec<usize>>,
    origins: Vec<Origin>,
    trees: Vec<Tree>,
    by_name: HashMap<String, usize>,
    together: HashMap<Vec<usize>, Inherited>,
}

/// What a list of profiles says together.
#[derive(Clone)]
pub(crate) struct Inherited {
    /// The profiles, nearest first.
    pub(crate) profiles: Vec<ProfileName>,
    /// Their settings, the nearer merged over the farther.
    pub(crate) tree: Tree,
}

impl Profiles {
    /// Reads and checks the profiles of a site. Circles are told, and cut where they close.
    pub(crate) fn read(root: &Tree, shape: &Root, checker: &mut Checker<'_, '_>) -> Self {
        let found = section::<ProfileName>(root, "profiles", checker.report);
        let by_name: HashMap<String, usize> =
            found.iter().enumerate().map(|(index, (_, key, _))| ((*key).to_owned(), index)).collect();
        let mut parents = Vec::new();
        let mut trees = Vec::new();
        checker.whole = Whole::No;
        for (index, (_, key, entry)) in found.iter().enumerate() {
            checker.object(&entry.value, &shape.profile, Place { key, mark: entry.key });
            let of = |item: &Tree| item.text().and_then(|name| by_name.get(name)).copied();
            parents.push(entry.value.items("inherits").iter().filter_map(of).collect());
            let mut tree = entry.value.clone();
            if let Data::Map(map) = &mut tree.data {
                map.remove("inherits");
            } else {
                tree.data = Data::Map(Map::new());
            }
            came_through(&mut tree, u16::try_from(index).unwrap_or(u16::MAX));
            trees.push(tree);
        }
        checker.whole = Whole::Yes;
        let marks: Vec<_> = found.iter().map(|(_, _, entry)| entry.key).collect();
        let origins = marks.iter().map(|mark| mark.origin(checker.report.sources())).collect();
        let names: Vec<_> = found.into_iter().map(|(name, ..)| name).collect();
        let mut profiles = Self { names, parents, origins, trees, by_name, together: HashMap::new() };
        profiles.cut_circles(&marks, checker.report);
        profiles
    }

    /// All of them by name, without what they say.
    pub(crate) fn all(&self) -> BTreeMap<ProfileName, Profile> {
        let inherits = |index: usize| self.parents[index].iter().map(|parent| self.names[*parent].clone()).collect();
        let origin = |index: usize| self.origins.get(index).cloned();
        (self.names.iter().enumerate())
            .map(|(index, name)| Profile { name: name.clone(), inherits: inherits(index), origin: origin(index) })
            .map(|profile| (profile.name.clone(), profile))
            .collect()
    }

    /// What these profiles say together; unknown names, which the check tells, say nothing.
    pub(crate) fn inherited(&mut self, names: &[&str]) -> &Inherited {
        let wanted: Vec<usize> = names.iter().filter_map(|name| self.by_name.get(*name)).copied().collect();
        if !self.together.contains_key(&wanted) {
            let inherited = self.merge(&wanted);
            self.together.insert(wanted.clone(), inherited);
        }
        &self.together[&wanted]
    }

    fn merge(&self, wanted: &[usize]) -> Inherited {
        let mut farthest_first = Vec::new();
        let mut seen = BTreeSet::new();
        self.visit(wanted, &mut seen, &mut farthest_first);
        let mark = super::source::Mark::start(0);
        let mut tree = Tree::new(mark, Data::Map(BTreeMap::new()));
        farthest_first.iter().for_each(|index| inherit(&mut tree, &self.trees[*index]));
        let profiles = farthest_first.iter().rev().map(|index| self.names[*index].clone()).collect();
        Inherited { profiles, tree }
    }

    /// Lists profiles after all that they inherit from, and an earlier one of a list after a later one.
    fn visit(&self, wanted: &[usize], seen: &mut BTreeSet<usize>, listed: &mut Vec<usize>) {
        for index in wanted.iter().rev() {
            if seen.insert(*index) {
                self.visit(&self.parents[*index], seen, listed);
                listed.push(*index);
            }
        }
    }

    fn cut_circles(&mut self, marks: &[super::source::Mark], report: &mut Report<'_>) {
        let mut done = BTreeSet::new();
        for start in 0..self.names.len() {
            let mut chain = Vec::new();
            self.walk(start, &mut chain, &mut done, marks, report);
        }
    }

    fn walk(
        &mut self,
        index: usize,
        chain: &mut Vec<usize>,
        done: &mut BTreeSet<usize>,
        marks: &[super::source::Mark],
        report: &mut Report<'_>,
    ) {
        if done.contains(&index) {
            return;
        }
        chain.push(index);
        let mut keep = Vec::new();
        for parent in std::mem::take(&mut self.parents[index]) {
            if let Some(at) = chain.iter().position(|other| *other == parent) {
                let circle = chain[at..].iter().chain([&parent]);
                let circle: Vec<_> = circle.map(|index| format!("`{}`", self.names[*index])).collect();
                report.tell("circle", marks[parent], || {
                    Raw::at(marks[parent], format!("profiles inherit in a circle: {}", circle.join(" → ")))
                        .advice("take one of them out of an `inherits`")
                });
            } else if chain.len() >= DEPTH {
                report.tell("circle", marks[index], || {
                    Raw::at(marks[index], format!("more than {DEPTH} profiles inherit from one another in a row"))
                });
            } else {
                self.walk(parent, chain, done, marks, report);
                keep.push(parent);
            }
        }
        self.parents[index] = keep;
        chain.pop();
        done.insert(index);
    }
}

fn came_through(tree: &mut Tree, profile: u16) {
    tree.profile = Some(profile);
    match &mut tree.data {
        Data::Map(map) => map.values_mut().for_each(|entry| came_through(&mut entry.value, profile)),
        Data::List(items) => items.iter_mut().for_each(|item| came_through(item, profile)),
        _ => {}
    }
}
