//! The releases of Kea in the lab: that of Debian 12, and 3.0 out of a root of its own, where it runs by that root's libraries.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::cache::Cache;
use crate::daemon::daemon_command;
use crate::error::LabError;
use crate::namespace::Namespace;
use crate::requirement::Requirement;

/// Which Kea.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeaRelease {
    /// 2.2, which Debian 12 has: a control agent stands before its servers, and it has no hook `host_cmds`.
    V2_2,
    /// 3.0, whose servers answer over HTTP themselves, with all of ISC's open hooks.
    V3_0,
}

impl fmt::Display for KeaRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V2_2 => "2.2",
            Self::V3_0 => "3.0",
        })
    }
}

impl KeaRelease {
    /// What it takes, without a database.
    pub fn requirement(self) -> Requirement {
        match self {
            Self::V2_2 => Requirement::Kea,
            Self::V3_0 => Requirement::Kea3,
        }
    }

    /// The command line of one of its servers, which keeps all that it writes in one directory.
    pub(crate) fn command(self, namespace: &Namespace, program: &str, dir: &Path) -> Result<Command, LabError> {
        let mut line = match self {
            Self::V2_2 => daemon_command(Some(namespace), program),
            Self::V3_0 => {
                let libraries = self.libraries()?;
                let mut line = daemon_command(Some(namespace), loader(&libraries)?);
                line.arg("--library-path").arg(&libraries).arg(self.root().join("usr/sbin").join(program));
                // It takes nothing from elsewhere, not even where it is told to (Kea ARM, "Kea Security").
                line.env("KEA_HOOKS_PATH", libraries.join(HOOKS));
                line
            }
        };
        for place in ["KEA_CONTROL_SOCKET_DIR", "KEA_DHCP_DATA_DIR", "KEA_LOCKFILE_DIR", "KEA_PIDFILE_DIR"] {
            line.env(place, dir);
        }
        Ok(line)
    }

    /// How a configuration names a hook.
    pub(crate) fn hook(self, name: &str) -> Result<Value, LabError> {
        let library = match self {
            Self::V2_2 => self.libraries()?.join(HOOKS).join(name),
            Self::V3_0 => name.into(),
        };
        Ok(json!({ "library": library }))
    }

    /// What makes the tables of a database.
    pub(crate) fn scripts(self) -> PathBuf {
        self.root().join("usr/share/kea/scripts")
    }

    fn root(self) -> PathBuf {
        match self {
            Self::V2_2 => PathBuf::from("/"),
            Self::V3_0 => Cache::open().kea(),
        }
    }

    /// The directory of the machine's architecture that has its hooks.
    fn libraries(self) -> Result<PathBuf, LabError> {
        let dir = self.root().join("usr/lib");
        find(&dir, |path| path.join(HOOKS).is_dir())
    }
}

/// Below the libraries.
const HOOKS: &str = "kea/hooks";

/// What starts a program by other libraries than those of the machine (ld.so(8)).
fn loader(libraries: &Path) -> Result<PathBuf, LabError> {
    let is_loader = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ld-linux"));
    find(libraries, is_loader)
}

fn find(dir: &Path, wanted: impl Fn(&Path) -> bool) -> Result<PathBuf, LabError> {
    let entries = std::fs::read_dir(dir).map_err(|error| LabError::file("look into", dir, error))?;
    let found = entries.flatten().map(|entry| entry.path()).find(|path| wanted(path));
    found.ok_or_else(|| LabError::answer("kea", format!("it is not whole in {}", dir.display())))
}
