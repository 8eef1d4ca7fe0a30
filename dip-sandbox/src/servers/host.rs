//! The running system of a simulated node, as somebody with a session on it sees it.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::id::NodeName;
use dip_core::provider::{Command, ErrorKind, FileContent, Host, Output, ProviderError};

use crate::line::{Intent, Line};
use crate::linux::log_in;

#[derive(Debug)]
pub(crate) struct SandboxHost {
    line: Line,
    node: NodeName,
}

impl SandboxHost {
    pub(crate) const fn new(line: Line, node: NodeName) -> Self {
        Self { line, node }
    }

    /// Carries a request to the node, if it can be reached before and after the request's way.
    async fn carry(&self, action: &str) -> Result<(), ProviderError> {
        self.reach(action).await?;
        self.line.carry(Intent::Look, action).await?;
        self.reach(action).await
    }

    async fn reach(&self, action: &str) -> Result<(), ProviderError> {
        match self.line.world().reach(&self.node) {
            Ok(()) => Ok(()),
            Err(why) => Err(self.line.no_answer(action, why).await),
        }
    }
}

/// How long a command takes beside its way: `sleep SECONDS` so long, all others no time that matters.
fn duration(command: &Command) -> Duration {
    let seconds = command.arguments().first().filter(|_| command.program() == "sleep");
    seconds.and_then(|seconds| seconds.parse().ok()).map_or(Duration::ZERO, Duration::from_secs)
}

#[async_trait]
impl Host for SandboxHost {
    async fn run(&self, command: &Command) -> Result<Output, ProviderError> {
        self.carry(&format!("run `{}` on {}", command.program(), self.node)).await?;
        self.line.world().time.sleep(duration(command)).await;
        Ok(log_in(self.line.world(), &self.node).run(command))
    }

    async fn read(&self, path: &str) -> Result<Option<FileContent>, ProviderError> {
        self.carry(&format!("read {path} on {}", self.node)).await?;
        Ok(self.line.world().machine(&self.node, |machine| machine.linux.read(path)))
    }

    async fn write(&self, path: &str, content: &FileContent) -> Result<(), ProviderError> {
        let action = format!("write {path} on {}", self.node);
        self.carry(&action).await?;
        let world = self.line.world();
        match world.machine(&self.node, |machine| machine.linux.write(path, content)) {
            Ok(changed) => {
                if changed {
                    world.ledger.count(self.line.subject(), format!("write {path}"));
                }
                Ok(())
            }
            Err(why) => Err(self.line.error(ErrorKind::Invalid, action).because(why)),
        }
    }

    async fn remove(&self, path: &str) -> Result<(), ProviderError> {
        self.carry(&format!("remove {path} on {}", self.node)).await?;
        let world = self.line.world();
        if world.machine(&self.node, |machine| machine.linux.remove(path)) {
            world.ledger.count(self.line.subject(), format!("remove {path}"));
        }
        Ok(())
    }
}
