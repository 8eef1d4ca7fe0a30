//! The main job on real input: a small datacenter of real servers and real hosts, from powered off to ready state, by the
//! `dip` command, and looked at afterwards by other people's clients.

mod command;
mod moved;
mod state;
mod story;

use std::process::ExitCode;

use libtest_mimic::{Arguments, run};

fn main() -> ExitCode {
    // Each story builds a datacenter of its own; two at once would fight for two cores.
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    let needs = dip_lab::Datacenter::NEEDS;
    let trials = vec![
        dip_lab::trial("from_powered_off_to_ready_state_drift_mended_and_nobody_else_touched", needs, story::whole),
        dip_lab::trial(
            "a_changed_address_moves_all_records_while_the_name_is_resolved_and_drift_in_them_is_mended",
            moved::NEEDS,
            moved::address,
        ),
        dip_lab::trial("a_killed_run_that_is_resumed_ends_like_one_that_was_not", needs, story::killed),
    ];
    run(&arguments, trials).exit_code()
}
