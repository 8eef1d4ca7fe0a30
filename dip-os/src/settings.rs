//! The settings that this layer reads of a node, as types and as the shape that the site file is checked against.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dip_core::id::LayerId;
use dip_core::secret::SecretRef;
use dip_core::site::{Field, Node, Parsed, SettingsSchema, Shape};
use serde::{Deserialize, Serialize};

/// The settings `os` of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OsSettings {
    /// How the installed system is reached; without it, somebody else must provide the node's `Host`.
    pub ssh: Option<SshSettings>,
    /// Files that must be there.
    pub files: Vec<FileSettings>,
    /// Kernel settings by their names (`vm.swappiness`).
    pub sysctl: BTreeMap<String, String>,
    /// Users by their names.
    pub users: BTreeMap<String, UserSettings>,
    /// Packages that must be installed.
    pub packages: Vec<String>,
    /// Whether its disks are wiped where it is absent.
    pub wipe: Wipe,
}

/// When the disks of a node are wiped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wipe {
    /// Never: whoever takes the machine sees to its disks.
    #[default]
    Never,
    /// Where the node is absent and its system still runs.
    WhenAbsent,
}

/// How a node's installed system is reached over SSH.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SshSettings {
    /// The address or host name, where it is not the node's own address.
    pub address: Option<String>,
    /// The TCP port; 22 where it is left out.
    pub port: Option<u16>,
    /// The user; `root` where it is left out.
    pub user: Option<String>,
    /// The private key.
    pub key: Option<SecretRef>,
    /// The password, where there is no key.
    pub password: Option<SecretRef>,
    /// The host key: `SHA256:...` or `ssh-ed25519 AAAA...`.
    pub host_key: Option<String>,
    /// A file of host keys in the format of OpenSSH, where there is no `host_key`.
    pub known_hosts: Option<PathBuf>,
    /// How the user becomes root.
    pub r#become: Option<Become>,
}

impl SshSettings {
    /// The address or host name by which a node is reached; `None` where it has none.
    #[must_use]
    pub fn address_of(&self, node: &Node) -> Option<String> {
        self.address.clone().or_else(|| node.address().map(|address| address.to_string()))
    }

    /// The TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(22)
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &str {
        self.user.as_deref().unwrap_or("root")
    }
}

/// How a user becomes root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Become {
    /// By `sudo` without a password.
    Sudo,
}

/// A file of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    /// Its absolute path.
    pub path: String,
    /// All of its text.
    pub content: String,
    /// Its permission bits in octal; `0644` where they are left out.
    pub mode: Option<String>,
}

/// A user of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UserSettings {
    /// The groups that it is in, beside others.
    pub groups: Vec<String>,
    /// The public keys that may log in, beside others: `ssh-ed25519 AAAA...`.
    pub keys: Vec<String>,
    /// Its login shell.
    pub shell: Option<String>,
}

/// The settings of this layer for a node; `None` where its operating system is none of our business.
pub(crate) fn settings_of(node: &Node) -> Result<Option<OsSettings>, serde_json::Error> {
    node.settings.read(LayerId::Os)
}

/// What this layer adds to the shape of a site.
#[must_use]
pub fn schema() -> SettingsSchema {
    SettingsSchema { node: BTreeMap::from([(LayerId::Os, node())]), ..SettingsSchema::default() }
}

fn node() -> Vec<Field> {
    vec![
        Field::optional("ssh", Shape::Object(ssh()), "How the installed system is reached."),
        Field::optional("files", Shape::list(Shape::Object(file())), "Files that must be there."),
        Field::optional("sysctl", Shape::map(Shape::Text), "Kernel settings by their names, `vm.swappiness: 10`."),
        Field::optional("users", Shape::map(Shape::Object(user())), "Users by their names. Others are left alone."),
        Field::optional("packages", Shape::list(Shape::Text), "Packages that must be installed (Debian names)."),
        Field::optional(
            "wipe",
            Shape::Choice(vec!["never", "when_absent"]),
            "Whether its disks are wiped where it is absent and its system runs; `never` where it is left out.",
        ),
    ]
}

fn ssh() -> Vec<Field> {
    vec![
        Field::optional("address", Shape::Text, "The address or host name, where it is not the node's own address."),
        Field::optional("port", Shape::integer(1, 65535), "The TCP port; 22 where it is left out."),
        Field::optional("user", Shape::Text, "The user; `root` where it is left out."),
        Field::optional("key", Shape::Parsed(Parsed::Secret), "The private key, unencrypted (OpenSSH or PKCS#8)."),
        Field::optional("password", Shape::Parsed(Parsed::Secret), "The password, where there is no key."),
        Field::optional("host_key", Shape::Text, "The host key: `SHA256:...` or `ssh-ed25519 AAAA...`."),
        Field::optional(
            "known_hosts",
            Shape::Parsed(Parsed::Path),
            "A file of host keys in the format of OpenSSH, where there is no `host_key`.",
        ),
        Field::optional("become", Shape::Choice(vec!["sudo"]), "How the user becomes root: `sudo` without a password."),
    ]
}

fn file() -> Vec<Field> {
    vec![
        Field::required("path", Shape::Parsed(Parsed::NodePath), "Its absolute path on the node."),
        Field::required("content", Shape::Text, "All of its text. It stands in plans: no secrets."),
        Field::optional("mode", Shape::Parsed(Parsed::Mode), "Its permission bits in octal; `0644` where left out."),
    ]
}

fn user() -> Vec<Field> {
    vec![
        Field::optional("groups", Shape::list(Shape::Text), "The groups that it is in, beside others."),
        Field::optional("keys", Shape::list(Shape::Text), "The public keys that may log in, beside others."),
        Field::optional("shell", Shape::Parsed(Parsed::NodePath), "Its login shell."),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A value of the right form for a shape.
    fn example(shape: &Shape) -> Value {
        match shape {
            Shape::Integer { min, .. } => json!(min),
            Shape::Choice(words) => json!(words[0]),
            Shape::Parsed(Parsed::Secret) => json!("env:KEY"),
            Shape::List(of) => json!([example(of)]),
            Shape::Map(of) => json!({ "a": example(of) }),
            Shape::Object(fields) => {
                fields.iter().map(|field| (field.name.to_owned(), example(&field.shape))).collect()
            }
            _ => json!("a"),
        }
    }

    #[test]
    fn the_type_and_the_shape_know_the_same_keys() {
        let full = example(&Shape::Object(node()));
        let read = OsSettings::deserialize(&full).expect("every field of the shape is known to the type");
        assert_eq!(serde_json::to_value(read).expect("plain data"), full);
    }

    #[test]
    fn a_node_may_say_nothing() {
        assert_eq!(OsSettings::deserialize(&json!({})).expect("all is optional"), OsSettings::default());
    }
}
