//! The simulated datacenter as a program holds it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use dip_core::engine::Clock;
use dip_core::id::NodeName;
use dip_core::journal::Journal;
use dip_core::provider::Providers;
use dip_core::secret::{Secret, SecretStore};
use dip_core::site::Site;
use dip_firmware::provider::Bmc;
use jiff::Timestamp;

use crate::fault::{Fault, Faults};
use crate::hands::Hands;
use crate::journal::SandboxJournal;
use crate::ledger::Mutation;
use crate::line::Access;
use crate::log::{Incident, Phase};
use crate::snapshot::Snapshot;
use crate::time::Pace;
use crate::world::{World, factory_password};

/// A simulated datacenter: the machines, switches, PDUs and servers of one site, all in memory. Clones are the same datacenter.
///
/// At first every machine is powered off with a freshly installed system on its disk, every switch port is in VLAN 999, and no
/// server holds a record. The same site, seed and calls always give the same course of events.
#[derive(Debug, Clone)]
pub struct Sandbox {
    world: Arc<World>,
}

impl Sandbox {
    /// A datacenter as the site describes it. The seed decides how long everything takes.
    #[must_use]
    pub fn new(site: &Site, seed: u64) -> Self {
        Self::with_pace(site, seed, Pace::default())
    }

    /// As [`Self::new`], faster than tokio's clock: to watch it in a runtime whose clock is not paused.
    #[must_use]
    pub fn with_pace(site: &Site, seed: u64, pace: Pace) -> Self {
        Self { world: Arc::new(World::new(site, seed, pace)) }
    }

    /// Simulated providers for everything in the site; they take the place of `Layers::connect`.
    #[must_use]
    pub fn providers(&self) -> Providers {
        self.providers_as(Access::Granted)
    }

    /// As [`Self::providers`], with wrong credentials or to dead servers.
    #[must_use]
    pub fn providers_as(&self, access: Access) -> Providers {
        crate::providers::all(&self.world, access)
    }

    /// Runs a future on virtual time. It must not be called within another runtime.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        crate::run(future)
    }

    /// A clock that shows the datacenter's own time, for the engine.
    #[must_use]
    pub fn clock(&self) -> SandboxClock {
        SandboxClock { world: Arc::clone(&self.world) }
    }

    /// Keeps a run in another journal whose disk takes time on the simulation's clock, so that steps which go on at once share writes
    /// as they do on a real machine: a write waits 400 ms for others and takes 200 ms, while the next one may begin. Without it each
    /// instant of virtual time costs a write of its own. A thread of its own makes the records durable while the simulation goes on, so
    /// the other journal must not wait for the simulation.
    #[must_use]
    pub fn journal(&self, kept: Arc<dyn Journal>) -> Arc<dyn Journal> {
        Arc::new(SandboxJournal::over(&self.world, kept))
    }

    /// The time since the simulation started.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.world.time.now()
    }

    /// Sets a fault that can bite from now on.
    pub fn inject(&self, fault: Fault) {
        self.arm(self.elapsed(), fault);
    }

    /// Sets a fault that can bite from a time since the simulation's start. It can be called before anything runs.
    pub fn inject_at(&self, from: Duration, fault: Fault) {
        self.arm(from, fault);
    }

    /// Sets many faults.
    pub fn inject_all(&self, faults: Faults) {
        faults.into_iter().for_each(|(from, fault)| self.arm(from, fault));
    }

    fn arm(&self, from: Duration, fault: Fault) {
        self.world.log.tell(from, &fault.subject(), Phase::Injected, fault.to_string());
        self.world.faults.arm(fault, from);
    }

    /// Which faults were set and when they took effect, in the order in which that was noticed.
    #[must_use]
    pub fn log(&self) -> Vec<Incident> {
        self.world.log.read()
    }

    /// How often each thing was really changed, since the simulation's start.
    #[must_use]
    pub fn mutations(&self) -> BTreeMap<Mutation, u64> {
        self.world.ledger.read()
    }

    /// The state of everything, without times: two runs that came to the same end have equal snapshots.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.world)
    }

    /// How often a node was started, by whomever. Zero for a node that the site does not have.
    #[must_use]
    pub fn boots(&self, node: &NodeName) -> u64 {
        if self.world.site.nodes.contains_key(node) { self.world.machine(node, |machine| machine.boots()) } else { 0 }
    }

    /// The system UUID of a node's machine, drawn by the seed.
    #[must_use]
    pub fn machine_uuid(&self, node: &NodeName) -> String {
        self.world.machine_uuid(node)
    }

    /// The serial number of a node's main board.
    #[must_use]
    pub fn board_serial(&self, node: &NodeName) -> String {
        self.world.machine(node, |machine| machine.parts.board.clone())
    }

    /// A line to the controller of a node that logs in with a password.
    #[must_use]
    pub fn bmc_as(&self, node: &NodeName, user: &str, password: &Secret) -> Arc<dyn Bmc> {
        crate::providers::bmc_as(&self.world, node, Access::Granted, Some((user, password)))
    }

    /// The store in which the passwords are that dip gave to controllers.
    #[must_use]
    pub fn secrets(&self) -> Arc<dyn SecretStore> {
        self.world.secrets.clone()
    }

    /// The password that the controller of a node was shipped with, where dip keeps the one that it has since.
    #[must_use]
    pub fn factory_password(&self, node: &NodeName) -> Secret {
        factory_password(node)
    }

    /// Whether a controller lets a user in by a password, without its counting a wrong one.
    #[must_use]
    pub fn lets_in(&self, node: &NodeName, user: &str, password: &Secret) -> bool {
        self.world.machine(node, |machine| machine.keeper.clone().log_in(user, password).is_ok())
    }

    /// Whether a controller has locked any of its users.
    #[must_use]
    pub fn is_locked_out(&self, node: &NodeName) -> bool {
        self.world.machine(node, |machine| machine.keeper.is_locked())
    }

    /// How often in a row a wrong password of a user was tried.
    #[must_use]
    pub fn wrong_logins(&self, node: &NodeName, user: &str) -> u32 {
        self.world.machine(node, |machine| machine.keeper.wrong(user))
    }

    /// What a person does in the machine room or on a server, beside dip.
    #[must_use]
    pub fn by_hand(&self) -> Hands<'_> {
        Hands::new(&self.world)
    }
}

/// The time of a simulated datacenter. It starts on 2026-01-05 at 08:00 UTC.
#[derive(Debug, Clone)]
pub struct SandboxClock {
    world: Arc<World>,
}

impl Clock for SandboxClock {
    fn now(&self) -> Timestamp {
        self.world.time.date()
    }
}
