//! Nautobot: its Python environment, and the dump that tests restore. Its own environment, because it pins 150 packages.

use std::process::Command;

use dip_lab::{Cache, Nautobot};

use crate::tool::{Done, run};

/// The release that the tests were written against; its fixes may come, another minor release may change what its API says.
const PACKAGE: &str = "nautobot~=3.2.7";

pub(crate) fn install() -> Done {
    let cache = Cache::open();
    if cache.nautobot_dump().exists() {
        println!("nautobot: there in {}", cache.nautobot().display());
        return Ok(());
    }
    println!("nautobot: installing {PACKAGE} in {} (about two minutes, once)", cache.nautobot().display());
    run(Command::new("python3").args(["-m", "venv"]).arg(cache.nautobot().join("venv")))?;
    run(Command::new(cache.nautobot_program("pip")).args(["install", "--quiet", PACKAGE]))?;
    println!("nautobot: making its tables and their dump");
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(Nautobot::make_dump())?;
    println!("nautobot: installed");
    Ok(())
}
