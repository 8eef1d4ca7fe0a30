//! The course of a run over one owner or more: some are stopped, some die at a record or at a time, the last one ends.

use std::sync::Arc;
use std::time::Duration;

use dip_core::engine::{Control, RunView, Status, Stop};
use dip_core::id::StepId;
use dip_core::journal::{Event, Journal, Record};
use dip_core::plan::{Plan, PlanFault};
use dip_core::report::{Outcome, Report};

use super::case::Case;
use super::draw::Draw;
use super::operator::operate;
use super::truth;
use crate::judge::Judge;
use crate::mortal::Mortal;
use crate::toy::{Stage, on_paused_time};

/// No run waits for longer than this: windows and freezes of a case are over within two days.
const FOR_EVER: Duration = Duration::from_secs(14 * 86_400);

/// What happened in a case.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) records: Vec<Record>,
    /// None where there was nothing to run: the plan was told to be impossible.
    pub(super) outcome: Option<Outcome>,
    pub(super) crashes: usize,
    pub(super) stops: usize,
}

/// How the life of an owner ends.
enum End {
    Over(Report),
    Dead,
}

/// Runs a case and judges all of it.
pub(super) fn simulate(seed: u64) -> Result<Course, String> {
    let mut draw = Draw::new(seed);
    let case = Case::new(&mut draw);
    on_paused_time(async {
        let stage = case.stage();
        let plan = match stage.prepare().await {
            Ok(prepared) => prepared.plan,
            Err(error) => {
                let is_told = |fault: &PlanFault| matches!(fault, PlanFault::Circle(_) | PlanFault::Budget { .. });
                return if error.faults().iter().all(is_told) {
                    Ok(Course { records: Vec::new(), outcome: None, crashes: 0, stops: 0 })
                } else {
                    Err(format!("there is no plan, for no reason of this world: {error}"))
                };
            }
        };
        let (course, report) = Running { case: &case, stage: &stage, plan: &plan, draw }.whole().await?;
        let judged = Judge::new(&plan, case.limits.clone()).judge(&course.records, &report);
        let checked = truth::check(&case, &stage, &plan, &course.records, &report).await;
        judged.and(checked).map_err(|wrong| format!("{wrong}\n{}", last(&course.records)))?;
        Ok(course)
    })
}

struct Running<'a> {
    case: &'a Case,
    stage: &'a Stage,
    plan: &'a Arc<Plan>,
    draw: Draw,
}

impl Running<'_> {
    async fn whole(mut self) -> Result<(Course, Report), String> {
        let mut course = Course { records: Vec::new(), outcome: None, crashes: 0, stops: 0 };
        let owners = self.draw.of(&[1, 1, 2, 3, 4]);
        for owner in 1.. {
            let is_last = owner >= owners;
            let mut draw = self.draw.branch();
            let (stop, lives) = if is_last { (None, None) } else { fate(&mut draw) };
            let journal = Mortal::after(lives.and_then(Life::records).unwrap_or(usize::MAX));
            let journal = Arc::new(journal);
            let end = self.own(&mut draw, &course.records, &journal, stop, lives).await?;
            let kept = match &end {
                End::Over(_) => usize::MAX,
                // What was not synced is on disk in part.
                End::Dead => journal.synced() + draw.index(journal.records().len() + 1 - journal.synced()),
            };
            course.records.extend(journal.records().into_iter().take(kept));
            match end {
                End::Dead => course.crashes += 1,
                End::Over(report) if is_last || report.outcome == Outcome::Ready => {
                    course.outcome = Some(report.outcome);
                    return Ok((course, report));
                }
                End::Over(report) => course.stops += usize::from(report.outcome == Outcome::Interrupted),
            }
        }
        unreachable!("the last owner ends")
    }

    /// The life of one owner.
    async fn own(
        &self,
        draw: &mut Draw,
        records: &[Record],
        journal: &Arc<Mortal>,
        stop_after: Option<(Duration, Duration)>,
        lives: Option<Life>,
    ) -> Result<End, String> {
        let control = Control::new();
        let engine = self.stage.engine().limits(self.case.limits.clone()).control(&control);
        let kept = Arc::clone(journal) as Arc<dyn Journal>;
        let stop = Stop::new();
        let run = async {
            match records.first().map(|record| &record.event) {
                Some(Event::Began { .. }) => engine.resume(records, kept, &stop).await,
                _ => engine.run("r1", Arc::clone(self.plan), kept, &stop).await,
            }
        };
        let stopping = async {
            let Some((first, second)) = stop_after else { return std::future::pending().await };
            tokio::time::sleep(first).await;
            stop.ask();
            tokio::time::sleep(second).await;
            stop.ask();
            std::future::pending::<()>().await;
        };
        let killed = async {
            match lives {
                Some(Life::Seconds(seconds)) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            ended = run => match ended {
                Ok(report) => Ok(End::Over(report)),
                Err(_) if lives.is_some() => Ok(End::Dead),
                Err(error) => Err(format!("the run ended badly: {error}")),
            },
            () = killed => Ok(End::Dead),
            () = stopping => unreachable!("it waits for ever"),
            () = operate(draw.branch(), &control, self.plan, &self.case.nodes, journal) => unreachable!("it waits for ever"),
            () = tokio::time::sleep(FOR_EVER) => Err(format!("it waits for ever\n{}", stand(records, journal))),
        }
    }
}

/// Where all steps stand that are not done, and the last records, of a run that does not end.
fn stand(before: &[Record], journal: &Mortal) -> String {
    let records = [before, &journal.records()].concat();
    let view = RunView::of(&records).expect("a run");
    let statuses = (0..view.plan().steps().len()).map(StepId::at).map(|step| (step, view.schedule.status(step)));
    let open = statuses.filter(|(_, status)| !matches!(status, Status::Settled(_) | Status::Skipped { .. }));
    let told = open.map(|(step, status)| format!("    {}: {status}", view.plan().step(step).step.name));
    told.chain([last(&records)]).collect::<Vec<_>>().join("\n")
}

fn last(records: &[Record]) -> String {
    let from = records.len().saturating_sub(200).max(1);
    let steps = records.first().into_iter().flat_map(|record| match &record.event {
        Event::Began { plan, .. } => plan.steps().to_vec(),
        _ => Vec::new(),
    });
    let step = |(index, planned): (usize, dip_core::plan::PlannedStep)| {
        let step = planned.step;
        format!("    {index}: {} of {}, {:?}, {:?}", step.name, step.subject, step.hazard, step.place)
    };
    let told = records[from..].iter().map(|record| format!("    {} {:?}", record.at, record.event));
    steps.enumerate().map(step).chain(told).collect::<Vec<_>>().join("\n")
}

/// How long an owner lives.
#[derive(Debug, Clone, Copy)]
enum Life {
    Records(usize),
    Seconds(u64),
}

impl Life {
    const fn records(self) -> Option<usize> {
        match self {
            Self::Records(records) => Some(records),
            Self::Seconds(_) => None,
        }
    }
}

/// What happens to one who does not come to the end: somebody stops it, once or twice, or it dies.
fn fate(draw: &mut Draw) -> (Option<(Duration, Duration)>, Option<Life>) {
    let seconds = |draw: &mut Draw, most| Duration::from_secs(draw.below(most));
    match draw.below(4) {
        0 => (Some((seconds(draw, 60), seconds(draw, 10))), None),
        1 => (Some((seconds(draw, 60), FOR_EVER)), None),
        2 => (None, Some(Life::Seconds(draw.below(60)))),
        _ => (None, Some(Life::Records(draw.index(40)))),
    }
}
