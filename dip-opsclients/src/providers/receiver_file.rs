//! A receiver of logs that writes a file: on a node of the site, or where dip runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use dip_core::provider::{Command, ErrorKind, Host, ProviderError};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::provider::LogReceiver;

/// The name by which errors call it.
const PROVIDER: &str = "log receiver";

/// What has just arrived stands at the end: so much of the file is looked at.
const TAIL: u64 = 1 << 20;

/// Looks through the end of a file where it is: it would be carried over the network for every look.
const FIND: &str = r#"text=$(tail -c "$1" -- "$2") || exit 2; printf '%s\n' "$text" | grep -F -m 1 -- "$3" || true"#;

/// The file that a receiver writes.
pub struct ReceiverFile {
    path: PathBuf,
    host: Option<Arc<dyn Host>>,
}

impl ReceiverFile {
    /// A file on the machine where dip runs.
    #[must_use]
    pub fn here(path: &Path) -> Self {
        Self { path: path.to_owned(), host: None }
    }

    /// A file on a host.
    #[must_use]
    pub fn on(host: Arc<dyn Host>, path: &Path) -> Self {
        Self { path: path.to_owned(), host: Some(host) }
    }

    fn unreadable(&self, kind: ErrorKind) -> ProviderError {
        ProviderError::new(kind, PROVIDER, format!("read {}", self.path.display()))
    }

    async fn tail_here(&self) -> std::io::Result<String> {
        let mut file = tokio::fs::File::open(&self.path).await?;
        let length = file.metadata().await?.len();
        file.seek(std::io::SeekFrom::Start(length.saturating_sub(TAIL))).await?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn find_on(&self, host: &dyn Host, mark: &str) -> Result<Option<String>, ProviderError> {
        let path = self.path.display().to_string();
        let command = Command::new("sh").args(["-c", FIND, "sh", &TAIL.to_string(), &path, mark]);
        let output = host.run(&command).await?;
        if output.succeeded() {
            return Ok(output.text().lines().next().map(str::to_owned));
        }
        Err(self.unreadable(ErrorKind::NotFound).because(output.error_text()))
    }
}

impl fmt::Debug for ReceiverFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverFile").field("path", &self.path).finish_non_exhaustive()
    }
}

#[async_trait]
impl LogReceiver for ReceiverFile {
    async fn find(&self, mark: &str) -> Result<Option<String>, ProviderError> {
        if let Some(host) = &self.host {
            return self.find_on(&**host, mark).await;
        }
        let text = self.tail_here().await.map_err(|error| self.unreadable(ErrorKind::NotFound).because(error))?;
        Ok(text.lines().find(|line| line.contains(mark)).map(str::to_owned))
    }
}
