//! The installers that dip knows a list for.

use std::fmt;
use std::str::FromStr;

use super::{HandOff, HandOffError, ansible, cephadm, kubespray, packstack};

/// For which installer a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HandOffFormat {
    /// An inventory of Ansible, in YAML.
    Ansible,
    /// Host specifications for `ceph orch apply -i`.
    Cephadm,
    /// The `hosts.yaml` of kubespray.
    Kubespray,
    /// An answer file of `PackStack`.
    Packstack,
}

impl HandOffFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ansible, Self::Cephadm, Self::Kubespray, Self::Packstack];

    /// The name, as on the command line and in the site file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ansible => "ansible",
            Self::Cephadm => "cephadm",
            Self::Kubespray => "kubespray",
            Self::Packstack => "packstack",
        }
    }
}

impl HandOff<'_> {
    /// The list in the form of an installer. `cluster` names the cluster that it is for; left out, it is the one that the site
    /// hands over to that installer. Ansible takes all nodes, and needs none.
    ///
    /// # Errors
    /// Where the site has nothing for that installer, or not enough.
    pub fn write(&self, format: HandOffFormat, cluster: Option<&str>) -> Result<String, HandOffError> {
        match format {
            HandOffFormat::Ansible => ansible::write(self, cluster),
            HandOffFormat::Cephadm => cephadm::write(self, cluster),
            HandOffFormat::Kubespray => kubespray::write(self, cluster),
            HandOffFormat::Packstack => packstack::write(self, cluster),
        }
    }
}

impl fmt::Display for HandOffFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text names no installer that dip knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no installer that dip knows a list for; it knows ansible, cephadm, kubespray and packstack")]
pub struct UnknownFormat(String);

impl FromStr for HandOffFormat {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}
