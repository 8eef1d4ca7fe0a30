//! The root file system of lab hosts: built once by mmdebstrap from the machine's own package sources.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use dip_lab::Cache;

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
    let release = fs::read_to_string("/etc/os-release")?;
    let suite = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .ok_or("/etc/os-release names no VERSION_CODENAME: the base root is built on Debian and its kin only")?;
    let sources = own_sources(Path::new("/etc/apt"), suite, dir)?;
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
    line.arg(suite).arg(&part).args(&sources);
    let built = run(&mut line);
    for file in &sources {
        let _ = fs::remove_file(file);
    }
    built?;
    fs::rename(part, archive)?;
    Ok(())
}

/// How this machine reaches its package sources, if it goes through a proxy.
pub(super) fn transport_options() -> Result<Vec<String>, Box<dyn Error>> {
    let dump = run(Command::new("apt-config").arg("dump"))?;
    let wanted = |line: &&str| line.starts_with("Acquire::http") && !line.ends_with(" \"\";");
    Ok(dump.lines().filter(wanted).map(|line| line.trim_end_matches(';').to_owned()).collect())
}

/// Copies of the machine's sources with the entries of its own release alone, without third parties.
fn own_sources(apt: &Path, suite: &str, to: &Path) -> Result<Vec<std::path::PathBuf>, Box<dyn Error>> {
    let mut lines = String::new();
    let mut stanzas = String::new();
    let mut files = vec![apt.join("sources.list")];
    if let Ok(entries) = fs::read_dir(apt.join("sources.list.d")) {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => {
                lines.extend(text.lines().filter(|line| line_is_of(line, suite)).map(|line| format!("{line}\n")))
            }
            Some("sources") => {
                stanzas.extend(
                    text.split("\n\n")
                        .filter(|part| stanza_is_of(part, suite))
                        .map(|part| format!("{}\n\n", part.trim())),
                );
            }
            _ => {}
        }
    }
    let mut copies = Vec::new();
    for (name, text) in [("base.list", lines), ("base.sources", stanzas)] {
        if !text.is_empty() {
            let copy = to.join(name);
            fs::write(&copy, text)?;
            copies.push(copy);
        }
    }
    if copies.is_empty() {
        return Err(format!(
            "{} has no source for {suite}: the base root is built from the machine's own sources",
            apt.display()
        )
        .into());
    }
    Ok(copies)
}

fn is_release(word: &str, suite: &str) -> bool {
    word.strip_prefix(suite).is_some_and(|rest| ["", "-updates", "-security"].contains(&rest))
}

fn line_is_of(line: &str, suite: &str) -> bool {
    line.starts_with("deb ") && line.split_whitespace().any(|word| is_release(word, suite))
}

fn stanza_is_of(stanza: &str, suite: &str) -> bool {
    let suites = stanza.lines().find_map(|line| line.strip_prefix("Suites:"));
    suites.is_some_and(|suites| suites.split_whitespace().any(|word| is_release(word, suite)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_release_of_the_machine_is_taken() {
        assert!(line_is_of("deb http://mirror.test/debian bookworm main", "bookworm"));
        assert!(line_is_of("deb [signed-by=/k] http://mirror.test/s bookworm-security main", "bookworm"));
        assert!(!line_is_of("# deb http://mirror.test/debian bookworm main", "bookworm"));
        assert!(!line_is_of("deb https://vendor.test/apt cloud-bookworm main", "bookworm"));
        assert!(stanza_is_of("Types: deb\nSuites: bookworm bookworm-updates\nComponents: main", "bookworm"));
        assert!(!stanza_is_of("Types: deb\nSuites: bookworm-backports\nComponents: main", "bookworm"));
    }
}
