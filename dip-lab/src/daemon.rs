//! A server process: its own session, a log file, a readiness probe, and an end by process id.

use std::ffi::OsStr;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::command;
use crate::error::LabError;
use crate::ledger::{Entry, ProcessMark};
use crate::namespace::Namespace;
use crate::requirement::find_program;
use crate::scratch::Scratch;

/// How long a server may take to get ready: long, because the machine may be busy with builds.
const START: Duration = Duration::from_secs(30);
/// How long a server may take to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(2);

/// A server that runs until it is dropped, or for longer if its lab is kept.
#[derive(Debug)]
pub(crate) struct Daemon {
    name: String,
    child: Child,
    mark: Option<ProcessMark>,
    log: PathBuf,
    scratch: Scratch,
}

/// The command line of a server that will lead its own session.
pub(crate) fn daemon_command(namespace: Option<&Namespace>, program: impl AsRef<OsStr>) -> Command {
    let mut line = command("setsid");
    if let Some(namespace) = namespace {
        line.args(["ip", "netns", "exec", namespace.name()]);
    }
    let name = program.as_ref();
    line.arg(find_program(&name.to_string_lossy()).map_or_else(|| name.to_os_string(), Into::into));
    line
}

impl Daemon {
    /// Starts a command made by [`daemon_command`].
    pub(crate) fn spawn(scratch: &Scratch, name: &str, mut line: Command) -> Result<Self, LabError> {
        let log = scratch.path(&format!("{name}.log"));
        let open = || -> std::io::Result<(File, File)> {
            let file = File::options().create(true).append(true).open(&log)?;
            Ok((file.try_clone()?, file))
        };
        let (out, err) = open().map_err(|source| LabError::file("open", &log, source))?;
        let child = line
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|source| LabError::Command { command: format!("{line:?}"), reason: source.to_string() })?;
        let mark = i32::try_from(child.id()).ok().and_then(ProcessMark::of);
        if let Some(mark) = mark {
            scratch.record(&Entry::Process(mark))?;
        }
        Ok(Self { name: name.to_owned(), child, mark, log, scratch: scratch.clone() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the probe says yes; a server that ends meanwhile is told with the end of its log.
    pub(crate) async fn ready<F>(&mut self, probe: impl FnMut() -> F) -> Result<(), LabError>
    where
        F: Future<Output = bool>,
    {
        self.ready_within(START, probe).await
    }

    /// The same for a server that takes longer than others to start.
    pub(crate) async fn ready_within<F>(
        &mut self,
        patience: Duration,
        mut probe: impl FnMut() -> F,
    ) -> Result<(), LabError>
    where
        F: Future<Output = bool>,
    {
        let deadline = Instant::now() + patience;
        loop {
            if self.child.try_wait().ok().flatten().is_some() {
                return Err(LabError::Ended { server: self.name.clone(), log: self.log.clone(), tail: self.tail() });
            }
            if probe().await {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(LabError::NotReady {
                    server: self.name.clone(),
                    waited: patience,
                    log: self.log.clone(),
                    tail: self.tail(),
                });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the server and reaps it.
    pub(crate) fn stop(&mut self) {
        if let Some(mark) = self.mark {
            mark.end(PATIENCE);
        }
        let _ = self.child.wait();
    }

    /// Kills the server at once, whatever it is doing, and reaps it.
    pub(crate) fn kill(&mut self) -> Result<(), LabError> {
        let killed = self.mark.is_some_and(ProcessMark::kill);
        self.stop();
        if killed { Ok(()) } else { Err(LabError::answer(&self.name, "it does not run and cannot be killed")) }
    }

    /// What it has said.
    pub(crate) fn log(&self) -> Result<String, LabError> {
        let text = std::fs::read(&self.log).map_err(|source| LabError::file("read", &self.log, source))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn tail(&self) -> String {
        let text = self.log().unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !self.scratch.kept() {
            self.stop();
        }
    }
}
