//! The kinds of services that are configuration systems.

use std::path::PathBuf;

use dip_core::id::NodeName;
use dip_core::secret::SecretRef;
use dip_core::site::{Field, Noun, Parsed, Shape, Variant};
use serde::{Deserialize, Serialize};

/// The service kind `ansible`.
pub(crate) const ANSIBLE: &str = "ansible";

/// The service kind `puppet`.
pub(crate) const PUPPET: &str = "puppet";

/// The service kind `salt`.
pub(crate) const SALT: &str = "salt";

/// The service kind `cinc`.
pub(crate) const CINC: &str = "cinc";

/// A configuration system of kind `ansible`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnsibleSettings {
    /// The playbook, where dip runs.
    pub playbook: PathBuf,
    /// The user; `root` where it is left out.
    pub user: Option<String>,
    /// Whether the user becomes root by `sudo`; not where it is left out.
    pub r#become: Option<bool>,
    /// The user's private key.
    pub key: SecretRef,
    /// A file of host keys in the format of OpenSSH; a line `@cert-authority` stands for all hosts with a certificate.
    pub known_hosts: PathBuf,
}

/// A configuration system of kind `puppet`: a server, or a manifest of the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PuppetSettings {
    /// The server's host name, where there is one.
    pub server: Option<String>,
    /// The node of the site on which the server runs: dip signs certificates of agents there.
    pub server_node: Option<NodeName>,
    /// The environment; the server's own choice where it is left out.
    pub environment: Option<String>,
    /// The manifest, where dip runs, for nodes without a server.
    pub manifest: Option<PathBuf>,
}

/// A configuration system of kind `salt`: a master, or a directory of states of the site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaltSettings {
    /// The master's host name, where there is one.
    pub master: Option<String>,
    /// The node of the site on which the master runs: dip accepts keys of minions there.
    pub master_node: Option<NodeName>,
    /// The directory of states with its `top.sls`, where dip runs, for nodes without a master.
    pub states: Option<PathBuf>,
}

/// A configuration system of kind `cinc` (Chef Infra Client without its marks): cookbooks of the site in local mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CincSettings {
    /// The directory of cookbooks, where dip runs.
    pub cookbooks: PathBuf,
    /// What is run: `recipe[base]`.
    pub run_list: Vec<String>,
    /// The program; `cinc-client` where it is left out.
    pub program: Option<String>,
}

pub(super) fn variants() -> Vec<Variant> {
    let file = || Shape::Parsed(Parsed::Path);
    vec![
        Variant::new(
            ANSIBLE,
            "Ansible, run where dip runs.",
            vec![
                Field::required("playbook", file(), "The playbook, where dip runs."),
                Field::optional("user", Shape::Text, "The user; `root` where it is left out."),
                Field::optional("become", Shape::Boolean, "Whether the user becomes root by `sudo`."),
                Field::required("key", Shape::Parsed(Parsed::Secret), "The user's private key, unencrypted."),
                Field::required(
                    "known_hosts",
                    file(),
                    "A file of host keys in the format of OpenSSH; a line `@cert-authority` stands for all hosts with a certificate.",
                ),
            ],
        ),
        Variant::new(
            PUPPET,
            "Puppet on the node: with a server, or with a manifest of the site.",
            vec![
                Field::optional("server", Shape::Text, "The server's host name, where there is one."),
                Field::optional(
                    "server_node",
                    Shape::Reference(Noun::Node),
                    "The node on which the server runs: dip signs certificates of agents there.",
                ),
                Field::optional(
                    "environment",
                    Shape::Text,
                    "The environment; the server's choice where it is left out.",
                ),
                Field::optional("manifest", file(), "The manifest, where dip runs, for nodes without a server."),
            ],
        ),
        Variant::new(
            SALT,
            "Salt on the node: with a master, or with states of the site.",
            vec![
                Field::optional("master", Shape::Text, "The master's host name, where there is one."),
                Field::optional(
                    "master_node",
                    Shape::Reference(Noun::Node),
                    "The node on which the master runs: dip accepts keys of minions there.",
                ),
                Field::optional(
                    "states",
                    file(),
                    "The directory of states with its `top.sls`, where dip runs, for nodes without a master.",
                ),
            ],
        ),
        Variant::new(
            CINC,
            "Cinc (Chef Infra Client without its marks) on the node in local mode.",
            vec![
                Field::required("cookbooks", file(), "The directory of cookbooks, where dip runs."),
                Field::required("run_list", Shape::list(Shape::Text), "What is run: `recipe[base]`."),
                Field::optional("program", Shape::Text, "The program; `cinc-client` where it is left out."),
            ],
        ),
    ]
}
