//! Names and numbers that identify things, each a type of its own, so that a rack can never stand where a node is meant.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A short text that is compared often and changed never: a static string or a shared one, cheap to clone.
#[derive(Clone)]
pub struct Symbol(Text);

#[derive(Clone)]
enum Text {
    Static(&'static str),
    Shared(Arc<str>),
}

impl Symbol {
    /// A symbol known at compile time; needs no allocation.
    #[must_use]
    pub const fn of(text: &'static str) -> Self {
        Self(Text::Static(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Static(text) => text,
            Text::Shared(text) => text,
        }
    }
}

impl From<&str> for Symbol {
    fn from(text: &str) -> Self {
        Self(Text::Shared(text.into()))
    }
}

impl From<String> for Symbol {
    fn from(text: String) -> Self {
        Self(Text::Shared(text.into()))
    }
}

impl Borrow<str> for Symbol {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Symbol {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Symbol {}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Symbol {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl std::hash::Hash for Symbol {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Symbol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Symbol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// A text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a name: {why}")]
pub struct NameError {
    text: String,
    why: &'static str,
}

/// Checks a name: 1 to 63 of the letters, digits, `.`, `_` and `-`, the first a letter or digit.
fn check_name(text: &str) -> Result<(), NameError> {
    let why = if text.is_empty() {
        "it is empty"
    } else if text.len() > 63 {
        "it is longer than 63 characters"
    } else if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        "it must start with a letter or a digit"
    } else if !text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) {
        "it may hold only letters, digits, `.`, `_` and `-`"
    } else {
        return Ok(());
    };
    Err(NameError { text: text.to_owned(), why })
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Symbol);

        impl $name {
            /// Reads a name: 1 to 63 letters, digits, `.`, `_` and `-`, the first a letter or digit.
            ///
            /// # Errors
            /// Where the text is not such a name.
            pub fn new(text: &str) -> Result<Self, NameError> {
                check_name(text)?;
                Ok(Self(Symbol::from(text)))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl From<&$name> for Symbol {
            /// The same text, shared and not copied.
            fn from(name: &$name) -> Self {
                name.0.clone()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

names! {
    /// A site: one lab, data hall or building that one site file describes.
    SiteName
    /// A rack.
    RackName
    /// A network switch.
    SwitchName
    /// A power distribution unit.
    PduName
    /// A network: one purpose (`storage`, `bmc`), one or more prefixes.
    NetworkName
    /// A profile that nodes inherit settings from.
    ProfileName
    /// A node: one machine.
    NodeName
    /// A network interface of a node, by the site's own name for it.
    NicName
    /// A disk of a node, by the site's own name for it.
    DiskName
    /// A service that the site already has: its DNS, DHCP, CMDB and so on.
    ServiceName
    /// A cluster of nodes with one workload.
    ClusterName
    /// The part a node plays in a cluster: `member`, `mon`, `osd`.
    RoleName
}

/// The place of a step in its plan: an index, dense from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub u32);

impl StepId {
    /// The index as a `usize`, for slices.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The id at an index.
    ///
    /// # Panics
    /// Never for the plans that core builds: they refuse more than `u32::MAX` steps.
    #[must_use]
    pub fn at(index: usize) -> Self {
        Self(u32::try_from(index).expect("a plan holds fewer than 2^32 steps"))
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One of the seven layers of the DIP model. It says what a step is *about*, never when it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerId {
    /// 1: links between nodes: switch ports, outlets, addresses, DHCP.
    Network,
    /// 2: BMC, BIOS, RAID, firmware.
    Firmware,
    /// 3: the operating system.
    Os,
    /// 4: operations clients on the node: time, resolver, logging, agents.
    OpsClients,
    /// 5: applications.
    Apps,
    /// 6: external records of a node: DNS, CMDB, monitoring.
    OpsMgmt,
    /// 7: cluster coordination.
    Cluster,
}

impl LayerId {
    /// All seven, in the order of their numbers.
    pub const ALL: [Self; 7] =
        [Self::Network, Self::Firmware, Self::Os, Self::OpsClients, Self::Apps, Self::OpsMgmt, Self::Cluster];

    /// The layer's number in the DIP model, 1 to 7.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The layer's name, as in crate names, fact names and the site file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Firmware => "firmware",
            Self::Os => "os",
            Self::OpsClients => "opsclients",
            Self::Apps => "apps",
            Self::OpsMgmt => "opsmgmt",
            Self::Cluster => "cluster",
        }
    }

    /// Whether a node needs this layer to be in ready state: layers 1 to 4 and its records in 6.
    #[must_use]
    pub const fn is_ready_state(self) -> bool {
        !matches!(self, Self::Apps | Self::Cluster)
    }
}

impl fmt::Display for LayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
