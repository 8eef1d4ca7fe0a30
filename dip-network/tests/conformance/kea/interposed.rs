//! A control socket before Kea's own, which counts the commands, and lets somebody else act between two of them or answers otherwise.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use dip_core::conformance::Failure;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

pub(super) type Before = Box<dyn FnMut(&str) -> Result<(), Failure> + Send>;
pub(super) type Retell = Box<dyn Fn(&str, &mut Value) + Send + Sync>;

/// It ends when it is dropped.
pub(super) struct Interposed {
    pub(super) socket: PathBuf,
    commands: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Interposed {
    /// `before` is called with the name of each command before Kea gets it.
    pub(super) fn before(kea: &Path, name: &str, before: Before) -> Result<Self, Failure> {
        Self::with(kea, name, before, Box::new(|_, _| {}))
    }

    /// `retell` is given each answer with the name of its command.
    pub(super) fn retelling(kea: &Path, name: &str, retell: Retell) -> Result<Self, Failure> {
        Self::with(kea, name, Box::new(|_| Ok(())), retell)
    }

    fn with(kea: &Path, name: &str, mut before: Before, retell: Retell) -> Result<Self, Failure> {
        let socket = kea.with_file_name(name);
        let listener = UnixListener::bind(&socket)?;
        let (commands, kea) = (Arc::<Mutex<Vec<String>>>::default(), kea.to_owned());
        let seen = Arc::clone(&commands);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // One that fails hangs up on the client, which tells it.
                let _ = forward(client, &kea, &mut before, &retell, &seen).await;
            }
        });
        Ok(Self { socket, commands, task })
    }

    pub(super) fn count(&self, command: &str) -> usize {
        let commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        commands.iter().filter(|seen| *seen == command).count()
    }
}

impl Drop for Interposed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(
    mut client: UnixStream,
    kea: &Path,
    before: &mut Before,
    retell: &Retell,
    seen: &Mutex<Vec<String>>,
) -> Result<(), Failure> {
    let mut request = Vec::new();
    let command = loop {
        if client.read_buf(&mut request).await? == 0 {
            return Err("it hung up".into());
        }
        if let Ok(whole) = serde_json::from_slice::<Value>(&request) {
            break whole["command"].as_str().unwrap_or_default().to_owned();
        }
    };
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(command.clone());
    before(&command)?;
    let mut server = UnixStream::connect(kea).await?;
    server.write_all(&request).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    let mut answer: Value = serde_json::from_slice(&answer)?;
    retell(&command, &mut answer);
    client.write_all(&serde_json::to_vec(&answer)?).await?;
    Ok(())
}
