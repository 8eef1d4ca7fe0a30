//! What a DNS server of the lab withholds: transfers, large zones, room on its disk.

use std::path::PathBuf;
use std::process::Command;

use crate::command::run;
use crate::daemon::daemon_command;
use crate::error::LabError;
use crate::scratch::Scratch;

/// Who may transfer zones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transfers {
    /// Whoever has the key.
    #[default]
    ByKey,
    /// Nobody.
    Nobody,
}

/// What is withheld; by default nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ZoneLimits {
    /// Who may transfer zones.
    pub transfers: Transfers,
    /// The size of the largest zone: records for BIND (`max-records`), bytes for Knot (`zone-max-size`).
    pub largest_zone: Option<u32>,
    /// The size of the disk that its journals are on, in KiB; the machine's disk where none is told. It takes root.
    pub journal_disk: Option<u32>,
}

impl ZoneLimits {
    /// The command of a server, which sees a disk of its own for its journals.
    pub(crate) fn command(&self, scratch: &Scratch, program: &str) -> Result<Command, LabError> {
        let Some(kib) = self.journal_disk else { return Ok(daemon_command(None, program)) };
        let dir = journals(scratch);
        std::fs::create_dir_all(&dir).map_err(|source| LabError::file("create", &dir, source))?;
        // The disk goes with the server: nobody else is in its mount namespace.
        let mut line = daemon_command(None, "unshare");
        line.args(["--mount", "sh", "-c"])
            .arg(r#"mount -t tmpfs -o "size=$0k" journals "$1" && shift && exec "$@""#)
            .arg(kib.to_string())
            .arg(dir)
            .arg(program);
        Ok(line)
    }
}

/// Where the journals are.
pub(crate) fn journals(scratch: &Scratch) -> PathBuf {
    scratch.path("journals")
}

/// Gives a running server's journals a larger disk.
pub(crate) async fn enlarge(pid: Option<u32>, scratch: &Scratch, kib: u32) -> Result<(), LabError> {
    let pid = pid.ok_or_else(|| LabError::answer("the DNS server", "it does not run"))?.to_string();
    let (size, dir) = (format!("remount,size={kib}k"), journals(scratch));
    let fixed = ["--target", &pid, "--mount", "mount", "-o", &size].map(std::ffi::OsString::from);
    run("nsenter", fixed.into_iter().chain([dir.into_os_string()])).await.map(|_| ())
}
