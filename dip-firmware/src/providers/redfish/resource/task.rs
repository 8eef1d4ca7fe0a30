//! Work that a service does on its own time.

use super::{Link, List, Maybe, Whole};

resource! {
    /// A task, or a job of Dell's, which tells its state under another name.
    Task {
        task_state: Maybe<String>,
        job_state: Maybe<String>,
        task_status: Maybe<String>,
        percent_complete: Maybe<Whole>,
        messages: List<TaskMessage>,
        message: Maybe<String>,
        payload: Maybe<Payload>,
        tasks: Maybe<Link>,
    }
}

resource! {
    TaskMessage { message: Maybe<String>, severity: Maybe<String>, message_severity: Maybe<String>, }
}

resource! {
    /// The request that started it.
    Payload { target_uri: Maybe<String>, }
}
