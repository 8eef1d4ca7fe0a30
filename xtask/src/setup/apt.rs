//! Debian packages: found missing by their programs, installed without starting a daemon.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use dip_lab::{Requirement, find_program};

use crate::tool::{Done, run};

/// Asked by package scripts whether a daemon may be started: 101 is no.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// The packages of programs that are not there.
pub(crate) fn missing() -> Vec<&'static str> {
    let own = [("mmdebstrap", "mmdebstrap"), ("tar", "tar"), ("python3", "python3-venv")];
    let needed = Requirement::ALL
        .iter()
        .flat_map(|requirement| requirement.programs())
        .map(|program| (program.name, program.package));
    let files = Requirement::ALL.iter().flat_map(|requirement| requirement.files());
    let files = files.filter(|file| !Path::new(file.name).exists()).map(|file| file.package);
    let programs = needed.chain(own).filter(|(program, _)| find_program(program).is_none()).map(|(_, package)| package);
    let packages: BTreeSet<&str> = programs.chain(files).collect();
    packages.into_iter().collect()
}

pub(crate) fn install(packages: &[&str]) -> Done {
    if packages.is_empty() {
        println!("packages: all there");
        return Ok(());
    }
    println!("packages: installing {}", packages.join(" "));
    let _calm = NoDaemons::forbid()?;
    run(Command::new("apt-get").arg("update"))?;
    run(Command::new("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-o", "DPkg::Lock::Timeout=900", "-o", "Dpkg::Options::=--force-confold"])
        .args(["install", "-y", "--no-install-recommends"])
        .args(packages))?;
    println!("packages: installed, no daemon was started");
    Ok(())
}

/// While it lives, packages start no daemon. A policy that is there already is left alone.
struct NoDaemons {
    ours: bool,
}

impl NoDaemons {
    fn forbid() -> Result<Self, Box<dyn std::error::Error>> {
        if Path::new(POLICY).exists() {
            return Ok(Self { ours: false });
        }
        fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
        fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
        Ok(Self { ours: true })
    }
}

impl Drop for NoDaemons {
    fn drop(&mut self) {
        if self.ours {
            let _ = fs::remove_file(POLICY);
        }
    }
}
