//! Firmware and its updates.

use super::{Action, Link, Maybe, Whole};

resource! {
    /// `UpdateService`.
    UpdateService {
        service_enabled: Maybe<bool>,
        firmware_inventory: Maybe<Link>,
        http_push_uri: Maybe<String>,
        multipart_http_push_uri: Maybe<String>,
        max_image_size_bytes: Maybe<Whole>,
        actions: Maybe<UpdateActions>,
    }
}

resource! {
    UpdateActions {
        #[serde(rename = "#UpdateService.SimpleUpdate")]
        simple_update: Maybe<Action>,
    }
}

resource! {
    /// Firmware that is installed somewhere (`SoftwareInventory`).
    SoftwareInventory {
        name: Maybe<String>,
        version: Maybe<String>,
        updateable: Maybe<bool>,
    }
}
