//! Where changes of a resource that wait for a reset are kept (DSP0266, "settings resource").

use super::{Link, List, Maybe};

resource! {
    /// `@Redfish.Settings` of a resource.
    Settings {
        settings_object: Maybe<Link>,
        supported_apply_times: List<String>,
    }
}
