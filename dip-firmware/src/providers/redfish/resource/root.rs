//! The service root.

use serde_json::{Map, Value};

use super::{Link, Maybe};

resource! {
    /// The service root (DSP0266, "ServiceRoot").
    Root {
        vendor: Maybe<String>,
        product: Maybe<String>,
        oem: Maybe<Map<String, Value>>,
        systems: Maybe<Link>,
        managers: Maybe<Link>,
        chassis: Maybe<Link>,
        registries: Maybe<Link>,
        account_service: Maybe<Link>,
        certificate_service: Maybe<Link>,
        event_service: Maybe<Link>,
        update_service: Maybe<Link>,
        tasks: Maybe<Link>,
        links: Maybe<RootLinks>,
    }
}

resource! {
    RootLinks { sessions: Maybe<Link>, }
}
