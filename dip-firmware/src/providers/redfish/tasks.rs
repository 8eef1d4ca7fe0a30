//! The work that a service does on its own time.

use std::time::Duration;

use async_trait::async_trait;
use dip_core::provider::ProviderError;
use reqwest::StatusCode;
use serde_json::Value;

use super::answer::Answer;
use super::error::Failure;
use super::machine::Machine;
use super::resource::Task;
use crate::provider::{Accepted, TaskRef, TaskState, Tasks};

/// A small change that a service does as a task takes some seconds; whoever waits longer is told to look again.
const SHORT: Duration = Duration::from_secs(60);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_secs(1);

#[async_trait]
impl Tasks for Machine {
    async fn task(&self, task: &TaskRef) -> Result<TaskState, ProviderError> {
        self.task_state(task).await.map_err(self.failed("ask how far a task is"))
    }
}

impl Machine {
    /// How far a task is, by its monitor or its resource: while a monitor answers 202 it is being done, then the answer is that of the
    /// request itself (DSP0266, "asynchronous operations").
    pub(super) async fn task_state(&self, task: &TaskRef) -> Result<TaskState, Failure> {
        let told = self.client.read_status(&task.0).await;
        match told {
            Ok((status, body)) => Ok(state(status, &serde_json::from_value(body).unwrap_or_default())),
            Err(Failure::Refused { status: StatusCode::NOT_FOUND | StatusCode::GONE, .. }) => Ok(TaskState::Gone),
            // What the request itself is answered in the end.
            Err(failure @ Failure::Refused { status, .. })
                if status.is_client_error() && !matches!(status.as_u16(), 401 | 403 | 408 | 425 | 429) =>
            {
                Ok(TaskState::Failed(failure.to_string()))
            }
            Err(failure) => Err(failure),
        }
    }

    /// When a change comes about that was answered so.
    pub(super) fn accepted(&self, answer: &Answer, else_: Accepted) -> Result<Accepted, Failure> {
        Ok(self.task_of(answer)?.map_or(else_, Accepted::Task))
    }

    /// Waits for the task of a small change, if it was made one.
    pub(super) async fn settle(&self, answer: Option<Answer>) -> Result<(), Failure> {
        let Some(answer) = answer else { return Ok(()) };
        let Some(task) = self.task_of(&answer)? else { return Ok(()) };
        let started = tokio::time::Instant::now();
        while started.elapsed() < SHORT {
            match self.task_state(&task).await.map_err(Failure::halfway)? {
                // Of a task that is forgotten only a look at what it changed tells more.
                TaskState::Done | TaskState::Gone => return Ok(()),
                TaskState::Failed(said) => return Err(Failure::Failed { what: format!("the task failed: {said}") }),
                TaskState::Pending | TaskState::Running(_) => tokio::time::sleep(LOOK).await,
            }
        }
        Ok(())
    }

    fn task_of(&self, answer: &Answer) -> Result<Option<TaskRef>, Failure> {
        if answer.status != StatusCode::ACCEPTED {
            return Ok(None);
        }
        // Some services name the task in the body alone.
        let named = answer.location.as_deref().or_else(|| answer.body.get("@odata.id").and_then(Value::as_str));
        let Some(named) = named else { return Ok(None) };
        // Kept as a path: the address of the service may be another one when it is asked.
        let url = self.client.resolve(named)?;
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(Some(TaskRef(format!("{}{query}", url.path()))))
    }
}

fn state(status: StatusCode, task: &Task) -> TaskState {
    let percent = || task.percent_complete.count().filter(|percent: &u8| *percent <= 100);
    // A job of Dell's says `Failed` where its task says `Completed`.
    let job = task.job_state.as_deref();
    if job.is_some_and(|state| state.contains("Failed") || state == "CompletedWithErrors") {
        return TaskState::Failed(words(task));
    }
    match task.task_state.as_deref().or(job) {
        Some("Completed") if task.task_status.as_deref() == Some("Critical") => TaskState::Failed(words(task)),
        Some("Completed") => TaskState::Done,
        Some("Exception" | "Killed" | "Cancelled") => TaskState::Failed(words(task)),
        Some("New" | "Starting" | "Pending" | "Suspended" | "Scheduled" | "Waiting" | "Downloaded") => {
            TaskState::Pending
        }
        Some(_) => TaskState::Running(percent()),
        None if status == StatusCode::ACCEPTED => TaskState::Running(percent()),
        None => TaskState::Done,
    }
}

/// The task's own words, the worst first.
fn words(task: &Task) -> String {
    let is_worse = |message: &&super::resource::TaskMessage| {
        let severity = message.message_severity.as_deref().or(message.severity.as_deref());
        severity.is_some_and(|severity| severity != "OK")
    };
    let messages = task.messages.items();
    let worse = messages.iter().filter(is_worse).filter_map(|message| message.message.as_deref());
    let last = messages.iter().rev().filter_map(|message| message.message.as_deref());
    let said = worse.chain(task.message.as_deref()).chain(last).find(|text| !text.trim().is_empty());
    said.map_or_else(|| "it does not say why".to_owned(), |said| said.chars().take(300).collect())
}

/// Reads a body as a task, for fuzzers.
#[cfg(feature = "fuzzing")]
pub(super) fn read(body: &[u8]) {
    let Ok(value) = super::answer::value_of(body) else { return };
    if let Ok(task) = serde_json::from_value(value) {
        state(StatusCode::OK, &task);
        state(StatusCode::ACCEPTED, &task);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn state_of(status: u16, body: Value) -> TaskState {
        let status = StatusCode::from_u16(status).expect("a status");
        state(status, &serde_json::from_value(body).expect("an object"))
    }

    #[test]
    fn a_task_is_told_in_the_words_of_several_makers() {
        let running = json!({ "TaskState": "Running", "PercentComplete": 40, "TaskStatus": "OK" });
        assert_eq!(state_of(202, running), TaskState::Running(Some(40)));
        assert_eq!(state_of(202, json!({ "PercentComplete": null })), TaskState::Running(None));
        assert_eq!(state_of(200, json!({ "TaskState": "Starting", "PercentComplete": 0 })), TaskState::Pending);
        assert_eq!(state_of(200, json!({ "JobState": "Scheduled" })), TaskState::Pending);
        assert_eq!(state_of(200, json!({ "TaskState": "Completed", "TaskStatus": "OK" })), TaskState::Done);
        // A monitor that is through answers as the request would have.
        assert_eq!(state_of(200, json!({ "Id": "Volume.1" })), TaskState::Done);
        assert_eq!(state_of(204, json!({})), TaskState::Done);
        let failed = json!({ "TaskState": "Exception", "Messages": [
            { "Message": "Started.", "Severity": "OK" }, { "Message": "The image is not signed.", "Severity": "Critical" },
        ]});
        assert_eq!(state_of(200, failed), TaskState::Failed("The image is not signed.".to_owned()));
        let job = json!({ "TaskState": "Completed", "JobState": "Failed", "Message": "Job failed." });
        assert_eq!(state_of(200, job), TaskState::Failed("Job failed.".to_owned()));
    }
}
