//! A machine on a test bench: it does everything at once, and its controller's work takes less than a second.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dip_core::hardware::{BootDevice, Hardware, PowerState};
use dip_core::provider::PowerAction;
use dip_core::secret::Secret;

use super::machine::{Attribute, Machine, Refusal, Takes};
use super::maker::Maker;
use crate::provider::{
    Accepted, BiosAttributes, BiosState, BiosValue, BootOverride, Component, Disk, DiskKind, Health, MemoryModule,
    NicPort, Part, Persistence, Processor, RaidLevel, SecureBootState, StorageController, TaskRef, TaskState, Volume,
    WantedVolume,
};

/// How long the controller works on a task.
const WORK: Duration = Duration::from_millis(700);
const NO_OVERRIDE: BootOverride = BootOverride::once(BootDevice::Default);

/// The serial number of the machine.
pub const SERIAL: &str = "SN-MODEL-1";
/// Its UUID.
pub const UUID: &str = "4c4c4544-0034-5010-804e-b4c04f304a33";

#[derive(Debug, Clone)]
enum Work {
    Make(WantedVolume),
    Remove(String),
    Install(Vec<String>),
}

/// The machine.
#[derive(Debug)]
pub struct Bench {
    maker: Maker,
    power: PowerState,
    starts: usize,
    next_boot: BootOverride,
    bios: BiosState,
    secure_boot: SecureBootState,
    volumes: Vec<Volume>,
    versions: BTreeMap<&'static str, String>,
    tasks: BTreeMap<usize, (Option<Work>, Instant)>,
    passwords: BTreeMap<String, Secret>,
    number: usize,
}

impl Bench {
    /// A machine of a maker, with the user `admin` and the password `password`.
    #[must_use]
    pub fn new(maker: Maker) -> Self {
        let text = |text: &str| BiosValue::Text(text.to_owned());
        let current = [
            ("ProcVirtualization", text("Enabled")),
            ("SriovGlobalEnable", text("Disabled")),
            ("AcPwrRcvryUserDelay", BiosValue::Number(60)),
            ("SystemModelName", text(maker.machine().1)),
        ];
        Self {
            maker,
            power: PowerState::Off,
            starts: 0,
            next_boot: NO_OVERRIDE,
            bios: BiosState {
                current: current.map(|(name, value)| (name.to_owned(), value)).into(),
                pending: BiosAttributes::new(),
            },
            secure_boot: SecureBootState { enforced: false, enabled: false },
            volumes: Vec::new(),
            versions: [("BIOS", "1.0.0".to_owned()), ("BMC", maker.controller().1.to_owned())].into(),
            tasks: BTreeMap::new(),
            passwords: [("admin".to_owned(), Secret::new("password".to_owned()))].into(),
            number: 0,
        }
    }

    /// How often it was started.
    #[must_use]
    pub const fn starts(&self) -> usize {
        self.starts
    }

    /// Switches it by hand.
    pub fn switch(&mut self, to: PowerState) {
        if std::mem::replace(&mut self.power, to) != to && to == PowerState::On {
            self.start();
        }
    }

    /// Starts it anew: whatever waits for a reset comes about.
    fn start(&mut self) {
        self.starts += 1;
        self.bios.current.append(&mut self.bios.pending);
        self.secure_boot.enforced = self.secure_boot.enabled;
        if self.next_boot.persistence == Persistence::Once {
            self.next_boot = NO_OVERRIDE;
        }
    }

    fn begin(&mut self, work: Work) -> Accepted {
        self.number += 1;
        self.tasks.insert(self.number, (Some(work), Instant::now() + WORK));
        Accepted::Task(TaskRef(self.number.to_string()))
    }

    /// Ends the tasks whose time has come.
    fn settle(&mut self) {
        let now = Instant::now();
        let due = self.tasks.values_mut().filter(|(_, ends)| *ends <= now).filter_map(|(work, _)| work.take());
        for work in due.collect::<Vec<_>>() {
            self.carry_out(work);
        }
    }

    fn carry_out(&mut self, work: Work) {
        match work {
            Work::Make(wanted) => {
                self.number += 1;
                self.volumes.push(Volume {
                    id: format!("Volume.{}", self.number),
                    name: Some(wanted.name),
                    level: Some(wanted.level),
                    disks: wanted.disks,
                    bytes: None,
                });
            }
            Work::Remove(id) => self.volumes.retain(|volume| volume.id != id),
            Work::Install(components) => {
                for (_, version) in self.versions.iter_mut().filter(|(id, _)| components.iter().any(|it| it == *id)) {
                    *version = "2.0.0".to_owned();
                }
            }
        }
    }

    /// Work on volumes: a storage controller of HPE's does it at once.
    fn take(&mut self, work: Work) -> Accepted {
        if self.maker == Maker::Hpe {
            self.carry_out(work);
            return Accepted::Done;
        }
        self.begin(work)
    }
}

impl Machine for Bench {
    fn identity(&mut self) -> (String, String) {
        (SERIAL.to_owned(), UUID.to_owned())
    }

    fn hardware(&mut self) -> Hardware {
        let part = |slot: &str| Part { slot: slot.to_owned(), health: Some(Health::Ok), ..Part::default() };
        let processor = Processor {
            part: Part { model: Some("EPYC".to_owned()), ..part("CPU 1") },
            cores: Some(32),
            threads: Some(64),
        };
        let module = |slot: &str| MemoryModule { part: part(slot), mebibytes: Some(65_536) };
        let port = |mac: &str, has_link| NicPort { part: part("1"), mac: mac.parse().ok(), has_link };
        Hardware {
            processors: Some(vec![processor]),
            memory: Some(vec![module("DIMM A1"), module("DIMM B1")]),
            nics: Some(vec![port("02:5D:1B:00:00:01", Some(true)), port("02:5D:1B:00:00:02", None), port("", None)]),
            disks: None,
            power_supplies: Some(vec![Part {
                model: Some("PWR-800".to_owned()),
                serial: Some("P1".to_owned()),
                ..part("PSU 1")
            }]),
        }
    }

    fn power(&mut self) -> PowerState {
        self.power
    }

    fn request(&mut self, action: PowerAction) {
        match action {
            PowerAction::On => self.switch(PowerState::On),
            PowerAction::Off | PowerAction::Shutdown => self.switch(PowerState::Off),
            PowerAction::Cycle => {
                self.power = PowerState::On;
                self.start();
            }
        }
    }

    fn boot(&mut self) -> BootOverride {
        self.next_boot
    }

    fn set_boot(&mut self, wanted: BootOverride) {
        self.next_boot = wanted;
    }

    fn bios(&mut self) -> BiosState {
        self.bios.clone()
    }

    fn registry(&mut self) -> Vec<Attribute> {
        let choice = || Takes::OneOf(["Enabled", "Disabled"].map(str::to_owned).to_vec());
        let attributes = [
            ("ProcVirtualization", choice()),
            ("SriovGlobalEnable", choice()),
            ("AcPwrRcvryUserDelay", Takes::From(60, 600)),
            ("SystemModelName", Takes::ReadOnly),
        ];
        attributes.map(|(name, takes)| Attribute { name: name.to_owned(), takes }).to_vec()
    }

    fn set_bios(&mut self, wanted: &BiosAttributes) -> Result<(), Refusal> {
        for (name, value) in wanted {
            if self.bios.current.get(name) == Some(value) {
                self.bios.pending.remove(name);
            } else {
                self.bios.pending.insert(name.clone(), value.clone());
            }
        }
        Ok(())
    }

    fn secure_boot(&mut self) -> SecureBootState {
        self.secure_boot
    }

    fn secure(&mut self, enabled: bool) {
        self.secure_boot.enabled = enabled;
    }

    fn storage(&mut self) -> Vec<StorageController> {
        self.settle();
        let disk = |bay: u8| Disk {
            part: Part {
                slot: format!("Disk.Bay.{bay}"),
                model: Some("KPM6".to_owned()),
                serial: Some(format!("D{bay}")),
                ..Part::default()
            },
            kind: Some(DiskKind::Ssd),
            protocol: Some("SAS".to_owned()),
            bytes: Some(480_000_000_000),
            controller: Some("RAID.1".to_owned()),
        };
        let levels = vec![RaidLevel::Raid0, RaidLevel::Raid1, RaidLevel::Raid5, RaidLevel::Raid10];
        let raid = StorageController {
            id: "RAID.1".to_owned(),
            model: Some("RAID 9560".to_owned()),
            levels: Some(levels),
            disks: (0..4).map(disk).collect(),
            volumes: self.volumes.clone(),
        };
        let direct = StorageController {
            id: "AHCI.1".to_owned(),
            model: Some("AHCI".to_owned()),
            levels: None,
            disks: Vec::new(),
            volumes: Vec::new(),
        };
        vec![raid, direct]
    }

    fn make(&mut self, _: &str, wanted: &WantedVolume) -> Result<Accepted, Refusal> {
        Ok(self.take(Work::Make(wanted.clone())))
    }

    fn remove(&mut self, volume: &str) -> Accepted {
        self.take(Work::Remove(volume.to_owned()))
    }

    fn components(&mut self) -> Vec<Component> {
        self.settle();
        let component = |(id, version): (&&str, &String)| Component {
            id: (*id).to_owned(),
            name: Some("firmware".to_owned()),
            version: Some(version.clone()),
            updateable: Some(true),
        };
        self.versions.iter().map(component).collect()
    }

    fn install(&mut self, _: &str, components: &[String]) -> Result<Accepted, Refusal> {
        Ok(self.begin(Work::Install(components.to_vec())))
    }

    fn tasks(&mut self) -> Vec<(TaskRef, TaskState)> {
        self.settle();
        let told = |(number, (work, _)): (&usize, &(Option<Work>, Instant))| {
            let state = if work.is_some() { TaskState::Running(Some(40)) } else { TaskState::Done };
            (TaskRef(number.to_string()), state)
        };
        self.tasks.iter().map(told).collect()
    }

    fn restart_controller(&mut self) {
        self.tasks.clear();
    }

    fn administrator(&mut self) -> String {
        "admin".to_owned()
    }

    fn lets_in(&mut self, user: &str, password: &Secret) -> bool {
        self.passwords.get(user).is_some_and(|right| right.expose() == password.expose())
    }

    fn set_password(&mut self, user: &str, password: &Secret) {
        self.passwords.insert(user.to_owned(), password.clone());
    }

    fn bar(&mut self, user: &str) {
        self.passwords.remove(user);
    }
}
