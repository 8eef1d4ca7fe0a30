//! The `dip` command: from a site file to ready state.

mod args;
mod commands;
mod error;
mod guard;
mod list;
mod machines;
mod metrics;
mod out;
mod present;
mod readings;
mod run;
mod target;
mod world;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::error::CliError;
use crate::out::Out;

fn main() -> ExitCode {
    let args = Args::parse();
    let out = Out::new(&args.common);
    let log = present::log::start(args.common.verbose);
    log.wrong.iter().for_each(|wrong| out.note(wrong));
    match commands::run(&args, &out) {
        Ok(status) => ExitCode::from(status),
        // Whoever read our output has seen enough.
        Err(CliError::ClosedPipe) => ExitCode::SUCCESS,
        Err(error) => {
            out.error(&error);
            ExitCode::from(error.exit_status())
        }
    }
}
