//! UEFI Secure Boot.

use super::{Maybe, Settings};

resource! {
    /// `SecureBoot`.
    SecureBoot {
        #[serde(rename = "SecureBootEnable")]
        enable: Maybe<bool>,
        #[serde(rename = "SecureBootCurrentBoot")]
        current_boot: Maybe<String>,
        #[serde(rename = "@Redfish.Settings")]
        settings: Maybe<Settings>,
    }
}
