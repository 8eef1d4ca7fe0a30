//! The list of what a lab has started, on disk, so that it can be taken down by anybody at any time.
//!
//! Each entry is written before or right after the thing exists. A process is known by its id *and* its
//! start time, so that an id that was given to another program later is never killed.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::{Deserialize, Serialize};

use crate::command::command;
use crate::error::LabError;

/// One thing that must be taken down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    /// A process which leads its own group.
    Process(ProcessMark),
    /// The directory of a node whose power hook may have started a process.
    Node(PathBuf),
    /// A network namespace.
    Namespace(String),
    /// A network interface of the root namespace.
    Link(String),
}

/// A process that cannot be mistaken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessMark {
    pid: i32,
    /// Clock ticks after boot, field 22 of /proc/PID/stat.
    started: u64,
}

impl ProcessMark {
    /// Marks a process that runs now.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        stat(pid).map(|stat| Self { pid, started: stat.started })
    }

    /// This process.
    pub(crate) fn own() -> Option<Self> {
        Self::of(Pid::as_raw(Some(rustix::process::getpid())))
    }

    /// Whether it runs: a zombie does not, though it still answers a signal.
    pub(crate) fn alive(self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.started == self.started && stat.state != 'Z')
    }

    /// Ends it and its group: asks first, and kills what is still there after `patience`.
    pub(crate) fn end(self, patience: Duration) {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + patience;
        while self.alive() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.signal(Signal::KILL);
    }

    /// Kills it and its group at once; tells whether it ran.
    pub(crate) fn kill(self) -> bool {
        self.signal(Signal::KILL)
    }

    fn signal(self, signal: Signal) -> bool {
        let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.alive()) else { return false };
        // The group first: once the leader is gone it could not be found by its mark any more.
        kill_process_group(pid, signal).is_ok() || kill_process(pid, signal).is_ok()
    }
}

/// The file with the entries.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    path: PathBuf,
}

impl Ledger {
    pub(crate) fn at(dir: &Path) -> Self {
        Self { path: dir.join("ledger") }
    }

    /// Adds an entry and puts it to disk.
    pub(crate) fn add(&self, entry: &Entry) -> Result<(), LabError> {
        let write = || -> std::io::Result<()> {
            let mut line = serde_json::to_vec(entry)?;
            line.push(b'\n');
            let mut file: File = OpenOptions::new().create(true).append(true).open(&self.path)?;
            file.write_all(&line)
        };
        write().map_err(|source| LabError::file("write", &self.path, source))
    }

    /// Takes all entries down, the newest first. What is gone already is no error.
    pub(crate) fn clear(&self) {
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let entries: Vec<Entry> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        for entry in entries.iter().rev() {
            match entry {
                Entry::Process(mark) => mark.end(Duration::from_secs(2)),
                Entry::Node(dir) => end_node(dir),
                Entry::Namespace(name) => delete_namespace(name),
                Entry::Link(name) => quietly(command("ip").args(["link", "delete", name])),
            }
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Kills what the power hook of a node started, if it still runs.
pub(crate) fn end_node(dir: &Path) {
    let file = dir.join("pid");
    let pid = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<i32>().ok());
    let Some(pid) = pid else { return };
    // The process must still be the power-on script of this very node.
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    if String::from_utf8_lossy(&line).contains(&*dir.to_string_lossy())
        && let Some(mark) = ProcessMark::of(pid)
    {
        mark.signal(Signal::KILL);
    }
    let _ = std::fs::remove_file(file);
}

/// Removes a namespace after what still runs in it was killed.
pub(crate) fn delete_namespace(name: &str) {
    if !Path::new("/run/netns").join(name).exists() {
        return;
    }
    for _ in 0..100 {
        let pids = command("ip").args(["netns", "pids", name]).stderr(Stdio::null()).output();
        let text = pids.map(|done| String::from_utf8_lossy(&done.stdout).into_owned()).unwrap_or_default();
        let mut any = false;
        for mark in text.lines().filter_map(|line| line.trim().parse().ok()).filter_map(ProcessMark::of) {
            any |= mark.alive();
            if let Some(pid) = Pid::from_raw(mark.pid) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        if !any {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    quietly(command("ip").args(["netns", "delete", name]));
    delete_control_groups(name);
}

/// Removes the control groups of a host, which are named like its namespace.
fn delete_control_groups(name: &str) {
    for tree in ["/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"] {
        let group = Path::new(tree).join(name);
        // What is killed leaves its group a moment later.
        for _ in 0..50 {
            if !group.exists() {
                break;
            }
            quietly(command("find").arg(&group).args(["-depth", "-type", "d", "-exec", "rmdir", "{}", "+"]));
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn quietly(line: &mut Command) {
    let _ = line.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

struct Stat {
    state: char,
    started: u64,
}

fn stat(pid: i32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may itself hold spaces and parentheses.
    let rest = text.rsplit_once(')')?.1;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let started = fields.nth(18)?.parse().ok()?;
    Some(Stat { state, started })
}
