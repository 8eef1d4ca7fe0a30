//! Work that a controller does on its own time, or at the next reset.

use std::time::Duration;

use dip_firmware::provider::{Accepted, TaskRef, TaskState, WantedVolume};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Work {
    Make(WantedVolume),
    Remove(String),
    /// An image that was fetched, or is being fetched; the version is `None` where it is none.
    Install {
        image: String,
        components: Vec<String>,
        version: Option<String>,
    },
}

/// A job with its number.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Its number; a controller that has restarted has forgotten it.
    pub(super) number: Option<u32>,
    pub(super) work: Work,
    pub(super) state: JobState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JobState {
    /// It needs the machine to be reset.
    Waits,
    /// It is done on a machine that runs.
    Runs {
        from: Duration,
        due: Duration,
    },
    /// The image is fetched and checked; what follows needs a reset.
    Fetches {
        from: Duration,
        due: Duration,
    },
    /// It is done in the self-test.
    InSelfTest {
        due: Duration,
    },
    Done,
    Failed(String),
}

impl Job {
    /// The name by which it is asked for.
    pub(super) fn id(&self) -> Option<TaskRef> {
        self.number.map(|number| TaskRef(format!("JID_{number:06}")))
    }

    /// What is told to whoever asks for it: for volumes that wait for a reset there is no task.
    pub(super) fn accepted(&self) -> Accepted {
        match (&self.work, &self.state, self.id()) {
            (Work::Make(_) | Work::Remove(_), JobState::Waits, _) | (_, _, None) => Accepted::AtReset,
            (_, _, Some(task)) => Accepted::Task(task),
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.state, JobState::Done | JobState::Failed(_))
    }

    /// When the controller is done with it, where it works on it.
    pub(super) const fn due(&self) -> Option<Duration> {
        match self.state {
            JobState::Runs { due, .. } | JobState::Fetches { due, .. } | JobState::InSelfTest { due } => Some(due),
            JobState::Waits | JobState::Done | JobState::Failed(_) => None,
        }
    }

    pub(super) fn told(&self, now: Duration) -> TaskState {
        match &self.state {
            JobState::Waits => TaskState::Pending,
            JobState::Runs { from, due } | JobState::Fetches { from, due } => {
                let (gone, all) = (now.saturating_sub(*from).as_millis(), due.saturating_sub(*from).as_millis());
                let percent = (100 * gone).checked_div(all).unwrap_or(100).min(99);
                TaskState::Running(u8::try_from(percent).ok())
            }
            JobState::InSelfTest { .. } => TaskState::Running(None),
            JobState::Done => TaskState::Done,
            JobState::Failed(why) => TaskState::Failed(why.clone()),
        }
    }
}

/// The version in the name of an image: what stands between its last `-` and its ending, `BIOS-2.5.0.bin`.
pub(super) fn version_of(image: &str) -> Option<String> {
    let name = image.rsplit('/').next()?;
    let (_, version) = name.rsplit_once('-')?;
    let (version, _) = version.rsplit_once('.')?;
    (!version.is_empty()).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_image_tells_its_version() {
        assert_eq!(version_of("http://images/fw/BIOS-2.5.0.bin").as_deref(), Some("2.5.0"));
        assert_eq!(version_of("http://images-1.0/readme.txt"), None);
    }
}
