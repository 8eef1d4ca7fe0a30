//! The server's process: whether it lives, and the signal that makes it read its directory again.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A dnsmasq that runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process(Pid);

/// Why there is no dnsmasq to talk to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Dead {
    #[error("its process id cannot be read from {file}")]
    NoFile { file: String, source: std::io::Error },
    #[error("{file} does not hold a process id")]
    NoId { file: String },
    #[error("process {pid} of {file} does not run")]
    Gone { pid: i32, file: String },
    // HUP ends most programs: it must never go to one that merely inherited the number.
    #[error("process {pid} of {file} is `{name}` and not dnsmasq; the file is stale")]
    Other { pid: i32, file: String, name: String },
}

/// A signal could not be sent.
#[derive(Debug, thiserror::Error)]
#[error("SIGHUP could not be sent to process {pid}")]
pub(super) struct NotSent {
    pid: i32,
    source: rustix::io::Errno,
}

impl NotSent {
    pub(super) fn is_denied(&self) -> bool {
        self.source == rustix::io::Errno::PERM
    }
}

impl Process {
    /// Finds the server by the file that it wrote its process id to.
    pub(super) fn find(pid_file: &Path) -> Result<Self, Dead> {
        let file = pid_file.display().to_string();
        let text = fs::read_to_string(pid_file).map_err(|source| Dead::NoFile { file: file.clone(), source })?;
        let number = text.trim().parse::<i32>().ok().filter(|number| *number > 1);
        let Some(pid) = number.and_then(Pid::from_raw) else { return Err(Dead::NoId { file }) };
        let number = pid.as_raw_nonzero().get();
        match fs::read_to_string(format!("/proc/{number}/stat")).ok().as_deref().and_then(read_stat) {
            None | Some((_, 'Z' | 'X')) => Err(Dead::Gone { pid: number, file }),
            Some(("dnsmasq", _)) => Ok(Self(pid)),
            Some((name, _)) => Err(Dead::Other { pid: number, file, name: name.to_owned() }),
        }
    }

    /// Lets it read its directory of DHCP hosts again.
    pub(super) fn reload(self) -> Result<(), NotSent> {
        kill_process(self.0, Signal::HUP).map_err(|source| NotSent { pid: self.0.as_raw_nonzero().get(), source })
    }
}

/// The name and the state letter in `/proc/PID/stat`; the name stands in parentheses and may hold any character.
fn read_stat(text: &str) -> Option<(&str, char)> {
    let (before, after) = text.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    Some((name, after.trim_start().chars().next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_read_whatever_the_name_holds() {
        assert_eq!(read_stat("12 (dnsmasq) S 1 12"), Some(("dnsmasq", 'S')));
        assert_eq!(read_stat("12 (a) Z (b) Z 1 12"), Some(("a) Z (b", 'Z')));
        assert_eq!(read_stat(""), None);
    }

    #[test]
    fn a_stale_file_never_sends_a_signal_to_another_program() {
        let file = std::env::temp_dir().join(format!("dip-network-{}.pid", std::process::id()));
        fs::write(&file, std::process::id().to_string()).expect("the temporary directory is writable");
        let dead = Process::find(&file).expect_err("this test is not dnsmasq");
        fs::remove_file(&file).expect("it was just written");
        assert!(matches!(dead, Dead::Other { .. }), "{dead}");
    }
}
