//! What happens, and who is told of it.

use super::{Link, Maybe};

resource! {
    /// `EventService`.
    EventService {
        service_enabled: Maybe<bool>,
        server_sent_event_uri: Maybe<String>,
        subscriptions: Maybe<Link>,
    }
}

resource! {
    /// `EventDestination`.
    EventDestination {
        destination: Maybe<String>,
        protocol: Maybe<String>,
        context: Maybe<String>,
    }
}

resource! {
    /// One of the `Events` of an `Event`.
    EventRecord {
        event_id: Maybe<String>,
        member_id: Maybe<String>,
        event_timestamp: Maybe<String>,
        message: Maybe<String>,
        message_id: Maybe<String>,
        message_severity: Maybe<String>,
        severity: Maybe<String>,
        origin_of_condition: Maybe<Link>,
    }
}
