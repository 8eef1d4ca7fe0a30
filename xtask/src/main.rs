//! Developer commands: `cargo xtask setup`, `cargo xtask test`, `cargo xtask fuzz`, `cargo xtask lab up|down`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to the person who runs it")]

use std::process::ExitCode;

mod failures;
mod fuzz;
mod lab;
mod setup;
mod test;
mod tool;

const USAGE: &str = "\
usage: cargo xtask COMMAND

commands:
  setup        install the real servers that tests start, and build the base root of lab hosts
  test         do the setup, then run all tests
  fuzz [SECONDS [PARSER ...]]
               feed each parser of bytes from outside for so long [default: 600]; needs a nightly toolchain and cargo-fuzz
  lab up       start a small datacenter of real servers, everything powered off
  lab down     take it down";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["setup"] => setup::run(),
        ["test"] => test::run(),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        ["lab", "up"] => lab::up(),
        ["lab", "down"] => lab::down(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
