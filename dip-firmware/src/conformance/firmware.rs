//! Trials of firmware and of the tasks that install it, and how other trials wait for tasks.

use std::sync::Arc;
use std::time::Duration;

use dip_core::conformance::{Failure, Trial, Verdict};
use dip_core::hardware::PowerState::{Off, On};
use dip_core::provider::{ErrorKind, Retry};

use super::harness::{BmcHarness, expect, expect_error, trial};
use crate::provider::{Accepted, Firmware, TaskRef, TaskState};

/// An update of the machine under trial.
#[derive(Debug, Clone)]
pub struct FirmwareSample {
    /// A component that can be updated.
    pub component: &'static str,
    /// An image for it that the BMC can fetch.
    pub image: String,
    /// The version that it brings; `None` where nobody looks into the image.
    pub version: Option<&'static str>,
}

/// The trials of firmware and of tasks.
#[must_use]
pub fn firmware(harness: &Arc<dyn BmcHarness>, sample: FirmwareSample) -> Vec<Trial> {
    let again = sample.clone();
    vec![
        trial(harness, "an_update_is_followed_to_its_end", move |harness| async move {
            let Some(firmware) = facet(&*harness).await? else { return Ok(not_offered()) };
            let accepted = match firmware.install(&sample.image, &[sample.component.to_owned()]).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(not_offered()),
                accepted => accepted?,
            };
            settle(&*harness, &accepted).await?;
            let components = firmware.components().await?;
            let seen = components.iter().find(|component| component.id == sample.component);
            let is_so = seen.is_some_and(|it| sample.version.is_none() || it.version.as_deref() == sample.version);
            expect(is_so, &format!("the component has the version {:?}", sample.version), seen)?;
            Ok(Verdict::Passed)
        }),
        trial(harness, "an_update_is_not_begun_while_another_runs", move |harness| async move {
            let Some(firmware) = facet(&*harness).await? else { return Ok(not_offered()) };
            let components = [again.component.to_owned()];
            let accepted = match firmware.install(&again.image, &components).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(not_offered()),
                accepted => accepted?,
            };
            let Accepted::Task(_) = &accepted else {
                return Ok(Verdict::Ignored("this BMC installs at once".to_owned()));
            };
            let second = firmware.install(&again.image, &components).await;
            // It may have been through before the second came.
            if let Err(error) = second {
                expect(error.kind() == ErrorKind::Busy, "it is busy", error.to_string())?;
            }
            settle(&*harness, &accepted).await?;
            Ok(Verdict::Passed)
        }),
        trial(harness, "a_component_that_is_not_there_is_not_found", move |harness| async move {
            let Some(firmware) = facet(&*harness).await? else { return Ok(not_offered()) };
            let components = ["no-such-component".to_owned()];
            let answer = firmware.install("http://192.0.2.1/image.bin", &components).await;
            expect_error(answer, ErrorKind::NotFound, Retry::Never)?;
            Ok(Verdict::Passed)
        }),
        trial(harness, "a_task_that_nobody_knows_is_gone", move |harness| async move {
            let Some(tasks) = harness.bmc().tasks() else { return Ok(not_offered()) };
            let seen = tasks.task(&TaskRef("/redfish/v1/TaskService/Tasks/no-such-task".to_owned())).await?;
            expect(seen == TaskState::Gone, "it is gone", seen)?;
            Ok(Verdict::Passed)
        }),
    ]
}

/// Waits until an accepted change has come about, with a reset where it needs one.
pub(super) async fn settle(harness: &dyn BmcHarness, accepted: &Accepted) -> Result<(), Failure> {
    let task = match accepted {
        Accepted::Done => return Ok(()),
        Accepted::AtReset => return reset(harness).await,
        Accepted::Task(task) => task,
    };
    let tasks = harness.bmc().tasks().ok_or("whoever makes tasks can be asked about them")?;
    let mut seen = tasks.task(task).await?;
    let mut pending = 0;
    for _ in 0..150 {
        match &seen {
            TaskState::Done => return Ok(()),
            TaskState::Failed(_) | TaskState::Gone => break,
            TaskState::Pending => {
                pending += 1;
                // It says so for long: it waits for a reset.
                if pending == 10 {
                    reset(harness).await?;
                }
            }
            TaskState::Running(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        seen = tasks.task(task).await?;
    }
    Err(format!("the task {task:?} did not end well; seen: {seen:?}").into())
}

async fn reset(harness: &dyn BmcHarness) -> Result<(), Failure> {
    harness.bring(Off).await?;
    harness.bring(On).await
}

async fn facet(harness: &dyn BmcHarness) -> Result<Option<Arc<dyn Firmware>>, Failure> {
    let Some(firmware) = harness.bmc().firmware() else { return Ok(None) };
    match firmware.components().await {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
        components => components.map(|_| Some(firmware)).map_err(Into::into),
    }
}

fn not_offered() -> Verdict {
    Verdict::Ignored("this BMC does not install firmware".to_owned())
}
