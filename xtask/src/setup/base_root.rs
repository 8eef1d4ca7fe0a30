//! The root file system of lab hosts: built once by mmdebstrap from the machine's own package sources.

use std::fs;
use std::path::Path;
use std::process::Command;

use dip_lab::Cache;

use super::sources::{Release, Sources, transport_options};
use crate::tool::{Done, run};

const PACKAGES: [&str; 19] = [
    "ca-certificates",
    "chrony",
    "dbus",
    "etcd-client",
    "etcd-server",
    "iproute2",
    "iputils-ping",
    "memcached",
    "openssh-server",
    "openssl",
    "procps",
    "prometheus-node-exporter",
    "puppet-agent",
    "python3",
    "rsyslog",
    "rsyslog-gnutls",
    "systemd",
    "systemd-resolved",
    "systemd-sysv",
];

/// Services that are there and off, so that only who provisions the host turns them on.
const OFF: &str =
    r#"chroot "$1" systemctl disable chrony etcd memcached prometheus-node-exporter puppet rsyslog systemd-resolved"#;

/// Debian has one keeper of time at once: this one lies beside, for the hosts that exchange theirs.
const BESIDE: &str = r#"mkdir -p "$1/opt/lab" && cd "$1/opt/lab" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get download systemd-timesyncd"#;

/// What makes a host this host is not in the base.
const ANONYMOUS: &str = r#"rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/machine-id "$1"/etc/hostname "$1"/etc/resolv.conf"#;

pub(crate) fn build() -> Done {
    let cache = Cache::open();
    let (archive, root) = (cache.base_archive(), cache.base_root());
    if root.join("usr/lib/systemd/systemd").exists() {
        println!("base root: there in {}", root.display());
        return Ok(());
    }
    fs::create_dir_all(cache.root())?;
    if !archive.exists() {
        println!("base root: building {} (about a minute, once)", archive.display());
        bootstrap(cache.root(), &archive)?;
    }
    println!("base root: unpacking to {}", root.display());
    // A directory with the final name is always whole.
    let part = root.with_extension("part");
    let _ = fs::remove_dir_all(&part);
    fs::create_dir_all(&part)?;
    run(Command::new("tar")
        .args(["--extract", "--numeric-owner", "--same-permissions", "--file"])
        .arg(&archive)
        .arg("-C")
        .arg(&part))?;
    fs::rename(&part, &root)?;
    println!("base root: built");
    Ok(())
}

fn bootstrap(dir: &Path, archive: &Path) -> Done {
    let sources = Sources::copy(Release::Own, dir)?;
    let part = dir.join("base.part.tar");
    let mut line = Command::new("mmdebstrap");
    line.args(["--mode=root", "--variant=minbase", "--dpkgopt=force-unsafe-io"]);
    for path in ["doc", "man", "locale"] {
        line.arg(format!("--dpkgopt=path-exclude=/usr/share/{path}/*"));
    }
    line.arg("--aptopt=APT::Install-Recommends \"false\"");
    for option in transport_options()? {
        line.arg(format!("--aptopt={option}"));
    }
    line.arg(format!("--include={}", PACKAGES.join(",")));
    line.arg(format!("--customize-hook={OFF}"))
        .arg(format!("--customize-hook={BESIDE}"))
        .arg(format!("--customize-hook={ANONYMOUS}"));
    line.arg(&sources.suite).arg(&part).args(&sources.files);
    run(&mut line)?;
    fs::rename(part, archive)?;
    Ok(())
}
