//! What the unit tests of this layer share: nodes made in code, and a host in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::id::{LayerId, NodeName, SiteName, StepId};
use dip_core::operation::{Assignment, Check, Context, Operation};
use dip_core::provider::{Command, FileContent, Host, Output, ProviderError, Providers};
use dip_core::site::{Node, NodeSettings, NodeState, Site};
use dip_core::step::Step;
use dip_core::subject::Subject;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub(crate) fn node_name() -> NodeName {
    NodeName::new("n1").expect("a name")
}

pub(crate) fn node(name: &str, os: Option<Value>) -> Node {
    Node {
        name: NodeName::new(name).expect("a name"),
        state: NodeState::Ready,
        rack: None,
        profiles: Vec::new(),
        serial: None,
        bmc: None,
        nics: BTreeMap::new(),
        outlets: Vec::new(),
        disks: BTreeMap::new(),
        settings: NodeSettings {
            layers: os.map(|os| (LayerId::Os, os)).into_iter().collect(),
            origins: BTreeMap::new(),
        },
        origin: None,
    }
}

pub(crate) fn site(nodes: impl IntoIterator<Item = Node>) -> Site {
    let mut site = Site::new(SiteName::new("lab").expect("a name"));
    site.nodes = nodes.into_iter().map(|node| (node.name.clone(), node)).collect();
    site
}

/// A host with files in memory, that gives prepared answers to commands and notes which were run.
#[derive(Default)]
pub(crate) struct FakeHost {
    pub(crate) files: Mutex<BTreeMap<String, FileContent>>,
    answers: BTreeMap<String, Output>,
    pub(crate) ran: Mutex<Vec<String>>,
}

impl FakeHost {
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        let content = FileContent { bytes: text.as_bytes().to_vec(), mode: 0o644 };
        self.files.lock().expect("no panic").insert(path.to_owned(), content);
        self
    }

    pub(crate) fn answer(mut self, command: &str, status: i32, stdout: &str, stderr: &str) -> Self {
        let output = Output { status: Some(status), stdout: stdout.into(), stderr: stderr.into() };
        self.answers.insert(command.to_owned(), output);
        self
    }

    pub(crate) fn bench(self, step: Step) -> Bench {
        let host = Arc::new(self);
        let mut providers = Providers::new();
        providers.insert::<dyn Host>(&Subject::node(&node_name()), host.clone());
        let assignment = Assignment {
            run: "run".to_owned(),
            step: StepId(0),
            name: step.name,
            call: step.call,
            facts: Facts::new(),
            attempt: 1,
            deadline: jiff::Timestamp::UNIX_EPOCH,
            fence: 1,
        };
        Bench { host, assignment, providers, cancel: CancellationToken::new() }
    }
}

#[async_trait]
impl Host for FakeHost {
    async fn run(&self, command: &Command) -> Result<Output, ProviderError> {
        let words: Vec<_> =
            std::iter::once(command.program()).chain(command.arguments().iter().map(String::as_str)).collect();
        let line = words.join(" ");
        self.ran.lock().expect("no panic").push(line.clone());
        Ok(self.answers.get(&line).cloned().unwrap_or(Output { status: Some(0), ..Output::default() }))
    }

    async fn read(&self, path: &str) -> Result<Option<FileContent>, ProviderError> {
        Ok(self.files.lock().expect("no panic").get(path).cloned())
    }

    async fn write(&self, path: &str, content: &FileContent) -> Result<(), ProviderError> {
        self.files.lock().expect("no panic").insert(path.to_owned(), content.clone());
        Ok(())
    }

    async fn remove(&self, path: &str) -> Result<(), ProviderError> {
        self.files.lock().expect("no panic").remove(path);
        Ok(())
    }
}

pub(crate) struct Bench {
    pub(crate) host: Arc<FakeHost>,
    assignment: Assignment,
    providers: Providers,
    cancel: CancellationToken,
}

impl Bench {
    pub(crate) fn context(&self) -> Context<'_> {
        Context::new(&self.assignment, &self.providers, &self.cancel)
    }

    /// What the check tells, as text: the difference, or `holds`.
    pub(crate) async fn check(&self, operation: &impl Operation) -> String {
        match operation.check(&self.context()).await.expect("the host answers") {
            Check::Holds(_) => "holds".to_owned(),
            Check::Differs(diff) => diff.to_string(),
            Check::Unknown(gap) => gap.to_string(),
        }
    }

    pub(crate) fn ran(&self) -> Vec<String> {
        self.host.ran.lock().expect("no panic").clone()
    }

    pub(crate) fn text(&self, path: &str) -> Option<String> {
        let files = self.host.files.lock().expect("no panic");
        files.get(path).map(|content| String::from_utf8_lossy(&content.bytes).into_owned())
    }
}
