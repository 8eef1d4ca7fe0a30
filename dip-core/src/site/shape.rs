//! Shapes: one description of a part of the site file that serves to check it, to say what is wrong with it, and to
//! publish it as JSON Schema. Layers describe their settings with it, so that core can check them without knowing layers.

use std::collections::BTreeMap;

use crate::id::LayerId;

/// What a value of the site file may be.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Any text.
    Text,
    /// A whole number within bounds, both included.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    Choice(Vec<&'static str>),
    /// A value that a text or number is read into (a MAC address, a prefix); the check says what is wrong.
    Parsed(Parsed),
    /// The name of something that must exist in the site.
    Reference(Noun),
    /// A list.
    List(Box<Shape>),
    /// A map from any key to values of one shape.
    Map(Box<Shape>),
    /// A map with known keys.
    Object(Vec<Field>),
    /// An object whose `kind` says which further fields it has.
    Tagged(Vec<Variant>),
}

/// Kinds of values that stand as text in the site file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// An IPv4 or IPv6 address.
    Address,
    /// An IPv4 address.
    AddressV4,
    /// An IPv6 address.
    AddressV6,
    /// An IP prefix, `10.1.0.0/24`.
    Prefix,
    /// The first and the last of a range of addresses, `10.1.0.10-10.1.0.99`.
    AddressRange,
    /// An address or host name with an optional port, `10.1.0.5:53`.
    Endpoint,
    /// An address or host name with an optional port, or the MAC address by which the address is found.
    Station,
    /// A MAC address.
    Mac,
    /// A DUID, by which a DHCPv6 client calls itself.
    Duid,
    /// A PCI address.
    Pci,
    /// A DNS name.
    DomainName,
    /// A DNS name with places for what differs, `{node}.{network}.{domain}`.
    NameTemplate,
    /// A span of time, `30s`, `5m`, `1h`.
    Duration,
    /// A reference to a secret, `env:NAME`, `file:PATH` or `store:PATH`. A relative path starts at the file that it stands in.
    Secret,
    /// A path of a file or directory where dip runs. A relative one starts at the file that it stands in.
    Path,
    /// An absolute path on a node.
    NodePath,
    /// `http://` or `https://` and an address.
    Url,
    /// Permission bits of a file in octal, `0644`.
    Mode,
    /// A port of a switch, `switch/port`.
    SwitchPort,
    /// An outlet of a PDU, `pdu/outlet`.
    Outlet,
    /// A moment, `2026-12-20T00:00:00Z` (RFC 3339).
    Moment,
    /// A time of the day, `22:00`.
    TimeOfDay,
    /// A time zone by its IANA name, `Europe/Berlin`.
    Zone,
    /// A SHA-256 in hexadecimal digits.
    Sha256,
    /// A plain name: letters, digits, `.`, `_` and `-`.
    Name,
}

/// The things of a site that have names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Noun {
    /// A rack.
    Rack,
    /// A switch.
    Switch,
    /// A PDU.
    Pdu,
    /// A network.
    Network,
    /// A profile.
    Profile,
    /// A node.
    Node,
    /// A service.
    Service,
    /// A cluster.
    Cluster,
}

/// A key of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What its value may be.
    pub shape: Shape,
    /// Whether it must be there.
    pub presence: Presence,
    /// One sentence of what it means.
    pub doc: &'static str,
}

/// Whether a field must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It must.
    Required,
    /// It need not.
    Optional,
}

/// A kind of a tagged object.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The value of `kind`.
    pub kind: &'static str,
    /// One sentence of what it is.
    pub doc: &'static str,
    /// Its fields beside `kind`.
    pub fields: Vec<Field>,
}

impl Shape {
    /// A list of values.
    #[must_use]
    pub fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    /// A map from any key to values of one shape.
    #[must_use]
    pub fn map(of: Self) -> Self {
        Self::Map(Box::new(of))
    }

    /// A whole number from `min` to `max`.
    #[must_use]
    pub const fn integer(min: i64, max: i64) -> Self {
        Self::Integer { min, max }
    }
}

impl Field {
    /// A field that must be there.
    #[must_use]
    pub const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, presence: Presence::Required, doc }
    }

    /// A field that may be left out.
    #[must_use]
    pub const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, presence: Presence::Optional, doc }
    }
}

impl Variant {
    /// A kind with its fields.
    #[must_use]
    pub const fn new(kind: &'static str, doc: &'static str, fields: Vec<Field>) -> Self {
        Self { kind, doc, fields }
    }
}

/// All that layers add to the shape of a site.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SettingsSchema {
    /// The settings of nodes and profiles, by layer: `os: {...}`.
    pub node: BTreeMap<LayerId, Vec<Field>>,
    /// The kinds of services.
    pub services: Vec<Variant>,
    /// The kinds of switches.
    pub switches: Vec<Variant>,
    /// The kinds of PDUs.
    pub pdus: Vec<Variant>,
    /// The protocols of BMCs.
    pub bmc_protocols: Vec<Variant>,
    /// The kinds of workloads that a cluster can have.
    pub workloads: Vec<Variant>,
}

impl SettingsSchema {
    /// Both schemas together.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        for (layer, fields) in other.node {
            self.node.entry(layer).or_default().extend(fields);
        }
        // Several layers may act through servers of one kind.
        for kind in other.services {
            if !self.services.contains(&kind) {
                self.services.push(kind);
            }
        }
        self.switches.extend(other.switches);
        self.pdus.extend(other.pdus);
        self.bmc_protocols.extend(other.bmc_protocols);
        self.workloads.extend(other.workloads);
        self
    }
}
