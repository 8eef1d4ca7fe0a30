//! The settings that this layer reads, as types and as the shape that the site file is checked against.

use std::collections::BTreeMap;

use dip_core::certificate::authority_kind;
use dip_core::id::LayerId;
use dip_core::site::{Field, SettingsSchema, Shape, Variant};
use serde::{Deserialize, Serialize};

use crate::expectation::{self, ExpectedHardware};
use crate::hygiene::{self, CertificateSettings, ControllerSettings, PasswordSettings};
use crate::provider::BootMode;
use crate::quirks::{Entry, Quirk};
use crate::wishes::{self, InTheWay, SecureBootWish, UpdateWish, VolumeWish, WishFault};

/// The BMC protocol `ipmi`.
pub(crate) const IPMI: &str = "ipmi";

/// The BMC protocol `redfish`.
pub const REDFISH: &str = "redfish";

/// What this layer reads of a node: `firmware: {...}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeFirmware {
    /// The firmware interface that the node boots by.
    #[serde(default)]
    pub boot_mode: BootMode,
    /// What may be done about a BMC that does not answer; nothing where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_resort: Option<LastResort>,
    /// BIOS attributes by name, each as it is written; the machine says what type it has. Others are left alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bios: BTreeMap<String, String>,
    /// Secure Boot; left as it is where this is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<SecureBootWish>,
    /// Volumes, in the order in which they choose their disks. Others are left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<VolumeWish>,
    /// What becomes of volumes that have the wanted disks.
    #[serde(default, skip_serializing_if = "InTheWay::is_keep")]
    pub in_the_way: InTheWay,
    /// Firmware by component: the controller's id or name of it, in which `*` stands for anything. Others are left alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub updates: BTreeMap<String, UpdateWish>,
    /// When the parts of the machine are read.
    #[serde(default)]
    pub discover: Discovery,
    /// The parts that it should have.
    pub hardware: Option<ExpectedHardware>,
    /// The password of its controller.
    pub password: Option<PasswordSettings>,
    /// The certificate that its controller shows.
    pub certificate: Option<CertificateSettings>,
    /// Its controller itself.
    pub controller: Option<ControllerSettings>,
}

/// What may be done about a BMC that does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastResort {
    /// The power of all outlets of its node is cut.
    Outlet,
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
    /// Whether anything is wanted that a management controller must see to.
    pub(crate) fn asks_the_bmc(&self) -> bool {
        let nothing = self.bios.is_empty() && self.volumes.is_empty() && self.updates.is_empty();
        self.secure_boot.is_some() || !nothing
    }

    /// What is wrong with it beyond its shape.
    pub(crate) fn faults(&self) -> Vec<WishFault> {
        let mut faults = wishes::volume_faults(&self.volumes);
        faults.extend(wishes::update_faults(&self.updates));
        faults
    }

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
    /// The cipher suite; the best that the BMC offers where it is left out.
    pub cipher_suite: Option<IpmiSuite>,
    /// The highest privilege that sessions ask for; administrator where it is left out.
    pub privilege: Option<IpmiPrivilege>,
    /// The way to it; the network where it is left out.
    pub via: Option<IpmiWay>,
    /// How long a session lives; as long as it is used where it is left out.
    pub session: Option<IpmiSession>,
    /// What the site knows of this BMC that the table of quirks does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quirks: Vec<Entry>,
}

/// How long a session with a BMC lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IpmiSession {
    /// While it is used: it is closed when nobody has asked for a while, and its place given back.
    Used,
    /// As long as the program: it is kept alive between requests.
    Kept,
}

/// The way to a BMC by IPMI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IpmiWay {
    /// The network, RMCP+.
    Lan,
    /// `/dev/ipmi0` of the machine that the program runs on, which must be the node itself.
    InBand,
}

/// A cipher suite of IPMI that dip speaks (IPMI 2.0, 22.15.2), written as its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum IpmiSuite {
    /// HMAC-SHA1, AES-CBC-128.
    Suite3,
    /// HMAC-SHA256, AES-CBC-128.
    Suite17,
}

impl TryFrom<u8> for IpmiSuite {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        match number {
            3 => Ok(Self::Suite3),
            17 => Ok(Self::Suite17),
            other => Err(format!("dip does not speak cipher suite {other}; choose 3 or 17")),
        }
    }
}

impl From<IpmiSuite> for u8 {
    fn from(suite: IpmiSuite) -> Self {
        match suite {
            IpmiSuite::Suite3 => 3,
            IpmiSuite::Suite17 => 17,
        }
    }
}

/// The privilege of an IPMI session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IpmiPrivilege {
    /// All commands.
    Administrator,
    /// Power and boot device.
    Operator,
    /// Readings alone.
    User,
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
    /// The SHA-256 fingerprint of its certificate, in hexadecimal; `ca_file` or the system's roots decide where it is left out.
    pub tls_fingerprint: Option<String>,
    /// A file of certificates in PEM: the roots that the site signs its BMCs with.
    pub ca_file: Option<String>,
    /// What the site knows of this BMC that the table of quirks does not.
    #[serde(default)]
    pub quirks: Vec<Entry>,
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
        services: vec![authority_kind()],
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
            "last_resort",
            Shape::Choice(vec!["outlet"]),
            "What may be done about a BMC that does not answer: `outlet` cuts the power of all outlets of the node, and its system with it.",
        ),
        Field::optional(
            "bios",
            Shape::map(Shape::Text),
            "BIOS attributes by name, `ProcVirtualization: Enabled`. Others are left alone.",
        ),
        Field::optional(
            "secure_boot",
            Shape::Choice(vec!["enabled", "disabled"]),
            "UEFI Secure Boot; left as it is where this is left out.",
        ),
        Field::optional(
            "volumes",
            Shape::list(Shape::Object(wishes::volume_fields())),
            "Volumes, in the order in which they choose their disks. Others are left alone.",
        ),
        Field::optional(
            "in_the_way",
            Shape::Choice(vec!["keep", "remove"]),
            "What becomes of volumes that have the wanted disks: they stay where it is left out; to `remove` them needs a consent.",
        ),
        Field::optional(
            "updates",
            Shape::map(Shape::Object(wishes::update_fields())),
            "Firmware by component: the controller's id or name of it, in which `*` stands for anything.",
        ),
        Field::optional(
            "discover",
            Shape::Choice(vec!["when_needed", "always"]),
            "When the parts of the machine are read; `when_needed` where it is left out: where `hardware` expects some.",
        ),
        Field::optional("hardware", Shape::Object(expectation::shape()), "The parts that the machine should have."),
        Field::optional("password", Shape::Object(hygiene::password_shape()), "The password of its BMC."),
        Field::optional(
            "certificate",
            Shape::Object(hygiene::certificate_shape()),
            "The certificate that its BMC shows, of the site's own authority.",
        ),
        Field::optional("controller", Shape::Object(hygiene::controller_shape()), "The BMC itself."),
    ]
}

fn ipmi() -> Variant {
    Variant::new(
        IPMI,
        "IPMI 2.0, over LAN (RMCP+) or in-band.",
        vec![
            Field::optional("port", Shape::integer(1, 65535), "Its UDP port; 623 where it is left out."),
            Field::optional(
                "cipher_suite",
                Shape::integer(3, 17),
                "The cipher suite, 3 (HMAC-SHA1) or 17 (HMAC-SHA256); the best that the BMC offers where it is left out.",
            ),
            Field::optional(
                "privilege",
                Shape::Choice(vec!["administrator", "operator", "user"]),
                "The highest privilege that sessions ask for; `administrator` where it is left out.",
            ),
            Field::optional(
                "via",
                Shape::Choice(vec!["lan", "in_band"]),
                "The way to it: `lan`, or `in_band`, which is `/dev/ipmi0` of the machine that the program runs on; `lan` where it is left out.",
            ),
            Field::optional(
                "session",
                Shape::Choice(vec!["used", "kept"]),
                "How long a session lives: while it is `used`, or `kept` alive between requests as long as the program runs; `used` where it is left out.",
            ),
            quirks_field(),
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
                "The SHA-256 fingerprint of its certificate, in hexadecimal; `ca_file` or the system's roots decide where it is left out.",
            ),
            Field::optional(
                "ca_file",
                Shape::Text,
                "A file of certificates in PEM: the roots that the site signs its BMCs with.",
            ),
            quirks_field(),
        ],
    )
}

fn quirks_field() -> Field {
    Field::optional(
        "quirks",
        Shape::List(Box::new(Shape::Object(quirk()))),
        "What the site knows of this BMC that dip's own table of quirks does not.",
    )
}

fn quirk() -> Vec<Field> {
    let version = |name, what| Field::optional(name, Shape::Text, what);
    let range = vec![version("from", "The first version."), version("to", "The last version.")];
    vec![
        Field::required("quirk", Shape::Choice(Quirk::ALL.map(Quirk::name).to_vec()), "The quirk."),
        Field::optional("holds", Shape::Boolean, "Whether the BMC has it; `true` where it is left out."),
        Field::optional("vendor", Shape::Text, "A word of the maker's name; any maker where it is left out."),
        Field::optional("model", Shape::Text, "A part of the model's name; any model where it is left out."),
        Field::optional("firmware", Shape::Object(range), "The versions of its firmware; all where it is left out."),
        Field::required("source", Shape::Text, "Who says so."),
    ]
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
            Shape::Boolean => json!(true),
            Shape::Parsed(Parsed::Secret) => json!("env:A"),
            // The last one: what stands first is the default, and left out when it is written.
            Shape::Choice(words) => json!(words.last()),
            Shape::List(of) => json!([value(of)]),
            Shape::Map(of) => json!({"a": value(of)}),
            Shape::Object(fields) => full(fields),
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
    fn a_cipher_suite_that_dip_does_not_speak_is_refused_with_those_that_it_does() {
        let error = IpmiSettings::deserialize(json!({ "cipher_suite": 8 })).expect_err("8 is HMAC-MD5");
        assert!(error.to_string().contains("choose 3 or 17"), "{error}");
        let settings = IpmiSettings::deserialize(json!({ "cipher_suite": 17 })).expect("it is spoken");
        assert_eq!(settings.cipher_suite, Some(IpmiSuite::Suite17));
    }

    #[test]
    fn plain_http_is_never_spoken_unasked() {
        let settings = RedfishSettings::deserialize(json!({})).expect("all fields are optional");
        assert_eq!(settings.scheme, Scheme::Https);
    }
}
