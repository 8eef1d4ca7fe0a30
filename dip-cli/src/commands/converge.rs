//! `dip converge`: looks, plans and applies, again until nothing is left; with `--every` it keeps a site as its file wants it.

use std::cell::{Cell, RefCell};
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use dip::core::actor::Actor;
use dip::core::engine::{Converge, Converged, Rhythm, Round};
use dip::core::guard::Guard;
use dip::core::journal::{FileJournal, OrderFile, SiteLock};
use dip::core::plan::render;
use dip::core::provider::sentence;
use dip::{Goal, Prepared, Report, Stop};
use jiff::Timestamp;
use serde_json::json;

use super::{apply, drift};
use crate::args::{Converge as Args, Repair};
use crate::error::CliError;
use crate::guard::guard;
use crate::out::Out;
use crate::readings::Readings;
use crate::run::{Detail, Kept, Work, carry_out};
use crate::world::{self, World};

pub(super) fn run(args: &Args, out: &Out) -> Result<u8, CliError> {
    let repair = args.repair.unwrap_or(if args.every.is_some() { Repair::Report } else { Repair::All });
    let can_ask = args.every.is_none() && std::io::stdin().is_terminal();
    if repair != Repair::Report && !args.yes && !can_ask {
        let text = "there is nobody to ask; look at `dip plan` first, then converge with --yes";
        return Err(CliError::Usage(text.to_owned()));
    }
    let layers = dip::layers();
    let loaded = world::load(&args.files, &layers, out)?;
    let (loaded, world) = world::settle(&args.files, loaded, layers, &args.simulation, out)?;
    let (chosen, lock_path) = (loaded.lock.clone(), loaded.lock_path);
    let lock = loaded.lock_changed.then_some(loaded.lock);
    if let Some(lock) = lock.filter(|_| repair != Repair::Report && world.sandbox.is_none()) {
        super::keep(&lock, &lock_path, out)?;
    }
    let readings = Readings::beside(&args.journals.directory(), &world);
    let (guard, stop, running) = (guard(&args.most, &args.papers)?, Stop::new(), Cell::new(false));
    let keeper = Keeper { args, repair, world: &world, readings, guard, stop, running, out };
    let status = world.block_on(keeper.work())??;
    // A goal before the last leaves records behind; a simulation removes nothing.
    let all_done = status == super::READY && repair == Repair::All && args.through.goal() == Goal::Everything;
    if all_done && world.sandbox.is_none() {
        super::release(chosen, &lock_path, &world.site, out)?;
    }
    Ok(status)
}

/// Whoever brings a site to what is wanted, and keeps it so.
struct Keeper<'a> {
    args: &'a Args,
    repair: Repair,
    world: &'a World,
    readings: Readings,
    guard: Guard,
    stop: Stop,
    /// Whether a run goes on, which hears Ctrl-C itself.
    running: Cell<bool>,
    out: &'a Out,
}

impl Keeper<'_> {
    /// Works until all is done. The first Ctrl-C between two runs ends it.
    async fn work(&self) -> Result<u8, CliError> {
        let mut interrupt = Box::pin(tokio::signal::ctrl_c());
        let mut work = std::pin::pin!(self.looks());
        loop {
            tokio::select! {
                biased;
                Ok(()) = &mut interrupt => {
                    interrupt = Box::pin(tokio::signal::ctrl_c());
                    if !self.running.get() {
                        self.stop.ask();
                    }
                }
                done = &mut work => return done,
            }
        }
    }

    async fn looks(&self) -> Result<u8, CliError> {
        let Self { args, world, out, .. } = self;
        let clock = &world.clock;
        let repair = match self.repair {
            Repair::Report => dip::core::engine::Repair::Report,
            Repair::Safe => dip::core::engine::Repair::Safe,
            Repair::All => dip::core::engine::Repair::All,
        };
        let mut converge = Converge::new(world.planner(args.through.goal()), Arc::clone(&world.site))
            .rounds(args.rounds)
            .repair(repair)
            .having_seen(self.readings.seen(world, out));
        let Some(every) = args.every else {
            return self.look(&mut converge).await.map(|status| status.unwrap_or(super::DECLINED));
        };
        let rhythm = Rhythm::new(clock.now(), every);
        let mut last = super::DECLINED;
        for number in 1.. {
            match self.look(&mut converge).await {
                Ok(Some(status)) => last = status,
                Ok(None) => break,
                // Nobody reads of it any more.
                Err(CliError::ClosedPipe) => return Err(CliError::ClosedPipe),
                Err(error) => {
                    last = error.exit_status();
                    self.failed(&error)?;
                }
            }
            if args.looks.is_some_and(|looks| number >= looks) {
                break;
            }
            let next = rhythm.after(clock.now());
            if !out.json {
                out.line(format!("The next look is at {}.\n", next.strftime("%H:%M:%S")))?;
            }
            let pause = Duration::try_from(next.duration_since(clock.now())).unwrap_or_default();
            tokio::select! {
                () = self.stop.draining().cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
        Ok(last)
    }

    /// One look and what follows from it; its status, `None` where it was stopped.
    async fn look(&self, converge: &mut Converge<'_>) -> Result<Option<u8>, CliError> {
        let world = self.world;
        let began = world.clock.now();
        // Held from before the look: what is looked at while another run changes it would be stale at once. Each simulation
        // is a site of its own.
        let is_held = self.repair != Repair::Report && world.sandbox.is_none();
        let directory = self.args.journals.directory();
        let lock = is_held.then(|| SiteLock::take(&directory, &world.site.name, Timestamp::now())).transpose()?;
        let lock = RefCell::new(lock);
        let done = converge
            .run(&self.stop, async |round: Round<'_>| {
                if round.number == 1 && self.args.every.is_some() {
                    self.tell(began, round.prepared)?;
                }
                self.carry_out(&round, &lock).await
            })
            .await;
        // What was seen before a failure was seen all the same.
        self.readings.keep(&world.site.name, converge.seen())?;
        let converged = done?;
        if converged.rounds == 0
            && self.args.every.is_some()
            && let Some(prepared) = &converged.last
        {
            self.tell(began, prepared)?;
        }
        self.show(&converged)?;
        if converged.end == dip::core::engine::ConvergeEnd::Interrupted && converged.rounds == 0 {
            return Ok(self.args.every.is_none().then_some(converged.end.exit_status()));
        }
        Ok(Some(match (&converged.last, self.repair) {
            (Some(prepared), Repair::Report) => match drift::status(&prepared.drift()) {
                // What is deferred could not be observed.
                super::READY if !converged.deferred.is_empty() => super::NOT_OBSERVED,
                status => status,
            },
            _ => converged.end.exit_status(),
        }))
    }

    /// Tells what differs, as an event.
    fn tell(&self, at: Timestamp, prepared: &Prepared) -> Result<(), CliError> {
        let drift = prepared.drift();
        if self.out.json {
            let mut event = drift::value(&drift);
            event["at"] = json!(at);
            return self.out.json(&json!({"drift": event}));
        }
        self.out.line(format!("A look at {}:", at.strftime("%Y-%m-%d %H:%M:%S")))?;
        drift::people(prepared, &drift, self.out)
    }

    async fn carry_out(&self, round: &Round<'_>, lock: &RefCell<Option<SiteLock>>) -> Result<Option<Report>, CliError> {
        let Self { args, world, out, .. } = self;
        let plan = apply::made_by(Arc::clone(&round.plan), Some(&Actor::of_this_process()));
        if out.json {
            // The first record of the run holds the plan; whoever has to say yes must see it before.
            if !args.yes {
                out.note(render::text(&plan));
            }
        } else {
            out.text(format!("Round {}\n{}\n", round.number, render::text(&plan)))?;
        }
        self.guard.review(&plan, world.clock.now())?;
        if !args.yes && !super::says_yes("Carry out this round?")? {
            out.note("nothing more was changed");
            return Ok(None);
        }
        let directory = args.journals.directory();
        let engine = super::engine(world, &directory, out).guard(self.guard.clone());
        let file = apply::new_run(&directory, world, &plan)?;
        if let Some(lock) = &mut *lock.borrow_mut() {
            lock.works_on(&file.run)?;
        }
        out.note(format!("run {}, journal in {}", file.run, directory.display()));
        let journal = round.journal(Arc::new(FileJournal::create(&file.path)?));
        let orders = world.sandbox.is_none().then(|| OrderFile::beside(&file.path));
        self.running.set(true);
        let work = Work::New(&file.run);
        let report = carry_out(engine, &plan, work, Kept { journal, orders }, Detail::Steps, &self.stop, out).await;
        self.running.set(false);
        let report = report?;
        match out.json {
            true => out.json(&json!({"report": report}))?,
            false => out.text(format!("\n{report}\n"))?,
        }
        Ok(Some(report))
    }

    fn show(&self, converged: &Converged) -> Result<(), CliError> {
        let Converged { end, rounds, left, waiting, deferred, last: _ } = converged;
        if self.out.json {
            return self.out.json(&json!({"converged": {
                "end": end, "rounds": rounds, "left": left, "waiting": waiting, "deferred": deferred,
            }}));
        }
        // What is only told was told already.
        if self.args.every.is_some() && self.repair == Repair::Report && deferred.is_empty() {
            return Ok(());
        }
        self.out.text(converged)
    }

    /// A look that failed is told, and the next one comes.
    fn failed(&self, error: &CliError) -> Result<(), CliError> {
        if self.out.json {
            self.out.json(&json!({"failed": sentence(error)}))
        } else {
            self.out.error(error);
            Ok(())
        }
    }
}
