//! `cargo xtask test`: installs what the tests need, then runs all of them.

use std::process::{Command, Stdio};
use std::time::Instant;

use dip_lab::Cache;

use crate::tool::{self, Done, repository};
use crate::{failures, setup};

/// The examples that the tests run, each a question that a reader of the README may have.
const EXAMPLES: [&str; 5] =
    ["plan_a_rack", "use_your_own_dns", "resume_after_a_crash", "write_a_provider", "decide_who_may"];

/// What a cold build of all tests and their servers' files take, in GB.
const ROOM: u64 = 12;

pub(crate) fn run() -> Done {
    let began = Instant::now();
    tell_room();
    step("what the tests need", setup::run)?;
    step("format", || show(&mut cargo(&["fmt", "--all", "--check"])))?;
    let lints = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"];
    step("lints", || show(&mut cargo(&lints)))?;
    // From here on each part is run whether those before it passed or not: all that is wrong is told by one run.
    let mut done = vec![step("tests in Rust, against the real servers", tests_in_rust)];
    for example in EXAMPLES {
        let run = || show(&mut cargo(&["run", "--quiet", "--package", "dip", "--example", example]));
        done.push(step(&format!("example {example}"), run));
    }
    done.push(step("tests in Python", python));
    let failed: Vec<String> = done.into_iter().filter_map(|done| Some(done.err()?.to_string())).collect();
    if failed.is_empty() {
        println!("all tests passed in {:.0?}", began.elapsed());
        return Ok(());
    }
    Err(failed.join("\n").into())
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

/// Runs all tests, and tells what failed once more after the last of them.
fn tests_in_rust() -> Done {
    let mut line = cargo(&["test", "--workspace", "--no-fail-fast"]);
    let mut running = line.stdout(Stdio::piped()).spawn().map_err(|error| format!("could not run cargo: {error}"))?;
    let output = running.stdout.take().ok_or("cargo has no output")?;
    let told = failures::pass_on(output, std::io::stdout().lock())?;
    let status = running.wait()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("cargo test failed ({status})\n{told}").into())
}

fn cargo(arguments: &[&str]) -> Command {
    // The cargo that runs this command, with the toolchain that it was asked for.
    let mut line = Command::new(env!("CARGO"));
    if dip_lab::is_build_server() {
        // A build that is never built upon: what it would keep for the next one is as large as itself.
        line.env("CARGO_INCREMENTAL", "0");
    }
    line.args(arguments).current_dir(repository());
    line
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
