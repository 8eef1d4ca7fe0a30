//! A host in memory, and a step that acts on it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::Bench;
use crate::id::NodeName;
use crate::operation::{Check, Context, Operation};
use crate::provider::{Command, FileContent, Host, Output, ProviderError};
use crate::step::Step;
use crate::subject::Subject;

/// A host with files in memory, that gives prepared answers to commands and notes which were run. A command without a
/// prepared answer succeeds and says nothing.
#[derive(Debug, Default)]
pub struct FakeHost {
    files: Mutex<BTreeMap<String, FileContent>>,
    answers: BTreeMap<String, Output>,
    ran: Mutex<Vec<String>>,
}

impl FakeHost {
    /// A host that has this file beside others.
    #[must_use]
    pub fn file(self, path: &str, text: &str) -> Self {
        let content = FileContent { bytes: text.as_bytes().to_vec(), mode: 0o644 };
        self.files.lock().expect("no panic").insert(path.to_owned(), content);
        self
    }

    /// A host that gives this answer to a command, written as one line.
    #[must_use]
    pub fn answer(mut self, command: &str, status: i32, stdout: &str, stderr: &str) -> Self {
        let output = Output { status: Some(status), stdout: stdout.into(), stderr: stderr.into() };
        self.answers.insert(command.to_owned(), output);
        self
    }

    /// A step that acts on it as the host of node `n1`.
    #[must_use]
    pub fn bench(self, step: Step) -> HostBench {
        let host = Arc::new(self);
        let node = NodeName::new("n1").expect("a plain word is a name");
        let bench = Bench::with::<dyn Host>(&Subject::node(&node), Arc::clone(&host) as Arc<dyn Host>, step);
        HostBench { host, bench }
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

/// A step that acts on a host in memory.
#[derive(Debug)]
pub struct HostBench {
    host: Arc<FakeHost>,
    bench: Bench,
}

impl HostBench {
    /// What the step's check and its apply are given.
    #[must_use]
    pub fn context(&self) -> Context<'_> {
        self.bench.context()
    }

    /// What the check tells, as text: the difference, the gap, or `holds`.
    ///
    /// # Panics
    /// Where the check fails.
    pub async fn check(&self, operation: &impl Operation) -> String {
        match operation.check(&self.context()).await.expect("the host answers") {
            Check::Holds(_) => "holds".to_owned(),
            Check::Differs(diff) => diff.to_string(),
            Check::Unknown(gap) => gap.to_string(),
        }
    }

    /// The commands that were run, each as one line.
    #[must_use]
    pub fn ran(&self) -> Vec<String> {
        self.host.ran.lock().expect("no panic").clone()
    }

    /// The text of a file; `None` where there is none.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<String> {
        let files = self.host.files.lock().expect("no panic");
        files.get(path).map(|content| String::from_utf8_lossy(&content.bytes).into_owned())
    }
}
