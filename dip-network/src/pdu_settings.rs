//! The settings of PDUs, as types and as the shape that the site file is checked against.

use dip_core::secret::SecretRef;
use dip_core::site::{Field, Parsed, Shape, Variant};
use serde::{Deserialize, Serialize};

/// The PDU kind `snmp`.
pub(crate) const SNMP: &str = "snmp";

/// The products whose objects dip knows.
pub(crate) const PRODUCTS: &[&str] =
    &["apc-rpdu", "apc-rpdu2", "raritan-pdu2", "servertech-sentry3", "servertech-sentry4"];

/// A PDU of kind `snmp`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnmpSettings {
    /// Its address or host name, with the port where that is not 161.
    pub address: String,
    /// The product; found by its `sysObjectID` where it is left out.
    pub product: Option<String>,
    /// The objects of a product that dip does not know.
    pub map: Option<MibMap>,
    /// What stands for an outlet in the names of objects, in place of the map's own: `2.1.{outlet}` for the second unit of a chain.
    pub index: Option<String>,
    /// The version of SNMP.
    #[serde(default)]
    pub version: SnmpVersion,
    /// Where the community is, for version 2c; it travels in clear.
    pub community: Option<SecretRef>,
    /// The user, for version 3.
    pub user: Option<String>,
    /// What version 3 protects.
    #[serde(default)]
    pub security: SnmpSecurity,
    /// The digest of version 3's authentication.
    #[serde(default)]
    pub digest: SnmpDigest,
    /// Where the user's authentication password is.
    pub auth_password: Option<SecretRef>,
    /// Where the user's privacy password is.
    pub privacy_password: Option<SecretRef>,
}

/// A version of SNMP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnmpVersion {
    /// SNMPv3 with the user-based security model (RFC 3414).
    #[default]
    V3,
    /// SNMPv2c (RFC 1901): whoever listens on the way reads the community.
    V2c,
}

/// How much of a message SNMPv3 protects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnmpSecurity {
    /// It is authentic, and nobody on the way can read it.
    #[default]
    AuthPriv,
    /// It is authentic.
    AuthNoPriv,
    /// Nothing: anybody who knows the user's name may switch outlets.
    NoAuthNoPriv,
}

/// A digest of SNMPv3's authentication.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnmpDigest {
    /// HMAC-192-SHA-256 (RFC 7860).
    #[default]
    Sha256,
    /// HMAC-SHA-96 (RFC 3414), for agents that know no better.
    Sha1,
}

/// Where a product keeps its outlets: the names of its objects, and what their values mean.
///
/// A name is the whole OID of an instance, `{index}` in it stands for the outlet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MibMap {
    /// The product.
    pub product: String,
    /// The MIB that it comes from.
    pub source: Option<String>,
    /// The values of `sysObjectID.0` that it is known by, or what they begin with.
    #[serde(default)]
    pub recognised_by: Vec<String>,
    /// What stands for an outlet in the names of objects, `{outlet}` in it for its number: `1.{outlet}`.
    pub index: String,
    /// The state of an outlet.
    pub state: StateObject,
    /// What switches an outlet.
    pub command: CommandObject,
    /// The name of an outlet.
    pub name: Option<NameObject>,
    /// What an outlet carries.
    pub outlet_load: Option<LoadObjects>,
    /// What the whole PDU carries.
    pub unit_load: Option<LoadObjects>,
}

/// The object that tells whether an outlet has power.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateObject {
    /// Its name in the MIB, and what its values mean.
    pub source: Option<String>,
    /// Its OID.
    pub object: String,
    /// The values that mean power.
    pub on: Vec<i32>,
    /// The values that mean no power.
    pub off: Vec<i32>,
    /// The values of an outlet that is being switched.
    #[serde(default)]
    pub changing: Vec<i32>,
}

/// The object that an outlet is switched by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandObject {
    /// Its name in the MIB, and what its values mean.
    pub source: Option<String>,
    /// Its OID.
    pub object: String,
    /// The value that switches on at once.
    pub on: i32,
    /// The value that switches off at once.
    pub off: i32,
    /// The value that switches off and, after the PDU's own delay, on; left out for a PDU that cannot.
    pub cycle: Option<i32>,
}

/// The object that names an outlet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameObject {
    /// Its name in the MIB.
    pub source: Option<String>,
    /// Its OID.
    pub object: String,
}

/// The objects of a load; what is not measured is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadObjects {
    /// Active power.
    pub power: Option<MeasureObject>,
    /// Current.
    pub current: Option<MeasureObject>,
    /// Voltage.
    pub voltage: Option<MeasureObject>,
}

/// The object of a measured value. A negative value means that it is not measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureObject {
    /// Its name in the MIB, and its unit.
    pub source: Option<String>,
    /// Its OID.
    pub object: String,
    /// How many thousandths of a watt, ampere or volt 1 means: 100 for tenths of an ampere.
    pub milli: Option<u32>,
    /// In place of `milli`, the OID of the number of decimal digits.
    pub digits: Option<String>,
}

/// A PDU of kind `snmp`, as the site file may describe it.
pub(crate) fn variant() -> Variant {
    Variant::new(
        SNMP,
        "A PDU by SNMP, version 3 where nothing else is asked for.",
        vec![
            Field::required(
                "address",
                Shape::Parsed(Parsed::Endpoint),
                "Its address or host name, with the port where that is not 161.",
            ),
            Field::optional(
                "product",
                Shape::Choice(PRODUCTS.to_vec()),
                "The product; found by its `sysObjectID` where it is left out.",
            ),
            Field::optional("map", Shape::Object(map()), "The objects of a product that dip does not know."),
            Field::optional(
                "index",
                Shape::Text,
                "What stands for an outlet in the names of objects, in place of the product's own: `2.1.{outlet}` for the second unit of a chain.",
            ),
            Field::optional(
                "version",
                Shape::Choice(vec!["v3", "v2c"]),
                "The version of SNMP: `v3`, or `v2c`, whose community travels in clear; `v3` where it is left out.",
            ),
            Field::optional("community", Shape::Parsed(Parsed::Secret), "Where the community is, for `v2c`."),
            Field::optional("user", Shape::Text, "The user, for `v3`."),
            Field::optional(
                "security",
                Shape::Choice(vec!["auth_priv", "auth_no_priv", "no_auth_no_priv"]),
                "What `v3` protects: `auth_priv` where it is left out; the others let people on the way read, or switch.",
            ),
            Field::optional(
                "digest",
                Shape::Choice(vec!["sha256", "sha1"]),
                "The digest of the user's authentication; `sha256` where it is left out. Privacy is AES-128.",
            ),
            Field::optional(
                "auth_password",
                Shape::Parsed(Parsed::Secret),
                "Where the user's authentication password is.",
            ),
            Field::optional("privacy_password", Shape::Parsed(Parsed::Secret), "Where the user's privacy password is."),
        ],
    )
}

fn map() -> Vec<Field> {
    const I32: Shape = Shape::integer(i32::MIN as i64, i32::MAX as i64);
    let source = || Field::optional("source", Shape::Text, "Its name in the MIB, for people.");
    let object = || Field::required("object", Shape::Text, "Its OID, `{index}` in it stands for the outlet.");
    let values = || Shape::list(I32);
    let state = vec![
        source(),
        object(),
        Field::required("on", values(), "The values that mean power."),
        Field::required("off", values(), "The values that mean no power."),
        Field::optional("changing", values(), "The values of an outlet that is being switched."),
    ];
    let command = vec![
        source(),
        object(),
        Field::required("on", I32, "The value that switches on at once."),
        Field::required("off", I32, "The value that switches off at once."),
        Field::optional("cycle", I32, "The value that switches off and on; dip switches twice where it is left out."),
    ];
    let measure = || {
        Shape::Object(vec![
            source(),
            object(),
            Field::optional(
                "milli",
                Shape::integer(1, 1_000_000_000),
                "How many thousandths of a watt, ampere or volt 1 means: 100 for tenths of an ampere.",
            ),
            Field::optional("digits", Shape::Text, "In place of `milli`, the OID of the number of decimal digits."),
        ])
    };
    let load = || {
        Shape::Object(vec![
            Field::optional("power", measure(), "Active power."),
            Field::optional("current", measure(), "Current."),
            Field::optional("voltage", measure(), "Voltage."),
        ])
    };
    vec![
        Field::required("product", Shape::Text, "The product, for people."),
        Field::optional("source", Shape::Text, "The MIB that it comes from, for people."),
        Field::optional("recognised_by", Shape::list(Shape::Text), "The `sysObjectID` that it is known by."),
        Field::required("index", Shape::Text, "What stands for an outlet in the names of objects: `1.{outlet}`."),
        Field::required("state", Shape::Object(state), "The state of an outlet."),
        Field::required("command", Shape::Object(command), "What switches an outlet."),
        Field::optional("name", Shape::Object(vec![source(), object()]), "The name of an outlet."),
        Field::optional("outlet_load", load(), "What an outlet carries."),
        Field::optional("unit_load", load(), "What the whole PDU carries."),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, Value, json};

    /// A value of the right form for a shape.
    fn full(shape: &Shape) -> Value {
        match shape {
            Shape::List(of) => json!([full(of)]),
            Shape::Integer { .. } => json!(1),
            Shape::Choice(words) => json!(words[0]),
            Shape::Parsed(Parsed::Secret) => json!("env:A"),
            Shape::Object(fields) => object(fields),
            _ => json!("a"),
        }
    }

    fn object(fields: &[Field]) -> Value {
        Value::Object(fields.iter().map(|field| (field.name.to_owned(), full(&field.shape))).collect::<Map<_, _>>())
    }

    #[test]
    #[cfg(feature = "snmp")]
    fn the_site_files_of_the_documentation_are_sound_and_their_pdus_can_be_made() {
        use dip_core::layer::Layer;
        use dip_core::provider::Providers;
        use dip_core::secret::{Secret, SecretError, SecretRef, Secrets};
        use dip_core::site::{Format, Lock, Site, Source};

        struct Long;
        impl Secrets for Long {
            fn resolve(&self, _: &SecretRef) -> Result<Secret, SecretError> {
                Ok(Secret::new("long enough".to_owned()))
            }
        }
        let blocks = include_str!("../../docs/pdus.md").split("```yaml\n").skip(1);
        let mut made = 0;
        for block in blocks.filter_map(|rest| rest.split("```").next()).filter(|block| block.starts_with("pdus:")) {
            let text = format!("version: 1\nsite: lab\nracks: {{r1: {{}}}}\n{block}");
            let source = Source::new("pdus.yaml", Format::Yaml, text);
            let site = Site::parse(&[source], &crate::NetworkLayer.settings(), &Lock::default());
            let site = site.unwrap_or_else(|faults| panic!("{faults}")).site;
            let mut providers = Providers::new();
            let connected = crate::NetworkLayer.connect(&site, &Long, &mut providers);
            assert!(connected.is_ok(), "{connected:?}");
            made += site.pdus.values().filter(|pdu| pdu.driver.is_some()).count();
        }
        assert_eq!(made, 2);
    }

    #[test]
    fn the_type_and_the_shape_know_the_same_keys() {
        let shape = object(&variant().fields);
        let read = SnmpSettings::deserialize(&shape).expect("every field of the shape is known to the type");
        assert_eq!(serde_json::to_value(read).expect("plain data"), shape);
    }
}
