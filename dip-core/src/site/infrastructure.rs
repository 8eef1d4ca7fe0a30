//! Racks, switches, PDUs and networks: what nodes stand in and hang on.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnetwork::IpNetwork;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Driver, Origin};
use crate::hardware::VlanId;
use crate::id::{NetworkName, PduName, RackName, ServiceName, SwitchName};

/// A rack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rack {
    /// Its name.
    pub name: RackName,
    /// The row that it stands in.
    pub row: Option<String>,
    /// Where it stands in the site file.
    pub origin: Option<Origin>,
}

/// A switch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Switch {
    /// Its name.
    pub name: SwitchName,
    /// The rack that it stands in.
    pub rack: Option<RackName>,
    /// Its ports, where the site lists them; a link to any other port is then a fault.
    pub ports: Vec<String>,
    /// The switch that it is an MLAG pair with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<SwitchName>,
    /// How the cables at it are compared with the site file.
    #[serde(default, skip_serializing_if = "Cabling::is_unchecked")]
    pub cabling: Cabling,
    /// How it is managed; `None` for a switch that dip only knows and never touches.
    pub driver: Option<Driver>,
    /// Where it stands in the site file.
    pub origin: Option<Origin>,
}

/// How the cables at a switch are compared with the site file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cabling {
    /// Not at all.
    #[default]
    Unchecked,
    /// By what the switch and its nodes hear of each other over LLDP (IEEE 802.1AB).
    Lldp,
}

impl Cabling {
    const fn is_unchecked(&self) -> bool {
        matches!(self, Self::Unchecked)
    }
}

/// A power distribution unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pdu {
    /// Its name.
    pub name: PduName,
    /// The rack that it stands in.
    pub rack: Option<RackName>,
    /// How many outlets it has, counted from 1.
    pub outlets: u16,
    /// How it is managed; `None` for a PDU that dip only knows and never touches.
    pub driver: Option<Driver>,
    /// Where it stands in the site file.
    pub origin: Option<Origin>,
}

/// A port of a switch, written `switch/port`; the port's own name may hold further `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRef {
    /// The switch.
    pub switch: SwitchName,
    /// The port, by the switch's own name for it.
    pub port: String,
}

/// An outlet of a PDU, written `pdu/outlet`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutletRef {
    /// The PDU.
    pub pdu: PduName,
    /// The outlet, from 1.
    pub outlet: u16,
}

/// A text does not name a port or an outlet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}, for example `{example}`")]
pub struct LinkError {
    text: String,
    what: &'static str,
    example: &'static str,
}

impl FromStr for PortRef {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let parse = || {
            let (switch, port) = text.split_once('/')?;
            (!port.is_empty()).then_some(())?;
            Some(Self { switch: SwitchName::new(switch).ok()?, port: port.to_owned() })
        };
        parse().ok_or_else(|| LinkError { text: text.to_owned(), what: "a switch port", example: "sw1/7" })
    }
}

impl FromStr for OutletRef {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let parse = || {
            let (pdu, outlet) = text.split_once('/')?;
            let outlet = outlet.parse().ok().filter(|outlet| *outlet > 0)?;
            Some(Self { pdu: PduName::new(pdu).ok()?, outlet })
        };
        parse().ok_or_else(|| LinkError { text: text.to_owned(), what: "a PDU outlet", example: "pdu1/7" })
    }
}

impl fmt::Display for PortRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.switch, self.port)
    }
}

impl fmt::Display for OutletRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pdu, self.outlet)
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(PortRef);
as_text!(OutletRef);

/// A network: one purpose (`prod`, `storage`, `bmc`), behind it one or more prefixes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// Its name.
    pub name: NetworkName,
    /// Its VLAN; `None` where it is untagged everywhere and no port is changed for it.
    pub vlan: Option<VlanId>,
    /// The DNS domain of the addresses in it, where it is not the site's own.
    pub domain: Option<String>,
    /// Its prefixes.
    pub prefixes: Vec<Prefix>,
    /// The node, or the host, through which it is reached; `None` where it is routed.
    pub via: Option<String>,
    /// Where it stands in the site file.
    pub origin: Option<Origin>,
}

/// One prefix of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prefix {
    /// The prefix itself.
    pub prefix: IpNetwork,
    /// The racks that use it; empty for all.
    pub racks: Vec<RackName>,
    /// Its router.
    pub router: Option<IpAddr>,
    /// The ranges that dip may take addresses from; empty where every address is given by the site file.
    pub ranges: Vec<AddressRange>,
    /// The service that says which of them are free, and where each one is reserved; `None` where dip alone decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ServiceName>,
}

/// A range of addresses, both ends included, written `10.1.0.10-10.1.0.99`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressRange {
    /// The first address.
    pub first: IpAddr,
    /// The last address.
    pub last: IpAddr,
}
