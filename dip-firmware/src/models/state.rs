//! What a model remembers beside its machine.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::machine::Machine;
use super::maker::Maker;
use super::tree::{Tree, link, tree};
use crate::provider::Accepted;

/// The state of a model.
#[derive(Debug)]
pub(super) struct State<M> {
    pub(super) maker: Maker,
    pub(super) machine: M,
    pub(super) tree: Tree,
    versions: BTreeMap<String, u64>,
    pub(super) sessions: BTreeSet<String>,
    /// Of each task what it is for, and as what it was told first.
    pub(super) tasks: BTreeMap<String, (String, Option<Value>)>,
    /// Inserts that still fail because the drive is ejecting (Dell).
    pub(super) ejecting: usize,
    pub(super) number: usize,
}

impl<M: Machine> State<M> {
    pub(super) fn new(maker: Maker, mut machine: M) -> Self {
        let tree = tree(maker, &machine.administrator());
        let (versions, sessions, tasks) = Default::default();
        Self { maker, machine, tree, versions, sessions, tasks, ejecting: 0, number: 0 }
    }

    pub(super) fn next(&mut self) -> usize {
        self.number += 1;
        self.number
    }

    pub(super) fn touch(&mut self, path: &str) {
        *self.versions.entry(path.to_owned()).or_insert(1) += 1;
    }

    pub(super) fn etag(&self, path: &str) -> String {
        let version = self.versions.get(path).copied().unwrap_or(1);
        if self.maker == Maker::Hpe { format!("W/\"{version:08X}\"") } else { format!("\"gen-{version}\"") }
    }

    /// Puts a resource in its place; another body is another version of it.
    pub(super) fn put(&mut self, path: &str, body: Value) {
        if self.tree.get(path) != Some(&body) {
            self.tree.insert(path.to_owned(), body);
            self.touch(path);
        }
    }

    /// Changes a resource in its place; another body is another version of it.
    pub(super) fn edit(&mut self, path: &str, edit: impl FnOnce(&mut Value)) {
        let mut body = self.tree.get(path).cloned().unwrap_or_default();
        edit(&mut body);
        self.put(path, body);
    }

    /// The path of the task of accepted work, where it is one.
    pub(super) fn task_of(&mut self, accepted: Accepted, target: &str) -> Option<String> {
        let Accepted::Task(task) = accepted else { return None };
        let path = self.maker.task(&task.0);
        self.tasks.insert(path.clone(), (target.to_owned(), None));
        Some(path)
    }

    pub(super) fn restart_controller(&mut self) {
        self.sessions.clear();
        self.machine.restart_controller();
    }

    /// Adds a resource to a collection.
    pub(super) fn add(&mut self, collection: &str, body: Value) -> String {
        let number = self.next() + 10;
        let path = format!("{collection}/{number}");
        self.put(&path, body);
        self.members(collection, |members| members.push(link(&path)));
        path
    }

    /// Takes a resource out of its collection.
    pub(super) fn take_away(&mut self, path: &str) {
        self.tree.remove(path);
        let collection = path.rsplit_once('/').map(|(collection, _)| collection.to_owned()).unwrap_or_default();
        self.members(&collection, |members| members.retain(|member| *member != link(path)));
    }

    fn members(&mut self, collection: &str, edit: impl FnOnce(&mut Vec<Value>)) {
        self.edit(collection, |body| {
            let mut members = body["Members"].as_array().cloned().unwrap_or_default();
            edit(&mut members);
            body["Members"] = json!(members);
        });
    }
}
