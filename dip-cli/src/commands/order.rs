//! `dip retry`, `skip`, `hold`, `continue`: commands to a run, also while another process works on it.

use std::time::{Duration, Instant};

use dip::Outcome;
use dip::core::engine::Refusal;
use dip::core::journal::{Command, Event, FileJournal, JournalReader, Order, OrderFile, Owner, RunFile};
use dip::core::step::StepName;

use crate::args::{Continued, Held, Journals, Ordered, Reasoned};
use crate::error::CliError;
use crate::out::Out;
use crate::target::{find_run, view};

pub(super) fn retry(args: &Ordered, out: &Out) -> Result<u8, CliError> {
    let step = StepName::from(args.step.as_str());
    give(&args.run, &args.journals, Command::Retry { step }, out)
}

pub(super) fn skip(args: &Reasoned, out: &Out) -> Result<u8, CliError> {
    let Reasoned { ordered, reason } = args;
    let command = Command::Skip { step: ordered.step.as_str().into(), reason: reason.clone() };
    give(&ordered.run, &ordered.journals, command, out)
}

pub(super) fn hold(args: &Held, out: &Out) -> Result<u8, CliError> {
    let command = Command::Hold { step: args.step.as_deref().map(StepName::from), reason: args.reason.clone() };
    give(&args.run, &args.journals, command, out)
}

pub(super) fn go_on(args: &Continued, out: &Out) -> Result<u8, CliError> {
    let command = Command::Continue { step: args.step.as_deref().map(StepName::from) };
    give(&args.run, &args.journals, command, out)
}

/// How long the process that works on the run may take to read an order: it looks twice a second.
const PATIENCE: Duration = Duration::from_secs(10);

fn give(run: &str, journals: &Journals, command: Command, out: &Out) -> Result<u8, CliError> {
    let file = find_run(&journals.directory(), Some(run), |_| true, "run")?;
    let is_worked_on = FileJournal::holder(&file.path)?.is_some();
    let refused = |why: Refusal| CliError::Usage(format!("run `{run}` cannot obey: {why}"));
    let mut orders = OrderFile::beside(&file.path);
    let mut view = view(&file)?;
    // A run that nobody works on tries failures again by itself; what is left out or held is so then too, if there is a then.
    let is_too_late = match command {
        Command::Retry { .. } => true,
        Command::Skip { .. } => false,
        _ => view.outcome == Some(Outcome::Ready),
    };
    if !is_worked_on && is_too_late {
        return Err(refused(Refusal::Over));
    }
    if !is_worked_on {
        // What was ordered since, and nobody has taken in, counts too.
        view.expect(orders.read()?);
    }
    view.schedule.check_order(&command).map_err(refused)?;
    let owner = Owner::this_process();
    let order = Order::new(&format!("{} on {}", owner.user, owner.host), command);
    orders.give(&order)?;
    if !is_worked_on {
        out.line(format!("nobody works on run {run} now; it obeys when `dip resume {run}` goes on with it"))?;
        return Ok(super::READY);
    }
    if wait_for(&file, &order)? {
        out.line(format!("run {run} obeys: {}", order.command))?;
        return Ok(super::READY);
    }
    let text = format!("run {run} has not taken it in within {} s; see `dip show {run}`", PATIENCE.as_secs());
    Err(CliError::Usage(text))
}

/// Waits until the journal tells that the order was obeyed.
fn wait_for(file: &RunFile, order: &Order) -> Result<bool, CliError> {
    let mut reader = JournalReader::open(&file.path)?;
    let until = Instant::now() + PATIENCE;
    loop {
        let is_it = |event: &Event| matches!(event, Event::Ordered(other) if other.id == order.id);
        if reader.read()?.iter().any(|record| is_it(&record.event)) {
            return Ok(true);
        }
        if Instant::now() >= until {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
