//! What a model remembers, and what time does to it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fault::Fault;
use super::maker::Maker;
use super::tree::{Tree, link, tree};

/// What a change of the model is, once it comes about.
#[derive(Debug, Clone)]
pub(super) enum Work {
    /// A volume is made.
    Create { collection: String, body: Value },
    /// A resource is removed from its collection.
    Remove { path: String },
    /// A component has another version.
    Install { component: String },
}

/// A task, and when it is through.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) work: Option<Work>,
    pub(super) ends: Instant,
    pub(super) target: String,
}

/// The state of a model.
#[derive(Debug)]
pub(super) struct State {
    pub(super) maker: Maker,
    pub(super) tree: Tree,
    pub(super) versions: BTreeMap<String, u64>,
    pub(super) sessions: BTreeSet<String>,
    pub(super) tasks: BTreeMap<String, Task>,
    pub(super) passwords: BTreeMap<String, String>,
    /// How often the machine was started.
    pub(super) starts: usize,
    /// Inserts that still fail because the drive is ejecting (Dell).
    pub(super) ejecting: usize,
    pub(super) faults: Vec<(&'static str, &'static str, Fault)>,
    pub(super) number: usize,
}

impl State {
    pub(super) fn new(maker: Maker) -> Self {
        Self {
            maker,
            tree: tree(maker),
            versions: BTreeMap::new(),
            sessions: BTreeSet::new(),
            tasks: BTreeMap::new(),
            passwords: [("admin".to_owned(), "password".to_owned())].into(),
            starts: 0,
            ejecting: 0,
            faults: Vec::new(),
            number: 0,
        }
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

    /// Switches the machine; whatever waits for a reset comes about when it starts.
    pub(super) fn switch(&mut self, on: bool) {
        let system = self.maker.system();
        let was_on = self.tree[system]["PowerState"] == "On";
        self.tree.entry(system.to_owned()).and_modify(|it| it["PowerState"] = json!(if on { "On" } else { "Off" }));
        self.touch(system);
        if on && !was_on {
            self.start();
        }
    }

    /// Starts the machine anew.
    pub(super) fn start(&mut self) {
        self.starts += 1;
        let system = self.maker.system().to_owned();
        let pending = if self.maker == Maker::Hpe {
            format!("{system}/bios/settings")
        } else {
            format!("{system}/Bios/Settings")
        };
        let waiting = self.tree[&pending]["Attributes"].as_object().cloned().unwrap_or_default();
        for (name, value) in waiting {
            self.tree.entry(format!("{system}/Bios")).and_modify(|bios| bios["Attributes"][&name] = value);
        }
        let now = self.tree[&format!("{system}/Bios")]["Attributes"].clone();
        let empty = match self.maker {
            Maker::Hpe | Maker::Lenovo => json!({ "Attributes": now }),
            Maker::Supermicro => json!({}),
            Maker::Dell | Maker::OpenBmc => json!({ "Attributes": {} }),
        };
        self.tree.insert(pending, empty);
        let enabled = self.tree[&format!("{system}/SecureBoot")]["SecureBootEnable"] == true;
        let word = if enabled { "Enabled" } else { "Disabled" };
        self.tree.entry(format!("{system}/SecureBoot")).and_modify(|it| it["SecureBootCurrentBoot"] = json!(word));
        if self.tree[&system]["Boot"]["BootSourceOverrideEnabled"] == "Once" {
            self.tree.entry(system).and_modify(|it| it["Boot"]["BootSourceOverrideEnabled"] = json!("Disabled"));
        }
    }

    /// Begins work that takes its time; gives the path of its task.
    pub(super) fn begin(&mut self, work: Work, target: &str) -> String {
        let number = self.next();
        let path = match self.maker {
            Maker::Dell => format!("/redfish/v1/TaskService/Tasks/JID_{number:012}"),
            _ => format!("/redfish/v1/TaskService/Tasks/{number}"),
        };
        let task =
            Task { work: Some(work), ends: Instant::now() + Duration::from_millis(700), target: target.to_owned() };
        self.tasks.insert(path.clone(), task);
        path
    }

    /// Ends the tasks whose time has come, and shows all of them.
    pub(super) fn tick(&mut self) {
        let through: Vec<_> = self
            .tasks
            .values_mut()
            .filter(|task| task.ends <= Instant::now())
            .filter_map(|it| it.work.take())
            .collect();
        for work in through {
            self.carry_out(work);
        }
        let paths: Vec<_> = self.tasks.keys().map(|path| link(path)).collect();
        self.tree.insert("/redfish/v1/TaskService/Tasks".to_owned(), json!({ "Members": paths }));
        for (path, task) in &self.tasks {
            let (state, percent) = if task.work.is_some() { ("Running", 40) } else { ("Completed", 100) };
            let body = json!({
                "TaskState": state, "TaskStatus": "OK", "PercentComplete": percent, "Payload": { "TargetUri": task.target },
            });
            self.tree.insert(path.clone(), body);
        }
    }

    pub(super) fn forget_tasks(&mut self) {
        let paths: Vec<_> = std::mem::take(&mut self.tasks).into_keys().collect();
        for path in paths {
            self.tree.remove(&path);
        }
    }

    pub(super) fn carry_out(&mut self, work: Work) {
        match work {
            Work::Create { collection, body } => {
                let number = self.next();
                let path = format!("{collection}/Volume.{number}");
                self.tree.insert(path.clone(), body);
                self.members(&collection).push(link(&path));
                self.touch(&collection);
            }
            Work::Remove { path } => {
                self.tree.remove(&path);
                let collection = path.rsplit_once('/').map(|(collection, _)| collection.to_owned()).unwrap_or_default();
                self.members(&collection).retain(|member| *member != link(&path));
                self.touch(&collection);
            }
            Work::Install { component } => {
                self.tree.entry(component).and_modify(|it| it["Version"] = json!("2.0.0"));
            }
        }
    }

    fn members(&mut self, collection: &str) -> &mut Vec<Value> {
        let collection = self.tree.entry(collection.to_owned()).or_insert_with(|| json!({ "Members": [] }));
        if !collection["Members"].is_array() {
            collection["Members"] = json!([]);
        }
        collection["Members"].as_array_mut().expect("it was made one")
    }
}
