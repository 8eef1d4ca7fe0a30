//! What a site says of its controllers themselves, as types and as the shape that the site file is checked against.

use dip_core::id::ServiceName;
use dip_core::secret::SecretRef;
use dip_core::site::{Field, Noun, Parsed, Shape};
use serde::{Deserialize, Serialize};

/// The password of a controller: `firmware.password`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordSettings {
    /// Which password it should have, from 1: whoever raises this has it rotated.
    #[serde(default = "first")]
    pub generation: u32,
    /// After how many wrong logins in a row the controller locks a user.
    #[serde(default = "usual_lockout")]
    pub lockout_after: u32,
}

impl Default for PasswordSettings {
    fn default() -> Self {
        Self { generation: first(), lockout_after: usual_lockout() }
    }
}

const fn first() -> u32 {
    1
}

/// The lowest number that a controller in wide use comes with: an iDRAC 9 blocks after three wrong logins within a minute.
const fn usual_lockout() -> u32 {
    3
}

/// The certificate of a controller: `firmware.certificate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateSettings {
    /// The service that signs it.
    pub authority: ServiceName,
    /// Below which place of the store what was signed is kept, each node's under its name.
    pub kept: SecretRef,
    /// The DNS domain in which the controller has the name of its node; it is known by its address alone where this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// For how many days it should count.
    #[serde(default = "a_year")]
    pub days: u32,
    /// So many days before its end it is replaced.
    #[serde(default = "a_month")]
    pub renew_before: u32,
}

const fn a_year() -> u32 {
    365
}

const fn a_month() -> u32 {
    30
}

/// The controller itself: `firmware.controller`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ControllerSettings {
    /// The time servers that it follows.
    pub ntp: Option<Vec<String>>,
    /// Where it sends its log.
    pub syslog: Option<Vec<String>>,
    /// What becomes of weak ways in.
    pub weaknesses: Option<Weaknesses>,
    /// Who may log in.
    pub users: Option<UserSettings>,
}

/// What becomes of weak ways into a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weaknesses {
    /// They are told.
    Report,
    /// They are closed; those that cannot be are told.
    Close,
}

/// Who may log in to a controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserSettings {
    /// The users that may, beside the one that dip logs in as: a way in for the day when dip has none.
    #[serde(default)]
    pub keep: Vec<String>,
    /// What becomes of all others.
    pub others: Others,
}

/// What becomes of users that nobody named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Others {
    /// They are told.
    Report,
    /// They may log in no longer.
    Disable,
}

pub(crate) fn password_shape() -> Vec<Field> {
    vec![
        Field::optional(
            "generation",
            Shape::integer(1, i64::from(u32::MAX)),
            "Which password it should have, from 1; raise it to have the password rotated. `bmc.password` must be `store:PATH`.",
        ),
        Field::optional(
            "lockout_after",
            Shape::integer(2, 100),
            "After how many wrong logins the controller locks a user; 3 where it is left out. One less are ever tried.",
        ),
    ]
}

pub(crate) fn certificate_shape() -> Vec<Field> {
    vec![
        Field::required("authority", Shape::Reference(Noun::Service), "The service of kind `authority` that signs it."),
        Field::required(
            "kept",
            Shape::Parsed(Parsed::Secret),
            "Where what was signed is kept, `store:PATH`; each node has a directory of its name below it.",
        ),
        Field::optional(
            "domain",
            Shape::Parsed(Parsed::DomainName),
            "The DNS domain in which a BMC has the name of its node; it is known by its address alone where this is left out.",
        ),
        Field::optional(
            "days",
            Shape::integer(1, 3650),
            "For how many days it should count; 365 where it is left out.",
        ),
        Field::optional(
            "renew_before",
            Shape::integer(1, 3650),
            "So many days before its end it is replaced; 30 where it is left out.",
        ),
    ]
}

pub(crate) fn controller_shape() -> Vec<Field> {
    let users = vec![
        Field::optional("keep", Shape::list(Shape::Text), "The users that may log in, beside the one of `bmc.user`."),
        Field::required("others", Shape::Choice(vec!["report", "disable"]), "What becomes of all other users."),
    ];
    vec![
        Field::optional("ntp", Shape::list(Shape::Parsed(Parsed::Endpoint)), "The time servers that it follows."),
        Field::optional("syslog", Shape::list(Shape::Parsed(Parsed::Endpoint)), "Where it sends its log."),
        Field::optional(
            "weaknesses",
            Shape::Choice(vec!["report", "close"]),
            "What becomes of weak ways in, such as IPMI cipher suite 0.",
        ),
        Field::optional("users", Shape::Object(users), "Who may log in."),
    ]
}
