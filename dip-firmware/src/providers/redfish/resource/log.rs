//! Event logs.

use super::{Action, Link, Maybe};

resource! {
    /// `LogService`.
    LogService {
        entries: Maybe<Link>,
        actions: Maybe<LogActions>,
    }
}

resource! {
    LogActions {
        #[serde(rename = "#LogService.ClearLog")]
        clear: Maybe<Action>,
    }
}

resource! {
    /// `LogEntry`.
    LogEntry {
        id: Maybe<String>,
        created: Maybe<String>,
        event_timestamp: Maybe<String>,
        severity: Maybe<String>,
        sensor_type: Maybe<String>,
        message: Maybe<String>,
        message_id: Maybe<String>,
        links: Maybe<EntryLinks>,
    }
}

resource! {
    EntryLinks { origin_of_condition: Maybe<Link>, }
}
