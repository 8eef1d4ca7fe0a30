//! What is laid over the base root of some lab hosts: the Puppet server, Ohai and package managers from Debian's packages, Salt
//! from Python's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dip_lab::{Cache, Overlay};

use super::sources::transport_options;
use crate::tool::{Done, run};

/// Salt 3006 and 3007 are what its project keeps; this is the newer one.
const SALT: &str = "salt==3007.*";

/// Mounts the base root (`$1`) at `$4` so that `$2` gets what is written there (`$3` is the kernel's own), runs the script `$5` in it, and
/// takes away what belongs to the machine. It has a mount namespace of its own, so no mount stays.
const WITHIN: &str = r#"set -e
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3" "$4"
mount --bind /proc "$4/proc"
mount --bind /dev "$4/dev"
cd "$4"
cp /etc/resolv.conf etc/resolv.conf
sh -e -c "$5"
rm -rf etc/resolv.conf var/lib/apt/lists/* var/cache/apt/*.bin var/cache/apt/archives/*.deb
"#;

pub(crate) fn build_of_debian() -> Done {
    install("the Puppet server", Overlay::PuppetServer, "puppetserver")?;
    install("Ohai", Overlay::Ohai, "ohai")?;
    install("dnf and zypper", Overlay::Rpm, "createrepo-c dnf rpm zypper")
}

fn install(what: &str, overlay: Overlay, packages: &str) -> Done {
    // `Acquire::http::Proxy "http://10.0.0.1:3128"` in a file is `Acquire::http::Proxy=http://10.0.0.1:3128` on a command line.
    let option = |line: &String| format!(" -o '{}'", line.replacen(' ', "=", 1).replace('"', ""));
    let options: String = transport_options()?.iter().map(option).collect();
    // The base root has no manual pages, and Java's packages put some into their directory. 101: no daemon may be started.
    let script = format!(
        r#"mkdir -p usr/share/man/man1
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
chroot . apt-get{options} update
DEBIAN_FRONTEND=noninteractive chroot . apt-get{options} -o DPkg::Options::=--force-unsafe-io install -y --no-install-recommends {packages}
rm usr/sbin/policy-rc.d
"#
    );
    lay(what, overlay, &script)
}

/// Fetches Salt and all that it needs, and builds what comes as source.
pub(crate) fn fetch_salt() -> Done {
    let (cache, wheels) = (Cache::open(), wheels());
    if cache.overlay(Overlay::Salt).exists() || wheels.exists() {
        return Ok(());
    }
    println!("Salt: fetching {SALT} (about two minutes, once)");
    // A directory with the final name is always whole. An environment of its own: the other one is made at the same time.
    let (tool, part) = (wheels.with_extension("venv"), wheels.with_extension("part"));
    for dir in [&tool, &part] {
        let _ = fs::remove_dir_all(dir);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&tool))?;
    run(Command::new(tool.join("bin/pip")).args(["wheel", "--quiet", SALT, "pip", "--wheel-dir"]).arg(&part))?;
    fs::remove_dir_all(tool)?;
    fs::rename(part, wheels)?;
    Ok(())
}

pub(crate) fn build_salt() -> Done {
    let wheels = wheels();
    // The base root has no pip: a wheel of pip is a program too.
    let script = format!(
        r#"mkdir -p opt/salt opt/wheels
mount --bind '{}' opt/wheels
chroot . python3 -m venv --without-pip /opt/salt
chroot . sh -e -c '/opt/salt/bin/python3 "$(ls /opt/wheels/pip-*.whl)/pip" --isolated install --quiet --no-index --find-links /opt/wheels salt'
umount opt/wheels
rmdir opt/wheels
mkdir -p usr/local/bin etc/salt
for name in salt salt-call salt-key salt-master salt-minion; do ln -s /opt/salt/bin/$name usr/local/bin/$name; done
"#,
        wheels.display()
    );
    lay("Salt", Overlay::Salt, &script)?;
    let _ = fs::remove_dir_all(wheels);
    Ok(())
}

fn wheels() -> PathBuf {
    Cache::open().root().join("salt-wheels")
}

/// Runs a script in the base root and keeps what it wrote.
fn lay(what: &str, overlay: Overlay, script: &str) -> Done {
    let cache = Cache::open();
    let to = cache.overlay(overlay);
    if to.exists() {
        println!("{what} for hosts: there in {}", to.display());
        return Ok(());
    }
    println!("{what} for hosts: installing (a minute, once)");
    let work = to.with_extension("work");
    let _ = fs::remove_dir_all(&work);
    let dir = |name: &str| -> std::io::Result<PathBuf> {
        let dir = work.join(name);
        fs::create_dir_all(&dir)?;
        Ok(dir)
    };
    let (upper, kernel, root): (PathBuf, PathBuf, PathBuf) = (dir("upper")?, dir("kernel")?, dir("root")?);
    let paths: [&Path; 4] = [&cache.base_root(), &upper, &kernel, &root];
    let mut line = Command::new("unshare");
    line.args(["--mount", "--propagation", "private", "sh", "-c", WITHIN, "sh"]).args(paths).arg(script);
    // A path of a user's own programs is none in there.
    line.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    run(&mut line)?;
    // A directory with the final name is always whole.
    fs::rename(upper, &to)?;
    fs::remove_dir_all(work)?;
    println!("{what} for hosts: installed");
    Ok(())
}
