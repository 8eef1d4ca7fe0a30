//! The rounds: look, plan, let the plan be carried out, look again.

use std::sync::{Arc, Mutex, PoisonError};

use super::memory::Memory;
use super::notes::{Notes, Noting};
use super::{ConvergeEnd, Converged, LeftOut, Repair, WhyLeft};
use crate::engine::{Planner, Prepared, Stop};
use crate::journal::Journal;
use crate::observed::Observed;
use crate::plan::{Plan, PlanError};
use crate::report::{Outcome, Report};
use crate::site::Site;

/// Brings a site to what is wanted in as many rounds as that takes: what one round makes known, the next one plans with.
///
/// What failed in a round, and what does not stay as it was made, is not tried again in later ones; what does not depend on
/// it goes on.
///
/// ```
/// # use std::sync::Arc;
/// # use dip_core::engine::{Converge, ConvergeEnd, Engine, EngineError, Planner, Round, Stop};
/// # use dip_core::journal::MemoryJournal;
/// # use dip_core::plan::PlanError;
/// # use dip_core::{layer::Layers, provider::Providers, site::Site};
/// # #[derive(Debug)] enum Error { Plan(PlanError), Engine(EngineError) }
/// # impl From<PlanError> for Error { fn from(error: PlanError) -> Self { Self::Plan(error) } }
/// # impl From<EngineError> for Error { fn from(error: EngineError) -> Self { Self::Engine(error) } }
/// # async fn bring(site: Arc<Site>, layers: Layers, providers: Providers) -> Result<(), Error> {
/// let engine = Engine::new(layers.operations(), providers.clone());
/// let stop = Stop::new();
/// let mut converge = Converge::new(Planner::new(&layers, &providers), site);
/// let converged = converge
///     .run(&stop, async |round: Round<'_>| {
///         let journal = round.journal(Arc::new(MemoryJournal::new()));
///         let run = format!("round-{}", round.number);
///         Ok::<_, Error>(Some(engine.run(&run, round.plan, journal, &stop).await?))
///     })
///     .await?;
/// assert_eq!(converged.end, ConvergeEnd::Ready, "{converged}");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Converge<'a> {
    planner: Planner<'a>,
    site: Arc<Site>,
    rounds: u16,
    repair: Repair,
    seen: Observed,
    memory: Memory,
}

/// A round that is to be carried out.
#[derive(Debug)]
pub struct Round<'a> {
    /// Its number, from 1.
    pub number: u16,
    /// What is to be carried out: the plan of its look, without what must not be tried.
    pub plan: Arc<Plan>,
    /// What its look saw.
    pub prepared: &'a Prepared,
    notes: Arc<Mutex<Notes>>,
}

impl Round<'_> {
    /// The journal that the round's run must be given, over the one that keeps it: what the run sees and changes is known to
    /// the next round by that.
    #[must_use]
    pub fn journal(&self, inner: Arc<dyn Journal>) -> Arc<dyn Journal> {
        Arc::new(Noting { inner, notes: Arc::clone(&self.notes) })
    }
}

impl<'a> Converge<'a> {
    /// Usual sites need two rounds, one before and one after discovery; each round beyond that waits for what another layer
    /// makes known.
    pub const USUAL_ROUNDS: u16 = 5;

    /// Of a site of which nothing was seen before.
    #[must_use]
    pub fn new(planner: Planner<'a>, site: Arc<Site>) -> Self {
        Self {
            planner,
            site,
            rounds: Self::USUAL_ROUNDS,
            repair: Repair::All,
            seen: Observed::new(),
            memory: Memory::default(),
        }
    }

    /// Sets how many rounds are carried out at most.
    #[must_use]
    pub const fn rounds(mut self, rounds: u16) -> Self {
        self.rounds = rounds;
        self
    }

    /// Sets how much is put right.
    #[must_use]
    pub const fn repair(mut self, repair: Repair) -> Self {
        self.repair = repair;
        self
    }

    /// Sets what was seen before.
    #[must_use]
    pub fn having_seen(mut self, seen: Observed) -> Self {
        self.seen = seen;
        self
    }

    /// What was seen so far.
    #[must_use]
    pub const fn seen(&self) -> &Observed {
        &self.seen
    }

    /// Looks and plans, and has `carry_out` carry out what is to be done, again until nothing is left. Where `carry_out`
    /// gives no report, it ends. It may be called again, hours later: what failed before is tried again then; what was put
    /// right by the same in three calls one after another, and differs again, is told as not settling.
    ///
    /// # Errors
    /// Where there is no plan, or what `carry_out` fails with. A failed step is no error.
    ///
    /// # Cancel safety
    /// As for a run of the engine, where it is dropped during one.
    pub async fn run<E: From<PlanError>>(
        &mut self,
        stop: &Stop,
        mut carry_out: impl AsyncFnMut(Round<'_>) -> Result<Option<Report>, E>,
    ) -> Result<Converged, E> {
        self.memory.pause();
        let mut rounds = 0;
        let mut last = None;
        loop {
            let looked = tokio::select! {
                biased;
                () = stop.draining().cancelled() => None,
                looked = self.planner.prepare(Arc::clone(&self.site), &mut self.seen) => Some(looked?),
            };
            let Some(prepared) = looked else { return Ok(self.ended(ConvergeEnd::Interrupted, rounds, last)) };
            self.memory.look(&prepared.plan);
            let plan = self.allowed(&prepared.plan)?;
            if plan.is_empty() {
                return Ok(self.ended(self.end_of(&prepared.plan), rounds, Some(prepared)));
            }
            if rounds >= self.rounds {
                return Ok(self.ended(ConvergeEnd::RoundsOver, rounds, Some(prepared)));
            }
            rounds += 1;
            let notes = Arc::default();
            let round =
                Round { number: rounds, plan: Arc::clone(&plan), prepared: &prepared, notes: Arc::clone(&notes) };
            let Some(report) = carry_out(round).await? else {
                return Ok(self.ended(ConvergeEnd::Declined, rounds - 1, Some(prepared)));
            };
            let notes = std::mem::take(&mut *notes.lock().unwrap_or_else(PoisonError::into_inner));
            for settled in &notes.settled {
                self.seen.record_by(&plan.step(settled.step).step.call, settled.facts.clone(), settled.at);
            }
            self.memory.ran(&plan, &report, &notes);
            if report.outcome == Outcome::Interrupted {
                return Ok(self.ended(ConvergeEnd::Interrupted, rounds, Some(prepared)));
            }
            last = Some(prepared);
        }
    }

    /// What of a plan may be carried out.
    fn allowed(&self, plan: &Arc<Plan>) -> Result<Arc<Plan>, PlanError> {
        let is_out = |planned: &crate::plan::PlannedStep| {
            self.memory.why_out(planned).is_some() || self.repair.withholds(planned)
        };
        if plan.steps().iter().any(is_out) { plan.without(is_out).map(Arc::new) } else { Ok(Arc::clone(plan)) }
    }

    /// The end where nothing of a plan may be carried out: the gravest reason counts.
    fn end_of(&self, plan: &Plan) -> ConvergeEnd {
        let reasons = || plan.steps().iter().filter_map(|planned| self.memory.why_out(planned));
        if reasons().any(|why| matches!(why, WhyLeft::Failed(_))) {
            ConvergeEnd::Failed
        } else if reasons().next().is_some() {
            ConvergeEnd::Unsettled
        } else if !plan.is_empty() {
            ConvergeEnd::Withheld
        } else if !plan.deferred().is_empty() {
            ConvergeEnd::Deferred
        } else {
            ConvergeEnd::Ready
        }
    }

    fn ended(&self, end: ConvergeEnd, rounds: u16, last: Option<Prepared>) -> Converged {
        let mut left: Vec<LeftOut> = self.memory.left().collect();
        let plan = last.as_ref().map(|prepared| &prepared.plan);
        let withheld = plan
            .into_iter()
            .flat_map(|plan| plan.steps())
            .filter(|planned| self.repair.withholds(planned) && self.memory.why_out(planned).is_none());
        left.extend(withheld.map(|planned| LeftOut { step: planned.step.name.clone(), why: WhyLeft::Withheld }));
        let waiting = match end {
            // Nobody has looked since, so that nobody knows what is left.
            ConvergeEnd::Interrupted => 0,
            _ => plan.map_or(0, |plan| plan.steps().len().saturating_sub(left.len())),
        };
        let deferred = plan.map(|plan| plan.deferred().to_vec()).unwrap_or_default();
        Converged { end, rounds, left, waiting, deferred, last }
    }
}
