//! A machine: its power, its boots and the system on its disk, moved on to a time whenever somebody looks.

use std::time::Duration;

use dip_core::hardware::{BootDevice, PowerState};
use dip_core::provider::PowerAction;
use dip_core::subject::Subject;
use dip_firmware::provider::{BootOverride, Persistence};

use crate::draw::Draw;
use crate::fault::{Board, Fault};
use crate::ledger::Ledger;
use crate::linux::Linux;
use crate::log::{Log, Phase};
use crate::world::management::{Management, Moment};

/// How long the chassis takes to switch after a command was accepted.
const SWITCHING: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(3));
/// How long the system takes to shut down.
const SHUTTING_DOWN: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(15));
/// The power-on self-test of a server with much memory.
const SELF_TEST: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(150));
/// From the boot loader until the system answers.
const SYSTEM_START: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(45));
/// How long a system in memory takes to come over the network.
const NETWORK_BOOT: Duration = Duration::from_secs(75);
/// The firmware's own order.
const NO_OVERRIDE: BootOverride = BootOverride::once(BootDevice::Default);

/// What happens around a machine while it moves on.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) draw: Draw,
    pub(crate) faults: &'a Board,
    pub(crate) log: &'a Log,
    pub(crate) ledger: &'a Ledger,
}

/// A machine.
#[derive(Debug)]
pub(crate) struct Machine {
    power: PowerState,
    /// Whether mains reaches it.
    fed: bool,
    /// What it does when mains comes back.
    with_mains: WithMains,
    change: Option<Change>,
    /// How often it was powered on.
    boots: u64,
    /// Counts what was drawn for it, so that each draw is another.
    draws: u64,
    running: Option<Running>,
    /// The boot device for the next boot.
    pub(crate) next_boot: BootOverride,
    /// The system on its disk.
    pub(crate) linux: Linux,
    /// What sees to its settings, volumes and firmware.
    pub(crate) management: Management,
    /// What it consists of.
    pub(crate) parts: super::Parts,
    /// Its management controller.
    pub(crate) keeper: super::Keeper,
}

/// What a machine does when mains comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WithMains {
    /// Nothing, as data centres set those that have a BMC.
    StaysOff,
    /// It starts, as those must be set that have none.
    Starts,
}

/// An accepted power command that has not come true.
#[derive(Debug, Clone, Copy)]
struct Change {
    due: Duration,
    to: PowerState,
}

/// One run of a powered machine.
#[derive(Debug, Clone, Copy)]
struct Running {
    /// When its system answers; `None` where the boot hangs or ends in the firmware's setup.
    up_at: Option<Duration>,
    /// What it started from.
    device: BootDevice,
    /// When its system stopped.
    died_at: Option<Duration>,
}

/// Why a machine's system does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Silence {
    #[error("the machine has no power")]
    Off,
    #[error("the machine is booting")]
    Booting,
    #[error("the machine hangs in its firmware")]
    Hangs,
    #[error("the machine is in the setup of its firmware")]
    InSetup,
    #[error("the machine runs a system that came over the network, not the one on its disk")]
    OverNetwork,
    #[error("the machine's system has stopped")]
    Dead,
}

impl Machine {
    pub(crate) fn new(linux: Linux) -> Self {
        Self {
            power: PowerState::Off,
            fed: true,
            with_mains: WithMains::StaysOff,
            change: None,
            boots: 0,
            draws: 0,
            running: None,
            next_boot: NO_OVERRIDE,
            linux,
            management: Management::new(""),
            parts: super::Parts::default(),
            keeper: super::Keeper::default(),
        }
    }

    /// The same machine with this controller.
    pub(crate) fn managed_by(self, management: Management) -> Self {
        Self { management, ..self }
    }

    /// The same machine with these parts and this controller.
    pub(crate) fn with(self, parts: super::Parts, keeper: super::Keeper) -> Self {
        Self { parts, keeper, ..self }
    }

    /// Moves on to `now`: accepted commands come true, boots come to their end, faults of the machine strike.
    pub(crate) fn settle(&mut self, now: Duration, around: Surroundings<'_>) {
        if let Some(change) = self.change.filter(|change| change.due <= now) {
            self.change = None;
            self.start_system(change.due, around);
            self.management.settle(change.due, around);
            self.stop();
            self.power = change.to;
            if change.to == PowerState::On {
                self.boot(change.due, around);
            }
        }
        self.start_system(now, around);
        self.management.settle(now, around);
        self.die(now, around);
    }

    /// What its management controller is asked now.
    pub(crate) fn moment<'a>(&self, now: Duration, around: Surroundings<'a>) -> Moment<'a> {
        Moment { now, runs: self.power == PowerState::On, around }
    }

    pub(crate) fn power(&self) -> PowerState {
        self.power
    }

    pub(crate) fn is_fed(&self) -> bool {
        self.fed
    }

    pub(crate) fn boots(&self) -> u64 {
        self.boots
    }

    /// Whether the installed system answers, as far as the machine itself goes.
    pub(crate) fn answers(&self, now: Duration) -> Result<(), Silence> {
        match self.runs(now)? {
            BootDevice::Network => Err(Silence::OverNetwork),
            _ => Ok(()),
        }
    }

    /// Whether a system runs, and from where.
    fn runs(&self, now: Duration) -> Result<BootDevice, Silence> {
        let running = self.running.as_ref().filter(|_| self.power == PowerState::On).ok_or(Silence::Off)?;
        match running {
            Running { died_at: Some(_), .. } => Err(Silence::Dead),
            Running { up_at: None, device: BootDevice::Setup, .. } => Err(Silence::InSetup),
            Running { up_at: None, .. } => Err(Silence::Hangs),
            Running { up_at: Some(up_at), .. } if *up_at > now => Err(Silence::Booting),
            Running { device, .. } => Ok(*device),
        }
    }

    /// Takes a power command; what is already so, or on its way, changes nothing. The machine must be settled.
    pub(crate) fn request(&mut self, action: PowerAction, now: Duration, around: Surroundings<'_>) {
        let heading = self.change.map_or(self.power, |change| change.to);
        let (to, takes, word) = match action {
            PowerAction::On if heading == PowerState::Off => (PowerState::On, SWITCHING, "power on"),
            PowerAction::Off if heading == PowerState::On => (PowerState::Off, SWITCHING, "power off"),
            // A system that does not run does not notice the button.
            PowerAction::Shutdown if heading == PowerState::On && self.runs(now).is_ok() => {
                (PowerState::Off, SHUTTING_DOWN, "shut down")
            }
            PowerAction::Cycle if self.power == PowerState::On => (PowerState::On, SWITCHING, "power cycle"),
            // As Redfish's `PowerCycle` and most controllers do: a machine that is off is switched on.
            PowerAction::Cycle if heading == PowerState::Off => (PowerState::On, SWITCHING, "power cycle"),
            _ if action == PowerAction::Off && self.change.is_some_and(|change| change.due > now) => {
                // A shutdown is on its way; the hard switch does not wait for it.
                (PowerState::Off, SWITCHING, "power off")
            }
            _ => return,
        };
        let due = now + self.span(around, word, takes);
        self.change = Some(Change { due, to });
        around.ledger.count(around.subject, word);
    }

    /// Somebody holds or presses the button on the chassis: it acts at once, and nothing is counted.
    pub(crate) fn press(&mut self, to: PowerState, now: Duration, around: Surroundings<'_>) {
        self.change = None;
        if self.power == to || !self.fed {
            return;
        }
        self.stop();
        self.power = to;
        if to == PowerState::On {
            self.boot(now, around);
        }
    }

    /// Sets what it does when mains comes back; one that starts by it is off because it has none.
    pub(crate) const fn when_mains_comes(mut self, with_mains: WithMains) -> Self {
        self.with_mains = with_mains;
        self.fed = matches!(with_mains, WithMains::StaysOff);
        self
    }

    /// Mains comes or goes.
    pub(crate) fn feed(&mut self, fed: bool, now: Duration, around: Surroundings<'_>) {
        let came = fed && !self.fed;
        self.fed = fed;
        if came && self.with_mains == WithMains::Starts {
            self.power = PowerState::On;
            self.boot(now, around);
        }
        if !fed {
            self.change = None;
            self.stop();
            self.power = PowerState::Off;
        }
    }

    fn boot(&mut self, at: Duration, around: Surroundings<'_>) {
        self.boots += 1;
        around.ledger.count(around.subject, "boot");
        let self_test = self.span(around, "self-test", SELF_TEST);
        self.management.reset(at + self_test);
        let mut takes = self_test + self.span(around, "system start", SYSTEM_START);
        let device = self.next_boot.device;
        if self.next_boot.persistence == Persistence::Once {
            self.next_boot = NO_OVERRIDE;
        }
        if device == BootDevice::Network {
            takes += NETWORK_BOOT;
        }
        let slow = |fault: &Fault| matches!(fault, Fault::BootSlow { .. });
        if let Some(hit) = around.faults.bite(around.subject, at, slow) {
            around.log.tell(at, around.subject, Phase::Bit, hit.fault.to_string());
            if let Fault::BootSlow { by, .. } = hit.fault {
                takes += by;
            }
        }
        let hangs = |fault: &Fault| matches!(fault, Fault::BootHangs { .. });
        let hang = around.faults.bite(around.subject, at, hangs);
        if let Some(hit) = &hang {
            around.log.tell(at, around.subject, Phase::Bit, hit.fault.to_string());
        }
        let stays = hang.is_some() || device == BootDevice::Setup;
        self.running = Some(Running { up_at: (!stays).then_some(at + takes), device, died_at: None });
    }

    fn start_system(&mut self, now: Duration, around: Surroundings<'_>) {
        // What comes over the network leaves the disk alone.
        let from_disk = self.running.filter(|running| running.device != BootDevice::Network);
        let Some(up_at) = from_disk.and_then(|running| running.up_at).filter(|up_at| *up_at <= now) else { return };
        if !self.linux.is_up() {
            let id = around.draw.uuid(&around.subject.to_string(), "boot id", self.boots);
            self.linux.start(up_at, id);
        }
    }

    fn die(&mut self, now: Duration, around: Surroundings<'_>) {
        if self.answers(now).is_err() {
            return;
        }
        let dies = |fault: &Fault| matches!(fault, Fault::HostDies { .. });
        if let (Some(running), Some(hit)) = (&mut self.running, around.faults.bite(around.subject, now, dies)) {
            let at = running.up_at.map_or(hit.from, |up_at| up_at.max(hit.from));
            running.died_at = Some(at);
            self.linux.halt();
            around.log.tell(at, around.subject, Phase::Bit, hit.fault.to_string());
        }
    }

    fn stop(&mut self) {
        self.running = None;
        self.linux.halt();
        self.management.cut();
    }

    fn span(&mut self, around: Surroundings<'_>, purpose: &str, range: (Duration, Duration)) -> Duration {
        self.draws += 1;
        around.draw.span(&around.subject.to_string(), purpose, self.draws, range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dip_core::id::NodeName;

    struct Scene {
        subject: Subject,
        faults: Board,
        log: Log,
        ledger: Ledger,
        machine: Machine,
    }

    impl Scene {
        fn new(faults: Vec<Fault>) -> Self {
            let board = Board::default();
            faults.into_iter().for_each(|fault| board.arm(fault, Duration::ZERO));
            Self {
                subject: Subject::node(&node()),
                faults: board,
                log: Log::default(),
                ledger: Ledger::default(),
                machine: Machine::new(Linux::default()),
            }
        }

        fn at(&mut self, seconds: u64) -> &Machine {
            self.act(seconds, None)
        }

        fn feed(&mut self, seconds: u64, fed: bool) {
            let around = Surroundings {
                subject: &self.subject,
                draw: Draw::new(1),
                faults: &self.faults,
                log: &self.log,
                ledger: &self.ledger,
            };
            self.machine.feed(fed, Duration::from_secs(seconds), around);
        }

        fn act(&mut self, seconds: u64, action: Option<PowerAction>) -> &Machine {
            let now = Duration::from_secs(seconds);
            let around = Surroundings {
                subject: &self.subject,
                draw: Draw::new(1),
                faults: &self.faults,
                log: &self.log,
                ledger: &self.ledger,
            };
            self.machine.settle(now, around);
            if let Some(action) = action {
                self.machine.request(action, now, around);
            }
            &self.machine
        }
    }

    fn node() -> NodeName {
        NodeName::new("n1").expect("a name")
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_powered_machine_tests_itself_and_then_answers() {
        let mut scene = Scene::new(Vec::new());
        assert_eq!(scene.act(0, Some(PowerAction::On)).power(), PowerState::Off);
        assert_eq!(scene.at(10).power(), PowerState::On);
        assert_eq!(scene.at(10).answers(seconds(10)), Err(Silence::Booting));
        assert_eq!(scene.at(300).answers(seconds(300)), Ok(()));
        assert!(scene.machine.linux.is_up());
    }

    #[test]
    fn a_machine_that_starts_from_elsewhere_is_not_its_installed_system() {
        for (device, silence) in [(BootDevice::Network, Silence::OverNetwork), (BootDevice::Setup, Silence::InSetup)] {
            let mut scene = Scene::new(Vec::new());
            scene.machine.next_boot = BootOverride::once(device);
            scene.act(0, Some(PowerAction::On));
            assert_eq!(scene.at(600).answers(seconds(600)), Err(silence));
            assert!(!scene.machine.linux.is_up());
            // The override was for one boot.
            scene.act(600, Some(PowerAction::Cycle));
            assert_eq!(scene.at(1_200).answers(seconds(1_200)), Ok(()));
        }
    }

    #[test]
    fn the_same_command_twice_is_one_boot() {
        let mut scene = Scene::new(Vec::new());
        scene.act(0, Some(PowerAction::On));
        scene.act(1, Some(PowerAction::On));
        scene.act(20, Some(PowerAction::On));
        assert_eq!(scene.at(300).boots(), 1);
    }

    #[test]
    fn a_boot_that_hangs_needs_a_power_cycle() {
        let mut scene = Scene::new(vec![Fault::BootHangs { node: node(), times: 1 }]);
        scene.act(0, Some(PowerAction::On));
        assert_eq!(scene.at(3_000).answers(seconds(3_000)), Err(Silence::Hangs));
        scene.act(3_000, Some(PowerAction::Shutdown));
        assert_eq!(scene.at(3_100).power(), PowerState::On);
        scene.act(3_100, Some(PowerAction::Cycle));
        assert_eq!(scene.at(3_500).answers(seconds(3_500)), Ok(()));
        assert_eq!(scene.log.read().len(), 1);
    }

    #[test]
    fn a_system_that_dies_leaves_the_power_on_and_loses_what_was_only_in_memory() {
        let mut scene = Scene::new(vec![Fault::HostDies { node: node() }]);
        scene.act(0, Some(PowerAction::On));
        assert_eq!(scene.at(300).answers(seconds(300)), Err(Silence::Dead));
        assert_eq!(scene.machine.power(), PowerState::On);
        assert!(!scene.machine.linux.is_up());
    }

    #[test]
    fn a_machine_without_mains_is_off_and_stays_off_when_it_comes_back() {
        let mut scene = Scene::new(Vec::new());
        scene.act(0, Some(PowerAction::On));
        scene.at(300);
        scene.feed(301, false);
        scene.feed(302, true);
        assert_eq!(scene.at(600).power(), PowerState::Off);
    }
}
