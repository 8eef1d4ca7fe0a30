//! `cargo xtask test`: installs what the tests need, then runs all of them.

use std::process::Command;
use std::time::Instant;

use dip_lab::Cache;

use crate::setup;
use crate::tool::{self, Done, repository};

/// The examples that the tests run, each a question that a reader of the README may have.
const EXAMPLES: [&str; 5] =
    ["plan_a_rack", "use_your_own_dns", "resume_after_a_crash", "write_a_provider", "decide_who_may"];

/// What a cold build of all tests and their servers' files take, in GB.
const ROOM: u64 = 12;

pub(crate) fn run() -> Done {
    let began = Instant::now();
    tell_room();
    step("what the tests need", setup::run)?;
    step("format", || cargo(&["fmt", "--all", "--check"]))?;
    step("lints", || cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]))?;
    step("tests in Rust, against the real servers", || cargo(&["test", "--workspace", "--no-fail-fast"]))?;
    for example in EXAMPLES {
        step(&format!("example {example}"), || cargo(&["run", "--quiet", "--package", "dip", "--example", example]))?;
    }
    step("tests in Python", python)?;
    println!("all tests passed in {:.0?}", began.elapsed());
    Ok(())
}

/// Says so where the disk is too full for a cold build, which else ends somewhere in a linker.
fn tell_room() {
    let free = tool::run(Command::new("df").args(["--output=avail", "--block-size=1G"]).arg(repository()));
    let free = free.ok().and_then(|told| told.lines().last()?.trim().parse::<u64>().ok());
    if let Some(free) = free.filter(|free| *free < ROOM) {
        println!("the disk has {free} GB left; a cold build and the tests take about {ROOM} GB");
    }
}

fn step(what: &str, work: impl FnOnce() -> Done) -> Done {
    println!("── {what}");
    let began = Instant::now();
    work().map_err(|error| format!("{what}: {error}"))?;
    println!("── {what}: done in {:.0?}", began.elapsed());
    Ok(())
}

fn cargo(arguments: &[&str]) -> Done {
    // The cargo that runs this command, with the toolchain that it was asked for.
    let mut line = Command::new(env!("CARGO"));
    if dip_lab::is_build_server() {
        // A build that is never built upon: what it would keep for the next one is as large as itself.
        line.env("CARGO_INCREMENTAL", "0");
    }
    show(line.args(arguments))
}

/// Builds the Python module into the environment of the lab and runs its tests there.
fn python() -> Done {
    let cache = Cache::open();
    let environment = cache.python();
    show(
        Command::new(cache.python_program("maturin"))
            .args(["develop", "--quiet", "--manifest-path", "dip-python/Cargo.toml"])
            .env("VIRTUAL_ENV", &environment),
    )?;
    show(Command::new(cache.python_program("pytest")).args(["--quiet", "dip-python/tests"]))
}

/// Runs a command in the repository, its output going where ours goes.
fn show(line: &mut Command) -> Done {
    let name = line.get_program().to_string_lossy().into_owned();
    let status = line.current_dir(repository()).status().map_err(|error| format!("could not run {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed ({status})").into()) }
}
