//! Carries out a plan and shows how it goes; the first Ctrl-C stops gently, the second at once.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use dip::core::engine::{Control, EngineError};
use dip::core::journal::{Journal, Order, OrderFile, Record};
use dip::core::provider::sentence;
use dip::{Engine, Plan, Report, Stop};
use futures_util::future::join_all;

use crate::error::CliError;
use crate::out::Out;
use crate::present::lines::Lines;
use crate::present::progress::Progress;

/// What to carry out.
pub(crate) enum Work<'a> {
    /// A plan, as a new run of this name.
    New(&'a str),
    /// The rest of the run that these records tell.
    Rest(&'a [Record]),
}

/// Where a run is kept.
pub(crate) struct Kept {
    pub(crate) journal: Arc<dyn Journal>,
    /// Where others leave orders for it; nobody can in a simulation.
    pub(crate) orders: Option<OrderFile>,
}

/// How much of a run a person sees where there is no terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Each step.
    Steps,
    /// Only what is out of the ordinary.
    Incidents,
}

/// Carries out the work, and obeys what the order file says.
pub(crate) async fn carry_out(
    engine: Engine,
    plan: &Arc<Plan>,
    work: Work<'_>,
    Kept { journal, orders }: Kept,
    detail: Detail,
    stop: &Stop,
    out: &Out,
) -> Result<Report, CliError> {
    let control = Control::new();
    let mut engine = engine.control(&control);
    let mut records = engine.events();
    let before: &[Record] = match work {
        Work::New(_) => &[],
        Work::Rest(records) => records,
    };
    let mut view = View::new(plan, before, detail, out);
    let run = async {
        match work {
            Work::New(run) => engine.run(run, Arc::clone(plan), journal, stop).await,
            Work::Rest(records) => engine.resume(records, journal, stop).await,
        }
    };
    tokio::pin!(run);
    let mut obey = std::pin::pin!(obey(orders, &control));
    let mut asked = 0_u8;
    // Asked first in each round: until it is, Ctrl-C would kill the process in the middle of a step.
    let mut interrupt = Box::pin(tokio::signal::ctrl_c());
    let report: Result<Report, EngineError> = loop {
        tokio::select! {
            biased;
            Ok(()) = &mut interrupt => {
                interrupt = Box::pin(tokio::signal::ctrl_c());
                asked = asked.saturating_add(1);
                stop.ask();
                view.note(match asked {
                    1 => "stopping: running steps end first; press Ctrl-C again to abandon them",
                    _ => "abandoning running steps",
                });
            }
            Some(record) = records.recv() => view.take_in(&record)?,
            // Before the run: what was ordered while nobody worked on it is obeyed before anything starts.
            never = &mut obey => match never {},
            report = &mut run => break report,
        }
    };
    while let Ok(record) = records.try_recv() {
        view.take_in(&record)?;
    }
    view.finish();
    Ok(report?)
}

/// How often the order file is looked at: a person waits for the answer.
const LOOK_FOR_ORDERS: Duration = Duration::from_millis(500);

/// Hands on what others order; a run in a simulation is over before anybody could. An order that cannot be obeyed any more (its step has settled since) is told to the log.
async fn obey(orders: Option<OrderFile>, control: &Control) -> std::convert::Infallible {
    let Some(mut orders) = orders else { return std::future::pending().await };
    loop {
        match orders.read() {
            Ok(given) => {
                // All at once, so that nothing starts between two of them; they are obeyed in their order.
                join_all(given.into_iter().map(|order| tell(order, control))).await;
            }
            Err(error) => tracing::warn!(error = sentence(&error), "the orders cannot be read"),
        }
        tokio::time::sleep(LOOK_FOR_ORDERS).await;
    }
}

async fn tell(order: Order, control: &Control) {
    let words = order.command.to_string();
    if let Err(refusal) = control.give(order).await {
        tracing::warn!(order = words, %refusal, "an order was not obeyed");
    }
}

struct View<'a> {
    plan: &'a Plan,
    detail: Detail,
    out: &'a Out,
    lines: Lines,
    bars: Option<Progress>,
    /// Nobody reads any more. That is no reason to leave work half done.
    closed: bool,
}

impl<'a> View<'a> {
    fn new(plan: &'a Arc<Plan>, before: &[Record], detail: Detail, out: &'a Out) -> Self {
        let bars = (!out.json && std::io::stderr().is_terminal() && std::io::stdout().is_terminal())
            .then(|| Progress::new(Arc::clone(plan), before, out.style));
        Self { plan, detail, out, lines: Lines::new(out.style), bars, closed: false }
    }

    /// Tells a person something beside the records.
    fn note(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.note(text),
            None => self.out.note(text),
        }
    }

    fn take_in(&mut self, record: &Record) -> Result<(), CliError> {
        if self.closed {
            return Ok(());
        }
        match self.show(record) {
            Err(CliError::ClosedPipe) => {
                self.closed = true;
                Ok(())
            }
            shown => shown,
        }
    }

    fn show(&mut self, record: &Record) -> Result<(), CliError> {
        if self.out.json {
            return self.out.json(record);
        }
        if let Some(bars) = &mut self.bars {
            bars.record(record);
            return Ok(());
        }
        if self.detail == Detail::Incidents && !Lines::is_incident(record) {
            return Ok(());
        }
        self.lines.line(self.plan, record).map_or(Ok(()), |text| self.out.line(text))
    }

    fn finish(&self) {
        if let Some(bars) = &self.bars {
            bars.finish();
            // The cursor stands at the end of the last bar.
            self.out.note("");
        }
    }
}
