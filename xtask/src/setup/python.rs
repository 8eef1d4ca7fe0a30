//! The Python environment with the Redfish emulator and the tools for the Python tests.

use std::process::Command;

use dip_lab::{Cache, Requirement};

use crate::tool::{Done, run};

const PACKAGES: [&str; 4] = ["sushy-tools", "bcrypt", "pytest", "maturin"];

pub(crate) fn install() -> Done {
    let cache = Cache::open();
    let complete = Requirement::ALL
        .iter()
        .flat_map(|requirement| requirement.python_programs())
        .all(|program| cache.python_program(program).exists());
    if complete {
        println!("python: all there in {}", cache.python().display());
        return Ok(());
    }
    println!("python: installing {} in {}", PACKAGES.join(" "), cache.python().display());
    run(Command::new("python3").args(["-m", "venv"]).arg(cache.python()))?;
    run(Command::new(cache.python_program("pip")).args(["install", "--quiet"]).args(PACKAGES))?;
    println!("python: installed");
    Ok(())
}
