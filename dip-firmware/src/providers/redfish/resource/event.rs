//! Who is told of events.

use super::{Link, Maybe};

resource! {
    /// `EventService`.
    EventService { subscriptions: Maybe<Link>, }
}

resource! {
    /// `EventDestination`.
    EventDestination { destination: Maybe<String>, protocol: Maybe<String>, }
}
