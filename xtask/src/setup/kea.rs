//! Kea 3.0 of a newer Debian, unpacked into a root of its own and not installed: this release's is 2.2, and has no hook `host_cmds`.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

use dip_lab::Cache;

use super::sources::{Release, Sources, transport_options};
use crate::tool::{Done, run};

/// The release of Debian that has Kea 3.0 with all of ISC's open hooks.
const SUITE: &str = "forky";

/// `kea-admin` has the tables of its database.
const PACKAGES: [&str; 3] = ["kea-admin", "kea-dhcp4-server", "kea-dhcp6-server"];

/// That release of Debian is still being made, and may get a later Kea, which is taken only where it has no other.
const VERSIONS: [&str; 2] = ["3.0.*", "3.*"];

pub(crate) fn build() -> Done {
    let cache = Cache::open();
    let root = cache.kea();
    if root.exists() {
        println!("Kea 3.0: there in {}", root.display());
        return Ok(());
    }
    println!("Kea 3.0: fetching it from {SUITE} (some seconds, once)");
    for version in VERSIONS {
        match bootstrap(cache.root(), &root, version) {
            Ok(()) => {
                println!("Kea 3.0: {version} is unpacked to {}", root.display());
                return Ok(());
            }
            // Not every machine's sources have that release.
            Err(why) => println!("Kea 3.0: {version} cannot be had here: {why}"),
        }
    }
    println!("Kea 3.0: tests with it are ignored");
    Ok(())
}

fn bootstrap(dir: &Path, root: &Path, version: &str) -> Result<(), Box<dyn Error>> {
    let sources = Sources::copy(Release::Other(SUITE), dir)?;
    // A directory with the final name is always whole.
    let part = root.with_extension("part");
    let _ = fs::remove_dir_all(&part);
    let mut line = Command::new("mmdebstrap");
    // Nothing is run in there: not even the essential packages are needed.
    line.args(["--mode=root", "--variant=extract", "--aptopt=APT::Install-Recommends \"false\""]);
    // A mirror may lag behind the date until which its index is promised. What it is signed by is verified all the same.
    line.arg("--aptopt=Acquire::Check-Valid-Until \"false\"");
    for option in transport_options()? {
        line.arg(format!("--aptopt={option}"));
    }
    line.arg(format!("--include={}", PACKAGES.map(|package| format!("{package}={version}")).join(",")));
    line.arg(&sources.suite).arg(&part).args(&sources.files);
    run(&mut line)?;
    fs::rename(part, root)?;
    Ok(())
}
