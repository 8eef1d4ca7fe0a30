//! The settings that this layer reads, as types and as the shape that the site file is checked against.

use dip_core::id::LayerId;
use dip_core::site::{Field, SettingsSchema, Shape, Variant};
use serde::{Deserialize, Serialize};

use crate::expectation::{self, ExpectedHardware};
use crate::hygiene::{self, ControllerSettings, PasswordSettings};
use crate::provider::BootMode;

/// The BMC protocol `ipmi`.
pub(crate) const IPMI: &str = "ipmi";

/// The BMC protocol `redfish`.
pub(crate) const REDFISH: &str = "redfish";

/// What this layer reads of a node: `firmware: {...}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeFirmware {
    /// The firmware interface that the node boots by.
    #[serde(default)]
    pub boot_mode: BootMode,
    /// When the parts of the machine are read.
    #[serde(default)]
    pub discover: Discovery,
    /// The parts that it should have.
    pub hardware: Option<ExpectedHardware>,
    /// The password of its controller.
    pub password: Option<PasswordSettings>,
    /// Its controller itself.
    pub controller: Option<ControllerSettings>,
}

/// When the parts of a machine are read: a controller answers for each part, which takes its time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discovery {
    /// Where something is expected of them.
    #[default]
    WhenNeeded,
    /// By every plan.
    Always,
}

impl NodeFirmware {
    /// Whether a plan reads the parts of the machine.
    #[must_use]
    pub const fn discovers(&self) -> bool {
        self.hardware.is_some() || matches!(self.discover, Discovery::Always)
    }
}

/// A BMC protocol of kind `ipmi`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IpmiSettings {
    /// Its UDP port; 623 where it is left out.
    pub port: Option<u16>,
    /// The cipher suite; 3 where it is left out.
    pub cipher_suite: Option<u8>,
    /// The privilege that sessions ask for; administrator where it is left out.
    pub privilege: Option<IpmiPrivilege>,
}

/// The privilege of an IPMI session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IpmiPrivilege {
    /// All commands.
    Administrator,
    /// Power and boot device.
    Operator,
}

/// A BMC protocol of kind `redfish`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedfishSettings {
    /// Its TCP port; that of the scheme where it is left out.
    pub port: Option<u16>,
    /// Whether it is asked over TLS, which it is where this is left out.
    #[serde(default)]
    pub scheme: Scheme,
    /// The id of the node's system, for a service that has several.
    pub system: Option<String>,
    /// The SHA-256 fingerprint of its certificate, in hexadecimal; the system's roots decide where it is left out.
    pub tls_fingerprint: Option<String>,
}

/// How a Redfish service is spoken to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Over TLS.
    #[default]
    Https,
    /// In the clear: anybody on the way reads the password.
    Http,
}

impl Scheme {
    /// The word in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

/// What this layer adds to the shape of a site.
#[must_use]
pub fn schema() -> SettingsSchema {
    SettingsSchema {
        node: [(LayerId::Firmware, node())].into(),
        bmc_protocols: vec![ipmi(), redfish()],
        ..SettingsSchema::default()
    }
}

fn node() -> Vec<Field> {
    vec![
        Field::optional(
            "boot_mode",
            Shape::Choice(vec!["uefi", "bios"]),
            "The firmware interface that the node boots by; `uefi` where it is left out.",
        ),
        Field::optional(
            "discover",
            Shape::Choice(vec!["when_needed", "always"]),
            "When the parts of the machine are read; `when_needed` where it is left out: where `hardware` expects some.",
        ),
        Field::optional("hardware", Shape::Object(expectation::shape()), "The parts that the machine should have."),
        Field::optional("password", Shape::Object(hygiene::password_shape()), "The password of its BMC."),
        Field::optional("controller", Shape::Object(hygiene::controller_shape()), "The BMC itself."),
    ]
}

fn ipmi() -> Variant {
    Variant::new(
        IPMI,
        "IPMI 2.0 over LAN (RMCP+).",
        vec![
            Field::optional("port", Shape::integer(1, 65535), "Its UDP port; 623 where it is left out."),
            Field::optional(
                "cipher_suite",
                Shape::integer(3, 3),
                "The cipher suite: 3 (HMAC-SHA1, AES-CBC-128), the only one that dip speaks.",
            ),
            Field::optional(
                "privilege",
                Shape::Choice(vec!["administrator", "operator"]),
                "The privilege that sessions ask for; `administrator` where it is left out.",
            ),
        ],
    )
}

fn redfish() -> Variant {
    Variant::new(
        REDFISH,
        "Redfish (DMTF DSP0266).",
        vec![
            Field::optional("port", Shape::integer(1, 65535), "Its TCP port; that of the scheme where it is left out."),
            Field::optional(
                "scheme",
                Shape::Choice(vec!["https", "http"]),
                "`https` where it is left out; with `http` anybody on the way reads the password.",
            ),
            Field::optional("system", Shape::Text, "The id of the node's system, for a service that has several."),
            Field::optional(
                "tls_fingerprint",
                Shape::Text,
                "The SHA-256 fingerprint of its certificate, in hexadecimal; the system's roots decide where it is left out.",
            ),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use dip_core::site::Parsed;
    use serde_json::{Map, Value, json};

    /// An object with one value of the right form for each field.
    fn full(fields: &[Field]) -> Value {
        Value::Object(fields.iter().map(|field| (field.name.to_owned(), value(&field.shape))).collect::<Map<_, _>>())
    }

    fn value(shape: &Shape) -> Value {
        match shape {
            Shape::Integer { min, .. } => json!(min),
            Shape::Choice(words) => json!(words[0]),
            Shape::Parsed(Parsed::Secret) => json!("env:A"),
            Shape::Object(fields) => full(fields),
            Shape::List(item) => json!([value(item)]),
            _ => json!("a"),
        }
    }

    fn assert_agree<T: Serialize + serde::de::DeserializeOwned>(fields: &[Field]) {
        let shape = full(fields);
        let read = T::deserialize(&shape).expect("every field of the shape is known to the type");
        assert_eq!(serde_json::to_value(read).expect("plain data"), shape);
        T::deserialize(json!({})).expect("all of them are optional");
    }

    #[test]
    fn the_types_and_the_shapes_know_the_same_keys_and_words() {
        assert_agree::<NodeFirmware>(&node());
        assert_agree::<IpmiSettings>(&ipmi().fields);
        assert_agree::<RedfishSettings>(&redfish().fields);
    }

    #[test]
    fn plain_http_is_never_spoken_unasked() {
        let settings = RedfishSettings::deserialize(json!({})).expect("all fields are optional");
        assert_eq!(settings.scheme, Scheme::Https);
    }
}
