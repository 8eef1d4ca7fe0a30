//! The management controller of one machine: it takes requests, and moves on to a time whenever somebody looks.

use std::collections::BTreeMap;
use std::time::Duration;

use dip_firmware::provider::{
    Accepted, BiosAttributes, BiosState, Component, SecureBootState, StorageController, TaskRef, TaskState, Volume,
    WantedVolume,
};

use super::job::{Job, JobState, Work, version_of};
use super::setup::{Setup, Wrong};
use super::storage::{Storage, Taken, same_slots};
use crate::fault::{Fault, Hit};
use crate::log::Phase;
use crate::world::machine::Surroundings;

/// How long a storage controller works on a volume.
const VOLUME: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(20));
/// How long an image takes to be fetched and checked.
const FETCHING: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(40));
/// How long the controller writes its own firmware.
const FLASHING: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(120));
/// How long it is away when it restarts.
const RESTART: Duration = Duration::from_secs(90);
/// The component that is the controller itself.
const ITSELF: &str = "BMC";

/// A management controller.
#[derive(Debug)]
pub(crate) struct Management {
    setup: Setup,
    storage: Storage,
    components: BTreeMap<String, String>,
    jobs: Vec<Job>,
    next_job: u32,
    /// When the self-test that runs ends.
    self_test: Option<Duration>,
    /// It restarts itself until then.
    away_until: Option<Duration>,
}

impl Management {
    /// As it leaves the factory.
    pub(crate) fn new(node: &str) -> Self {
        let components = [("BIOS", "2.3.1"), (ITSELF, "1.4.0"), ("NIC.Slot.1", "22.0.1")];
        Self {
            setup: Setup::new(node),
            storage: Storage::new(node),
            components: components.map(|(id, version)| (id.to_owned(), version.to_owned())).into(),
            jobs: Vec::new(),
            next_job: 1,
            self_test: None,
            away_until: None,
        }
    }

    /// Moves on to `now`. What is due in the self-test comes true together at its end.
    pub(crate) fn settle(&mut self, now: Duration, around: Surroundings<'_>) {
        if self.self_test.is_some_and(|end| end <= now) {
            let end = self.self_test.take().unwrap_or(now);
            match bite(around, end, |fault| matches!(fault, Fault::SettingsDropped { .. })) {
                Some(_) => self.setup.drop_pending(),
                None => {
                    for _ in 0..self.setup.take_over() {
                        around.ledger.count(around.subject, "set BIOS attribute");
                    }
                }
            }
        }
        // The earliest first; a restart in between changes the list.
        while let Some((due, index)) = self.next_due(now) {
            self.end(index, due, around);
        }
        if self.away_until.is_some_and(|until| until <= now) {
            self.away_until = None;
        }
    }

    fn next_due(&self, now: Duration) -> Option<(Duration, usize)> {
        let due = |(index, job): (usize, &Job)| Some((job.due()?, index));
        self.jobs.iter().enumerate().filter_map(due).filter(|(due, _)| *due <= now).min()
    }

    /// The machine was switched on: what waits is done until its self-test ends.
    pub(crate) fn reset(&mut self, end: Duration) {
        self.self_test = Some(end);
        for job in self.jobs.iter_mut().filter(|job| job.state == JobState::Waits) {
            job.state = JobState::InSelfTest { due: end };
        }
    }

    /// The machine lost power: what was to be done in its self-test waits again.
    pub(crate) fn cut(&mut self) {
        self.self_test = None;
        for job in &mut self.jobs {
            match job.state {
                JobState::InSelfTest { .. } => job.state = JobState::Waits,
                JobState::Runs { .. } if matches!(job.work, Work::Make(_) | Work::Remove(_)) => {
                    job.state = JobState::Waits
                }
                _ => {}
            }
        }
    }

    /// The version of its own firmware.
    pub(crate) fn own_version(&self) -> &str {
        self.components.get(ITSELF).map(String::as_str).unwrap_or_default()
    }

    /// Whether it restarts just now.
    pub(crate) const fn is_away(&self) -> bool {
        self.away_until.is_some()
    }

    pub(crate) const fn bios(&self) -> &BiosState {
        self.setup.bios()
    }

    pub(crate) fn set_bios(&mut self, wanted: &BiosAttributes) -> Result<Accepted, Wrong> {
        self.setup.set(wanted)?;
        let waits = wanted.keys().any(|name| self.setup.bios().pending.contains_key(name));
        Ok(if waits { Accepted::AtReset } else { Accepted::Done })
    }

    pub(crate) const fn secure_boot(&self) -> SecureBootState {
        self.setup.secure_boot()
    }

    pub(crate) fn secure(&mut self, enabled: bool, around: Surroundings<'_>) {
        if self.setup.secure(enabled) {
            around.ledger.count(around.subject, "switch Secure Boot");
        }
    }

    pub(crate) fn controllers(&self) -> Vec<StorageController> {
        self.storage.controllers()
    }

    pub(crate) fn volumes(&self) -> &[Volume] {
        self.storage.volumes()
    }

    pub(crate) fn has_controller(&self, controller: &str) -> bool {
        self.storage.has(controller)
    }

    /// The slots of a wish that no disk is in.
    pub(crate) fn empty_slots(&self, wanted: &WantedVolume) -> Vec<String> {
        wanted.disks.iter().filter(|slot| !self.storage.has_slot(slot)).cloned().collect()
    }

    /// Puts a volume on disks at once, as a person does at the machine.
    pub(crate) fn put_volume(&mut self, wanted: &WantedVolume) {
        self.storage.make(wanted);
    }

    /// Makes a volume: at once where the machine runs, else at its next reset.
    pub(crate) fn make(&mut self, wanted: &WantedVolume, at: Moment<'_>) -> Result<Accepted, Taken> {
        if self.storage.is_there(wanted) {
            return Ok(Accepted::Done);
        }
        let asked = |job: &&Job| matches!(&job.work, Work::Make(other) if other.name == wanted.name && same_slots(&other.disks, &wanted.disks));
        if let Some(job) = self.open_jobs().find(asked) {
            return Ok(job.accepted());
        }
        let leaving: Vec<&str> = self
            .open_jobs()
            .filter_map(|job| match &job.work {
                Work::Remove(volume) => Some(volume.as_str()),
                _ => None,
            })
            .collect();
        self.storage.free(wanted, &leaving)?;
        Ok(self.take(Work::Make(wanted.clone()), VOLUME, at))
    }

    /// Takes a volume away: at once where the machine runs, else at its next reset.
    pub(crate) fn remove(&mut self, volume: &str, at: Moment<'_>) -> Accepted {
        if !self.storage.volumes().iter().any(|known| known.id == volume) {
            return Accepted::Done;
        }
        let work = Work::Remove(volume.to_owned());
        let asked = self.open_jobs().find(|job| job.work == work).map(Job::accepted);
        asked.unwrap_or_else(|| self.take(work, VOLUME, at))
    }

    pub(crate) fn components(&self) -> Vec<Component> {
        let component = |(id, version): (&String, &String)| Component {
            id: id.clone(),
            name: None,
            version: Some(version.clone()),
            updateable: Some(true),
        };
        self.components.iter().map(component).collect()
    }

    pub(crate) const fn versions(&self) -> &BTreeMap<String, String> {
        &self.components
    }

    pub(crate) fn knows(&self, component: &str) -> bool {
        self.components.contains_key(component)
    }

    /// Fetches an image and installs it; `None` where it works on one for one of these already.
    pub(crate) fn install(&mut self, image: &str, components: &[String], at: Moment<'_>) -> Option<Accepted> {
        let touches = |job: &&Job| matches!(&job.work, Work::Install { components: other, .. } if other.iter().any(|id| components.contains(id)));
        if let Some(job) = self.open_jobs().find(touches) {
            let is_same = matches!(&job.work, Work::Install { image: other, .. } if other == image);
            return (is_same && job.state == JobState::Waits).then(|| job.accepted());
        }
        let (version, components) = (version_of(image), components.to_vec());
        let takes = self.span(FETCHING, "fetch image", at);
        let state = JobState::Fetches { from: at.now, due: at.now + takes };
        Some(self.add(Work::Install { image: image.to_owned(), components, version }, state).accepted())
    }

    pub(crate) fn task(&self, task: &TaskRef, now: Duration) -> TaskState {
        self.jobs.iter().find(|job| job.id().as_ref() == Some(task)).map_or(TaskState::Gone, |job| job.told(now))
    }

    /// All tasks that it knows by a number.
    #[cfg(feature = "models")]
    pub(crate) fn tasks(&self, now: Duration) -> Vec<(u32, TaskState)> {
        self.jobs.iter().filter_map(|job| Some((job.number?, job.told(now)))).collect()
    }

    /// The number of the open job that makes a volume of this name, or takes one of this id away.
    #[cfg(feature = "models")]
    pub(crate) fn volume_job(&mut self, volume: &str) -> Option<u32> {
        self.numbered(|work| match work {
            Work::Make(wanted) => wanted.name == volume,
            Work::Remove(id) => id == volume,
            Work::Install { .. } => false,
        })
    }

    /// The number of the open job that installs an image.
    #[cfg(feature = "models")]
    pub(crate) fn install_job(&mut self, wanted: &str) -> Option<u32> {
        self.numbered(|work| matches!(work, Work::Install { image, .. } if image == wanted))
    }

    /// The number of an open job; one that lost it in a restart gets another.
    #[cfg(feature = "models")]
    fn numbered(&mut self, is_it: impl Fn(&Work) -> bool) -> Option<u32> {
        let job = self.jobs.iter_mut().find(|job| !job.is_over() && is_it(&job.work))?;
        if job.number.is_none() {
            job.number = Some(self.next_job);
            self.next_job += 1;
        }
        job.number
    }

    /// Another version of its own firmware, as somebody fits another controller.
    #[cfg(feature = "models")]
    pub(crate) fn fit(&mut self, version: &str) {
        self.components.insert(ITSELF.to_owned(), version.to_owned());
    }

    fn open_jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(|job| !job.is_over())
    }

    /// Work on volumes: a machine without power, or in its self-test, does it at its next reset.
    fn take(&mut self, work: Work, takes: (Duration, Duration), at: Moment<'_>) -> Accepted {
        let state = if at.runs && self.self_test.is_none() {
            JobState::Runs { from: at.now, due: at.now + self.span(takes, "volume", at) }
        } else {
            JobState::Waits
        };
        self.add(work, state).accepted()
    }

    fn add(&mut self, work: Work, state: JobState) -> &Job {
        let number = self.next_job;
        self.next_job += 1;
        self.jobs.push(Job { number: Some(number), work, state });
        self.jobs.last().expect("it was just added")
    }

    fn span(&self, range: (Duration, Duration), purpose: &str, at: Moment<'_>) -> Duration {
        at.around.draw.span(&at.around.subject.to_string(), purpose, u64::from(self.next_job), range)
    }

    fn end(&mut self, index: usize, due: Duration, around: Surroundings<'_>) {
        let Job { work, state, .. } = self.jobs[index].clone();
        self.jobs[index].state = JobState::Done;
        match work {
            Work::Make(wanted) => {
                if let Err(taken) = self.storage.free(&wanted, &[]) {
                    self.jobs[index].state = JobState::Failed(taken.to_string());
                    return;
                }
                self.storage.make(&wanted);
                around.ledger.count(around.subject, "make volume");
            }
            Work::Remove(volume) => {
                if self.storage.remove(&volume) {
                    around.ledger.count(around.subject, "remove volume");
                }
            }
            Work::Install { components, version, .. } => {
                self.installed(index, &state, &components, version, due, around);
            }
        }
    }

    /// An image was fetched, or written.
    fn installed(
        &mut self,
        index: usize,
        state: &JobState,
        components: &[String],
        version: Option<String>,
        due: Duration,
        around: Surroundings<'_>,
    ) {
        let is_own = components.iter().any(|component| component == ITSELF);
        if matches!(state, JobState::Fetches { .. }) {
            let fails = |fault: &Fault| matches!(fault, Fault::UpdateFails { .. });
            self.jobs[index].state = match (&version, bite(around, due, fails)) {
                (Some(_), None) if is_own => {
                    let number = u64::from(self.jobs[index].number.unwrap_or_default());
                    let takes = around.draw.span(&around.subject.to_string(), "flash", number, FLASHING);
                    JobState::Runs { from: due, due: due + takes }
                }
                (Some(_), None) => JobState::Waits,
                (Some(_), Some(_)) => JobState::Failed("the signature of the image is wrong".to_owned()),
                (None, _) => JobState::Failed("the image is not one".to_owned()),
            };
            let lost = |fault: &Fault| matches!(fault, Fault::TaskLost { .. });
            if self.jobs[index].state == JobState::Waits && bite(around, due, lost).is_some() {
                self.restart(due);
            }
            return;
        }
        let version = version.expect("an image without a version is never written");
        for component in components {
            self.components.insert(component.clone(), version.clone());
            around.ledger.count(around.subject, format!("flash {component}"));
        }
        if is_own {
            self.restart(due);
        }
    }

    /// It restarts, by itself or because it was told to: it forgets its tasks; what waits for a reset of the machine is kept, and
    /// nobody is told of it.
    pub(crate) fn restart(&mut self, at: Duration) {
        self.away_until = Some(at + RESTART);
        self.jobs.retain(|job| !job.is_over());
        self.jobs.iter_mut().for_each(|job| job.number = None);
    }
}

/// When and where something is asked.
#[derive(Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub(crate) now: Duration,
    /// Whether the machine has power.
    pub(crate) runs: bool,
    pub(crate) around: Surroundings<'a>,
}

/// Lets a fault bite, and tells the log.
fn bite(around: Surroundings<'_>, at: Duration, wanted: impl Fn(&Fault) -> bool) -> Option<Hit> {
    let hit = around.faults.bite(around.subject, at, wanted)?;
    around.log.tell(at, around.subject, Phase::Bit, hit.fault.to_string());
    Some(hit)
}
