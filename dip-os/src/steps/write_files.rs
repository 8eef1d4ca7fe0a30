//! `os.write_files`: the files of the node's settings are there, with their content and mode.

use async_trait::async_trait;
use dip_core::fact::Facts;
use dip_core::fact::os::FILES;
use dip_core::id::{LayerId, NodeName};
use dip_core::operation::{Applied, Check, Context, Diff, Operation, OperationError};
use dip_core::provider::FileContent;
use dip_core::step::{Environment, Step};
use dip_core::subject::Subject;
use serde::{Deserialize, Serialize};

use crate::node::Node;
use crate::settings::FileSettings;

/// Writes files of a node. A file that is taken out of the settings stays on the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteFiles {
    /// The node.
    pub node: NodeName,
    /// The files.
    pub files: Vec<NodeFile>,
}

/// A file as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFile {
    /// Its absolute path.
    pub path: String,
    /// Its text.
    pub content: String,
    /// Its permission bits.
    pub mode: u32,
}

impl WriteFiles {
    /// The files of a node's settings; a sentence where one cannot be written.
    pub(crate) fn new(node: &NodeName, settings: &[FileSettings]) -> Result<Self, String> {
        let mut files: Vec<NodeFile> = Vec::new();
        for file in settings {
            let path = &file.path;
            if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
                return Err(format!("`{path}` is not the absolute path of a file"));
            }
            if files.iter().any(|other| other.path == *path) {
                return Err(format!("{path} is listed twice; take one of them out"));
            }
            let text = file.mode.as_deref().unwrap_or("0644");
            let digits = text.strip_prefix("0o").unwrap_or(text);
            // `from_str_radix` takes a sign.
            let mode = Some(digits).filter(|digits| !digits.starts_with('+'));
            let mode = mode
                .and_then(|digits| u32::from_str_radix(digits, 8).ok())
                .filter(|mode| *mode <= 0o7777)
                .ok_or_else(|| format!("`{text}` is not a mode of {path}; write octal digits, for example `0644`"))?;
            files.push(NodeFile { path: path.clone(), content: file.content.clone(), mode });
        }
        Ok(Self { node: node.clone(), files })
    }

    pub(crate) fn step(self) -> Step {
        let subject = Subject::node(&self.node);
        let given = FILES.of(&subject);
        Step::new(LayerId::Os, subject, &self).give(given).in_environment(&self.node, Environment::Installed)
    }
}

impl NodeFile {
    /// What differs; the content itself stays out, because it may be long or for few eyes.
    fn diff(&self, diff: Diff, now: Option<&FileContent>) -> Diff {
        let path = &self.path;
        let size = |bytes: usize| format!("{bytes} bytes");
        let Some(now) = now else { return diff.and(path, None::<&str>, Some(size(self.content.len()))) };
        let diff = if now.bytes == self.content.as_bytes() {
            diff
        } else {
            let (has, wants) = (format!("other {}", size(now.bytes.len())), size(self.content.len()));
            diff.and(format!("content of {path}"), Some(has), Some(wants))
        };
        if now.mode == self.mode {
            diff
        } else {
            let octal = |mode: u32| Some(format!("{mode:04o}"));
            diff.and(format!("mode of {path}"), octal(now.mode), octal(self.mode))
        }
    }

    fn content(&self) -> FileContent {
        FileContent { bytes: self.content.clone().into_bytes(), mode: self.mode }
    }
}

#[async_trait]
impl Operation for WriteFiles {
    const NAME: &'static str = "os.write_files";

    async fn check(&self, cx: &Context<'_>) -> Result<Check, OperationError> {
        let node = Node::of(cx, &self.node)?;
        let mut diff = Diff::default();
        for file in &self.files {
            diff = file.diff(diff, node.host().read(&file.path).await?.as_ref());
        }
        Ok(diff.or_holds(Facts::new().with(&FILES, &Subject::node(&self.node), &self.files.len())))
    }

    async fn apply(&self, cx: &Context<'_>) -> Result<Applied, OperationError> {
        let node = Node::of(cx, &self.node)?;
        for file in &self.files {
            let content = file.content();
            // One that is right keeps its owner and its age.
            if node.host().read(&file.path).await?.as_ref() != Some(&content) {
                node.host().write(&file.path, &content).await?;
            }
        }
        Ok(Applied::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::node_name;
    use dip_core::testing::FakeHost;

    fn wanted() -> WriteFiles {
        let file = |path: &str, mode: Option<&str>| FileSettings {
            path: path.to_owned(),
            content: "hello\n".to_owned(),
            mode: mode.map(str::to_owned),
        };
        WriteFiles::new(&node_name(), &[file("/etc/motd", None), file("/etc/cron.d/x", Some("0600"))])
            .expect("two files")
    }

    #[tokio::test]
    async fn files_are_told_written_and_then_hold() {
        let bench = FakeHost::default().file("/etc/motd", "bye\n").bench(wanted().step());
        assert_eq!(
            bench.check(&wanted()).await,
            "content of /etc/motd other 4 bytes → 6 bytes, + /etc/cron.d/x 6 bytes"
        );
        wanted().apply(&bench.context()).await.expect("the host obeys");
        assert_eq!(bench.check(&wanted()).await, "holds");
        assert_eq!(bench.text("/etc/motd").as_deref(), Some("hello\n"));
    }

    #[tokio::test]
    async fn a_wrong_mode_differs() {
        let host = FakeHost::default().file("/etc/motd", "hello\n").file("/etc/cron.d/x", "hello\n");
        assert_eq!(host.bench(wanted().step()).check(&wanted()).await, "mode of /etc/cron.d/x 0644 → 0600");
    }

    #[test]
    fn a_path_twice_and_a_mode_that_is_none_are_refused() {
        let file = FileSettings { path: "/a".to_owned(), content: String::new(), mode: None };
        assert!(WriteFiles::new(&node_name(), &[file.clone(), file.clone()]).is_err_and(|why| why.contains("twice")));
        for mode in ["rw", "+644", "0o0o644", "10000", ""] {
            let odd = FileSettings { mode: Some(mode.to_owned()), ..file.clone() };
            assert!(WriteFiles::new(&node_name(), &[odd]).is_err_and(|why| why.contains("octal")), "{mode}");
        }
    }
}
