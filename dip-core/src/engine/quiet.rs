//! Who is kept quiet: the alerts of a node are silenced right before a step disrupts it, and heard again when it is back, when what
//! was done to it failed, and when the run ends. A silence is a lease: it ends by itself where nobody prolongs it.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::Schedule;
use super::clock::after;
use crate::id::{SiteName, StepId};
use crate::plan::{Budgets, Effect, Member, Plan};
use crate::provider::{ProviderError, Providers, Silence, Silences, sentence};
use crate::subject::Subject;

/// How long a silence lasts that nobody prolongs: as long as alerts of a node may be missed after the program that disrupted it
/// was killed. A server that takes longer to boot has it prolonged.
const LEASE: Duration = Duration::from_secs(15 * 60);

/// When it is prolonged: early enough that a service that is down for minutes does not let it end.
const PROLONG_BEFORE: Duration = Duration::from_secs(10 * 60);

/// The pause after a prolongation that failed.
const AGAIN: Duration = Duration::from_secs(60);

/// How long the end of a run waits for the service.
const FAREWELL: Duration = Duration::from_secs(20);

/// The silences of one run.
#[derive(Debug)]
pub(super) struct Quiet(Option<Told>);

struct Told {
    silences: Arc<dyn Silences>,
    site: SiteName,
    run: String,
    /// The members that each disrupting step takes away.
    takes: HashMap<StepId, Vec<usize>>,
    nodes: Vec<Node>,
    /// Those that have a silence: few of many.
    quiet: std::sync::Mutex<BTreeSet<usize>>,
    /// When something is to be prolonged, in seconds of the epoch.
    due: AtomicI64,
}

struct Node {
    member: Member,
    disrupts: Vec<StepId>,
    /// The silence that it has: why, and until when. Locked while the service is asked, so that an end cannot overtake a begin.
    held: Mutex<Option<Held>>,
}

#[derive(Debug, Clone)]
struct Held {
    why: String,
    until: Timestamp,
    next: Timestamp,
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Told").field("run", &self.run).finish_non_exhaustive()
    }
}

impl Quiet {
    /// Those of a run; none where the site has no service for it.
    pub(super) fn of(plan: &Plan, providers: &Providers, run: &str) -> Self {
        let site = plan.site().name.clone();
        let Ok(silences) = providers.find::<dyn Silences>(&Subject::alerts(&site)) else { return Self(None) };
        let everybody = Budgets::of_everybody(plan);
        let mut takes: HashMap<StepId, Vec<usize>> = HashMap::new();
        let mut disrupts: Vec<Vec<StepId>> = vec![Vec::new(); everybody.list()[0].members.len()];
        for (step, taken) in everybody.takers() {
            for take in taken.iter().filter(|take| take.effect == Effect::Disrupts) {
                takes.entry(step).or_default().push(take.member as usize);
                disrupts[take.member as usize].push(step);
            }
        }
        let members = everybody.list()[0].members.iter().cloned();
        let node = |(member, disrupts)| Node { member, disrupts, held: Mutex::new(None) };
        let nodes = members.zip(disrupts).map(node).collect();
        let (run, quiet, due) = (run.to_owned(), std::sync::Mutex::default(), AtomicI64::new(i64::MAX));
        Self(Some(Told { silences, site, run, takes, nodes, quiet, due }))
    }

    /// Silences the nodes that a step is about to take away.
    pub(super) async fn before(&self, plan: &Plan, step: StepId, now: Timestamp) -> Result<(), ProviderError> {
        let Some(told) = &self.0 else { return Ok(()) };
        for &index in told.takes.get(&step).into_iter().flatten() {
            let node = &told.nodes[index];
            let mut held = node.held.lock().await;
            if held.as_ref().is_none_or(|held| held.next <= now) {
                let why = plan.step(step).step.name.to_string();
                told.silence(index, &mut held, why, now).await?;
            }
        }
        Ok(())
    }

    /// Goes on with the silences of a run whose owner died: those of nodes that it left disrupted.
    pub(super) async fn take_over(&self, plan: &Plan, schedule: &Schedule, now: Timestamp) {
        let Some(told) = &self.0 else { return };
        let taken = told.take_over(plan, schedule, now);
        if tokio::time::timeout(FAREWELL, taken).await.is_err() {
            tracing::warn!(
                "alerts of nodes that are disrupted are not silenced: there was no answer within {FAREWELL:?}"
            );
        }
    }

    /// The nodes that are back, or that nothing is done to any more; each is told once.
    pub(super) fn over(&self, schedule: &Schedule) -> Vec<usize> {
        let Some(told) = &self.0 else { return Vec::new() };
        let is_over = |index: &usize| schedule.is_over(&told.nodes[*index].member, &told.nodes[*index].disrupts);
        let mut quiet = told.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        let over: Vec<usize> = quiet.iter().copied().filter(is_over).collect();
        quiet.retain(|index| !over.contains(index));
        over
    }

    /// Lets a node's alerts be heard again.
    pub(super) async fn end(&self, index: usize) {
        let Some(told) = &self.0 else { return };
        let node = &told.nodes[index];
        let mut held = node.held.lock().await;
        if held.take().is_none() {
            return;
        }
        if let Err(error) = told.silences.end(&told.site, &told.run, Some(node.member.node.clone())).await {
            // The end of the run tries again, and the lease ends by itself.
            tracing::warn!(node = %node.member.node, error = sentence(&error), "the silence of its alerts is not ended yet");
        }
    }

    /// When something is to be prolonged.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let due = self.0.as_ref()?.due.load(Ordering::Relaxed);
        (due != i64::MAX).then(|| Timestamp::from_second(due).unwrap_or(Timestamp::MAX))
    }

    /// Takes the time at which something is to be prolonged, so that it is done once; whether it has come.
    pub(super) fn take_due(&self, now: Timestamp) -> bool {
        let is_due = self.due().is_some_and(|due| due <= now);
        if let Some(told) = self.0.as_ref().filter(|_| is_due) {
            told.due.store(i64::MAX, Ordering::Relaxed);
        }
        is_due
    }

    /// Prolongs what lasts longer than its lease, and waits for nobody who speaks with the service about another node.
    pub(super) async fn prolong(&self, now: Timestamp) {
        let Some(told) = &self.0 else { return };
        let quiet = told.quiet.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for index in quiet {
            let node = &told.nodes[index];
            let Ok(mut held) = node.held.try_lock() else {
                // Who has it begins or ends this very silence; should that fail, it is looked at again.
                told.wake_at(after(now, AGAIN));
                continue;
            };
            let Some(Held { why, until, next }) = held.clone() else { continue };
            if next > now {
                told.wake_at(next);
            } else if let Err(error) = told.silence(index, &mut held, why.clone(), now).await {
                let next = after(now, AGAIN);
                *held = Some(Held { why, until, next });
                told.wake_at(next);
                tracing::warn!(node = %node.member.node, %until, error = sentence(&error), "the silence of its alerts is not prolonged");
            }
        }
    }

    /// Ends all silences of the run, those of owners before this one too.
    pub(super) async fn end_all(&self) {
        let Some(told) = self.0.as_ref().filter(|told| !told.takes.is_empty()) else { return };
        let ended = tokio::time::timeout(FAREWELL, told.silences.end(&told.site, &told.run, None)).await;
        let why = match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => sentence(&error),
            Err(_) => format!("there was no answer within {FAREWELL:?}"),
        };
        tracing::warn!(
            run = told.run,
            error = why,
            "silences of this run are left, and end by themselves within 15 minutes"
        );
    }
}

impl Told {
    async fn take_over(&self, plan: &Plan, schedule: &Schedule, now: Timestamp) {
        for (index, node) in self.nodes.iter().enumerate().filter(|(_, node)| !node.disrupts.is_empty()) {
            let Some(step) = schedule.disrupts_now(&node.member, &node.disrupts) else { continue };
            let mut held = node.held.lock().await;
            let why = plan.step(step).step.name.to_string();
            if let Err(error) = self.silence(index, &mut held, why, now).await {
                tracing::warn!(node = %node.member.node, error = sentence(&error), "its alerts are not silenced");
            }
        }
    }

    async fn silence(
        &self,
        index: usize,
        held: &mut Option<Held>,
        why: String,
        now: Timestamp,
    ) -> Result<(), ProviderError> {
        let until = after(now, LEASE);
        let (site, run) = (self.site.clone(), self.run.clone());
        let wanted = Silence { site, run, node: self.nodes[index].member.node.clone(), why: why.clone(), until };
        self.silences.silence(&wanted).await?;
        let next = after(now, LEASE.saturating_sub(PROLONG_BEFORE));
        *held = Some(Held { why, until, next });
        self.quiet.lock().unwrap_or_else(PoisonError::into_inner).insert(index);
        self.wake_at(next);
        Ok(())
    }

    fn wake_at(&self, next: Timestamp) {
        self.due.fetch_min(next.as_second(), Ordering::Relaxed);
    }
}
