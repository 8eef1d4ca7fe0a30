//! etcd's own program, as far as it tells its version.

use dip_core::provider::Output;

use crate::linux::shell::{Invocation, Shell, failed, said};

pub(super) fn etcd(shell: &Shell<'_>, invocation: &Invocation<'_>) -> Output {
    match shell.linux(|linux| linux.package("etcd-server").map(str::to_owned)) {
        None => failed(127, format!("{}: command not found", invocation.program)),
        Some(version) if invocation.has("--version") => {
            let version = version.split('-').next().unwrap_or_default();
            said(format!("etcd Version: {version}\nGit SHA: Not provided (use ./build instead of go build)\n"))
        }
        Some(_) => failed(1, "etcd is started by its service here: systemctl start etcd"),
    }
}
