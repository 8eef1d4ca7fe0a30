//! What NetBox and Nautobot, which was made from it, say differently.

use serde_json::{Value, json};

/// Whose API it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Nautobot, from release 2 on.
    Nautobot,
    /// NetBox, from release 3.6 on.
    Netbox,
}

impl Dialect {
    /// The product's name, as errors tell it.
    #[must_use]
    pub const fn product(self) -> &'static str {
        match self {
            Self::Nautobot => "nautobot",
            Self::Netbox => "netbox",
        }
    }

    /// Where a device stands: the key that a new one needs.
    pub(super) const fn place(self) -> &'static str {
        match self {
            Self::Nautobot => "location",
            Self::Netbox => "site",
        }
    }

    /// How a thing is named that another one refers to. Nautobot takes its fields; so does NetBox (`{"name": ...}`), where it
    /// must be one thing only.
    pub(super) fn reference(self, field: &str, name: &str) -> Value {
        json!({ field: name })
    }

    /// How a status is named.
    pub(super) fn status(self, name: &str) -> Value {
        match self {
            Self::Nautobot => json!({"name": name}),
            // A word of a fixed list, in lower case.
            Self::Netbox => json!(name.to_lowercase()),
        }
    }

    /// The parameter that asks for addresses that are not in a table of their own: Nautobot's namespace `Global`, in NetBox no VRF.
    pub(super) const fn in_global_table(self) -> (&'static str, &'static str) {
        match self {
            Self::Nautobot => ("namespace", "Global"),
            Self::Netbox => ("vrf_id", "null"),
        }
    }

    /// The parameter without which addresses do not tell their interfaces: Nautobot 3 leaves out what there can be many of.
    pub(super) const fn with_interfaces(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Nautobot => Some(("exclude_m2m", "false")),
            Self::Netbox => None,
        }
    }

    /// The parameter that asks for what belongs to these devices.
    pub(super) const fn of_device(self) -> &'static str {
        match self {
            Self::Nautobot => "device",
            Self::Netbox => "device_id",
        }
    }
}
