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
        protocol_features_supported: Maybe<ProtocolFeatures>,
    }
}

resource! {
    ProtocolFeatures { expand_query: Maybe<ExpandQuery>, }
}

resource! {
    /// What the service says of `$expand` (DSP0266, "ProtocolFeaturesSupported").
    ExpandQuery {
        expand_all: Maybe<bool>,
        levels: Maybe<bool>,
        no_links: Maybe<bool>,
    }
}

resource! {
    RootLinks { sessions: Maybe<Link>, }
}
