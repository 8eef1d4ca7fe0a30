//! The settings of CMDBs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dip_core::secret::SecretRef;
use dip_core::site::{Field, Parsed, Shape, Variant};
use serde::{Deserialize, Serialize};

use super::{CSV, DIRECTORY};

/// A CMDB of kind `directory`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectorySettings {
    /// The directory; it must be there.
    pub path: PathBuf,
    /// The format of its files.
    #[serde(default)]
    pub format: FileFormat,
}

/// The format of the files of a directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// `<node>.yaml`
    #[default]
    Yaml,
    /// `<node>.json`
    Json,
}

/// A CMDB of kind `csv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CsvSettings {
    /// The file; it must be there, with the names of its columns in the first line.
    pub path: PathBuf,
    /// The column that names the nodes.
    #[serde(default = "name")]
    pub name: String,
}

/// A CMDB of kind `nautobot` or `netbox`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetboxSettings {
    /// Where it answers, without `/api`.
    pub url: String,
    /// Where the token of dip's user is.
    pub token: SecretRef,
    /// A file of certificates in PEM, one of which signed its certificate; the system's roots where it is left out.
    pub ca_file: Option<PathBuf>,
    /// The SHA-256 fingerprint of its certificate, in hexadecimal; `ca_file` or the system's roots decide where it is left out.
    pub tls_fingerprint: Option<String>,
    /// The custom field (JSON) of devices that dip writes.
    #[serde(default = "dip")]
    pub field: String,
    /// Which devices the site looks at, as parameters of the API: `location: lab`.
    #[serde(default)]
    pub filter: BTreeMap<String, String>,
    /// Which prefixes become networks of the site, as parameters of the API: `role: machines`; none where it is left out.
    pub prefixes: Option<BTreeMap<String, String>>,
    /// The custom field of devices that names the protocols of their BMCs: `redfish`, `redfish ipmi`.
    pub bmc_protocols: Option<String>,
    /// The status that a device gets when its node's record is written.
    pub status: Option<String>,
    /// What the devices get that dip makes; without it dip makes none.
    pub create: Option<NewDevice>,
    /// Whether dip writes interfaces and addresses of the server's own.
    #[serde(default)]
    pub interfaces: Interfaces,
    /// What dip may write over though somebody else wrote it.
    #[serde(default)]
    pub owns: Vec<Owned>,
    /// How many things it is asked for at once.
    #[serde(default = "five_hundred")]
    pub page: u32,
}

/// What becomes of the interfaces and addresses of a server's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interfaces {
    /// Those of the site's nodes are written.
    #[default]
    Write,
    /// They are left as they are.
    Leave,
}

/// A field of things that others made, which dip owns by the word of the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owned {
    /// The MAC addresses of a node's interfaces.
    Mac,
    /// Which of the device's interfaces has an address.
    Addresses,
    /// The addresses by which the device is known.
    PrimaryIp,
}

/// What a device gets that dip makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    /// The location (Nautobot) or site (NetBox), by its name.
    pub location: String,
    /// The role, by its name.
    pub role: String,
    /// The device type, by its model.
    pub device_type: String,
}

/// The column where nothing else is said.
fn name() -> String {
    "name".to_owned()
}

/// The custom field where nothing else is said.
fn dip() -> String {
    "dip".to_owned()
}

/// Both products give out up to 1,000 things at once; half of it takes less than a second each.
const fn five_hundred() -> u32 {
    500
}

pub(super) fn directory() -> Variant {
    Variant::new(
        DIRECTORY,
        "A CMDB that is a directory of files, one for each node. dip writes only what is under the key `dip`.",
        vec![
            Field::required("path", Shape::Parsed(Parsed::Path), "The directory; it must be there."),
            Field::optional(
                "format",
                Shape::Choice(vec!["yaml", "json"]),
                "The format of its files, `<node>.yaml` or `<node>.json`; `yaml` where it is left out.",
            ),
        ],
    )
}

pub(super) fn csv() -> Variant {
    Variant::new(
        CSV,
        "A CMDB that is one table of comma-separated values. dip writes only its columns `dip_...`.",
        vec![
            Field::required(
                "path",
                Shape::Parsed(Parsed::Path),
                "The file; it must be there, with the names of its columns in the first line.",
            ),
            Field::optional("name", Shape::Text, "The column that names the nodes; `name` where it is left out."),
        ],
    )
}

pub(super) fn netbox(kind: &'static str, doc: &'static str) -> Variant {
    let create = vec![
        Field::required("location", Shape::Text, "The location (Nautobot) or site (NetBox), by its name."),
        Field::required("role", Shape::Text, "The role, by its name."),
        Field::required("device_type", Shape::Text, "The device type, by its model."),
    ];
    Variant::new(
        kind,
        doc,
        vec![
            Field::required("url", Shape::Parsed(Parsed::Url), "Where it answers, without `/api`."),
            Field::required("token", Shape::Parsed(Parsed::Secret), "Where the token of dip's user is."),
            Field::optional(
                "ca_file",
                Shape::Parsed(Parsed::Path),
                "A file of certificates in PEM, one of which signed its certificate; the system's roots where it is left out.",
            ),
            Field::optional(
                "tls_fingerprint",
                Shape::Text,
                "The SHA-256 fingerprint of its certificate, in hexadecimal; `ca_file` or the system's roots decide where it is left out.",
            ),
            Field::optional(
                "field",
                Shape::Text,
                "The custom field (JSON) of devices that dip writes; `dip` where it is left out.",
            ),
            Field::optional(
                "filter",
                Shape::map(Shape::Text),
                "Which devices the site looks at, as parameters of the API: `{location: lab}`; all where it is left out.",
            ),
            Field::optional(
                "prefixes",
                Shape::map(Shape::Text),
                "Which prefixes become networks of a site that takes its inventory from here, as parameters of the API: `{role: machines}`; none where it is left out.",
            ),
            Field::optional(
                "bmc_protocols",
                Shape::Text,
                "The custom field of devices that names the protocols of their BMCs, `redfish` or `redfish ipmi`.",
            ),
            Field::optional(
                "status",
                Shape::Text,
                "The status that a device gets when its node's record is written; left as it is where it is left out.",
            ),
            Field::optional(
                "create",
                Shape::Object(create),
                "What the devices get that dip makes; where it is left out dip makes none.",
            ),
            Field::optional(
                "interfaces",
                Shape::Choice(vec!["write", "leave"]),
                "Whether dip writes MAC addresses, addresses and primary addresses into the interfaces there; `write` where it is left out.",
            ),
            Field::optional(
                "owns",
                Shape::list(Shape::Choice(vec!["mac", "addresses", "primary_ip"])),
                "What dip may write over though somebody else wrote it: the MAC addresses of a node's interfaces, which of them has an address, the device's primary addresses.",
            ),
            Field::optional(
                "page",
                Shape::integer(1, 1000),
                "How many things it is asked for at once; 500 where it is left out.",
            ),
        ],
    )
}
